/**
 * The bgpd process: lock, configuration, signals, API and node file around one `Daemon`.
 */

import { writeSync } from "node:fs";
import { fileClaims } from "../ipam/claim-files.ts";
import {
  NODE_FILE,
  type NodeBlock,
  type NodeFile,
  NodeFileError,
  readNodeFile,
} from "../ipam/node.ts";
import { watchRecords } from "../ipam/records-watch.ts";
import { usageOf } from "../ipam/usage.ts";
import { WorkloadReader } from "../ipam/workload.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { acquireLock, lockAge } from "../kernel/lock.ts";
import { openKernel } from "../kernel/netlink.ts";
import { systemClock } from "../lib/clock.ts";
import type { Endpoint } from "../lib/endpoint.ts";
import { createLogger, type Logger } from "../lib/log.ts";
import { containsPrefix, type Prefix } from "../lib/prefix.ts";
import { version } from "../package.json";
import { type ApiServer, serveApi } from "./api.ts";
import { bfdThread } from "./bfd/thread.ts";
import { type Blocks, createBlocks, withBlocks } from "./blocks.ts";
import { watchDirectory } from "./cluster/directory.ts";
import { type Configuration, createConfiguration, type NodePlan } from "./configuration.ts";
import { Daemon, type DaemonOptions, describePlan } from "./daemon.ts";
import { Departed } from "./departed.ts";
import { keepingTime } from "./expectation.ts";
import { faultOfKernel } from "./fib/objects.ts";
import { MAIN_TABLE } from "./fib/surroundings.ts";
import { ROUTE_PROTOCOL } from "./forwarding.ts";
import { KeyWatch } from "./key-watch.ts";
import { lockFileOf } from "./lock-file.ts";
import { discoveryIn } from "./nd/discovery.ts";
import { openNdSocket } from "./nd/socket.ts";
import { servePages } from "./page-listener.ts";
import { createPublication, type Publication } from "./publication.ts";
import { createQueries } from "./queries.ts";
import { readiness } from "./readiness.ts";
import { createBunTransport } from "./transport-bun.ts";
import { createWatching } from "./watching.ts";

export type BgpdOptions = {
  /** File or directory of documents. */
  readonly config: string;
  readonly node: string;
  /** "none": nothing is installed or published; a speaker to look and learn with. */
  readonly fib: "kernel" | "none";
  /** Path of the API socket; the lock is beside it. */
  readonly api: string;
  /** Folder of claims that the nodes share; without it a node has the blocks that its document names. */
  readonly claims?: string;
  /** Priority of the kernel routes, 1-2^32-1, instead of the documents'; and their table. */
  readonly metric?: number;
  readonly table?: number;
  /** Where metrics, health and readiness are served over TCP; always on the API socket. */
  readonly metrics?: Endpoint;
  /** Take our routes out of the kernel at SIGTERM. */
  readonly withdraw?: true;
};

const ENDED = 0;
const FAILED = 1;
const FAULTY = 2;

/** How often the daemon says that it lives, ms. */
const HEARTBEAT = 10_000;
/** Readiness may change without a document changing: how old the node file's word may be, ms. */
const REVIEW = 5000;
/** How long it may be away until the plugin's STATUS minds, s: the routes stay meanwhile. */
const GRACE = 60;

