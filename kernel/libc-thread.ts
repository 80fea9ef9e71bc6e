/** How soon the calling thread runs when it wakes (sched(7)). */

import { nativeFfi } from "./libc.ts";

const { dlopen, ptr } = nativeFfi();

const [i32, i64, u32, pointer] = ["i32", "i64", "u32", "ptr"] as const;

const libc = dlopen("libc.so.6", {
  syscall: { args: [i64, i32, pointer, u32], returns: i32 },
}).symbols;

/** asm/unistd_64.h, asm-generic/unistd.h; libc has no function for it. */
const SCHED_SETATTR = { x64: 314, arm64: 274 } as const;

/** linux/sched/types.h: struct sched_attr, version 0. */
const ATTRIBUTE_LENGTH = 48;
const SCHED_OTHER = 0;
const SCHED_RR = 2;
/** The least that the kernel takes: a thread with a short slice runs before those with a long one. */
const SHORTEST_SLICE = 100_000n;

/** What a thread was given: before all others, before its like, or nothing. */
export type Urgency = "real time" | "short slice" | "none";

/**
 * Let the calling thread run as soon as it wakes, for work that is brief and has an instant: real-time where that is
 * allowed (CAP_SYS_NICE), else with the shortest slice (Linux 6.12), which everybody may ask for.
 */
export function hurry(): Urgency {
  if (setAttribute(SCHED_RR, 1, 0n)) return "real time";
  return setAttribute(SCHED_OTHER, 0, SHORTEST_SLICE) ? "short slice" : "none";
}

function setAttribute(policy: number, priority: number, runtime: bigint): boolean {
  if (process.arch !== "x64" && process.arch !== "arm64") return false;
  const attribute = new DataView(new ArrayBuffer(ATTRIBUTE_LENGTH));
  attribute.setUint32(0, ATTRIBUTE_LENGTH, true);
  attribute.setUint32(4, policy, true);
  attribute.setUint32(20, priority, true);
  attribute.setBigUint64(24, runtime, true);
  return libc.syscall(SCHED_SETATTR[process.arch], 0, ptr(attribute), 0) === 0;
}
