/**
 * `npm run bench -- profile`: where the daemon's CPU time goes in the scenarios of `npm run bench -- bgp`.
 *
 * Each is played twice: by the built executable, whose threads tell what was the daemon's own and what its engine's, and
 * by the sources under Bun's profiler, which tells what the daemon's own thread was at.
 */

import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { mount } from "../../kernel/libc.ts";
import { alignTable } from "../../lab/table.ts";
import { type Daemon, manx, PROFILES, profiled } from "./bgp/daemon.ts";
import { short } from "./bgp/row.ts";
import { SCENARIOS, type Scenario } from "./bgp/scenario.ts";
import type { Size, Step } from "./bgp/scene.ts";
import { folderOf, setStage } from "./bgp/stage.ts";
import { THREAD_KINDS, type ThreadSeconds } from "./bgp/threads.ts";
import { enter, isInside } from "./contender.ts";
import { wholeNumber } from "./option.ts";
import { type CpuProfile, type Shares, sharesOf } from "./profile/sampled.ts";

const ROOT = join(import.meta.dir, "../..");
/** Those with one step or more that the daemon's own thread can be late in. */
const USUAL = "A,B,C,D0,D1,E";
/** Functions that are told of each step. */
const MOST = 6;

export type ProfiledStep = Shares & {
  readonly scenario: string;
  readonly step: string;
  /** Seconds of the executable: all threads together, and by what they are for. */
  readonly cpu: number;
  readonly threads: ThreadSeconds;
};

/** What `--json` prints. */
export type ProfileAnswer = { readonly steps: readonly ProfiledStep[] };

const HELP = `npm run bench -- profile [options]

  --scenario ${USUAL}   of those of \`npm run bench -- bgp --help\`
  --size N       prefixes
  --peers N      neighbours that announce
  --json         all figures`;

/** Run it; the exit code. */
export async function runProfile(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      scenario: { type: "string", default: USUAL },
      size: { type: "string" },
      peers: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const names = values.scenario.split(",");
  const unknown = names.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  if (unknown.length > 0) {
    const known = SCENARIOS.map(({ name }) => name).join(", ");
    throw new Error(`--scenario: ${unknown.join(", ")}: expected some of ${known}`);
  }
  if (!isInside()) return enter("profile", args);
  mount("tmpfs", "/run", "tmpfs", 0);
  mkdirSync("/run/netns");
  await setStage();
  const steps: ProfiledStep[] = [];
  for (const scenario of SCENARIOS.filter(({ name }) => names.includes(name))) {
    const { size } = scenario;
    const own = (option: "size" | "peers", or: number): number =>
      values[option] === undefined ? or : wholeNumber(`--${option}`, values[option]);
    const chosen = {
      ...size,
      prefixes: own("size", size.prefixes),
      peers: own("peers", size.peers),
    };
    steps.push(...(await profileOf(scenario, chosen)));
  }
  if (values.json) console.log(JSON.stringify({ steps } satisfies ProfileAnswer));
  else for (const step of steps) console.log(`${textOf(step)}\n`);
  return 0;
}

async function profileOf(scenario: Scenario, size: Size): Promise<ProfiledStep[]> {
  const measured = await scenario.play(manx(join(ROOT, "dist/manx")), size);
  const sources = profiled(ROOT);
  const sampled = await scenario.play(sources, size);
  const profile = profileFrom(sources);
  return measured.flatMap(({ step, cpu, threads }) => {
    const span = sampled.find((other: Step) => other.step === step)?.span;
    if (threads === undefined || span === undefined) return [];
    return [{ scenario: scenario.name, step, cpu, threads, ...sharesOf(profile, span, ROOT) }];
  });
}

/** What the daemon that was played last has left. */
function profileFrom(daemon: Daemon): CpuProfile {
  const folder = join(folderOf(daemon), PROFILES);
  const [file] = readdirSync(folder);
  if (file === undefined) throw new Error(`${folder}: no profile was written`);
  return JSON.parse(readFileSync(join(folder, file), "utf8"));
}

function textOf({ scenario, step, cpu, threads, areas, functions }: ProfiledStep): string {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const ofThreads = THREAD_KINDS.map((kind) => [kind, `${short(threads[kind])} s`]);
  const ofAreas = areas.map(([area, share]) => [area, percent(share)]);
  const ofFunctions = functions.slice(0, MOST).map(([name, share]) => [name, percent(share)]);
  return [
    `${scenario}, ${step}: ${short(cpu)} CPU s`,
    "threads",
    ...indented(ofThreads),
    "the daemon's own",
    ...indented(ofAreas),
    "its functions",
    ...indented(ofFunctions),
  ].join("\n");
}

function indented(lines: readonly (readonly string[])[]): string[] {
  return alignTable(lines, (column) => (column === 0 ? "left" : "right")).map(
    (line) => `  ${line}`,
  );
}
