import { describe, expect, test } from "bun:test";
import { kindOf, secondsSince, type ThreadKind, threadSeconds } from "./threads.ts";

describe("the CPU time of threads", () => {
  const names: readonly (readonly [name: string, kind: ThreadKind])[] = [
    ["JITWorker", "compilers"],
    ["JITWorker-2", "compilers"],
    ["HeapHelper", "collector"],
    ["ollector Thread", "collector"],
    ["Bun Pool 0", "other"],
    ["", "other"],
  ];
  for (const [name, kind] of names) {
    test(`a thread named ${JSON.stringify(name)} is of ${kind}`, () => {
      expect(kindOf(name)).toBe(kind);
    });
  }

  test("grows where a thread works, and is the first thread's own", () => {
    const before = threadSeconds([process.pid]);
    const begin = process.cpuUsage();
    // Until this thread has worked for 50 ms, by another clock.
    while (process.cpuUsage(begin).user < 100_000) Math.sqrt(2);
    const { own } = secondsSince(before, threadSeconds([process.pid]));
    expect(own).toBeGreaterThan(0.02);
    expect(own).toBeLessThan(10);
  });

  test("is nothing of a process that has gone", () => {
    expect(threadSeconds([4_194_305])).toEqual({ own: 0, compilers: 0, collector: 0, other: 0 });
  });
});
