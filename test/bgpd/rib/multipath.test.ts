import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AttributeSets } from "../../../bgpd/rib/attribute-sets.ts";
import { type Candidate, decide } from "../../../bgpd/rib/decide.ts";
import { chooseShares, sharesOf } from "../../../bgpd/rib/multipath.ts";
import { type PathSelection, PLAIN_SELECTION } from "../../../bgpd/rib/route.ts";
import { PLAIN_RULES } from "../../../bgpd/rib/rules.ts";
import type { Attributes } from "../../../bgpd/wire/attributes.ts";
import { BLACKHOLE, NO_EXPORT } from "../../../bgpd/wire/const.ts";
import { formatAddress } from "../../../lib/address.ts";
import { parsePrefix } from "../../../lib/prefix.ts";
import { attributesOf, peerAt, Scene } from "./scene.ts";

const sets = new AttributeSets();
const PREFIX = "192.0.2.0/24";
const TWO: PathSelection = { ...PLAIN_SELECTION, maximumPaths: 2 };
const RELAXED: PathSelection = { ...PLAIN_SELECTION, maximumPaths: 16, relaxedAsPath: true };

/** The link bandwidth community of AS 65000, with this many bytes per second. */
function bandwidth(bytesPerSecond: number, isTransitive = true): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint16(0, isTransitive ? 0x0004 : 0x4004);
  view.setUint16(2, 65_000);
  view.setFloat32(4, bytesPerSecond);
  return Buffer.from(view.buffer).toString("hex");
}

const told = (...values: number[]) => ({
  extendedCommunities: values.map((value) => bandwidth(value)),
});

type Shape = {
  readonly peer: number;
  readonly hop?: number;
  readonly kind?: "internal" | "external" | "local";
  readonly path?: readonly number[];
  readonly cost?: number;
  readonly more?: Partial<Attributes>;
};

function candidate({ peer, hop = peer, kind = "external", path = [7], ...rest }: Shape): Candidate {
  const set = sets.intern(attributesOf(path, `172.30.0.${hop}`, rest.more));
  const from = { ...peerAt(peer, "external"), rules: { ...PLAIN_RULES, discardBlackhole: true } };
  const known = kind === "internal" ? peerAt(peer, "internal") : from;
  const { cost = 0 } = rest;
  return { set, peer: kind === "local" ? undefined : known, pathId: 0, cost, isBest: false };
}

/** Numbers of the peers whose paths share the traffic, and why others do not. */
function sharing(shapes: readonly Shape[], selection: PathSelection) {
  const candidates = shapes.map(candidate);
  const refusals = new Map<number, string>();
  const equal = decide(candidates, selection);
  const chosen = chooseShares(candidates, equal, selection, refusals);
  return [chosen.map((index) => shapes[index]?.peer), ...refusals.values()];
}

type Case = readonly [name: string, Shape[], PathSelection, (string | number[])[]];

const TABLE: readonly Case[] = [
  ["equal paths do", [{ peer: 2 }, { peer: 1 }], TWO, [[1, 2]]],
  ["one path alone where one may", [{ peer: 2 }, { peer: 1 }], PLAIN_SELECTION, [[1]]],
  [
    "no more than may, by the last steps",
    [{ peer: 3 }, { peer: 1 }, { peer: 2 }],
    TWO,
    [[1, 2], "maximumPaths is 2"],
  ],
  ["a longer AS_PATH loses before", [{ peer: 1 }, { peer: 2, path: [7, 8] }], RELAXED, [[1]]],
  ["another cost loses before", [{ peer: 1 }, { peer: 2, cost: 1 }], RELAXED, [[1]]],
  ["internal loses before", [{ peer: 2 }, { peer: 1, kind: "internal" }], RELAXED, [[2]]],
  [
    "a higher MULTI_EXIT_DISC loses before",
    [
      { peer: 2, more: { multiExitDisc: 0 } },
      { peer: 1, more: { multiExitDisc: 1 } },
    ],
    RELAXED,
    [[2]],
  ],
  [
    "another AS_PATH of the length does not",
    [{ peer: 1 }, { peer: 2, path: [8] }],
    TWO,
    [[1], "another AS_PATH"],
  ],
  ["unless that is relaxed", [{ peer: 1 }, { peer: 2, path: [8] }], RELAXED, [[1, 2]]],
  [
    "the next hop of another does not",
    [{ peer: 1 }, { peer: 2, hop: 1 }, { peer: 3 }],
    RELAXED,
    [[1, 3], "the next hop of external 1"],
  ],
  [
    "what is dropped does not",
    [{ peer: 1 }, { peer: 2, more: { communities: [BLACKHOLE] } }],
    RELAXED,
    [[1], "packets to one of them are to be dropped"],
  ],
  [
    "our own route alone",
    [
      { peer: 1, path: [] },
      { peer: 2, kind: "local", path: [] },
    ],
    RELAXED,
    [[2]],
  ],
];

