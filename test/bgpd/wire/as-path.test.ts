/** Paths as the decision counts them and as speakers put themselves in front. */

import { describe, expect, test } from "bun:test";
import { asPathLength, isTwoOctetPath, prependAs } from "../../../bgpd/wire/as-path.ts";
import type { AsSegment } from "../../../bgpd/wire/attributes.ts";

const sequence = (...asNumbers: number[]): AsSegment => ({ type: "sequence", asNumbers });
const set = (...asNumbers: number[]): AsSegment => ({ type: "set", asNumbers });

describe("a path's length", () => {
  test("counts a set as one and a confederation's segments as none", () => {
    const confederation: AsSegment[] = [
      { type: "confederation sequence", asNumbers: [1, 2] },
      { type: "confederation set", asNumbers: [3, 4] },
    ];
    expect(asPathLength([])).toBe(0);
    expect(asPathLength([...confederation, sequence(5, 6, 6), set(7, 8)])).toBe(4);
  });
});

describe("prepending", () => {
  const cases: readonly (readonly [string, AsSegment[], number, AsSegment[]])[] = [
    ["to an empty path makes a sequence", [], 1, [sequence(9)]],
    ["extends a sequence in front", [sequence(1), set(2, 3)], 2, [sequence(9, 9, 1), set(2, 3)]],
    ["puts a sequence before a set", [set(2, 3)], 1, [sequence(9), set(2, 3)]],
    [
      "puts a sequence before a confederation's",
      [{ type: "confederation sequence", asNumbers: [1] }],
      1,
      [sequence(9), { type: "confederation sequence", asNumbers: [1] }],
    ],
    [
      "begins a new sequence where one holds 255 already",
      [sequence(...Array<number>(255).fill(1))],
      1,
      [sequence(9), sequence(...Array<number>(255).fill(1))],
    ],
  ];
  for (const [name, path, count, expected] of cases) {
    test(name, () => {
      expect(prependAs(path, 9, count)).toEqual(expected);
    });
  }
});

test("a path fits two octets only when each of its ASes does", () => {
  expect(isTwoOctetPath([])).toBe(true);
  expect(isTwoOctetPath([sequence(1, 65_535), set(23_456)])).toBe(true);
  expect(isTwoOctetPath([sequence(1), set(2, 65_536)])).toBe(false);
});
