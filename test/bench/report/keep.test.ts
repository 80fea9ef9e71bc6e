import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Result } from "./job.ts";
import { openKeep } from "./keep.ts";

const JOB = { bench: "cni", id: "cni", args: ["--count", "20"], limit: 9 } as const;
const RESULT: Result = { bench: "cni", job: JOB, answer: { count: 20, rows: [] } };

describe("what a report keeps", () => {
  let place = "";
  let executable = "";
  const open = (resume: boolean) => openKeep(join(place, "kept"), { executable, resume });

  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), "manx-keep-"));
    executable = join(place, "manx");
    writeFileSync(executable, "one");
  });
  afterEach(() => rmSync(place, { recursive: true }));

  test("is found again by the same job when it is resumed", () => {
    open(false).put(RESULT);
    expect(open(true).find(JOB)).toEqual(RESULT);
  });

  test("is gone when the report begins anew", () => {
    open(false).put(RESULT);
    expect(open(false).find(JOB)).toBeUndefined();
  });

  test("is nothing for another executable", () => {
    open(false).put(RESULT);
    writeFileSync(executable, "two");
    expect(open(true).find(JOB)).toBeUndefined();
  });

  test("is nothing for other options", () => {
    open(false).put(RESULT);
    expect(open(true).find({ ...JOB, args: ["--count", "100"] })).toBeUndefined();
  });

  test("a failure is tried again", () => {
    open(false).put({ bench: "cni", job: JOB, error: "not within 9 s" });
    expect(open(true).find(JOB)).toBeUndefined();
  });
});
