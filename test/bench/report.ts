/**
 * `npm run bench -- report`: all benchmarks of the BGP daemon and of the plugin, and `docs/performance.md` with its charts
 * out of what they say.
 *
 * Each benchmark is a process of its own: one that fails or hangs costs its own figures alone. What has been measured
 * is kept in `.cache/bench`, and `--resume` goes on from there.
 */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem, version } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { killFamily } from "./bgp/meter.ts";
import { daemonsOf } from "./bgp.ts";
import { wholeNumber } from "./option.ts";
import { drawChart } from "./report/chart.ts";
import { type Job, jobsOf, type Result } from "./report/job.ts";
import { openKeep } from "./report/keep.ts";
import { type Circumstances, pageOf } from "./report/page.ts";

const ROOT = join(import.meta.dir, "../..");
const EXECUTABLE = join(ROOT, "dist/manx");
/** Those that every job has; the others play by themselves. */
const MAIN = ["Manx", "BIRD"];

const HELP = `npm run bench -- report [options]

  --rounds 3   rounds of Manx and BIRD; the other daemons play one
  --quick      a tenth of the sizes and less, one round unless --rounds says otherwise: to see that it works
  --resume     keep what an interrupted report with the same options and the same executable has measured
  --out PATH   the page, and a folder of its charts beside it, instead of docs/performance.md`;

/** Run it; the exit code: 1 when something could not be measured. */
export async function runReport(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      resume: { type: "boolean", default: false },
      out: { type: "string", default: join(ROOT, "docs/performance.md") },
      help: { type: "boolean", default: false },
    },
  });
  const { quick, resume, out } = values;
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const present = daemonsOf().flatMap(({ name, version: versionOf }) => {
    const text = versionOf();
    return text === undefined ? [] : [[name, text] as const];
  });
  const others = present.flatMap(([name]) => (MAIN.includes(name) ? [] : [name.toLowerCase()]));
  const rounds =
    values.rounds === undefined ? (quick ? 1 : 3) : wholeNumber("--rounds", values.rounds);
  const jobs = jobsOf({ rounds, quick, others });
  const keep = openKeep(join(ROOT, ".cache/bench"), { executable: EXECUTABLE, resume });
  const results: Result[] = [];
  for (const [index, job] of jobs.entries()) {
    const kept = keep.find(job);
    say(`${index + 1} of ${jobs.length}: ${job.id}${kept === undefined ? "" : ", kept"}`);
    const result = kept ?? (await run(job));
    if (result.error !== undefined) say(`${job.id}: ${result.error}`);
    keep.put(result);
    results.push(result);
    // Whoever ends it early has what there is.
    write(out, results, {
      date: new Date().toISOString(),
      machine: machine(),
      kernel: `${release()} ${version()}`,
      quick,
      // What is resumed was begun by the same command without it.
      command: ["npm run bench -- report", ...args.filter((arg) => arg !== "--resume")].join(" "),
      versions: Object.fromEntries(present),
    });
  }
  console.log(out);
  return results.every(({ error }) => error === undefined) ? 0 : 1;
}

/** A job in a process of its own, and whatever it has started ended with it. */
async function run(job: Job): Promise<Result> {
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "main.ts"), job.bench, ...job.args],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    killFamily(child.pid);
  }, job.limit * 1000);
  const [printed, complaint] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  await child.exited;
  clearTimeout(limit);
  const { bench } = job;
  if (isLate) return { bench, job, error: `not within ${job.limit} s` };
  try {
    // A status of 1 says that some goal was missed, or that some daemon failed, which the answer has.
    return { bench, job, answer: JSON.parse(printed) };
  } catch {
    const last = complaint.trim().split("\n").at(-1) ?? "";
    return { bench, job, error: `status ${child.exitCode}: ${last}` };
  }
}

function write(out: string, results: readonly Result[], circumstances: Circumstances): void {
  const folder = out.replace(/\.md$/, "");
  const name = folder.split("/").at(-1) ?? "";
  const { text, charts } = pageOf(circumstances, results, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [file, chart] of Object.entries(charts)) {
    writeFileSync(join(folder, file), drawChart(chart));
  }
  writeFileSync(out, text);
}

function machine(): string {
  const all = cpus();
  const memory = (totalmem() / 2 ** 30).toFixed(0);
  return `${all.length} × ${all[0]?.model ?? "unknown CPU"}, ${memory} GiB`;
}

function say(text: string): void {
  console.error(`» ${text}`);
}
