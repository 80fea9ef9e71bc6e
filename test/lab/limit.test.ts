/** What `--limit` may ask for, what the plugin is told, and what comes of a limit that does not hold. */

import { describe, expect, test } from "bun:test";
import { bandwidthOf, parseLimits } from "../../lab/limit.ts";
import { emptyReport, judge } from "../../lab/report.ts";
import { formatLimits } from "../../lab/report-text.ts";
import { planTopology } from "../../lab/topology.ts";

const topology = planTopology({ nodes: 2, pods: 2 });

describe("limits of pods", () => {
  test("are for both ways, or for each of them", () => {
    const texts = ["n1-1:16M", "n1-2:in=1.5M,out=512k", "n2-1:out=1G"];
    expect(parseLimits(texts, topology)).toEqual([
      { pod: "n1-1", in: 16_000_000, out: 16_000_000 },
      { pod: "n1-2", in: 1_500_000, out: 512_000 },
      { pod: "n2-1", out: 1_000_000_000 },
    ]);
  });

  test("are told to the plugin in bits, with a burst of 50 ms or a few packets", () => {
    expect(bandwidthOf({ pod: "n1-1", in: 16_000_000 })).toEqual({
      ingressRate: 16_000_000,
      ingressBurst: 800_000,
    });
    expect(bandwidthOf({ pod: "n1-1", out: 100_000 })).toEqual({
      egressRate: 100_000,
      egressBurst: 240_000,
    });
  });

  const expected = "expected POD:RATE or POD:in=RATE,out=RATE in bit/s from 100k to 1G";
  const wrong = [
    { texts: ["n1-1"], says: `--limit n1-1: ${expected}` },
    { texts: ["n1-1:"], says: expected },
    { texts: ["n1-1:99k"], says: expected },
    { texts: ["n1-1:2G"], says: expected },
    { texts: ["n1-1:16m"], says: expected },
    { texts: ["n1-1:in=1M,in=2M"], says: expected },
    { texts: ["n1-1:up=1M"], says: expected },
    { texts: ["n1:1M"], says: "--limit n1:1M: there is no pod n1 in a lab of this size" },
    { texts: ["n1-1:in=1M", "n1-1:out=1M"], says: "n1-1 has a limit already" },
  ];
  for (const { texts, says } of wrong) {
    test(`${texts.join(" and ")} cannot be`, () => {
      expect(() => parseLimits(texts, topology)).toThrow(says);
    });
  }

  test("that do not hold, or were not measured, are shown, and the lab has failed", () => {
    const common = { pod: "n1-1", limit: 16_000_000 };
    const report = judge({
      ...emptyReport(),
      limits: [
        { ...common, direction: "in", measured: 16_500_000, reason: "" },
        { ...common, direction: "out", measured: 20_000_000, reason: "" },
        { ...common, pod: "n2-1", direction: "in", measured: null, reason: "ECONNREFUSED" },
      ],
    });
    expect(report.ok).toBe(false);
    expect(report.faults).toEqual([
      "the limit of n1-1 out does not hold: 20.00 Mbit/s of 16.00 Mbit/s",
      "the limit of n2-1 in was not measured: ECONNREFUSED",
    ]);
    expect(formatLimits(report)).toBe(
      [
        "Bandwidth",
        "  POD   WAY  LIMIT         MEASURED",
        "  n1-1  in   16.00 Mbit/s  16.50 Mbit/s",
        "  n1-1  out  16.00 Mbit/s  20.00 Mbit/s",
        "  n2-1  in   16.00 Mbit/s  lost: ECONNREFUSED",
        "",
      ].join("\n"),
    );
  });
});
