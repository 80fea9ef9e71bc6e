/** Pairs, sums and their text. */

import { describe, expect, test } from "bun:test";
import {
  allPairs,
  type Outcome,
  type Party,
  PODS_SHOWN,
  pairsDespiteCut,
  summarize,
} from "../../lab/matrix.ts";
import { formatMatrix } from "../../lab/matrix-text.ts";

const parties: Party[] = [
  { name: "n1-1", place: "n1", role: "pod" },
  { name: "n1-2", place: "n1", role: "pod" },
  { name: "n2-1", place: "n2", role: "pod" },
  { name: "outside", place: "outside", role: "outside" },
];

/** One answered probe of each protocol per pair; the n-th takes n/10 ms, TCP twice as long. */
function answered(all: readonly Party[]): Outcome[] {
  return allPairs(all).flatMap((pair, index) => [
    { ...pair, protocol: "icmp" as const, roundTrip: (index + 1) / 10, reason: "" },
    { ...pair, protocol: "tcp" as const, roundTrip: (index + 1) / 5, reason: "" },
  ]);
}

describe("pairs", () => {
  test("every pod probes every other pod, the outside host every pod, nobody the outside host", () => {
    const names = allPairs(parties).map(
      ({ from, to }) => `${parties[from]!.name}>${parties[to]!.name}`,
    );
    expect(names).toEqual([
      "n1-1>n1-2",
      "n1-1>n2-1",
      "n1-2>n1-1",
      "n1-2>n2-1",
      "n2-1>n1-1",
      "n2-1>n1-2",
      "outside>n1-1",
      "outside>n1-2",
      "outside>n2-1",
    ]);
  });

  test("a cut at a node leaves the pairs within it and the pairs among the others", () => {
    const left = pairsDespiteCut(allPairs(parties), parties, "n1").map(
      ({ from, to }) => `${parties[from]!.name}>${parties[to]!.name}`,
    );
    expect(left).toEqual(["n1-1>n1-2", "n1-2>n1-1", "outside>n2-1"]);
  });

  test("200 pods make 39,800 pairs among them and 200 from outside", () => {
    const many = Array.from({ length: 200 }, (_, index): Party => {
      const place = `n${1 + Math.floor(index / 10)}`;
      return { name: `${place}-${index}`, place, role: "pod" };
    });
    expect(allPairs([...many, parties[3]!]).length).toBe(40_000);
  });
});

describe("sums", () => {
  test("few pods have a cell per pair", () => {
    const matrix = summarize(parties, answered(parties), 12.3456);
    expect(matrix).toMatchObject({
      level: "pod",
      probes: 18,
      lost: 0,
      duration: 12.346,
      losses: [],
    });
    expect(matrix.cells.length).toBe(9);
    expect(matrix.cells[1]).toEqual({
      from: "n1-1",
      to: "n2-1",
      icmp: { sent: 1, lost: 0, min: 0.2, median: 0.2, max: 0.2 },
      tcp: { sent: 1, lost: 0, min: 0.4, median: 0.4, max: 0.4 },
    });
    expect(matrix.icmp).toEqual({ sent: 9, lost: 0, min: 0.1, median: 0.5, max: 0.9 });
  });

  test("a lost probe is counted, named with its reason, and has no time", () => {
    const outcomes = answered(parties).map((outcome, index) =>
      index === 2 ? { ...outcome, roundTrip: undefined, reason: "no answer" } : outcome,
    );
    const matrix = summarize(parties, outcomes, 1);
    expect(matrix.lost).toBe(1);
    expect(matrix.losses).toEqual([
      { protocol: "icmp", from: "n1-1", to: "n2-1", reason: "no answer" },
    ]);
    expect(matrix.cells[1]!.icmp).toEqual({ sent: 1, lost: 1, min: null, median: null, max: null });
  });

  test("many pods have a cell per pair of nodes", () => {
    const many = Array.from({ length: PODS_SHOWN + 2 }, (_, index): Party => {
      const place = index % 2 === 0 ? "n1" : "n2";
      return { name: `${place}-${index}`, place, role: "pod" };
    });
    const matrix = summarize(many, answered(many), 1);
    expect(matrix.level).toBe("node");
    expect(matrix.cells.map(({ from, to, icmp }) => [from, to, icmp.sent])).toEqual([
      ["n1", "n1", 42],
      ["n1", "n2", 49],
      ["n2", "n1", 49],
      ["n2", "n2", 42],
    ]);
  });

  test("cells are in the order of the parties, whenever their answers came", () => {
    const order = (outcomes: Outcome[]) =>
      summarize(parties, outcomes, 1).cells.map(({ from, to }) => `${from}>${to}`);
    const all = answered(parties);
    expect(order(all.toReversed())).toEqual(order(all));
  });

  test("nothing probed gives empty figures", () => {
    expect(summarize(parties, [], 0).tcp).toEqual({
      sent: 0,
      lost: 0,
      min: null,
      median: null,
      max: null,
    });
  });
});

