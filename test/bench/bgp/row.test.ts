import { describe, expect, test } from "bun:test";
import { type Run, rowsOf, tableOf } from "./row.ts";

function run(daemon: string, round: number, figures: Partial<Run>): Run {
  return { scenario: "A", step: "table", daemon, round, wall: 1, cpu: 1, peak: 10, ...figures };
}

describe("runs as rows", () => {
  const runs = [
    run("Manx", 0, { wall: 3, cpu: 2, more: { "API p99 ms": 4 } }),
    run("BIRD", 0, { wall: 2, cpu: 4 }),
    run("Manx", 1, { wall: 1, cpu: 6, more: { "API p99 ms": 8 } }),
    run("BIRD", 1, { wall: 2, cpu: 4 }),
  ];

  test("medians of the rounds, and ratios of medians to the reference's", () => {
    const [ours, theirs] = rowsOf(runs);
    expect(ours?.wall).toEqual({ median: 2, least: 1, most: 3 });
    expect(ours?.ratio).toEqual({ wall: 1, cpu: 1, peak: 1 });
    expect(ours?.more).toEqual({ "API p99 ms": { median: 6, least: 4, most: 8 } });
    expect(theirs?.daemon).toBe("BIRD");
  });

  test("without the reference, or with one that took nothing, there is no ratio", () => {
    expect(rowsOf([run("Manx", 0, {})])[0]?.ratio).toEqual({ wall: null, cpu: null, peak: null });
    const [ours] = rowsOf([run("Manx", 0, {}), run("BIRD", 0, { cpu: 0 })]);
    expect(ours?.ratio).toEqual({ wall: 1, cpu: null, peak: 1 });
  });

  test("steps stand in the order in which they were played, whoever played them", () => {
    const order = rowsOf([
      run("Manx", 0, { step: "first" }),
      run("Manx", 0, { step: "second" }),
      run("BIRD", 0, { step: "first" }),
    ]).map(({ step, daemon }) => `${step} ${daemon}`);
    expect(order).toEqual(["first Manx", "first BIRD", "second Manx"]);
  });

  test("the table names each step once and says everything else that was measured", () => {
    const lines = tableOf(rowsOf(runs)).split("\n");
    expect(lines[1]).toStartWith("table  Manx  2.00 (1.00–3.00)");
    expect(lines[2]).toStartWith("       BIRD");
    expect(lines[3]).toBe("Manx  API p99 ms: 6.00 (4.00–8.00)");
  });
});
