/** What a daemon's processes have used, from their clocks and from /proc (proc_pid_stat(5), proc_pid_status(5)). */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cpuSeconds } from "./cpu-clock.ts";
import { type ThreadSeconds, threadSeconds } from "./threads.ts";

export type Usage = {
  /** Seconds of user and system time, of the process and all below it that live. */
  readonly cpu: number;
  /** MiB: the sum of what each had resident at most. */
  readonly peak: number;
  /** MiB: the sum of what each has resident now. */
  readonly resident: number;
  readonly threads: ThreadSeconds;
};

/** Of the process `root` and its descendants. */
export function usageOf(root: number): Usage {
  let cpu = 0;
  let peak = 0;
  let resident = 0;
  const pids = family(root);
  for (const pid of pids) {
    cpu += cpuSeconds(pid);
    const status = read(`/proc/${pid}/status`);
    peak += mebibytes(status, /^VmHWM:\s+(\d+) kB/m);
    resident += mebibytes(status, /^VmRSS:\s+(\d+) kB/m);
  }
  return { cpu, peak, resident, threads: threadSeconds(pids) };
}

function mebibytes(status: string, line: RegExp): number {
  return Number(line.exec(status)?.[1] ?? 0) / 1024;
}

/** Routes in the main table of the process's network namespace (/proc/net/fib_triestat). */
export function routesSeenBy(pid: number): number {
  const [, main = ""] = read(`/proc/${pid}/net/fib_triestat`).split("Main:");
  return Number(/Prefixes:\s+(\d+)/.exec(main)?.[1] ?? 0);
}

/** A process and its descendants. */
export function family(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    // The name in brackets may hold anything.
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 4).split(" ")[0]));
  }
  const members = [root];
  for (const member of members) {
    for (const [pid, parent] of parents) if (parent === member) members.push(pid);
  }
  return members;
}

/** SIGKILL to a process and its descendants, as far as they still live. */
export function killFamily(root: number): void {
  for (const pid of family(root)) {
    if (existsSync(`/proc/${pid}`)) process.kill(pid, "SIGKILL");
  }
}

/** Empty when the process has gone meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (
      error instanceof Error &&
      "code" in error &&
      ["ENOENT", "ESRCH", "EINVAL"].includes(`${error.code}`)
    ) {
      return "";
    }
    throw error;
  }
}
