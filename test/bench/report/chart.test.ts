import { describe, expect, test } from "bun:test";
import { drawChart, shortNumber } from "./chart.ts";
import { exponentOf } from "./fit.ts";

describe("exponents", () => {
  const xs = [1, 10, 100, 1000];
  for (const exponent of [0, 0.5, 1, 2]) {
    test(`y = 3·x^${exponent} has exponent ${exponent}`, () => {
      const points = xs.map((x) => ({ x, y: 3 * x ** exponent }));
      expect(exponentOf(points)).toBeCloseTo(exponent, 10);
    });
  }

  test("least squares: one point that is off tilts the line as much as it must", () => {
    // Logs (0,0), (1,0), (2,1): the slope is 1/2.
    const points = [
      { x: 1, y: 1 },
      { x: 10, y: 1 },
      { x: 100, y: 10 },
    ];
    expect(exponentOf(points)).toBeCloseTo(0.5, 10);
  });

  test("what has no logarithm is left out", () => {
    const points = [
      { x: 0, y: 5 },
      { x: 1, y: 0 },
      { x: 1, y: 2 },
      { x: 10, y: 20 },
    ];
    expect(exponentOf(points)).toBeCloseTo(1, 10);
  });

  test("one place is no line", () => {
    expect(exponentOf([])).toBeUndefined();
    expect(exponentOf([{ x: 5, y: 1 }])).toBeUndefined();
    expect(
      exponentOf([
        { x: 5, y: 1 },
        { x: 5, y: 2 },
      ]),
    ).toBeUndefined();
  });
});

describe("charts", () => {
  const chart = {
    title: "Growth <fast> & slow",
    x: "prefixes",
    y: "CPU s",
    series: [
      {
        name: "Manx",
        points: [
          { x: 100_000, y: 1 },
          { x: 1000, y: 0.01 },
          { x: 10_000, y: 0.1 },
          { x: 0, y: 7 },
        ],
      },
      { name: "BIRD", points: [{ x: 1000, y: 0.02 }] },
    ],
  };
  const svg = drawChart(chart);
  const placesOf = (kind: string): string[][] =>
    [...svg.matchAll(new RegExp(`<polyline class="${kind}" points="([^"]*)"/>`, "g"))].map(
      ([, places = ""]) => places.split(" "),
    );

  test("tags are closed, and text is escaped", () => {
    const open: string[] = [];
    for (const [, slash, name = "", end] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
      if (slash === "/") expect(open.pop()).toBe(name);
      else if (end !== "/") open.push(name);
    }
    expect(open).toEqual([]);
    expect(svg).toContain("<title>Growth &lt;fast&gt; &amp; slow</title>");
  });

  test("axes have their words, the legend the names", () => {
    for (const text of ["prefixes", "CPU s", "Manx", "BIRD"])
      expect(svg).toContain(`>${text}</text>`);
    for (const text of ["1k", "10k", "100k", "0.01", "0.1"])
      expect(svg).toContain(`>${text}</text>`);
  });

  test("proportional growth is a straight line from the left below to the right above", () => {
    const [line = []] = placesOf("s0");
    const [first, middle, last] = line.map((place) => place.split(",").map(Number));
    expect(line).toHaveLength(3);
    expect(middle?.[0]).toBeCloseTo(((first?.[0] ?? 0) + (last?.[0] ?? 0)) / 2, 0);
    expect(middle?.[1]).toBeCloseTo(((first?.[1] ?? 0) + (last?.[1] ?? 0)) / 2, 0);
    expect(last?.[0]).toBeGreaterThan(first?.[0] ?? 0);
    expect(last?.[1]).toBeLessThan(first?.[1] ?? 0);
  });

  test("it has a background and colours for light and dark viewers", () => {
    expect(svg).toContain('<rect class="back"');
    expect(svg).toContain("@media (prefers-color-scheme: dark)");
  });

  test("without a point that has a place there is nothing to draw", () => {
    expect(() => drawChart({ ...chart, series: [{ name: "Manx", points: [] }] })).toThrow(
      "there is no point to draw",
    );
  });

  test("numbers are short", () => {
    const values = [2_000_000, 30_000, 1000, 250, 1, 0.05, 0.30000000000000004];
    expect(values.map(shortNumber)).toEqual(["2M", "30k", "1k", "250", "1", "0.05", "0.3"]);
  });
});
