import { describe, expect, test } from "bun:test";
import { increase, parseLag, worstOf } from "./lag.ts";
import { strayOf, withinSpan } from "./lateness.ts";

const SPAN = { from: 1000, to: 2000 };

describe("what a probe saw", () => {
  test("counts what lasted in part within the span, and nothing else", () => {
    const arrivals = [
      { who: 0, at: 999, value: 10 },
      { who: 0, at: 1001, value: 11 },
      { who: 0, at: 1500, value: 12 },
      { who: 0, at: 2500, value: 501 },
      { who: 0, at: 2500, value: 499 },
    ];
    expect(withinSpan(arrivals, SPAN)).toEqual([11, 12, 501]);
  });

  const cases = [
    { name: "a KEEPALIVE after the whole interval is on time", gap: 1000, stray: 0 },
    { name: "one after three quarters of it is on time", gap: 750, stray: 0 },
    { name: "one after more than the interval is late by the rest", gap: 1030, stray: 30 },
    { name: "one before three quarters of it is early by the rest", gap: 700, stray: 50 },
  ];
  for (const { name, gap, stray } of cases) {
    test(name, () => {
      expect(strayOf([{ who: 0, at: 1500, value: gap }], 1000, SPAN)).toEqual([stray]);
    });
  }
});

describe("the event loop's lag", () => {
  const page = (counts: readonly number[]): string =>
    [
      "# TYPE manx_bgp_event_loop_lag_seconds histogram",
      ...["0.001", "0.01", "+Inf"].map(
        (bound, index) => `manx_bgp_event_loop_lag_seconds_bucket{le="${bound}"} ${counts[index]}`,
      ),
      `manx_bgp_event_loop_lag_seconds_count ${counts[2]}`,
    ].join("\n");

  test("is what came between two looks, by the bound of the worst", () => {
    const grown = increase(parseLag(page([5, 6, 6])), parseLag(page([7, 9, 9])));
    expect(grown.counts).toEqual([2, 1, 0]);
    expect(worstOf(grown)).toBe(0.01);
    expect(worstOf(increase(parseLag(page([5, 6, 6])), parseLag(page([5, 6, 6]))))).toBe(0);
    expect(worstOf(parseLag(page([5, 6, 7])))).toBe(Number.POSITIVE_INFINITY);
  });

  test("is asked of a page that has it", () => {
    expect(() => parseLag("# nothing\n")).toThrow("there is no manx_bgp_event_loop_lag_seconds");
  });
});
