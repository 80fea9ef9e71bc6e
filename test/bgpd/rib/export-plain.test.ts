/** The short way out, over octets, makes what the long one makes over records. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { AttributeSet } from "../../../bgpd/rib/attribute-set.ts";
import { AttributeSets } from "../../../bgpd/rib/attribute-sets.ts";
import { forbidden, nextHopFor, plainChange, transform } from "../../../bgpd/rib/export.ts";
import { PLAIN_RULES } from "../../../bgpd/rib/rules.ts";
import { encodeAttributes } from "../../../bgpd/wire/attribute.ts";
import type { Attributes } from "../../../bgpd/wire/attributes.ts";
import type { WireContext } from "../../../bgpd/wire/context.ts";
import { createRanges } from "../../../bgpd/wire/update.ts";
import { asNumbers, hosts, hosts6 } from "../wire/arbitrary.ts";
import { peerAt } from "./scene.ts";

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const INTERNAL: WireContext = {
  fourOctetAs: true,
  external: false,
  maxLength: 65_535,
  families: [4, 6],
  extendedNextHop: true,
};

const attributes: fc.Arbitrary<Attributes> = fc.record(
  {
    origin: fc.constantFrom(0 as const, 1 as const, 2 as const),
    asPath: fc.array(
      fc.record({
        type: fc.constantFrom("sequence" as const, "set" as const),
        asNumbers: fc.array(asNumbers, { minLength: 1, maxLength: 255 }),
      }),
      { maxLength: 2 },
    ),
    nextHop: fc.oneof(hosts, hosts6),
    multiExitDisc: u32,
    localPref: u32,
    atomicAggregate: fc.constant(true as const),
    communities: fc.array(fc.integer({ min: 0, max: 0xfffe_ffff }), { minLength: 1, maxLength: 9 }),
    largeCommunities: fc.array(fc.tuple(u32, u32, fc.constant(0)), { minLength: 1, maxLength: 1 }),
  },
  { requiredKeys: ["origin", "asPath", "nextHop"] },
);

/** Peers of both kinds with every rule about next hops, and some that take the long way. */
const peers = fc
  .record({
    kind: fc.constantFrom("internal" as const, "external" as const),
    nextHop: fc.constantFrom("Auto" as const, "Self" as const, "Keep" as const),
    special: fc.constantFrom(
      ...[{}, {}, {}, { asOverride: true }, { gracefulShutdown: true }, { removePrivateAs: true }],
      { role: "provider" as const },
    ),
  })
  .map(({ kind, nextHop, special }) =>
    peerAt(2, kind, {
      rules: { ...PLAIN_RULES, nextHop, ...special },
      wire: { ...INTERNAL, external: kind === "external" },
    }),
  );

function received(sets: AttributeSets, attributes: Attributes): AttributeSet | undefined {
  const bytes = encodeAttributes(attributes, INTERNAL);
  const ranges = { ...createRanges(), attributesEnd: bytes.length };
  return sets.receive(bytes, ranges, "nlri", INTERNAL).set;
}

test("a plain set is changed as its record would be", () => {
  let short = 0;
  const source = fc.constantFrom("internal" as const, "external" as const, "local" as const);
  fc.assert(
    fc.property(attributes, peers, source, fc.boolean(), (attributes, peer, source, isReceived) => {
      const sets = new AttributeSets();
      const set = isReceived ? received(sets, attributes) : sets.intern(attributes);
      if (set === undefined) return;
      const told = nextHopFor(set, source, peer, attributes.nextHop?.family ?? 4);
      if (told.nextHop === undefined) return;
      const change = plainChange(set, source, peer, told);
      if (change === undefined) return;
      short++;
      expect(forbidden(set.attributes, peer)).toBeUndefined();
      const facts = { told, cost: 0, reflectedFrom: undefined };
      const long = sets.intern(transform(set.attributes, source, peer, facts));
      expect(sets.internPlain(set, change, told)).toBe(long);
      const alone = new AttributeSets().internPlain(set, change, told);
      expect(alone.attributes).toEqual(long.attributes);
      expect([alone.localPref, alone.pathLength, alone.nextHop, alone.multiExitDisc]).toEqual([
        long.localPref,
        long.pathLength,
        long.nextHop,
        long.multiExitDisc,
      ]);
    }),
    { numRuns: 2000 },
  );
  expect(short).toBeGreaterThan(300);
});

test.each([
  ["in it once", [[64_512, 7]], 1],
  ["in it twice", [[64_512], [7, 64_512]], 2],
  ["not in it", [[7, 8]], 0],
])("our AS is %s, whichever way its path is looked at", (_, path, times) => {
  const sets = new AttributeSets();
  const asPath = path.map((asNumbers) => ({ type: "sequence" as const, asNumbers }));
  const plain = sets.intern({ origin: 0, asPath });
  const other = sets.intern({ origin: 0, asPath, extendedCommunities: ["0002fde800000064"] });
  expect([plain.isPlain, other.isPlain]).toEqual([true, false]);
  expect([plain, other].map((set) => set.countAs(64_512, 64_513))).toEqual([times, times]);
});
