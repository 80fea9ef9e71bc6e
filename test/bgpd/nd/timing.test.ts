/** When routers and who looks for them speak (RFC 4861 sections 6.2.4, 6.2.6, 6.3.7). */

import { describe, expect, test } from "bun:test";
import { ALL_NODES, ALL_ROUTERS } from "../../../bgpd/nd/const.ts";
import { Timing } from "../../../bgpd/nd/timing.ts";
import { equalAddress, parseAddress } from "../../../lib/address.ts";
import { seeded } from "../../sim/world.ts";

const HOST = parseAddress("fe80::2");

type Sent = { readonly at: number; readonly what: string };

/** Everything that is sent until `end`, s. */
function sent(timing: Timing, from: number, end: number): Sent[] {
  const found: Sent[] = [];
  for (let now = Math.max(from, timing.next); now <= end; now = timing.next) {
    for (const { type, to } of timing.due(now)) {
      const whom = equalAddress(to, ALL_NODES)
        ? "all nodes"
        : equalAddress(to, ALL_ROUTERS)
          ? "all routers"
          : "who asked";
      found.push({ at: now, what: `${type} to ${whom}` });
    }
  }
  return found;
}

const ADVERTISEMENT = "advertisement to all nodes";
const only = (all: readonly Sent[], wanted: string): number[] =>
  all.flatMap(({ at, what }) => (what === wanted ? [at] : []));

test("both kinds leave at once, and then advertisements every 3.3 to 10 s", () => {
  const timing = new Timing(0, seeded(1));
  const times = only(sent(timing, 0, 600_000), ADVERTISEMENT);
  const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
  expect(times[0]).toBe(0);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(3300);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(10_000);
  expect(new Set(gaps).size).toBeGreaterThan(50);
});

test("three solicitations 4 s apart, and none once somebody was heard", () => {
  const silent = new Timing(0, seeded(1));
  expect(only(sent(silent, 0, 600_000), "solicitation to all routers")).toEqual([0, 4000, 8000]);
  const answered = new Timing(0, seeded(1));
  const first = sent(answered, 0, 100);
  answered.heard();
  const solicitations = only(
    [...first, ...sent(answered, 100, 600_000)],
    "solicitation to all routers",
  );
  expect(solicitations).toEqual([0]);
});

describe("an answer", () => {
  test("goes to who asked alone, within 500 ms, once however often it asks", () => {
    for (let seed = 0; seed < 20; seed++) {
      const timing = new Timing(0, seeded(seed));
      timing.due(0);
      timing.heard();
      for (let count = 0; count < 5; count++) timing.asked(HOST, 1000);
      const answers = only(sent(timing, 1000, 3000), "advertisement to who asked");
      expect(answers).toHaveLength(1);
      expect(answers[0]).toBeWithin(1000, 1501);
    }
  });

  test("goes to all where who asked has no address, but not within 3 s of the one before", () => {
    for (let seed = 0; seed < 20; seed++) {
      const timing = new Timing(0, seeded(seed));
      timing.due(0);
      timing.heard();
      timing.asked(undefined, 100);
      const [next] = only(sent(timing, 100, 20_000), ADVERTISEMENT);
      expect(next).toBeWithin(3000, 3501);
    }
  });

  test("goes to all where many ask at once", () => {
    const timing = new Timing(0, seeded(3));
    timing.due(0);
    timing.heard();
    for (let index = 0; index < 100; index++) timing.asked({ ...HOST, w3: index }, 5000);
    const all = sent(timing, 5000, 5600);
    expect(only(all, "advertisement to who asked")).toHaveLength(8);
    expect(only(all, ADVERTISEMENT)).toHaveLength(1);
  });
});
