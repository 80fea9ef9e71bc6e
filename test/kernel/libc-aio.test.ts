/** Writes by libc's threads, to files. What they are for is in `test/suites/kernel-later.ts`. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROCESS = new URL("later-write.ts", import.meta.url).pathname;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "manx-aio-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a process of its own says that has written "told" to the file. */
function write(path: string, threads: "threads" | "no threads"): string {
  const { stdout, stderr } = Bun.spawnSync([process.execPath, PROCESS, path, threads]);
  return `${stdout}${stderr}`;
}

describe.each(["threads", "no threads"] as const)("where a process may have %s", (threads) => {
  test("what is written is there once it is done", () => {
    const path = join(folder, threads);
    expect(write(path, threads)).toBe("done");
    expect(readFileSync(path, "utf8")).toBe("told");
  });

  test("a failure is told to whoever asks whether it is done", () => {
    expect(write("/dev/full", threads)).toBe("write: ENOSPC");
  });
});
