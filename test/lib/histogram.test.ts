import { expect, test } from "bun:test";
import { countOf, createHistogram, observe } from "../../lib/histogram.ts";

test("a value is counted by the first bound that it does not exceed, or beyond all of them", () => {
  const histogram = createHistogram([1, 2, 5]);
  for (const value of [0, 1, 1.5, 2, 2.01, 5, 6, 600]) observe(histogram, value);
  expect(histogram.counts).toEqual([2, 2, 2, 2]);
  expect(histogram.sum).toBeCloseTo(617.51, 10);
  expect(countOf(histogram)).toBe(8);
});
