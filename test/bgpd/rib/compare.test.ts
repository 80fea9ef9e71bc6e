/** Two paths at a time choose what the decision chooses among all, wherever they may. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { AttributeSets } from "../../../bgpd/rib/attribute-sets.ts";
import { areComparable, compareRivals, isPairwise } from "../../../bgpd/rib/compare.ts";
import { type Candidate, decide } from "../../../bgpd/rib/decide.ts";
import { PLAIN_SELECTION } from "../../../bgpd/rib/route.ts";
import { attributesOf, peerAt } from "./scene.ts";

const sets = new AttributeSets();

/** Mostly absent. */
const seldomOne = <Value>(values: readonly [Value, ...Value[]]): fc.Arbitrary<Value | undefined> =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, fc.constantFrom(...values));
const seldom = {
  localPref: seldomOne([0, 0xffff_ffff]),
  multiExitDisc: seldomOne([0, 7]),
  originatorId: seldomOne([1, 9]),
  clusterList: seldomOne([[1], [1, 2]]),
  communities: seldomOne([[0xffff_0006], [1]]),
  aigp: seldomOne(["01000b0000000000000064"]),
};

/** Few values of each, so that every step gets its turn. */
const candidates: fc.Arbitrary<Candidate> = fc
  .record({
    n: fc.integer({ min: 1, max: 4 }),
    kind: fc.constantFrom("internal" as const, "external" as const, "local" as const),
    identifier: fc.integer({ min: 1, max: 2 }),
    cost: fc.integer({ min: 0, max: 1 }),
    pathId: fc.integer({ min: 0, max: 0xffff_ffff }),
    path: fc.array(fc.constantFrom(1, 2), { maxLength: 2 }),
    more: fc.record({ ...seldom, origin: fc.constantFrom(0 as const, 1 as const) }),
  })
  .map(({ n, kind, identifier, cost, pathId, path, more }) => {
    const present = Object.fromEntries(Object.entries(more).filter(([, one]) => one !== undefined));
    const set = sets.intern(attributesOf(path, "172.30.0.9", present));
    sets.hold(set);
    const peer = kind === "local" ? undefined : { ...peerAt(n, kind), identifier };
    return { set, peer, cost: peer === undefined ? 0 : cost, pathId, isBest: false };
  });

test("the best of any number of comparable paths is the decision's", () => {
  let compared = 0;
  fc.assert(
    fc.property(fc.array(candidates, { minLength: 2, maxLength: 4 }), (list) => {
      const [first, ...others] = list;
      if (first === undefined) return;
      if (!others.every(({ set }) => areComparable(first.set, set))) return;
      const [best = first] = list.toSorted(compareRivals);
      const chosen = list[decide(list, PLAIN_SELECTION)[0] ?? 0];
      expect(compareRivals(best, chosen ?? first)).toBe(0);
      compared++;
    }),
    { numRuns: 4000 },
  );
  expect(compared).toBeGreaterThan(400);
});

test.each([
  [{ maximumPaths: 2 }, false],
  [{ preferOldestExternal: true }, false],
  [{ alwaysCompareMed: true, missingMedIsWorst: true }, true],
])("a selection with %j is pairwise: %j", (more, isIt) => {
  expect(isPairwise({ ...PLAIN_SELECTION, ...more })).toBe(isIt);
});
