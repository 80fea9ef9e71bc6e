/**
 * `npm run bench -- cni`: ADD, CHECK and DEL of manx + manx-ipam against Debian's ptp + host-local, and VERSION, which is
 * a start of the process and nothing else; beside it a program of Bun's that does nothing.
 *
 * Both are started the same way, in turns, in one run and one namespace; what is measured is the whole
 * process, from spawn to exit, as a container runtime waits for it.
 */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { mount } from "../../kernel/libc.ts";
import { createNamespace } from "../../kernel/netns.ts";
import { alignTable } from "../../lab/table.ts";
import {
  CONTENDERS,
  COPIES,
  enter,
  FLOOR,
  install,
  isInside,
  missing,
  namespaceOf,
  PEER,
  PLACES,
} from "./contender.ts";
import { call, cellsOf, type Figures, figuresOf, type Sample } from "./sample.ts";

const VERBS = ["VERSION", "ADD", "CHECK", "DEL"] as const;
type Verb = (typeof VERBS)[number];

type Samples = Record<Verb, Sample[]>;

export type CniRow = {
  readonly verb: Verb;
  readonly name: string;
  readonly figures: Figures;
  /** Of the median to that of ptp + host-local. */
  readonly ratio: number;
};

/** What `--json` prints. */
export type CniAnswer = {
  readonly count: number;
  readonly rows: readonly CniRow[];
};

/** Run it; 0 when our ADD at the median takes no longer than theirs. */
export async function runCniBench(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      count: { type: "string", default: "100" },
      ...PLACES,
      json: { type: "boolean", default: false },
    },
  });
  const { manx, json, "plugin-dir": plugins } = values;
  const absent = missing(manx, plugins);
  if (absent !== undefined) {
    console.error(`bench cni: ${absent} is not there`);
    return 2;
  }
  if (!isInside()) return enter("cni", args);
  const folder = mkdtempSync(join(tmpdir(), "manx-bench-"));
  const rows = measure(Number(values.count), install(folder, manx, plugins));
  rmSync(folder, { recursive: true });
  const answer: CniAnswer = { count: Number(values.count), rows };
  console.log(json ? JSON.stringify(answer) : table(rows));
  const add = rows.find(({ verb }) => verb === "ADD");
  return add !== undefined && add.ratio <= 1 ? 0 : 1;
}

/** `count` pods for each: as many questions for the version, then all are attached, then all are checked, then all are detached. */
function measure(count: number, folders: readonly string[]): CniRow[] {
  mount("tmpfs", "/run", "tmpfs", 0);
  mkdirSync("/run/pods");
  const pods = Array.from({ length: count + COPIES }, (_, index) => `p${index}`);
  const all = [...CONTENDERS, FLOOR].map((contender) => ({
    contender,
    samples: { VERSION: [], ADD: [], CHECK: [], DEL: [] } as Samples,
    results: new Map<string, unknown>(),
  }));
  for (const contender of CONTENDERS) {
    for (const pod of pods) createNamespace(namespaceOf(contender, pod));
  }
  const calledFor = (verb: Verb) =>
    all.filter(({ contender }) => verb === "VERSION" || contender !== FLOOR);
  for (const verb of VERBS) {
    const called = calledFor(verb);
    pods.forEach((pod, round) => {
      // Whoever is first finds colder caches.
      for (let turn = 0; turn < called.length; turn++) {
        const next = called[(round + turn) % called.length];
        if (next === undefined) continue;
        const { contender, samples, results } = next;
        const folder = folders[round % folders.length] ?? "";
        const { sample, printed } = call(contender, folder, verb, {
          pod,
          prevResult: results.get(pod),
        });
        if (verb === "ADD") results.set(pod, JSON.parse(printed));
        // The first of each copy warms up: it makes folders and loads the executable.
        if (round >= folders.length) samples[verb].push(sample);
      }
    });
  }
  return VERBS.flatMap((verb) => {
    const rows = calledFor(verb).map(({ contender: { name }, samples }) => ({
      verb,
      name,
      figures: figuresOf(samples[verb]),
    }));
    const peer = rows.find(({ name }) => name === PEER)?.figures.median ?? Number.NaN;
    return rows.map((row) => ({ ...row, ratio: row.figures.median / peer }));
  });
}

function table(rows: readonly CniRow[]): string {
  const head = ["ms", "", "median", "p99", "least", "CPU median", "ratio of medians"];
  const lines = rows.map(({ verb, name, figures, ratio }, index) => [
    rows[index - 1]?.verb === verb ? "" : verb,
    name,
    ...cellsOf(figures),
    name === PEER ? "" : ratio.toFixed(2),
  ]);
  return alignTable([head, ...lines], (column) => (column < 2 ? "left" : "right")).join("\n");
}
