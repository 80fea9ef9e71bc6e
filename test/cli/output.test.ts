import { describe, expect, test } from "bun:test";
import { join } from "node:path";

const PROGRAM = join(import.meta.dir, "print.ts");

describe("output of the process", () => {
  test("ends quietly when its reader has seen enough, and has no colours in a pipe", () => {
    const { stdout, stderr, exitCode } = Bun.spawnSync(
      ["sh", "-c", '"$0" "$1" | head -n 2', process.execPath, PROGRAM],
      { timeout: 10_000 },
    );
    expect(stdout.toString()).toBe("line 1, colour false\nline 2, colour false\n");
    expect(stderr.toString()).toBe("the reader is gone\n");
    expect(exitCode).toBe(0);
  });
});
