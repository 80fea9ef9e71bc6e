/**
 * RFC 9234 as a whole: in any net of ASes with roles, where everybody tells everybody everything, no route goes
 * up or aside after it has gone down or aside; not even through an AS that knows nothing of roles.
 */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { createRib } from "../../bgpd/rib/rib.ts";
import { type PeerId, PLAIN_SELECTION, type Rib } from "../../bgpd/rib/route.ts";
import { PLAIN_RULES, type Role } from "../../bgpd/rib/rules.ts";
import { Framer } from "../../bgpd/wire/framer.ts";
import { address4 } from "../../lib/address.ts";
import { prefixOf } from "../../lib/prefix.ts";

const WIRE = {
  fourOctetAs: true,
  external: true,
  maxLength: 4096,
  families: [4] as const,
  extendedNextHop: false,
};
const ACCEPTED = { accept: true, reason: "everything" };
/** The other side of a role. */
const OTHER: Readonly<Record<Role, Role>> = {
  provider: "customer",
  customer: "provider",
  peer: "peer",
  rs: "rs-client",
  "rs-client": "rs",
};

/** The role of the first AS towards the second. */
type Edge = readonly [from: number, to: number, role: Role];

const addressOf = (index: number) => address4(0xac1e_0001 + index);
const asOf = (index: number): number => 65_001 + index;

/** Speakers by number, each with its own prefix, after all has been told. */
function settled(count: number, edges: readonly Edge[], silent: number | undefined): Rib[] {
  const inbox: (() => void)[] = [];
  const ends = new Map<string, { readonly to: number; id: PeerId }>();
  const ribs = Array.from({ length: count }, (_, index) =>
    createRib({
      identifier: addressOf(index).w0,
      resolve: () => ({ reachable: true, cost: 0 }),
      selection: PLAIN_SELECTION,
      now: () => 0,
      onBest: () => {},
      onSend: (peer, bytes) => inbox.push(() => deliver(index, peer, bytes)),
    }),
  );
  const deliver = (from: number, peer: PeerId, bytes: Uint8Array): void => {
    const end = ends.get(`${from} ${peer}`);
    if (end === undefined) throw new Error("bytes for nobody");
    const framer = new Framer();
    framer.push(bytes);
    for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
      ribs[end.to]?.receive(end.id, frame.buffer, frame.start, frame.end);
    }
  };
  const join = (index: number, other: number, role: Role): PeerId => {
    const id = ribs[index]?.addPeer({
      name: `${other}`,
      external: true,
      localAs: asOf(index),
      speakerAs: asOf(index),
      remoteAs: asOf(other),
      address: addressOf(other),
      identifier: addressOf(other).w0,
      localAddress: addressOf(index),
      nextHops: { 4: { nextHop: addressOf(index) }, 6: { nextHop: undefined, reason: "" } },
      wire: WIRE,
      rules: { ...PLAIN_RULES, role: index === silent ? undefined : role },
      importPolicy: () => ACCEPTED,
      exportPolicy: () => ACCEPTED,
      exportKey: "",
    });
    if (id === undefined) throw new Error("no such AS");
    return id;
  };
  for (const [from, to, role] of edges) {
    const [a, b] = [join(from, to, role), join(to, from, OTHER[role])];
    ends.set(`${from} ${a}`, { to, id: b });
    ends.set(`${to} ${b}`, { to: from, id: a });
  }
  for (const [index, rib] of ribs.entries()) {
    rib.originate(prefixOf(address4(0x0a00_0000 + index * 0x1_0000), 16), {
      origin: 0,
      asPath: [],
    });
  }
  for (;;) {
    for (const rib of ribs) while (rib.work(1000));
    if (inbox.length === 0) return ribs;
    for (const message of inbox.splice(0)) message();
  }
}

/** What each AS said to the next, from where the route began: its role towards it. */
function rolesAlong(path: readonly number[], edges: readonly Edge[]): Role[] {
  return path.slice(1).map((next, index) => {
    const from = path[index];
    for (const [a, b, role] of edges) {
      if (a === from && b === next) return role;
      if (b === from && a === next) return OTHER[role];
    }
    throw new Error("a path along no edge");
  });
}

const nets = fc.integer({ min: 3, max: 6 }).chain((count) =>
  fc.record({
    count: fc.constant(count),
    edges: fc.uniqueArray(
      fc
        .tuple(fc.nat(count - 1), fc.nat(count - 1), fc.constantFrom<Role>("provider", "peer"))
        // Providers have the lower numbers: nobody is its own customer's customer.
        .filter(([from, to]) => from < to),
      { maxLength: 10, selector: ([from, to]) => `${from} ${to}` },
    ),
    silent: fc.option(fc.nat(count - 1), { nil: undefined }),
  }),
);

test("no route goes through a valley", () => {
  let longest = 0;
  fc.assert(
    fc.property(nets, ({ count, edges, silent }) => {
      for (const [index, rib] of settled(count, edges, silent).entries()) {
        for (const { paths } of rib.routes()) {
          for (const { attributes, state } of paths) {
            if (state === "rejected") continue;
            const ases = attributes.asPath.flatMap(({ asNumbers }) => asNumbers);
            const path = [...ases.map((asNumber) => asNumber - asOf(0)).reverse(), index];
            const roles = rolesAlong(path, edges);
            longest = Math.max(longest, roles.length);
            const turn = roles.findIndex((role) => role !== "customer");
            const after = turn === -1 ? [] : roles.slice(turn + 1);
            expect(after.filter((role) => role !== "provider")).toEqual([]);
          }
        }
      }
    }),
    { numRuns: 900 },
  );
  // Or the nets are too small to have a valley in them.
  expect(longest).toBeGreaterThan(3);
});
