import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AttributeSets } from "../../../bgpd/rib/attribute-set.ts";
import { type Candidate, type Decided, decide } from "../../../bgpd/rib/decide.ts";
import { DECISION_RULES, type DecisionRule } from "../../../bgpd/rib/route.ts";
import type { Attributes } from "../../../bgpd/wire/attributes.ts";
import { attributesOf, peerAt } from "./scene.ts";

const sets = new AttributeSets();

type Shape = {
  readonly peer?: number;
  readonly kind?: "internal" | "external" | "local";
  readonly identifier?: number;
  readonly cost?: number;
  readonly path?: readonly number[];
  readonly more?: Partial<Attributes>;
};

function candidate({ peer = 2, kind = "external", cost = 0, path = [1, 2], ...rest }: Shape) {
  const set = sets.intern(attributesOf(path, "172.30.0.9", rest.more));
  if (kind === "local") return { set, peer: undefined, cost };
  const ribPeer = peerAt(peer, kind);
  return { set, peer: { ...ribPeer, identifier: rest.identifier ?? ribPeer.identifier }, cost };
}

/** Each rule decides once: what is better on the left, worse on the right, and all else equal. */
const TABLE: readonly [DecisionRule, Shape, Shape, string][] = [
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
  ["external over internal", {}, { peer: 1, kind: "internal" }, ""],
  ["lower cost to NEXT_HOP", { cost: 1 }, { peer: 1, cost: 7 }, "1 < 7"],
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
];

describe("the decision", () => {
  test("its table below has every rule, in order", () => {
    expect<readonly string[]>(TABLE.map(([rule]) => rule)).toEqual(DECISION_RULES.slice(1));
  });

  test.each(TABLE)("%s decides, whatever the order of arrival", (rule, left, right, values) => {
    const [better, worse] = [candidate(left), candidate(right)];
    for (const candidates of [
      [better, worse],
      [worse, better],
    ]) {
      const decided: Decided[] = [];
      expect(candidates[decide(candidates, decided)]).toBe(better);
      expect(decided).toEqual([
        { rule, values },
        { rule, values },
      ]);
    }
  });

  test("one path alone is the only path", () => {
    const decided: Decided[] = [];
    expect(decide([candidate({})], decided)).toBe(0);
    expect(decided).toEqual([{ rule: "only path", values: "" }]);
  });

  test("MULTI_EXIT_DISC of different neighbour ASes is not compared", () => {
    const candidates = [
      candidate({ peer: 1, path: [1, 3], more: { multiExitDisc: 9 } }),
      candidate({ peer: 2, path: [2, 3], more: { multiExitDisc: 1 } }),
    ];
    expect(decide(candidates)).toBe(0);
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
    expect(decide(candidates)).toBe(1);
  });

  test("every path gets its step: the second-best and those behind it", () => {
    const decided: Decided[] = [];
    const candidates = [
      candidate({ peer: 3, path: [1, 2, 3] }),
      candidate({ peer: 2 }),
      candidate({ peer: 1, more: { localPref: 50 } }),
    ];
    expect(decide(candidates, decided)).toBe(1);
    expect(decided).toEqual([
      { rule: "shorter AS_PATH", values: "2 < 3" },
      { rule: "shorter AS_PATH", values: "2 < 3" },
      { rule: "higher LOCAL_PREF", values: "100 > 50" },
    ]);
  });

  test("the order of arrival means nothing", () => {
    const shape = fc.record({
      kind: fc.constantFrom("internal", "external"),
      path: fc.constantFrom([1], [2], [1, 2], [2, 1]),
      cost: fc.integer({ min: 0, max: 1 }),
      med: fc.integer({ min: 0, max: 2 }),
      pref: fc.constantFrom(100, 200),
    });
    const shapes = fc.array(shape, { minLength: 1, maxLength: 6 });
    const shuffled = shapes.chain((list) =>
      fc.tuple(
        fc.constant(list),
        fc.shuffledSubarray(
          list.map((_, i) => i),
          { minLength: list.length },
        ),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([list, order]) => {
        const candidates: Candidate[] = list.map(({ kind, path, cost, med, pref }, i) =>
          candidate({
            peer: i + 1,
            kind: kind as "internal" | "external",
            path,
            cost,
            more: { multiExitDisc: med, localPref: pref },
          }),
        );
        const other = order.map((i) => candidates[i] as Candidate);
        expect(other[decide(other)]).toBe(candidates[decide(candidates)] as Candidate);
      }),
    );
  });
});
