/**
 * `npm test`: every gate and every test, one closing line `N passed, N failed[, N skipped]`.
 *
 * `npm test -- FILTER…` runs only the test files whose path contains one of the words. `npm run test:long`,
 * which is `--long`, takes every case where the others take a sample, and races for minutes.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CHECKS } from "./check.mjs";
import { debian } from "./debian.mjs";
import { BUN, EXECUTABLE, ROOT, say } from "./place.mjs";

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

const LONG = "--long";

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

/** First match wins; "inside" runs in fresh namespaces, "outside" makes its own. */
const STAGES = [
  { name: "in namespaces", matches: /^test\/(root|interop|rfc)\//, inside: true },
  { name: "container runtimes", matches: /^test\/runtime\//, inside: true },
  { name: "whole system", matches: /^test\/lab\//, inside: false },
  { name: "pure", matches: /^test\//, inside: false },
];

export function test(args) {
  const filters = args.filter((word) => word !== LONG);
  const { environment, missing } = debian(PACKAGES, PROGRAMS);
  if (missing.length > 0 && process.env.CI === "true") {
    say(`in CI nothing may be missing: ${missing.map(({ name }) => name).join(", ")}`);
    console.log("0 passed, 1 failed");
    return 1;
  }
  const env = { ...process.env, ...environment, MANX_EXECUTABLE: EXECUTABLE, NO_COLOR: "1" };
  if (args.includes(LONG)) env.MANX_TEST_LONG = "1";
  const total = { passed: 0, failed: 0, skipped: 0 };
  if (filters.length === 0) countChecks(total);
  for (const { name, files, inside } of stages(filters)) {
    say(`${name}: ${files.length} files`);
    count(total, name, runBun(files, inside, env));
  }
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
      console.log(`${stdout}${stderr}`);
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

/** Run the files; the JUnit report's counts, or undefined when there is none. */
function runBun(files, inside, env) {
  const folder = mkdtempSync(join(tmpdir(), "manx-test-"));
  try {
    const report = join(folder, "report.xml");
    const command = [
      ...(inside ? NAMESPACES : []),
      BUN,
      "test",
      "--timeout=60000",
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      ...files.map((file) => `./${file}`),
    ];
    const { status } = spawnSync(command[0], command.slice(1), {
      stdio: "inherit",
      cwd: ROOT,
      // Tests that touch links and routes refuse to run without it.
      env: inside ? { ...env, MANX_NAMESPACES: "fresh" } : env,
    });
    return { status, counts: readCounts(report) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readCounts(report) {
  try {
    const head = /<testsuites\b[^>]*>/.exec(readFileSync(report, "utf8"))?.[0] ?? "";
    const value = (name) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(head)?.[1] ?? Number.NaN);
    return { tests: value("tests"), failures: value("failures"), skipped: value("skipped") };
  } catch {
    return undefined;
  }
}

function count(total, name, { status, counts }) {
  if (counts === undefined || !Number.isFinite(counts.tests)) {
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