describe("text", () => {
  test("few pods: a grid with ICMP/TCP in each cell, losses spelled out", () => {
    const outcomes = answered(parties).map((outcome, index) =>
      index === 2 || index === 16 || index === 17
        ? { ...outcome, roundTrip: undefined, reason: "no answer within 1000 ms" }
        : outcome,
    );
    expect(formatMatrix(summarize(parties, outcomes, 1234)).join("\n")).toMatchInlineSnapshot(`
      "round trips in ms, ICMP/TCP
                    n1-1       n1-2       n2-1
      n1-1             ·  0.10/0.20  LOST/0.40
      n1-2     0.30/0.60          ·  0.40/0.80
      n2-1     0.50/1.00  0.60/1.20          ·
      outside  0.70/1.40  0.80/1.60       LOST
      ICMP: 7 of 9 answered, 0.10/0.50/0.80 ms; TCP: 8 of 9 answered, 0.20/0.80/1.60 ms; in 1.23 s
      lost: icmp n1-1 → n2-1: no answer within 1000 ms
      lost: icmp outside → n2-1: no answer within 1000 ms
      lost: tcp outside → n2-1: no answer within 1000 ms"
    `);
  });

  test("many pods: a grid per protocol with min/median/max of each pair of nodes", () => {
    const many = Array.from({ length: PODS_SHOWN + 2 }, (_, index): Party => {
      const place = index % 2 === 0 ? "n1" : "n2";
      return { name: `${place}-${index}`, place, role: "pod" };
    });
    const outcomes = answered(many).map((outcome, index) =>
      index === 0 ? { ...outcome, roundTrip: undefined, reason: "no answer" } : outcome,
    );
    expect(formatMatrix(summarize(many, outcomes, 1)).join("\n")).toMatchInlineSnapshot(`
      "ICMP: round trips in ms, min/median/max
                      n1                           n2
      n1  0.20/8.30/16.7  0.30/8.50/16.9 LOST 1 of 49
      n2  1.40/9.80/18.2               1.60/9.70/18.1
      TCP: round trips in ms, min/median/max
                      n1              n2
      n1  0.40/16.6/33.4  0.20/17.0/33.8
      n2  2.80/19.6/36.4  3.20/19.4/36.2
      ICMP: 181 of 182 answered, 0.20/9.20/18.2 ms; TCP: 182 of 182 answered, 0.20/18.2/36.4 ms; in 0.00 s
      lost: icmp n1-0 → n2-1: no answer"
    `);
  });

  test("many nodes: medians alone, and how many are lost", () => {
    const many = Array.from({ length: 14 }, (_, index): Party => {
      const place = `n${1 + Math.floor(index / 2)}`;
      return { name: `${place}-${1 + (index % 2)}`, place, role: "pod" };
    });
    const outcomes = answered(many).map((outcome, index) =>
      index < 4 ? { ...outcome, roundTrip: undefined, reason: "no answer" } : outcome,
    );
    const lines = formatMatrix(summarize(many, outcomes, 1));
    expect(lines.slice(0, 4).join("\n")).toMatchInlineSnapshot(`
      "ICMP: median round trip in ms
              n1      n2    n3    n4    n5    n6    n7
      n1  LOST 1  LOST 1  0.50  0.70  0.90  1.10  1.30
      n2    2.80    2.90  3.10  3.30  3.50  3.70  3.90"
    `);
  });
});
