/**
 * `npm run bench -- bgp`: Manx's built executable against other BGP daemons, in namespaces of their own.
 *
 * Daemons take turns, round by round. Neighbours check every prefix, AS path and next hop that they are told, so that
 * a fast wrong answer does not count.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { mount } from "../../kernel/libc.ts";
import { bird, type Daemon, manx, relay } from "./bgp/daemon.ts";
import { frr, gobgp, openbgpd } from "./bgp/others.ts";
import { SCENARIOS, type Scenario, type Step } from "./bgp/scenario.ts";
import { setStage } from "./bgp/stage.ts";
import { enter, isInside } from "./contender.ts";

const REFERENCE = "BIRD";

type Run = Step & { readonly scenario: string; readonly daemon: string; readonly round: number };

type Row = {
  readonly scenario: string;
  readonly step: string;
  readonly daemon: string;
  /** Medians, and the least and the most. */
  readonly wall: Figure;
  readonly cpu: Figure;
  readonly peak: Figure;
  /** Of the medians to the reference's. */
  readonly wallRatio: number;
  readonly cpuRatio: number;
  readonly peakRatio: number;
};

type Figure = { readonly median: number; readonly least: number; readonly most: number };

/** Run it; the exit code. */
export async function runBgpBench(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      scenario: { type: "string", default: SCENARIOS.map(({ name }) => name).join(",") },
      dut: { type: "string", default: "" },
      rounds: { type: "string", default: "3" },
      size: { type: "string" },
      manx: { type: "string", default: join(import.meta.dir, "../../dist/manx") },
      json: { type: "boolean", default: false },
    },
  });
  const daemons = [manx(values.manx), bird, frr, gobgp, openbgpd];
  const chosen = pick(daemons, values.dut);
  const scenarios = pick(SCENARIOS, values.scenario);
  for (const { name, version } of chosen) {
    if (version() !== undefined) continue;
    console.error(`bench bgp: ${name} is not there`);
    return 2;
  }
  if (!isInside()) return enter("bgp", args);
  mount("tmpfs", "/run", "tmpfs", 0);
  mkdirSync("/run/netns");
  setStage();
  const runs: Run[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const scenario of scenarios) {
      for (const daemon of scenario.name === "relay" ? [relay] : chosen) {
        if (daemon.cannot?.(scenario) !== undefined) continue;
        runs.push(
          ...(await runOnce(scenario, daemon, round, Number(values.size ?? scenario.size))),
        );
      }
    }
  }
  const rows = rowsOf(runs);
  const versions = Object.fromEntries(chosen.map(({ name, version }) => [name, version()]));
  if (values.json) console.log(JSON.stringify({ versions, rows, runs }));
  else {
    for (const [name, version] of Object.entries(versions)) console.log(`${name}: ${version}`);
    for (const { name, about, size, kernel } of scenarios) {
      console.log(`\n${name}: ${about(Number(values.size ?? size))}`);
      console.log(table(rows.filter(({ scenario }) => scenario === name)));
      for (const { name: daemon, cannot } of chosen) {
        const reason = cannot?.({ kernel });
        if (reason !== undefined) console.log(`${daemon} ${reason}`);
      }
    }
  }
  return 0;
}

async function runOnce(
  scenario: Scenario,
  daemon: Daemon,
  round: number,
  size: number,
): Promise<Run[]> {
  const steps = await scenario.play(daemon, size);
  return steps.map((step) => ({ ...step, scenario: scenario.name, daemon: daemon.name, round }));
}

/** Those named, with commas and in whatever case; all when none is. */
function pick<Item extends { readonly name: string }>(
  items: readonly Item[],
  names: string,
): Item[] {
  if (names === "") return [...items];
  return names.split(",").map((name) => {
    const item = items.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
    if (item !== undefined) return item;
    throw new Error(`bench bgp: ${name} is none of ${items.map((one) => one.name).join(", ")}`);
  });
}

function rowsOf(runs: readonly Run[]): Row[] {
  const steps = [...new Set(runs.map(stepOf))];
  const keys = new Map(
    runs
      .toSorted((a, b) => steps.indexOf(stepOf(a)) - steps.indexOf(stepOf(b)))
      .map(({ scenario, step, daemon }) => [
        `${scenario}/${step}/${daemon}`,
        { scenario, step, daemon },
      ]),
  );
  const figures = (key: { scenario: string; step: string; daemon: string }) => {
    const same = runs.filter(
      ({ scenario, step, daemon }) =>
        scenario === key.scenario && step === key.step && daemon === key.daemon,
    );
    if (same.length === 0) return undefined;
    return {
      wall: figure(same.map(({ wall }) => wall)),
      cpu: figure(same.map(({ cpu }) => cpu)),
      peak: figure(same.map(({ peak }) => peak)),
    };
  };
  return [...keys.values()].flatMap((key) => {
    const own = figures(key);
    const reference = figures({ ...key, daemon: REFERENCE });
    if (own === undefined) return [];
    const ratio = (what: "wall" | "cpu" | "peak"): number =>
      own[what].median / (reference?.[what].median ?? Number.NaN);
    return [
      {
        ...key,
        ...own,
        wallRatio: ratio("wall"),
        cpuRatio: ratio("cpu"),
        peakRatio: ratio("peak"),
      },
    ];
  });
}

function stepOf({ scenario, step }: Run): string {
  return `${scenario}/${step}`;
}

function figure(values: readonly number[]): Figure {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median =
    sorted.length % 2 === 1
      ? sorted[Math.floor(middle)]
      : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
  return { median: median ?? Number.NaN, least: sorted[0] ?? 0, most: sorted.at(-1) ?? 0 };
}

function table(rows: readonly Row[]): string {
  const head = ["", "", "wall s", "ratio", "CPU s", "ratio", "peak MiB", "ratio"];
  const lines = rows.map((row, index) => [
    rows[index - 1]?.step === row.step ? "" : row.step,
    row.daemon,
    text(row.wall),
    ratio(row.wallRatio),
    text(row.cpu),
    ratio(row.cpuRatio),
    row.peak.median.toFixed(0),
    ratio(row.peakRatio),
  ]);
  const all = [head, ...lines];
  const widths = head.map((_, at) => Math.max(...all.map((line) => line[at]?.length ?? 0)));
  return all
    .map((line) =>
      line
        .map((cell, at) => (at < 2 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function text({ median, least, most }: Figure): string {
  return `${median.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`;
}

function ratio(value: number): string {
  return Number.isNaN(value) ? "" : value.toFixed(2);
}
