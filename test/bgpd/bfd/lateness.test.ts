import { expect, test } from "bun:test";
import { LATENESS_BOUNDS, LatenessRecord } from "../../../bgpd/bfd/lateness.ts";

test("what is late is counted by how much, the worst is kept, and what is early counts as in time", () => {
  const record = new LatenessRecord();
  const before = record.read();
  for (const now of [99, 100, 101, 107, 101.5, 9000]) record.note(100, now);
  const buckets = [3, 1, 0, 1, 0, 0, 0, 0, 0, 1];
  expect(record.read()).toEqual({ count: 6, sum: 1 + 7 + 1.5 + 8900, maximum: 8900, buckets });
  expect(buckets.length).toBe(LATENESS_BOUNDS.length + 1);
  // A reading stays as it was.
  expect([before.count, ...before.buckets]).toEqual(new Array(11).fill(0));
});