describe("which paths share the traffic", () => {
  test.each(TABLE)("%s", (_, shapes, selection, expected) => {
    expect(sharing(shapes, selection)).toEqual(expected);
    expect(sharing(shapes.toReversed(), selection)[0]).toEqual(expected[0]);
  });
});

describe("weights", () => {
  const weights = (...more: Partial<Attributes>[]) =>
    sharesOf(more.map((one, i) => sets.intern(attributesOf([7], `172.30.0.${i + 1}`, one)))).map(
      ({ weight }) => weight,
    );
  const none = [undefined, undefined];

  test.each([
    ["small whole numbers where they do it", [told(1.25e9), told(1.25e8)], [10, 1]],
    ["those that floats round too", [told(1.25e9), told(3.75e9)], [1, 3]],
    ["two to three", [told(1e9), told(1.5e9)], [2, 3]],
    ["the nearest of 255 where they do not", [told(1e9), told(3)], [255, 1]],
    ["what is no whole number too", [told(0.5), told(1)], [1, 2]],
    ["equal bandwidths need none", [told(1e9), told(1e9)], none],
    ["one without a bandwidth: none", [told(1e9), {}], none],
    ["zero is no share: none", [told(1e9), told(0)], none],
    ["nor is less, or no number", [told(-1), told(Number.NaN)], none],
    ["nor without end", [told(Number.POSITIVE_INFINITY), told(1)], none],
    ["the lowest of several", [told(4e9, 1e9), told(2e9)], [1, 2]],
    [
      "those that stay within the AS too",
      [{ extendedCommunities: [bandwidth(3, false)] }, told(1)],
      [3, 1],
    ],
  ] as const)("%s", (_, more, expected) => {
    expect(weights(...more)).toEqual([...expected]);
  });

  test("are from 1 to 255 and in the order of the bandwidths", () => {
    const list = fc.array(fc.float({ min: 1, max: 2 ** 40, noNaN: true }), { minLength: 2 });
    fc.assert(
      fc.property(list, (all) => {
        const shares = weights(...all.map((one) => told(one)));
        for (const [i, weight = 1] of shares.entries()) {
          expect(Number.isInteger(weight) && weight >= 1 && weight <= 255).toBe(true);
          for (const [j, other = 1] of shares.entries()) {
            if (Math.fround(all[i] ?? 0) > Math.fround(all[j] ?? 0)) {
              expect(weight).toBeGreaterThanOrEqual(other);
            }
          }
        }
      }),
    );
  });
});

