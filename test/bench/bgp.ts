/**
 * `npm run bench -- bgp`: Manx's built executable against other BGP daemons, in namespaces of their own.
 *
 * Daemons take turns, round by round. Neighbours check every prefix, AS path and next hop that they are told, so that
 * a fast wrong answer does not count. A daemon that fails in a scenario is not asked to play it again, and the others go
 * on.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { mount } from "../../kernel/libc.ts";
import { bird, type Daemon, manx, relay } from "./bgp/daemon.ts";
import { frr, gobgp, openbgpd } from "./bgp/others.ts";
import { type Absence, type Failure, type Row, type Run, rowsOf, tableOf } from "./bgp/row.ts";
import { SCENARIOS, type Scenario } from "./bgp/scenario.ts";
import type { Size } from "./bgp/scene.ts";
import { setStage } from "./bgp/stage.ts";
import { enter, isInside } from "./contender.ts";
import { wholeNumber } from "./option.ts";

/** What `--json` prints. */
export type BgpAnswer = {
  /** By daemon; null where it does not say. */
  readonly versions: Readonly<Record<string, string | null>>;
  readonly rows: readonly Row[];
  readonly runs: readonly Run[];
  readonly failures: readonly Failure[];
  readonly absences: readonly Absence[];
  /** What was played, in words, by scenario. */
  readonly about: Readonly<Record<string, string>>;
};

/** All that there are, whether the machine has them or not. */
export function daemonsOf(executable = join(import.meta.dir, "../../dist/manx")): Daemon[] {
  return [manx(executable), bird, frr, gobgp, openbgpd];
}

const OPTIONS = {
  scenario: { type: "string", default: "" },
  dut: { type: "string", default: "" },
  rounds: { type: "string" },
  size: { type: "string" },
  peers: { type: "string" },
  deadline: { type: "string" },
  manx: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

/** Run it; the exit code: 1 when a daemon failed. */
export async function runBgpBench(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: OPTIONS });
  if (values.help) {
    console.log(help());
    return 0;
  }
  const chosen = pick(daemonsOf(values.manx), values.dut);
  const scenarios = pick(SCENARIOS, values.scenario).filter(
    ({ byName }) => byName !== true || values.scenario !== "",
  );
  const numberOf = (option: "rounds" | "size" | "peers" | "deadline", or: number): number => {
    const text = values[option];
    return text === undefined ? or : wholeNumber(`--${option}`, text);
  };
  const rounds = numberOf("rounds", 3);
  const sizes = new Map(
    scenarios.map(({ name, size }) => [
      name,
      {
        prefixes: numberOf("size", size.prefixes),
        peers: numberOf("peers", size.peers),
        deadline: numberOf("deadline", size.deadline),
      },
    ]),
  );
  const sizeOf = ({ name, size }: Scenario): Size => sizes.get(name) ?? size;
  for (const { name, version } of chosen) {
    if (version() !== undefined) continue;
    console.error(`bench bgp: ${name} is not there`);
    return 2;
  }
  if (!isInside()) return enter("bgp", args);
  mount("tmpfs", "/run", "tmpfs", 0);
  mkdirSync("/run/netns");
  await setStage();
  const { runs, failures } = await playAll(scenarios, chosen, rounds, sizeOf);
  const absences = scenarios.flatMap((scenario) =>
    chosen.flatMap(({ name: daemon, cannot }) => {
      const reason = cannot?.(scenario);
      return reason === undefined ? [] : [{ scenario: scenario.name, daemon, reason }];
    }),
  );
  const versions = Object.fromEntries(chosen.map(({ name, version }) => [name, version() ?? null]));
  const about = Object.fromEntries(
    scenarios.map((scenario) => [scenario.name, scenario.about(sizeOf(scenario))]),
  );
  const answer: BgpAnswer = { versions, rows: rowsOf(runs), runs, failures, absences, about };
  if (values.json) console.log(JSON.stringify(answer));
  else print(answer);
  return failures.length === 0 ? 0 : 1;
}

async function playAll(
  scenarios: readonly Scenario[],
  daemons: readonly Daemon[],
  rounds: number,
  sizeOf: (scenario: Scenario) => Size,
): Promise<{ runs: Run[]; failures: Failure[] }> {
  const runs: Run[] = [];
  const failures: Failure[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const scenario of scenarios) {
      for (const daemon of scenario.name === "relay" ? [relay] : daemons) {
        const who = { scenario: scenario.name, daemon: daemon.name, round };
        const hasFailed = failures.some(
          (failure) => failure.scenario === who.scenario && failure.daemon === who.daemon,
        );
        if (hasFailed || daemon.cannot?.(scenario) !== undefined) continue;
        try {
          const steps = await scenario.play(daemon, sizeOf(scenario));
          runs.push(...steps.map((step) => ({ ...step, ...who })));
        } catch (error) {
          failures.push({ ...who, error: error instanceof Error ? error.message : String(error) });
        }
      }
    }
  }
  return { runs, failures };
}

function print({ versions, rows, failures, absences, about }: BgpAnswer): void {
  for (const [name, version] of Object.entries(versions)) console.log(`${name}: ${version}`);
  for (const [scenario, words] of Object.entries(about)) {
    const isOfIt = (one: { readonly scenario: string }): boolean => one.scenario === scenario;
    console.log(`\n${scenario}: ${words}`);
    console.log(tableOf(rows.filter(isOfIt)));
    for (const { daemon, reason } of absences.filter(isOfIt)) console.log(`${daemon} ${reason}`);
    for (const { daemon, round, error } of failures.filter(isOfIt)) {
      console.log(`${daemon} failed in round ${round + 1}: ${error}`);
    }
  }
}

function help(): string {
  const scenarios = SCENARIOS.map(
    ({ name, about, size, byName }) =>
      `  ${name.padEnd(9)} ${about(size)}${byName === true ? " (only by name)" : ""}`,
  );
  return `npm run bench -- bgp [options]

  --scenario A,B    of those below
  --dut manx,bird   of ${daemonsOf()
    .map(({ name }) => name)
    .join(", ")}
  --rounds 3        each daemon plays each scenario so many times
  --size N          prefixes
  --peers N         neighbours that announce; in E those that are told nothing
  --deadline N      seconds for each thing that is waited for
  --manx PATH       another executable
  --json            all figures of all rounds

${scenarios.join("\n")}`;
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
    throw new Error(`${name} is none of ${items.map((one) => one.name).join(", ")}`);
  });
}