/** Run until SIGTERM or SIGINT. The exit code: 1 when it cannot start, 2 for a faulty configuration. */
export async function runBgpd(options: BgpdOptions): Promise<number> {
  // The executable starts with a policy for code that runs once.
  Bun.unsafe.setJITPolicy(1);
  if (options.claims !== undefined && options.fib === "none") {
    return complain(
      "--claims with --fib none: a speaker that installs nothing must not take blocks from those who do",
      FAULTY,
    );
  }
  const reloads: Reloads = {
    isDue: false,
    now: () => {
      reloads.isDue = true;
    },
  };
  const rehear = (): void => reloads.now();
  // By itself it would end a process that has yet to start.
  process.on("SIGHUP", rehear);
  const lockFile = lockFileOf(options.api);
  const absence = lockAge(lockFile) ?? 0;
  const lock = acquireLock(lockFile);
  if (lock === undefined) {
    return complain(`another bgpd runs here: it holds ${lockFile}`, FAILED);
  }
  const configuration = createConfiguration(options.config, options.node);
  // Before the first reading, so that no change falls between the two.
  const watch = watchDirectory(options.config, () => reloads.now());
  const keys = new KeyWatch(() => reloads.now());
  const plan = configuration.read();
  keys.follow(configuration.keyFiles());
  try {
    if (plan === undefined) return complain(configuration.status().faults.join("\n"), FAULTY);
    const kernel = options.fib === "kernel" ? openKernel() : undefined;
    const fault = kernel === undefined ? undefined : faultOfKernel(kernel);
    if (fault !== undefined) return complain(fault, FAILED);
    const daemon = { lock: lockFile, grace: GRACE };
    const heartbeat = setInterval(lock.touch, HEARTBEAT);
    const around = kernel ?? openKernel();
    // Where there is a kernel, routes in it say so.
    const isSuccessor =
      kernel === undefined && absence < keepingTime(plan.speaker) + HEARTBEAT / 1000;
    const found = { kernel, around, isSuccessor };
    await serve(options, { configuration, plan, ...found, reloads, keys, daemon });
    if (kernel === undefined && options.withdraw === true) lock.forget();
    clearInterval(heartbeat);
    around.close();
    return ENDED;
  } finally {
    process.off("SIGHUP", rehear);
    watch.close();
    keys.follow([]);
    lock.release();
  }
}

/** What is called when the documents have changed; before it can be, that they have is kept. */
type Reloads = { isDue: boolean; now: () => void };

type Start = {
  readonly configuration: Configuration;
  readonly plan: NodePlan;
  readonly kernel: Kernel | undefined;
  /** To look at links with, whether routes are installed or not. */
  readonly around: Kernel;
  readonly isSuccessor: boolean;
  readonly reloads: Reloads;
  /** Files outside the documents, whose change counts as theirs. */
  readonly keys: KeyWatch;
  readonly daemon: NonNullable<NodeFile["daemon"]>;
};

