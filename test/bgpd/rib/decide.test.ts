import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AttributeSets } from "../../../bgpd/rib/attribute-sets.ts";
import { type Candidate, type Decided, decide } from "../../../bgpd/rib/decide.ts";
import {
  DECISION_RULES,
  type DecisionRule,
  type PathSelection,
  PLAIN_SELECTION,
} from "../../../bgpd/rib/route.ts";
import type { Attributes } from "../../../bgpd/wire/attributes.ts";
import { LLGR_STALE } from "../../../bgpd/wire/const.ts";
import { attributesOf, peerAt } from "./scene.ts";

const sets = new AttributeSets();

type Shape = {
  readonly peer?: number;
  readonly kind?: "internal" | "external" | "local";
  readonly identifier?: number;
  readonly cost?: number;
  readonly path?: readonly number[];
  readonly more?: Partial<Attributes>;
  readonly isBest?: boolean;
  readonly pathId?: number;
};

function candidate({ peer = 2, kind = "external", cost = 0, path = [1, 2], ...rest }: Shape) {
  const set = sets.intern(attributesOf(path, "172.30.0.9", rest.more));
  const { isBest = false, pathId = 0 } = rest;
  if (kind === "local") return { set, peer: undefined, pathId, cost, isBest };
  const ribPeer = peerAt(peer, kind);
  const identifier = rest.identifier ?? ribPeer.identifier;
  return { set, peer: { ...ribPeer, identifier }, pathId, cost, isBest };
}

const choices = (change: Partial<PathSelection>) => ({ ...PLAIN_SELECTION, ...change });
const PLAIN = PLAIN_SELECTION;

/** Every order of the list. */
function ordersOf<Item>(list: readonly Item[]): Item[][] {
  if (list.length === 0) return [[]];
  return list.flatMap((first, at) =>
    ordersOf(list.filter((_, index) => index !== at)).map((rest) => [first, ...rest]),
  );
}

/** Each rule decides once: what is better on the left, worse on the right, and all else equal. */
const TABLE: readonly [DecisionRule, Shape, Shape, string, Partial<PathSelection>?][] = [
  [
    "not long-lived stale",
    { kind: "internal", path: [1, 2, 3] },
    { peer: 1, path: [1], more: { localPref: 200, communities: [LLGR_STALE] } },
    "",
  ],
  ["locally originated", { kind: "local", path: [] }, { path: [] }, ""],
  ["higher LOCAL_PREF", { more: { localPref: 200 } }, { peer: 1 }, "200 > 100"],
  [
    "lower AIGP metric",
    { path: [1, 2, 3], cost: 5, more: { aigp: "01000b0000000000000064" } },
    { peer: 1, cost: 2, more: { aigp: "01000b0000000000000068" } },
    "105 < 106",
  ],
  ["shorter AS_PATH", { path: [1] }, { peer: 1 }, "1 < 2"],
  ["lower ORIGIN", {}, { peer: 1, more: { origin: 2 } }, "IGP < INCOMPLETE"],
  [
    "lower MULTI_EXIT_DISC from the same neighbour AS",
    { more: { multiExitDisc: 5 } },
    { peer: 1, more: { multiExitDisc: 6 } },
    "5 < 6",
  ],
  [
    "lower MULTI_EXIT_DISC",
    { more: { multiExitDisc: 5 } },
    { peer: 1, path: [7, 2], more: { multiExitDisc: 6 } },
    "5 < 6",
    { alwaysCompareMed: true },
  ],
  ["external over internal", {}, { peer: 1, kind: "internal" }, ""],
  ["lower cost to NEXT_HOP", { cost: 1 }, { peer: 1, cost: 7 }, "1 < 7"],
  ["older external path", { isBest: true }, { peer: 1 }, "", { preferOldestExternal: true }],
  [
    "lower BGP Identifier",
    { identifier: 0x0a00_0001 },
    { peer: 1, identifier: 0x0a00_0002 },
    "10.0.0.1 < 10.0.0.2",
  ],
  [
    "shorter CLUSTER_LIST",
    { kind: "internal", more: { originatorId: 7, clusterList: [1] } },
    { peer: 1, kind: "internal", more: { originatorId: 7, clusterList: [1, 2] } },
    "1 < 2",
  ],
  [
    "lower peer address",
    { peer: 1, identifier: 7 },
    { peer: 2, identifier: 7 },
    "172.30.0.1 < 172.30.0.2",
  ],
  [
    "lower path identifier",
    { pathId: 2_147_483_647 },
    { pathId: 4_294_967_295 },
    "2147483647 < 4294967295",
  ],
];

