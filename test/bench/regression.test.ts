/**
 * Whether the daemon has become slower: a small form of A, C and D1 against BIRD in the same run, best of three.
 *
 * CPU seconds as a ratio, since walls and other machines differ; memory of A in MiB, since BIRD's is next to nothing with
 * so few prefixes. Bounds are one and a half times what was measured when they were written down: who makes it faster lowers
 * them.
 */

import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { which } from "bun";
import type { Run } from "./bgp/row.ts";
import type { BgpAnswer } from "./bgp.ts";

const EXECUTABLE = process.env.MANX_EXECUTABLE ?? join(import.meta.dir, "../../dist/manx");
const ROUNDS = "3";
/** ms. */
const DEADLINE = 120_000;

/** CPU seconds to BIRD's. `was` is what was measured on 2026-11-21. */
const CPU_RATIOS = [
  { scenario: "prefixes", step: "table", was: 7, bound: 10.5 },
  { scenario: "C", step: "install", was: 2, bound: 3 },
  { scenario: "C", step: "remove", was: 1.5, bound: 2.2 },
  { scenario: "D1", step: "exchange", was: 1.2, bound: 1.8 },
];
/** Resident at most in A's first step, MiB. */
const PEAK = { was: 103, bound: 155 };

const answers: BgpAnswer[] = [];

function play(...options: string[]): BgpAnswer {
  const { stdout, stderr } = Bun.spawnSync([
    process.execPath,
    join(import.meta.dir, "main.ts"),
    "bgp",
    ...["--dut", "manx,bird", "--rounds", ROUNDS, "--manx", EXECUTABLE, "--json"],
    ...options,
  ]);
  if (stdout.length === 0) throw new Error(`the benchmark says nothing: ${stderr}`);
  return JSON.parse(stdout.toString());
}

/** The least of a daemon's rounds. */
function least(daemon: string, of: Pick<Run, "scenario" | "step">, what: "cpu" | "peak"): number {
  const figures = answers
    .flatMap(({ runs }) => runs)
    .filter((run) => run.daemon === daemon && run.scenario === of.scenario && run.step === of.step)
    .map((run) => run[what]);
  return Math.min(...figures);
}

describe.skipIf(which("bird") === null)("the daemon beside BIRD", () => {
  beforeAll(() => {
    answers.push(play("--scenario", "prefixes,C", "--size", "50000"));
    answers.push(play("--scenario", "D1", "--peers", "100", "--size", "1000"));
  }, DEADLINE);

  test("both get through all of it", () => {
    expect(answers.flatMap(({ failures }) => failures)).toEqual([]);
  });

  for (const { scenario, step, was, bound } of CPU_RATIOS) {
    test(`${scenario}, ${step}: at most ${bound} times BIRD's CPU seconds, ${was} once`, () => {
      const ratio =
        least("Manx", { scenario, step }, "cpu") / least("BIRD", { scenario, step }, "cpu");
      expect(ratio).toBeLessThan(bound);
    });
  }

  test(`a table of 50,000 prefixes: at most ${PEAK.bound} MiB resident, ${PEAK.was} once`, () => {
    expect(least("Manx", { scenario: "prefixes", step: "table" }, "peak")).toBeLessThan(PEAK.bound);
  });
});
