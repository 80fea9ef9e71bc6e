/** Every scenario as small as it gets, by Manx alone: neighbours judge what comes out, and figures are there. */

import { beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BgpAnswer } from "./bgp.ts";

const EXECUTABLE = process.env.MANX_EXECUTABLE ?? join(import.meta.dir, "../../dist/manx");
/** F1 watches for 20 s, and looks at nothing that the others do not. */
const SCENARIOS = "relay,A,B,C,D0,D1,D2,D3,E,F2,F3,G,H,prefixes,peers";
/** ms. */
const DEADLINE = 120_000;

function play(...options: string[]): BgpAnswer {
  const { stdout, stderr } = Bun.spawnSync([
    process.execPath,
    join(import.meta.dir, "main.ts"),
    ...["bgp", "--dut", "manx", "--rounds", "1", "--manx", EXECUTABLE, "--json"],
    ...options,
  ]);
  if (stdout.length === 0) throw new Error(`the benchmark says nothing: ${stderr}`);
  return JSON.parse(stdout.toString());
}

describe("scenarios", () => {
  const answers: BgpAnswer[] = [];
  const runOf = (name: string) =>
    answers.flatMap(({ runs }) => runs).findLast(({ scenario }) => scenario === name);

  beforeAll(() => {
    answers.push(
      play("--scenario", SCENARIOS, "--size", "600", "--peers", "3", "--deadline", "20"),
    );
  }, DEADLINE);

  for (const name of SCENARIOS.split(",")) {
    test(`${name} comes to its end with everybody content`, () => {
      expect(answers[0]?.failures.filter(({ scenario }) => scenario === name)).toEqual([]);
      expect(runOf(name)?.cpu).toBeGreaterThan(0);
    });
  }

  test("E has answers and KEEPALIVEs, the daemon's own lag, and the probe's", () => {
    const { more = {} } = runOf("E") ?? {};
    expect(Object.keys(more)).toEqual([
      "API calls",
      "API median ms",
      "API p99 ms",
      "API worst ms",
      "KEEPALIVEs",
      "KEEPALIVE p99 ms",
      "KEEPALIVE worst ms",
      "the probe's own p99 ms",
      "event loop, late by at most ms",
    ]);
    expect(more["API calls"]).toBeGreaterThan(0);
    expect(more["API p99 ms"]).toBeGreaterThan(0);
    expect(more.KEEPALIVEs).toBeGreaterThan(0);
  });

  test("F3: no route that is still announced is missing while the daemon is away", () => {
    expect(runOf("F3")?.more?.["fewest of the routes meanwhile %"]).toBe(100);
  });

  test("a daemon that ends is a failure, is not asked to play it again, and the next one is played", () => {
    const folder = mkdtempSync(join(tmpdir(), "manx-bench-"));
    const broken = join(folder, "manx");
    writeFileSync(broken, '#!/bin/sh\n[ "$1" = --version ] && echo broken\n', { mode: 0o755 });
    try {
      const small = ["--size", "2", "--peers", "2", "--rounds", "2"];
      const { failures, runs } = play("--manx", broken, "--scenario", "D1,F2", ...small);
      expect(failures.map(({ scenario, round }) => ({ scenario, round }))).toEqual([
        { scenario: "D1", round: 0 },
        { scenario: "F2", round: 0 },
      ]);
      expect(failures[0]?.error).toStartWith("sessions: the daemon ended");
      expect(runs).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
