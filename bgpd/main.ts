/**
 * The bgpd process: lock, configuration, signals, API and node file around one `Daemon`.
 */

import { writeSync } from "node:fs";
import { NODE_FILE, type NodeFile } from "../ipam/node.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { acquireLock } from "../kernel/lock.ts";
import { openKernel } from "../kernel/netlink.ts";
import { systemClock } from "../lib/clock.ts";
import { createLogger, type Logger } from "../lib/log.ts";
import { version } from "../package.json";
import type { StatusAnswer } from "../resource/answer.ts";
import { type ApiServer, serveApi } from "./api.ts";
import { watchDirectory } from "./cluster/directory.ts";
import type { SpeakerPlan } from "./cluster/speaker.ts";
import { type Configuration, createConfiguration } from "./configuration.ts";
import { Daemon, describePlan } from "./daemon.ts";
import { PasswordWatch } from "./password-watch.ts";
import { createPublication, type Publication } from "./publication.ts";
import { createQueries } from "./queries.ts";
import { createBunTransport } from "./transport-bun.ts";

export type BgpdOptions = {
  /** File or directory of documents. */
  readonly config: string;
  readonly node: string;
  /** "none": nothing is installed or published; a speaker to look and learn with. */
  readonly fib: "kernel" | "none";
  /** Path of the API socket; the lock is beside it. */
  readonly api: string;
  /** Take our routes out of the kernel at SIGTERM. */
  readonly withdrawOnExit?: true;
};

const ENDED = 0;
const FAILED = 1;
const FAULTY = 2;

/** How often the daemon says that it lives, ms. */
const HEARTBEAT = 10_000;
/** How long it may be away until the plugin's STATUS minds, s: the routes stay meanwhile. */
const GRACE = 60;

/** Run until SIGTERM or SIGINT. The exit code: 1 when it cannot start, 2 for a faulty configuration. */
export async function runBgpd(options: BgpdOptions): Promise<number> {
  // The executable starts with a policy for code that runs once.
  Bun.unsafe.setJITPolicy(1);
  const lockFile = `${options.api.replace(/\.sock$/, "")}.lock`;
  const lock = acquireLock(lockFile);
  if (lock === undefined) {
    return complain(`another bgpd runs here: it holds ${lockFile}`, FAILED);
  }
  const configuration = createConfiguration(options.config, options.node);
  // Before the first reading, so that no change falls between the two.
  const reloads = { now: () => {} };
  const watch = watchDirectory(options.config, () => reloads.now());
  const passwords = new PasswordWatch(() => reloads.now());
  const plan = configuration.read();
  passwords.follow(configuration.passwordFiles());
  try {
    if (plan === undefined) return complain(configuration.status().faults.join("\n"), FAULTY);
    const kernel = options.fib === "kernel" ? openKernel() : undefined;
    const daemon = { lock: lockFile, grace: GRACE };
    const heartbeat = setInterval(lock.touch, HEARTBEAT);
    await serve(options, { configuration, plan, kernel, reloads, passwords, daemon });
    clearInterval(heartbeat);
    kernel?.close();
    return ENDED;
  } finally {
    watch.close();
    passwords.follow([]);
    lock.release();
  }
}

type Start = {
  readonly configuration: Configuration;
  readonly plan: SpeakerPlan;
  readonly kernel: Kernel | undefined;
  /** What is called when the documents have changed. */
  readonly reloads: { now: () => void };
  readonly passwords: PasswordWatch;
  readonly daemon: NonNullable<NodeFile["daemon"]>;
};

async function serve(options: BgpdOptions, start: Start): Promise<void> {
  const { configuration, kernel } = start;
  const log = createLogger("bgpd");
  const clock = systemClock;
  const started = clock.now();
  const publication =
    kernel === undefined ? undefined : createPublication(NODE_FILE, kernel, start.daemon);
  const daemon = new Daemon({
    clock,
    kernel,
    log,
    transport: createBunTransport(clock),
    random: Math.random,
    onConverged: () => publish(daemon, publication),
  });
  apply(daemon, start.plan, log, publication);
  const queries = createQueries({
    daemon,
    kernel,
    clock,
    node: options.node,
    version,
    started,
    configuration: () => configuration.status(),
    ready: () => readiness(daemon),
  });
  const api = serveApi(options.api, queries);
  const reload = (): void => {
    const plan = configuration.read();
    start.passwords.follow(configuration.passwordFiles());
    if (plan !== undefined) apply(daemon, plan, log, publication);
    for (const fault of configuration.status().faults) log.error(`configuration: ${fault}`);
  };
  start.reloads.now = reload;
  process.on("SIGHUP", reload);
  const signal = await asked();
  log.info({ signal, withdraw: options.withdrawOnExit === true }, "ending");
  start.reloads.now = () => {};
  process.off("SIGHUP", reload);
  await end(daemon, api, options);
  const { plan } = daemon;
  if (plan !== undefined) publication?.publish(plan, { ok: false, reason: "bgpd was stopped" });
}

async function end(daemon: Daemon, api: ApiServer, options: BgpdOptions): Promise<void> {
  await daemon.stop({ withdraw: options.withdrawOnExit === true });
  await api.stop();
}

function apply(
  daemon: Daemon,
  plan: SpeakerPlan,
  log: Logger,
  publication: Publication | undefined,
): void {
  log.info(`configuration applied: ${describePlan(plan)}`);
  daemon.apply(plan);
  publish(daemon, publication);
}

function publish(daemon: Daemon, publication: Publication | undefined): void {
  if (daemon.plan !== undefined) publication?.publish(daemon.plan, readiness(daemon));
}

/**
 * Ready once the peers' tables are in the kernel, or the time for that has passed: a peer that is down
 * must not keep pods from starting.
 */
function readiness(daemon: Daemon): StatusAnswer["ready"] {
  if (!daemon.converged) {
    const waiting = daemon.waitingFor();
    return { ok: false, reason: `waiting for the tables of ${waiting.join(", ")}` };
  }
  const refused = daemon.fib?.failures().length ?? 0;
  const reason = refused === 0 ? "converged" : `converged; the kernel refuses ${refused} routes`;
  return { ok: true, reason };
}

/** The name of the signal that asks for the end. */
function asked(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, resolve);
  });
}

function complain(text: string, code: number): number {
  for (const line of text.split("\n")) writeSync(2, `manx: bgpd: ${line}\n`);
  return code;
}
