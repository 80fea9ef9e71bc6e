/** Advisory locks that die with their holder (flock(2)). */

import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { flock } from "./libc.ts";

const LOCK_EX = 2;
const LOCK_NB = 4;

/** Take the lock at `path`; undefined when another holds it. It is held until released or exit. */
export function acquireLock(path: string): { release(): void } | undefined {
  mkdirSync(dirname(path), { recursive: true });
  const fd = openSync(path, "a");
  if (flock(fd, LOCK_EX | LOCK_NB)) return { release: () => closeSync(fd) };
  closeSync(fd);
  return undefined;
}

/** Whether somebody holds the lock at `path`. */
export function isLocked(path: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return false;
  }
  const free = flock(fd, LOCK_EX | LOCK_NB);
  closeSync(fd);
  return !free;
}