async function serve(options: BgpdOptions, start: Start): Promise<void> {
  const { configuration, kernel } = start;
  const log = createLogger("bgpd");
  const clock = systemClock;
  const started = clock.now();
  const publication =
    kernel === undefined ? undefined : createPublication(NODE_FILE, kernel, start.daemon);
  const departed = new Departed();
  const records = watchRecords(() => {
    blocks.changed();
    daemon.podsChanged();
  });
  const pods = new WorkloadReader();
  const daemon = new Daemon({
    clock,
    kernel,
    isSuccessor: start.isSuccessor,
    normalPriority: start.plan.speaker.normalPriority,
    ...placeOf(options),
    log,
    transport: createBunTransport(clock),
    random: Math.random,
    onConverged: () => publish(daemon, blocks, publication),
    onRemoved: (neighbour) => departed.add(neighbour),
    bfd: bfdThread({ clock, log }),
    discovery: discoveryIn({
      clock,
      kernel: start.around,
      open: openNdSocket,
      random: Math.random,
      log,
    }),
    pods: () => pods.read(records.folders()),
  });
  let { speaker } = start.plan;
  const blocks = createBlocks({
    clock,
    log,
    store: options.claims === undefined ? undefined : fileClaims(options.claims, options.node),
    usage: () => usageOf(records.folders()),
    isRouted: (block) => kernel !== undefined && isRouted(kernel, block),
    known: publishedBlocks(options.node),
    onChange: () => {
      daemon.apply(withBlocks(speaker, blocks));
      publish(daemon, blocks, publication);
    },
  });
  await blocks.start(start.plan.blocks);
  const noted = new Set<string>();
  const note = (): void => {
    const notes = configuration.notes();
    for (const text of notes) if (!noted.has(text)) log.warn(`configuration: ${text}`);
    noted.clear();
    for (const text of notes) noted.add(text);
  };
  note();
  // From here on there is something to be taken along.
  const ending = asked();
  apply(daemon, speaker, { blocks, log, publication });
  const queries = createQueries({
    daemon,
    clock,
    node: options.node,
    version,
    started,
    configuration: () => configuration.status(),
    ready: () => readiness(daemon, blocks.faults),
    services: (address) => configuration.services(address),
  });
  const watching = createWatching({
    clock,
    daemon,
    departed,
    node: options.node,
    version,
    configuration: () => configuration.status(),
    ready: () => readiness(daemon, blocks.faults),
    peers: () => queries.peers(),
  });
  const api = serveApi(options.api, queries, watching.pages);
  const listener =
    options.metrics === undefined ? undefined : servePages(options.metrics, watching.pages, log);
  const review = setInterval(() => {
    // The MTU is asked for: what the kernel is busy with is not to be waited for.
    if (daemon.fib?.isSending !== true) publish(daemon, blocks, publication);
  }, REVIEW);
  const reload = (): void => {
    const plan = configuration.read();
    start.keys.follow(configuration.keyFiles());
    if (plan !== undefined) {
      speaker = plan.speaker;
      blocks.apply(plan.blocks);
      apply(daemon, speaker, { blocks, log, publication });
    }
    note();
    for (const fault of configuration.status().faults) log.error(`configuration: ${fault}`);
  };
  start.reloads.now = reload;
  if (start.reloads.isDue) reload();
  const signal = await ending;
  log.info({ signal, withdraw: options.withdraw === true }, "ending");
  start.reloads.now = () => {};
  clearInterval(review);
  blocks.stop();
  records.close();
  watching.stop();
  await listener?.stop();
  await end(daemon, api, options);
  const { plan } = daemon;
  const stopped = { ok: false, reason: "bgpd was stopped" };
  if (plan !== undefined) publication?.publish(plan, blocks, stopped);
}

async function end(daemon: Daemon, api: ApiServer, options: BgpdOptions): Promise<void> {
  await daemon.stop({ withdraw: options.withdraw === true });
  await api.stop();
}

function placeOf({ metric, table }: BgpdOptions): Pick<DaemonOptions, "metric" | "table"> {
  return {
    ...(metric === undefined ? {} : { metric }),
    ...(table === undefined ? {} : { table }),
  };
}

function apply(
  daemon: Daemon,
  speaker: NodePlan["speaker"],
  {
    blocks,
    log,
    publication,
  }: {
    readonly blocks: Blocks;
    readonly log: Logger;
    readonly publication: Publication | undefined;
  },
): void {
  const plan = withBlocks(speaker, blocks);
  log.info(`configuration applied: ${describePlan(plan)}`);
  daemon.apply(plan);
  publish(daemon, blocks, publication);
}

function publish(daemon: Daemon, blocks: Blocks, publication: Publication | undefined): void {
  if (daemon.plan === undefined) return;
  publication?.publish(daemon.plan, blocks, readiness(daemon, blocks.faults));
}

/** What an earlier daemon of this node has published since the boot. */
function publishedBlocks(node: string): readonly NodeBlock[] {
  try {
    const file = readNodeFile(NODE_FILE);
    return file.node === node ? [...file.blocks.ipv4, ...file.blocks.ipv6] : [];
  } catch (error) {
    // None yet, or one that nobody can read.
    if (error instanceof NodeFileError) return [];
    throw error;
  }
}

/** Whether somebody else has a route into the block, as each pod has. */
function isRouted(kernel: Kernel, block: Prefix): boolean {
  return kernel
    .routes({ family: block.family, table: MAIN_TABLE, exceptProtocol: ROUTE_PROTOCOL })
    .some(({ destination }) => containsPrefix(block, destination));
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