describe("the RIB", () => {
  const hopsOf = (scene: Scene) =>
    scene.best.get(PREFIX)?.shares?.map(({ address, weight }) => [formatAddress(address), weight]);
  const statesOf = (scene: Scene) =>
    scene.rib
      .lookup(parsePrefix(PREFIX))
      ?.paths.map(({ peer, state, reason }) => [peer, state, reason]);

  function start(selection: PathSelection) {
    const scene = new Scene(undefined, selection);
    const [a, b, c] = [5, 6, 7].map((n) =>
      scene.add(peerAt(n, "external", { remoteAs: 65_001 })),
    ) as [number, number, number];
    const tell = (id: number, n: number, ...values: number[]) =>
      scene.announce(id, [PREFIX], attributesOf([65_001], `172.30.0.${n}`, told(...values)));
    return { scene, a, b, c, tell };
  }

  test("tells the best alone, whoever shares with it, and its sharers to people", () => {
    const { scene, a, b, c, tell } = start({ ...TWO });
    for (const [id, n] of [
      [c, 7],
      [a, 5],
      [b, 6],
    ] as const)
      tell(id, n);
    scene.settle();
    expect(hopsOf(scene)).toEqual([
      ["172.30.0.5", undefined],
      ["172.30.0.6", undefined],
    ]);
    const lower = "lower BGP Identifier: 172.30.0.5 <";
    expect(statesOf(scene)).toEqual([
      ["external 5", "best", `${lower} 172.30.0.7`],
      ["external 6", "multipath", `${lower} 172.30.0.6`],
      ["external 7", "valid", `${lower} 172.30.0.7; shares no traffic: maximumPaths is 2`],
    ]);
    expect(scene.tells(c)).toEqual([`${PREFIX} via 172.30.0.1 path [64512 65001]`]);
  });

  test("a member that comes, changes its bandwidth or goes is told to the kernel and to no peer", () => {
    const { scene, a, b, c, tell } = start(RELAXED);
    tell(a, 5, 1e9);
    scene.settle();
    expect(hopsOf(scene)).toBeUndefined();
    const sent = scene.told.get(c)?.updates.length ?? 0;
    tell(b, 6, 1e9);
    scene.settle();
    expect(hopsOf(scene)).toEqual([
      ["172.30.0.5", undefined],
      ["172.30.0.6", undefined],
    ]);
    tell(b, 6, 2e9);
    scene.settle();
    expect(hopsOf(scene)).toEqual([
      ["172.30.0.5", 1],
      ["172.30.0.6", 2],
    ]);
    scene.withdraw(b, [PREFIX]);
    scene.settle();
    expect(hopsOf(scene)).toBeUndefined();
    expect(scene.told.get(c)?.updates.length).toBe(sent);
  });

  test("a next hop that is lost leaves at once, and comes back", () => {
    const { scene, a, b, tell } = start(RELAXED);
    tell(a, 5);
    tell(b, 6);
    scene.settle();
    scene.unreachable.add("172.30.0.6");
    scene.rib.nextHopsChanged();
    scene.settle();
    expect(hopsOf(scene)).toBeUndefined();
    expect(statesOf(scene)?.[1]?.[1]).toBe("rejected");
    scene.unreachable.clear();
    scene.rib.nextHopsChanged();
    scene.settle();
    expect(hopsOf(scene)).toHaveLength(2);
  });

  test("a member whose packets are to be dropped leaves when its rules say so", () => {
    const { scene, a, b, tell } = start(RELAXED);
    tell(a, 5);
    scene.announce(
      b,
      [PREFIX],
      attributesOf([65_001], "172.30.0.6", { communities: [BLACKHOLE, NO_EXPORT] }),
    );
    scene.settle();
    expect(hopsOf(scene)).toHaveLength(2);
    const rules = { ...PLAIN_RULES, discardBlackhole: true };
    scene.rib.setPolicies(b, { ...peerAt(6, "external", { remoteAs: 65_001 }), rules });
    scene.settle();
    expect(hopsOf(scene)).toBeUndefined();
  });

  test("other choices decide every prefix anew", () => {
    const { scene, a, b, tell } = start(RELAXED);
    tell(b, 6);
    tell(a, 5);
    scene.settle();
    scene.rib.setSelection(PLAIN_SELECTION);
    scene.settle();
    expect(hopsOf(scene)).toBeUndefined();
    scene.rib.setSelection(RELAXED);
    scene.settle();
    expect(hopsOf(scene)).toHaveLength(2);
  });

  test("RFC 5004: the first of two equal external paths stays the best", () => {
    const { scene, a, b, c, tell } = start({ ...RELAXED, preferOldestExternal: true });
    tell(b, 6);
    scene.settle();
    const sent = scene.told.get(c)?.updates.length ?? 0;
    tell(a, 5);
    scene.settle();
    expect(statesOf(scene)?.map(([peer, state, reason]) => [peer, state, reason])).toEqual([
      ["external 6", "best", "older external path"],
      ["external 5", "multipath", "older external path"],
    ]);
    expect(scene.told.get(c)?.updates.length).toBe(sent);
  });
});
