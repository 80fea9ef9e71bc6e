import { expect, test } from "bun:test";
import { Marks } from "../../../bgpd/rib/marks.ts";

/** In two words, and behind several that are empty. */
const NUMBERS = [0, 31, 32, 63, 64, 1000];

test("a set has what was added, however it has grown since, and nothing else", () => {
  const marks = new Marks();
  for (const number of NUMBERS) marks.add(number);
  const found = Array.from({ length: 2000 }, (_, number) => number).filter((n) => marks.has(n));
  expect(found).toEqual(NUMBERS);
});

test("a copy is another set", () => {
  const marks = new Marks();
  marks.add(3);
  const copy = marks.copy();
  copy.add(4);
  marks.add(5);
  expect([3, 4, 5].map((number) => marks.has(number))).toEqual([true, false, true]);
  expect([3, 4, 5].map((number) => copy.has(number))).toEqual([true, true, false]);
});
