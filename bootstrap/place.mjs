/** Where things are in this checkout, and how a step is run. */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
export const CACHE = join(ROOT, ".cache");
export const BUN = join(ROOT, "node_modules/.bin/bun");
export const EXECUTABLE = join(ROOT, "dist/manx");

/** Run a program with our terminal; its exit status (128 + n would be a shell's: a signal is 1). */
export function run(program, args, env = process.env) {
  const { status, error } = spawnSync(program, args, { stdio: "inherit", cwd: ROOT, env });
  if (error !== undefined) throw new Error(`cannot run ${program}: ${error.message}`);
  return status ?? 1;
}

/** One digest of the files' names and contents. */
export function digest(files) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(join(ROOT, file)));
  return hash.digest("hex");
}

/** Whether the step `name` was last completed for this digest. */
export function isDone(name, value) {
  const mark = join(CACHE, name);
  return existsSync(mark) && readFileSync(mark, "utf8") === value;
}

/** Note that the step is complete. */
export function markDone(name, value) {
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(join(CACHE, name), value);
}

/** Say what a step does, on stderr: stdout belongs to the command. */
export function say(text) {
  console.error(`» ${text}`);
}
