import { describe, expect, test } from "bun:test";
import { wholeNumber } from "./option.ts";
import { figure, quantile } from "./quantile.ts";

describe("quantiles", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  const cases = [
    { name: "the median of a hundred by nearest rank", values: hundred, share: 0.5, is: 50 },
    { name: "p99 of a hundred is the second worst", values: hundred, share: 0.99, is: 99 },
    { name: "share 1 is the worst", values: hundred, share: 1, is: 100 },
    { name: "share 0 is the least", values: hundred, share: 0, is: 1 },
    { name: "p99 of a few is the worst", values: [1, 2, 3], share: 0.99, is: 3 },
    { name: "of one value it is that", values: [7], share: 0.5, is: 7 },
    { name: "of none it is no number", values: [], share: 0.5, is: Number.NaN },
  ];
  for (const { name, values, share, is } of cases) {
    test(name, () => expect(quantile(values, share)).toBe(is));
  }

  test("a figure has the mean of the middle two, the least and the most, whatever the order", () => {
    expect(figure([4, 1, 3, 2])).toEqual({ median: 2.5, least: 1, most: 4 });
    expect(figure([3, 1, 2])).toEqual({ median: 2, least: 1, most: 3 });
    expect(figure([])).toEqual({ median: Number.NaN, least: Number.NaN, most: Number.NaN });
  });
});

describe("options that are numbers", () => {
  test("are whole and above 0", () => expect(wholeNumber("--size", "50000")).toBe(50_000));

  for (const text of ["0", "-1", "1.5", "1e6", "many", ""]) {
    test(`${JSON.stringify(text)} is none`, () => {
      expect(() => wholeNumber("--size", text)).toThrow(
        `--size ${JSON.stringify(text)}: expected a whole number above 0`,
      );
    });
  }
});
