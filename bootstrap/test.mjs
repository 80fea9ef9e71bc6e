/**
 * `npm test`: every gate and every test, one closing line `N passed, N failed[, N skipped]`.
 *
 * `npm test -- FILTER…` runs only the test files whose path contains one of the words. `npm run test:long`,
 * which is `--long`, takes every case where the others take a sample, races for minutes, and tries each
 * property with 40 times the cases.
 *
 * What failed is told again at the end, where it is found without a search in thousands of lines.
 */

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { bunTest, LONG } from "./bun-test.mjs";
import { CHECKS } from "./check.mjs";
import { debian } from "./debian.mjs";
import { EXECUTABLE, ROOT, say } from "./place.mjs";

const PACKAGES = [
  "bird2",
  "busybox-static",
  "conmon",
  "containerd",
  "containernetworking-plugins",
  "frr",
  "gobgpd",
  "iproute2",
  "iptables",
  "iputils-ping",
  "nftables",
  "podman",
  "runc",
  "strace",
  "tshark",
  "util-linux",
];
const PROGRAMS = [
  "bird",
  "birdc",
  "gobgp",
  "gobgpd",
  "ip",
  "tc",
  "iptables",
  "nft",
  "ping",
  "strace",
  "dumpcap",
  "tshark",
  "containerd",
  "containerd-shim-runc-v2",
  "ctr",
  "podman",
  "conmon",
  "runc",
  "iptables-nft",
  "ip6tables-nft",
];

const LONG_FLAG = "--long";

/**
 * First match wins. Files that run "inside" have fresh namespaces, the others make their own.
 *
 * The first two stages run side by side: the one computes, the other waits for the timers of real
 * daemons, each file in namespaces of its own. Later stages, which measure lateness or work on both
 * cores themselves, have the machine alone.
 */
const STAGES = [
  {
    name: "in namespaces",
    matches: /^test\/(root|rfc)\/|^test\/interop\/[^/]*bfd/,
    inside: true,
  },
  { name: "container runtimes", matches: /^test\/runtime\//, inside: true },
  { name: "whole system", matches: /^test\/lab\//, inside: false },
  { name: "with real peers", matches: /^test\/interop\//, inside: true, isBeside: true },
  { name: "pure", matches: /^test\//, inside: false, isBeside: true },
];

export async function test(args) {
  const filters = args.filter((word) => word !== LONG_FLAG);
  const { environment, missing } = debian(PACKAGES, PROGRAMS);
  if (missing.length > 0 && process.env.CI === "true") {
    say(`in CI nothing may be missing: ${missing.map(({ name }) => name).join(", ")}`);
    console.log("0 passed, 1 failed");
    return 1;
  }
  const env = { ...process.env, ...environment, MANX_EXECUTABLE: EXECUTABLE, NO_COLOR: "1" };
  if (args.includes(LONG_FLAG)) env[LONG] = "1";
  const total = { passed: 0, failed: 0, skipped: 0, failures: [], isInterrupted: false };
  if (filters.length === 0) countChecks(total);
  // The terminal's Ctrl-C ends what runs, and nothing more is begun.
  process.once("SIGINT", () => {
    total.isInterrupted = true;
  });
  const planned = stages(filters);
  await runBeside(
    planned.filter(({ isBeside }) => isBeside),
    env,
    total,
  );
  for (const stage of planned.filter(({ isBeside }) => !isBeside)) {
    if (total.isInterrupted) break;
    say(`${stage.name}: ${stage.files.length} files`);
    const outcome = await bunTest(stage.files, stage.inside, env, (line) => console.error(line));
    count(total, stage.name, outcome);
  }
  return conclude(total);
}

/** Tell what failed, then the closing line; the exit status. */
function conclude(total) {
  if (total.isInterrupted) {
    say("interrupted: not everything was run");
    total.failed++;
  }
  for (const failure of total.failures) console.log(`\nFAILED: ${failure}`);
  const strict = process.env.CI === "true" && total.skipped > 0;
  if (strict) say(`in CI nothing may be skipped, but ${total.skipped} were`);
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
  console.log(`${total.passed} passed, ${total.failed + (strict ? 1 : 0)} failed${skipped}`);
  return total.failed > 0 || strict || total.passed === 0 ? 1 : 0;
}

function countChecks(total) {
  for (const { name, program, args } of CHECKS) {
    const { status, stdout, stderr } = spawnSync(program, args, { cwd: ROOT, encoding: "utf8" });
    say(`${status === 0 ? "passed" : "FAILED"}: ${name}`);
    if (status === 0) total.passed++;
    else {
      total.failed++;
      total.failures.push(`${name}\n${stdout}${stderr}`);
    }
  }
}

function stages(filters) {
  const files = readdirSync(join(ROOT, "test"), { recursive: true })
    .map((file) => `test/${file}`)
    .filter((file) => file.endsWith(".test.ts"))
    .filter((file) => filters.length === 0 || filters.some((word) => file.includes(word)))
    .sort();
  return STAGES.map((stage) => ({
    ...stage,
    files: files.filter((file) => STAGES.find(({ matches }) => matches.test(file)) === stage),
  }))
    .filter((stage) => stage.files.length > 0)
    .reverse();
}

/** Runs of these stages, as many at once as there are cores, each printed in one piece when it ends. */
async function runBeside(planned, env, total) {
  // What needs no namespaces is a single run; what does has them for itself, file by file.
  const runs = planned.flatMap(({ name, files, inside }) =>
    inside
      ? files.map((file) => ({ name: file, files: [file], inside }))
      : [{ name, files, inside }],
  );
  if (runs.length > 1) say(`${runs.length} runs side by side, each told when it ends`);
  const isAlone = runs.length === 1;
  const lane = async () => {
    for (let next = runs.shift(); next !== undefined; next = runs.shift()) {
      const { name, files, inside } = next;
      const lines = [];
      const print = isAlone ? (line) => console.error(line) : (line) => lines.push(line);
      const outcome = await bunTest(files, inside, env, print);
      if (!isAlone) console.error(lines.join("\n"));
      say(`${name}: ${files.length} file${files.length === 1 ? "" : "s"} done`);
      count(total, name, outcome);
      if (total.isInterrupted) runs.length = 0;
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
}

function count(total, name, { status, counts, failures }) {
  total.failures.push(...failures);
  if (counts === undefined) {
    say(`${name}: ended with status ${status} and no report`);
    total.failed++;
    return;
  }
  total.passed += counts.tests - counts.failures - counts.skipped;
  total.failed += counts.failures;
  total.skipped += counts.skipped;
  // A crash or an error outside any test fails the run although no test says so.
  if (status !== 0 && counts.failures === 0) {
    say(`${name}: ended with status ${status} although no test failed`);
    total.failed++;
  }
}
