/** The reader that the other tests rely on refuses what is not right. */

import { describe, expect, test } from "bun:test";
import { readExposition, sampleOf } from "./text-format.ts";

const GOOD = `# HELP a_seconds Help with \\\\ in it.
# TYPE a_seconds histogram
a_seconds_bucket{le="0.1"} 1
a_seconds_bucket{le="+Inf"} 3
a_seconds_sum 4.5e-1
a_seconds_count 3

# HELP b_total Help.
# TYPE b_total counter
b_total{peer="a\\"b",x="\\\\"} 7
b_total{peer="c",x=""} 0
`;

test("what is right is read, with labels unescaped", () => {
  const families = readExposition(GOOD);
  expect([...families.keys()]).toEqual(["a_seconds", "b_total"]);
  expect(sampleOf(families, "b_total", { x: "\\", peer: 'a"b' })).toBe(7);
  expect(sampleOf(families, "a_seconds_sum")).toBe(0.45);
});

describe("refused is", () => {
  const cases: readonly (readonly [what: string, from: string, to: string])[] = [
    ["a missing end of line", "} 0\n", "} 0"],
    ["a family without help", "b_total Help.", "b_total "],
    ["a family without a type", "# TYPE b_total counter\n", ""],
    ["a counter without _total", "# HELP b_total Help.\n# TYPE b_total", "# HELP b H.\n# TYPE b"],
    ["a sample of another family", 'b_total{peer="c"', 'a_seconds_sum{peer="c"'],
    ["a series twice", 'peer="c",x=""', 'x="\\\\",peer="a\\"b"'],
    ["other label names", 'peer="c",x=""', 'peer="c"'],
    ["an unescaped quote", '"a\\"b"', '"a"b"'],
    ["a value that is no number", "} 7", "} seven"],
    ["a count below 0", "} 7", "} -7"],
    ["a histogram without +Inf", 'a_seconds_bucket{le="+Inf"} 3\n', ""],
    ["buckets that do not accumulate", '"0.1"} 1', '"0.1"} 5'],
    ["a count that is not the last bucket", "count 3", "count 4"],
    ["bounds that do not ascend", '"0.1"} 1', '"0.2"} 1\na_seconds_bucket{le="0.1"} 1'],
    ["a family in pieces", "\n\n", "\n# HELP a_seconds H.\n\n"],
  ];
  for (const [what, from, to] of cases) {
    test(what, () => {
      expect(GOOD).toContain(from);
      expect(() => readExposition(GOOD.replace(from, to))).toThrow();
    });
  }
});