describe("the decision", () => {
  test("its table below has every rule, in order", () => {
    expect<readonly string[]>(TABLE.map(([rule]) => rule)).toEqual(DECISION_RULES.slice(1));
  });

  test.each(TABLE)(
    "%s decides, whatever the order of arrival",
    (rule, left, right, values, change = {}) => {
      const [better, worse] = [candidate(left), candidate(right)];
      for (const candidates of [
        [better, worse],
        [worse, better],
      ]) {
        const decided: Decided[] = [];
        expect(candidates[decide(candidates, choices(change), decided)[0] ?? -1]).toBe(better);
        expect(decided).toEqual([
          { rule, values },
          { rule, values },
        ]);
      }
    },
  );

  test("one path alone is the only path", () => {
    const decided: Decided[] = [];
    expect(decide([candidate({})], PLAIN, decided)).toEqual([0]);
    expect(decided).toEqual([{ rule: "only path", values: "" }]);
  });

  test("MULTI_EXIT_DISC of different neighbour ASes is not compared", () => {
    const candidates = [
      candidate({ peer: 1, path: [1, 3], more: { multiExitDisc: 9 } }),
      candidate({ peer: 2, path: [2, 3], more: { multiExitDisc: 1 } }),
    ];
    expect(decide(candidates, PLAIN)[0]).toBe(0);
  });

  test("a missing MULTI_EXIT_DISC is the lowest, or the highest where that is asked for", () => {
    const candidates = [
      candidate({ peer: 1, more: { multiExitDisc: 1 } }),
      candidate({ peer: 2 }),
      candidate({ peer: 3, more: { multiExitDisc: 0 } }),
    ];
    const chosenBy = (change: Partial<PathSelection>) => {
      const decided: Decided[] = [];
      return [decide(candidates, choices(change), decided), decided[0]?.values];
    };
    expect(chosenBy({})).toEqual([[1, 2], "none < 1"]);
    expect(chosenBy({ missingMedIsWorst: true })).toEqual([[2], "0 < 1"]);
    const worst = [candidate({}), candidate({ peer: 1, more: { multiExitDisc: 0xffff_ffff } })];
    expect(decide(worst, choices({ missingMedIsWorst: true }))).toEqual([1, 0]);
  });

  test("the older path stays against identifiers and addresses alone, and among external ones alone", () => {
    const choose = (better: Shape, best: Shape, isAsked = true) => {
      const candidates = [candidate(better), candidate({ ...best, isBest: true })];
      return decide(candidates, choices({ preferOldestExternal: isAsked }))[0];
    };
    expect(choose({ peer: 1 }, { peer: 2 })).toBe(1);
    expect(choose({ peer: 1 }, { peer: 2 }, false)).toBe(0);
    expect(choose({ peer: 1 }, { peer: 2, cost: 1 })).toBe(0);
    expect(choose({ peer: 1, kind: "internal" }, { peer: 2, kind: "internal" })).toBe(0);
    // Sessions with one speaker.
    expect(choose({ peer: 1, identifier: 7 }, { peer: 2, identifier: 7 })).toBe(0);
  });

  test("what is equal up to the cost is told in the order of the last steps, the best first", () => {
    const candidates = [
      candidate({ peer: 4 }),
      candidate({ peer: 3, isBest: true }),
      candidate({ peer: 2, cost: 1 }),
      candidate({ peer: 1 }),
    ];
    expect(decide(candidates, PLAIN)).toEqual([3, 1, 0]);
    expect(decide(candidates, choices({ preferOldestExternal: true }))).toEqual([1, 3, 0]);
  });

  test("a set counts one AS in a path's length", () => {
    const asPath = [
      { type: "sequence", asNumbers: [1] },
      { type: "set", asNumbers: [2, 3, 4] },
    ] as const;
    const candidates = [
      candidate({ peer: 1, path: [1, 2, 3] }),
      candidate({ peer: 2, more: { asPath } }),
    ];
    expect(decide(candidates, PLAIN)[0]).toBe(1);
  });

  test("every path gets its step: the second-best and those behind it", () => {
    const decided: Decided[] = [];
    const candidates = [
      candidate({ peer: 3, path: [1, 2, 3] }),
      candidate({ peer: 2 }),
      candidate({ peer: 1, more: { localPref: 50 } }),
    ];
    expect(decide(candidates, PLAIN, decided)).toEqual([1]);
    expect(decided).toEqual([
      { rule: "shorter AS_PATH", values: "2 < 3" },
      { rule: "shorter AS_PATH", values: "2 < 3" },
      { rule: "higher LOCAL_PREF", values: "100 > 50" },
    ]);
  });

  test("the order of arrival means nothing, for any of all orders", () => {
    const shape = fc.record({
      kind: fc.constantFrom("internal" as const, "external" as const),
      path: fc.constantFrom([1], [2], [1, 2], [2, 1]),
      cost: fc.integer({ min: 0, max: 1 }),
      med: fc.constantFrom(undefined, 0, 1, 2),
      pref: fc.constantFrom(100, 200),
    });
    const selection = fc.record({
      alwaysCompareMed: fc.boolean(),
      missingMedIsWorst: fc.boolean(),
      preferOldestExternal: fc.boolean(),
    });
    const shapes = fc.array(shape, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(shapes, selection, fc.nat(4), (list, change, best) => {
        const candidates: Candidate[] = list.map(({ kind, path, cost, med, pref }, i) =>
          candidate({
            peer: i + 1,
            kind,
            path,
            cost,
            isBest: i === best,
            more: { localPref: pref, ...(med === undefined ? {} : { multiExitDisc: med }) },
          }),
        );
        const chosen = (all: readonly Candidate[]) =>
          decide(all, choices(change)).map((index) => all[index]?.peer?.name);
        const expected = chosen(candidates);
        for (const order of ordersOf(candidates)) expect(chosen(order)).toEqual(expected);
      }),
    );
  });
});
