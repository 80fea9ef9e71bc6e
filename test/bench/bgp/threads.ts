/** What the threads of a process have run (proc_pid_stat(5), /proc/PID/task/TID/schedstat), by what they are for. */

import { readdirSync, readFileSync } from "node:fs";

/** The daemon's own thread; those of its engine that compile; those that collect garbage. */
export const THREAD_KINDS = ["own", "compilers", "collector", "other"] as const;
export type ThreadKind = (typeof THREAD_KINDS)[number];
/** Seconds. */
export type ThreadSeconds = Readonly<Record<ThreadKind, number>>;

/** Names that the engine gives its threads; of longer ones it gives the kernel the last 15 octets. */
const KINDS: readonly (readonly [RegExp, ThreadKind])[] = [
  [/^(JITWorker|JSCWarmUp)/, "compilers"],
  [/^(HeapHelper|ollector Thread)/, "collector"],
];

/** What a thread of this name is for, unless it is the first of its process. */
export function kindOf(name: string): ThreadKind {
  return KINDS.find(([pattern]) => pattern.test(name))?.[1] ?? "other";
}

/** Since the process began, of the threads that live; nothing of a process that has gone. */
export function threadSeconds(pids: readonly number[]): ThreadSeconds {
  const sums = { own: 0, compilers: 0, collector: 0, other: 0 };
  for (const pid of pids) {
    for (const thread of threadsOf(pid)) {
      const folder = `/proc/${pid}/task/${thread}`;
      const kind = thread === `${pid}` ? "own" : kindOf(readGone(`${folder}/comm`));
      sums[kind] += Number(readGone(`${folder}/schedstat`).split(" ")[0] ?? 0) / 1e9;
    }
  }
  return sums;
}

/** What came to `before` since. */
export function secondsSince(before: ThreadSeconds, after: ThreadSeconds): ThreadSeconds {
  const { own, compilers, collector, other } = after;
  return {
    own: own - before.own,
    compilers: compilers - before.compilers,
    collector: collector - before.collector,
    other: other - before.other,
  };
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** Empty when the thread has gone meanwhile. */
function readGone(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
