import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { acquireLock, isLocked, lockAge } from "../../kernel/lock.ts";

describe("locks", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "lock-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("one holder at a time, and another after the release", () => {
    const path = join(folder, "run", "bgpd.lock");
    const first = acquireLock(path);
    expect(first).toBeDefined();
    expect(isLocked(path)).toBe(true);
    expect(acquireLock(path)).toBeUndefined();
    first?.release();
    expect(isLocked(path)).toBe(false);
    const second = acquireLock(path);
    expect(second).toBeDefined();
    second?.release();
  });

  test("how long ago there was a holder, unless it said that there was none", () => {
    const path = join(folder, "bgpd.lock");
    expect(lockAge(path)).toBe(Number.POSITIVE_INFINITY);
    const first = acquireLock(path);
    expect(lockAge(path)).toBeUndefined();
    first?.release();
    expect(lockAge(path)).toBeLessThan(60);
    const second = acquireLock(path);
    second?.forget();
    second?.release();
    expect(lockAge(path)).toBeGreaterThan(1e9);
  });

  test("a file that is not there, or that nobody holds, is not locked", () => {
    expect(isLocked(join(folder, "none"))).toBe(false);
    writeFileSync(join(folder, "old"), "");
    expect(isLocked(join(folder, "old"))).toBe(false);
  });

  test("a lock dies with its holder", async () => {
    const path = join(folder, "bgpd.lock");
    const module = join(import.meta.dir, "../../kernel/lock.ts");
    const script = `import { acquireLock } from ${JSON.stringify(module)};
      acquireLock(${JSON.stringify(path)}); console.log("held"); setInterval(() => {}, 1000);`;
    const holder = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    const reader = holder.stdout.getReader();
    await reader.read();
    expect(isLocked(path)).toBe(true);
    holder.kill("SIGKILL");
    await holder.exited;
    expect(isLocked(path)).toBe(false);
  });
});
