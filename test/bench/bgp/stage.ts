/**
 * Where it is played: the daemon in a namespace of its own, its neighbours in ours, one veth pair between.
 */

import { existsSync, writeFileSync } from "node:fs";
import { type Daemon, makeFolder, type Task } from "./daemon.ts";
import { family, type Usage, usageOf } from "./meter.ts";

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

/** Once, in fresh namespaces with a /run of their own. */
export function setStage(): void {
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
  // A thousand neighbours are more than the kernel's default lets a namespace know.
  for (const name of ["gc_thresh1", "gc_thresh2", "gc_thresh3"]) {
    try {
      writeFileSync(`/proc/sys/net/ipv4/neigh/default/${name}`, "16384");
    } catch {
      // Only the initial namespace has it; its own value may do.
    }
  }
}

export type Performance = {
  readonly pid: number;
  usage(): Usage;
  /** What it said. */
  log(): Promise<string>;
  stop(): Promise<void>;
};

/** Start a daemon. Its routes are gone when it has been stopped. */
export function perform(daemon: Daemon, task: Task): Performance {
  const folder = makeFolder(`${FOLDER}/${daemon.name}`);
  const output = Bun.file(`${folder}/log`);
  const child = Bun.spawn(["ip", "netns", "exec", "dut", ...daemon.prepare(task, folder)], {
    stdin: "ignore",
    stdout: output,
    stderr: output,
  });
  return {
    pid: child.pid,
    usage: () => usageOf(child.pid),
    log: () => output.text(),
    async stop() {
      // Not one that has ended by itself: why is the more interesting error.
      for (const pid of family(child.pid)) {
        if (existsSync(`/proc/${pid}`)) process.kill(pid, "SIGKILL");
      }
      await child.exited;
      // Whatever it left in the kernel. Routes go with their nexthop objects; one by one not all of them would.
      command("ip", "-n", "dut", "nexthop", "flush");
      command("ip", "-n", "dut", "route", "flush", "scope", "global");
    },
  };
}

function command(...words: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(words);
  if (exitCode !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
}
