/** What a daemon's processes have used, from /proc (proc_pid_stat(5), proc_pid_status(5)). */

import { readdirSync, readFileSync } from "node:fs";

export type Usage = {
  /** Seconds of user and system time, of the process and all below it that live. */
  readonly cpu: number;
  /** MiB: the sum of what each had resident at most. */
  readonly peak: number;
};

/** USER_HZ, which Linux shows to programs as 100 everywhere but on Alpha. */
const TICKS = 100;

/** Of the process `root` and its descendants. */
export function usageOf(root: number): Usage {
  let cpu = 0;
  let peak = 0;
  for (const pid of family(root)) {
    const stat = read(`/proc/${pid}/stat`);
    // The name in brackets may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    cpu += (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS;
    const high = /^VmHWM:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`));
    peak += Number(high?.[1] ?? 0) / 1024;
  }
  return { cpu, peak };
}

/** Routes in the main table of the process's network namespace (/proc/net/fib_triestat). */
export function routesOf(pid: number): number {
  const [, main = ""] = read(`/proc/${pid}/net/fib_triestat`).split("Main:");
  return Number(/Prefixes:\s+(\d+)/.exec(main)?.[1] ?? 0);
}

/** A process and its descendants. */
export function family(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 4).split(" ")[0]));
  }
  const members = [root];
  for (const member of members) {
    for (const [pid, parent] of parents) if (parent === member) members.push(pid);
  }
  return members;
}

/** Empty when the process has gone meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (
      error instanceof Error &&
      "code" in error &&
      ["ENOENT", "ESRCH"].includes(`${error.code}`)
    ) {
      return "";
    }
    throw error;
  }
}
