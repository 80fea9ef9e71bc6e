/** One run of `bun test`: its output, its counts, and what each failed test printed. */

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { BUN, ROOT } from "./place.mjs";

/** Programs and tests share the kernel with nobody in here, and leave nothing when it ends. */
const NAMESPACES = [
  "unshare",
  "--user",
  "--map-root-user",
  "--net",
  "--mount",
  "--pid",
  "--fork",
  "--kill-child",
  "--mount-proc",
  // What programs leave below /run is theirs alone, too.
  "sh",
  "-c",
  'mount -t tmpfs tmpfs /run && exec "$@"',
  "sh",
];

/** The environment's word to tests for every case instead of a sample. */
export const LONG = "MANX_TEST_LONG";

/** A failure's last lines are kept: there the error is, above them what the programs of the test said. */
const FAILURE_LINES = 80;

/**
 * Run `files`, in fresh namespaces when they are to be `inside`, and hand each line of the output to `print`.
 *
 * Gives the exit `status` (null after a signal), the JUnit report's `counts` of tests, failures and
 * skipped (undefined without a report), and `failures`: each failed test's last lines, below its file.
 */
export async function bunTest(files, inside, env, print) {
  const folder = mkdtempSync(join(tmpdir(), "manx-test-"));
  try {
    const report = join(folder, "report.xml");
    const [program, ...args] = [
      ...(inside ? NAMESPACES : []),
      BUN,
      "test",
      "--timeout=60000",
      ...(env[LONG] === undefined ? [] : ["--preload=./test/many-cases.ts"]),
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      ...files.map((file) => `./${file}`),
    ];
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      cwd: ROOT,
      // Tests that touch links and routes refuse to run without it.
      env: inside ? { ...env, MANX_NAMESPACES: "fresh" } : env,
    });
    const story = new Story();
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        print(line);
        story.hear(line);
      });
    }
    const status = await new Promise((resolve, reject) => {
      child.once("error", (error) => reject(new Error(`cannot run ${program}: ${error.message}`)));
      child.once("close", resolve);
    });
    return { status, counts: readCounts(report), failures: story.end(status) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What was said since the last verdict, so that a failure's own lines are known. */
class Story {
  #file = "";
  #lines = [];
  #failures = [];
  #isOver = false;

  hear(line) {
    // Then it repeats them.
    if (/^\d+ tests? (failed|skipped):$/.test(line)) this.#isOver = true;
    if (this.#isOver) return;
    const file = /^(test\/\S+\.test\.ts):$/.exec(line)?.[1];
    if (file !== undefined) {
      this.#file = file;
      this.#lines = [];
      return;
    }
    this.#lines.push(line);
    if (this.#lines.length > FAILURE_LINES) this.#lines.shift();
    const verdict = /^\((pass|fail|skip|todo)\) /.exec(line)?.[1];
    if (verdict === "fail") this.#failures.push(this.#told());
    if (verdict !== undefined) this.#lines = [];
  }

  /** All failures; the last lines too when the run failed though no test said so. */
  end(status) {
    return status !== 0 && this.#failures.length === 0 ? [this.#told()] : this.#failures;
  }

  #told() {
    return `${this.#file}:\n${this.#lines.join("\n")}`;
  }
}

function readCounts(report) {
  try {
    const head = /<testsuites\b[^>]*>/.exec(readFileSync(report, "utf8"))?.[0] ?? "";
    const value = (name) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(head)?.[1] ?? Number.NaN);
    const counts = {
      tests: value("tests"),
      failures: value("failures"),
      skipped: value("skipped"),
    };
    return Number.isFinite(counts.tests) ? counts : undefined;
  } catch {
    return undefined;
  }
}
