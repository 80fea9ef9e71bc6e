import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { nearestOf } from "../../cli/nearest.ts";
import { countOf, formatAsPath, formatDuration, listSome } from "../../cli/words.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

describe("durations", () => {
  const cases: readonly (readonly [milliseconds: number, text: string])[] = [
    [0, "0s"],
    [-5, "0s"],
    [999, "0s"],
    [42 * SECOND, "42s"],
    [MINUTE - 1, "59s"],
    [MINUTE, "1m00s"],
    [3 * MINUTE + 5 * SECOND, "3m05s"],
    [HOUR, "1h00m"],
    [3 * HOUR + 12 * MINUTE + 59 * SECOND, "3h12m"],
    [24 * HOUR - 1, "23h59m"],
    [24 * HOUR, "1d00h"],
    [400 * 24 * HOUR + 4 * HOUR, "400d04h"],
  ];
  for (const [milliseconds, text] of cases) {
    test(`of ${milliseconds} ms read ${text}`, () => {
      expect(formatDuration(milliseconds)).toBe(text);
    });
  }
});

describe("AS paths", () => {
  const cases: readonly (readonly [path: readonly (number | readonly number[])[], text: string])[] =
    [
      [[], ""],
      [[65000, 64512], "65000 64512"],
      [[65000, [65020, 65021]], "65000 {65020 65021}"],
    ];
  for (const [path, text] of cases) {
    test(`${JSON.stringify(path)} reads "${text}"`, () => {
      expect(formatAsPath(path)).toBe(text);
    });
  }
});

test("counts agree with their nouns", () => {
  expect([countOf(1, "path"), countOf(0, "path"), countOf(2, "prefix", "prefixes")]).toEqual([
    "1 path",
    "0 paths",
    "2 prefixes",
  ]);
});

describe("the nearest known word", () => {
  const known = ["status", "peers", "routes", "why", "lab"];
  const cases: readonly (readonly [word: string, nearest: string | undefined])[] = [
    ["peer", "peers"],
    ["rotues", "routes"],
    ["STATUS", "status"],
    ["wyh", "why"],
    ["frobnicate", undefined],
    ["", undefined],
  ];
  for (const [word, nearest] of cases) {
    test(`to "${word}" is ${nearest ?? "none"}`, () => {
      expect(nearestOf(word, known)).toBe(nearest as string);
    });
  }

  test("to a known word is that word, and one typing error is always forgiven", () => {
    fc.assert(
      fc.property(fc.constantFrom("status", "peers", "routes"), fc.nat(5), (word, at) => {
        expect(nearestOf(word, known)).toBe(word);
        expect(nearestOf(word.slice(0, at) + word.slice(at + 1), known)).toBe(word);
      }),
    );
  });
});

test("of many names the first are listed, and the others counted", () => {
  expect(listSome(["a"])).toBe("a");
  expect(listSome(["a", "b", "c", "d"])).toBe("a, b, c, d");
  expect(listSome(["a", "b", "c", "d", "e", "f"])).toBe("a, b, c, d and 2 more");
});
