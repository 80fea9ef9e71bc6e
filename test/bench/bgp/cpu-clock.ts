/**
 * The CPU time of another process to the nanosecond: /proc has hundredths of a second, which is more than some steps
 * take.
 */

import { dlopen } from "bun:ffi";

const { symbols: libc } = dlopen("libc.so.6", {
  clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
});

/** CPUCLOCK_SCHED of include/linux/posix-timers.h, the clock that clock_getcpuclockid(3) gives for a process. */
const CPUCLOCK_SCHED = 2;

/** Seconds that the threads of the process have run, those that ended included; 0 when there is no such process. */
export function cpuSeconds(pid: number): number {
  const time = new BigInt64Array(2);
  if (libc.clock_gettime((~pid << 3) | CPUCLOCK_SCHED, time) !== 0) return 0;
  return Number(time[0]) + Number(time[1]) / 1e9;
}
