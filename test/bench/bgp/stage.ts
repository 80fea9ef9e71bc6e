/**
 * Where it is played: the daemon in a namespace of its own, its neighbours in ours, one veth pair between.
 */

import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { type Daemon, makeFolder, type Task } from "./daemon.ts";
import { killFamily, routesSeenBy, type Usage, usageOf } from "./meter.ts";

/** The daemon's address; the neighbours' are `neighbourAddress(0)` and so on. */
export const DAEMON = "10.200.0.1";
const OURS = "10.200.255.254";
const NEIGHBOURS = "10.200.128.0/17";
const FIRST_NEIGHBOUR = 0x0ac8_8001;
const FOLDER = "/run/bench";

/** As a word. */
export function neighbourWord(index: number): number {
  return FIRST_NEIGHBOUR + index;
}

/** As people write it. */
export function neighbourAddress(index: number): string {
  const word = neighbourWord(index);
  return [24, 16, 8, 0].map((shift) => (word >>> shift) & 0xff).join(".");
}

/** For a daemon that is asked to end. ms. */
const PATIENCE = 20_000;

/** Keeps the daemon's namespace in sight, whether there is a daemon or not. */
let witness: Bun.Subprocess | undefined;

/** Once, in fresh namespaces with a /run of their own. */
export async function setStage(): Promise<void> {
  command("ip", "link", "set", "lo", "up");
  command("ip", "netns", "add", "dut");
  command("ip", "link", "add", "gen", "type", "veth", "peer", "name", "eth0", "netns", "dut");
  command("ip", "address", "add", `${OURS}/16`, "dev", "gen");
  command("ip", "link", "set", "gen", "up");
  // All of the neighbours' addresses are this machine's, without one being configured.
  command("ip", "route", "add", "local", NEIGHBOURS, "dev", "lo");
  command("ip", "-n", "dut", "link", "set", "lo", "up");
  command("ip", "-n", "dut", "address", "add", `${DAEMON}/16`, "dev", "eth0");
  command("ip", "-n", "dut", "link", "set", "eth0", "up");
  const stdio = ["ignore", "pipe", "inherit"] as const;
  const words = ["ip", "netns", "exec", "dut", "sh", "-c", "echo in && exec sleep infinity"];
  const child = Bun.spawn(words, { stdio: [...stdio] });
  for await (const _ of child.stdout) break;
  // It ends with the pid namespace, and nobody waits for it.
  child.unref();
  witness = child;
}

/** In the main table of the daemon's namespace. */
export function routes(): number {
  if (witness === undefined) throw new Error("there is no stage");
  return routesSeenBy(witness.pid);
}

/**
 * What the daemon's end needs for so many neighbours. The kernel's table of link addresses has a limit for the whole
 * machine, 1,024 by default, that does not count permanent entries.
 */
function acquaint(addresses: readonly string[]): void {
  const gen = networkInterfaces().gen?.[0]?.mac;
  const entries = addresses.map(
    (address) => `neighbour replace ${address} lladdr ${gen} dev eth0 nud permanent\n`,
  );
  commandWith(entries.join(""), "ip", "-n", "dut", "-batch", "-");
}

/** Descriptors beside those of neighbours. */
const SPARE_FILES = 256;

/**
 * Let this process, and what it starts, have open so many files for its neighbours. Throws where the machine does not
 * permit it.
 */
function permitFiles(count: number): void {
  const wanted = count + SPARE_FILES;
  const [, soft = "", hard = ""] =
    /^Max open files\s+(\S+)\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  if (soft === "unlimited" || Number(soft) >= wanted) return;
  const most = hard === "unlimited" ? hard : Math.max(wanted, Number(hard));
  const { exitCode } = Bun.spawnSync([
    "prlimit",
    `--pid=${process.pid}`,
    `--nofile=${wanted}:${most}`,
  ]);
  if (exitCode === 0) return;
  throw new Error(
    `${wanted} open files are wanted, ${hard} is the limit here: raise it (ulimit -Hn), which takes CAP_SYS_RESOURCE`,
  );
}

export type Performance = {
  readonly pid: number;
  /** It has ended, though nobody ended it. */
  readonly isOver: boolean;
  usage(): Usage;
  /** What it said. */
  log(): Promise<string>;
  /** End it as a crash would: its routes stay. */
  kill(): Promise<void>;
  /** End it, and take its routes out of the kernel. */
  stop(): Promise<void>;
};

/** Where a daemon's files of a run are. */
export function folderOf({ name }: Daemon): string {
  return `${FOLDER}/${name}`;
}

/** Start a daemon. */
export function perform(daemon: Daemon, task: Task): Performance {
  const folder = makeFolder(folderOf(daemon));
  // A neighbour listens and has a connection, here; the daemon has a connection.
  permitFiles(2 * task.neighbours.length);
  acquaint(task.neighbours.map(({ address }) => address));
  const output = Bun.file(`${folder}/log`);
  const child = Bun.spawn(["ip", "netns", "exec", "dut", ...daemon.prepare(task, folder)], {
    stdin: "ignore",
    stdout: output,
    stderr: output,
  });
  let isWanted = true;
  const kill = async (): Promise<void> => {
    isWanted = false;
    // Not one that has ended by itself: why is the more interesting error.
    killFamily(child.pid);
    await child.exited;
  };
  return {
    pid: child.pid,
    get isOver() {
      return isWanted && (child.exitCode !== null || child.signalCode !== null);
    },
    usage: () => usageOf(child.pid),
    log: () => output.text(),
    kill,
    async stop() {
      if (daemon.writesAtEnd === true) await ended(child);
      await kill();
      // Whatever it left in the kernel. Routes go with their nexthop objects; one by one not all of them would.
      command("ip", "-n", "dut", "nexthop", "flush");
      command("ip", "-n", "dut", "route", "flush", "scope", "global");
    },
  };
}

/** Ask it to end, and wait a while for that. */
async function ended(child: Bun.Subprocess): Promise<void> {
  child.kill("SIGTERM");
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, PATIENCE);
  await Promise.race([child.exited, late.promise]);
  clearTimeout(timer);
}

function command(...words: string[]): void {
  commandWith("", ...words);
}

/** With something to read. */
function commandWith(input: string, ...words: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(words, { stdin: Buffer.from(input) });
  if (exitCode !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
}
