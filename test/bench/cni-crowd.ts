/**
 * `npm run bench -- cni-crowd`: ADDs and DELs with many in flight, as when a node starts; and a GC of all of them. Beside
 * them as many starts of a program of Bun's that does nothing: no plugin of ours can be called more often.
 *
 * Contenders take turns within a run, whole processes from start to exit.
 */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { mount } from "../../kernel/libc.ts";
import { createNamespace } from "../../kernel/netns.ts";
import {
  CONTENDERS,
  type Contender,
  enter,
  environmentOf,
  FLOOR,
  install,
  isInside,
  missing,
  namespaceOf,
  onNode,
  PLACES,
} from "./contender.ts";

const FLIGHTS = [1, 8, 32];
const VERBS = ["ADD", "DEL"] as const;

export type CrowdRow = {
  readonly name: string;
  readonly inFlight: number;
  readonly verb: string;
  /** Calls a second. */
  readonly rate: number;
  /** ms. */
  readonly p99: number;
};

/** What `--json` prints. */
export type CrowdAnswer = {
  readonly count: number;
  readonly rows: readonly CrowdRow[];
  /** A GC of all of them, ms. */
  readonly collecting: number;
};

/** Run it; the exit code. */
export async function runCrowdBench(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      count: { type: "string", default: "128" },
      ...PLACES,
      json: { type: "boolean", default: false },
    },
  });
  const absent = missing(values.manx, values["plugin-dir"]);
  if (absent !== undefined) {
    console.error(`bench cni-crowd: ${absent} is not there`);
    return 2;
  }
  if (!isInside()) return enter("cni-crowd", args);
  const folder = mkdtempSync(join(tmpdir(), "manx-bench-"));
  const [place = ""] = install(folder, values.manx, values["plugin-dir"]);
  mount("tmpfs", "/run", "tmpfs", 0);
  mkdirSync("/run/pods");
  const pods = Array.from({ length: Number(values.count) }, (_, index) => `p${index}`);
  for (const contender of CONTENDERS) {
    for (const pod of pods) createNamespace(namespaceOf(contender, pod));
  }
  const rows: CrowdRow[] = [];
  for (const inFlight of FLIGHTS) {
    for (const verb of VERBS) {
      for (const contender of CONTENDERS) {
        rows.push(await crowd(contender, place, verb, pods, inFlight));
      }
    }
    rows.push(await crowd(FLOOR, place, "start", pods, inFlight));
  }
  const collecting = await collect(place, pods);
  rmSync(folder, { recursive: true });
  const answer: CrowdAnswer = { count: pods.length, rows, collecting };
  if (values.json) console.log(JSON.stringify(answer));
  else console.log(`${table(rows)}\nGC of ${pods.length} attachments: ${collecting.toFixed(0)} ms`);
  return 0;
}

/** The verb for all of the pods, so many at a time. Throws when one fails. */
export async function crowd(
  contender: Contender,
  folder: string,
  verb: string,
  pods: readonly string[],
  inFlight: number,
): Promise<CrowdRow> {
  const waiting = [...pods];
  const times: number[] = [];
  const worker = async (): Promise<void> => {
    for (let pod = waiting.pop(); pod !== undefined; pod = waiting.pop()) {
      const begin = performance.now();
      await call(contender, folder, verb, pod, {});
      times.push(performance.now() - begin);
    }
  };
  const begin = performance.now();
  await Promise.all(Array.from({ length: inFlight }, worker));
  const rate = (1000 * pods.length) / (performance.now() - begin);
  times.sort((a, b) => a - b);
  const p99 = times[Math.ceil(0.99 * times.length) - 1] ?? Number.NaN;
  return { name: contender.name, inFlight, verb, rate, p99 };
}

/** All are attached again and one GC that names none takes them back: ms. */
async function collect(folder: string, pods: readonly string[]): Promise<number> {
  const [ours] = CONTENDERS;
  if (ours === undefined) throw new Error("there is nobody to collect");
  await crowd(ours, folder, "ADD", pods, 8);
  const begin = performance.now();
  await call(ours, folder, "GC", "", { cniVersion: "1.1.0", "cni.dev/valid-attachments": [] });
  return performance.now() - begin;
}

async function call(
  contender: Contender,
  folder: string,
  verb: string,
  pod: string,
  more: object,
): Promise<void> {
  const child = onNode(contender, () =>
    Bun.spawn({
      cmd: [join(folder, contender.plugin)],
      env: environmentOf(contender, folder, verb, pod),
      stdin: Buffer.from(JSON.stringify({ cniVersion: "1.0.0", ...contender.config, ...more })),
      stdout: "pipe",
      stderr: "inherit",
    }),
  );
  if ((await child.exited) === 0) return;
  throw new Error(`${contender.name} ${verb}: ${await new Response(child.stdout).text()}`);
}

function table(rows: readonly CrowdRow[]): string {
  const lines = rows.map(({ name, inFlight, verb, rate, p99 }) =>
    [
      String(inFlight).padStart(9),
      verb.padEnd(5),
      name.padEnd(31),
      rate.toFixed(0).padStart(5),
      p99.toFixed(0).padStart(7),
    ].join("  "),
  );
  return [`in flight       ${"".padEnd(31)}    /s  p99, ms`, ...lines].join("\n");
}
