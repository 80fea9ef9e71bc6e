/** Advisory locks that die with their holder (flock(2)). */

import { closeSync, futimesSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { flock } from "./libc.ts";

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
/** Who asks whether a lock is held has it for an instant. */
const TRIES = 3;
const PAUSE = 10;

export type Lock = {
  /** Say that the holder lives, for `lockAge`. */
  touch(): void;
  /** Say that nobody was here, for `lockAge`. */
  forget(): void;
  release(): void;
};

/** Take the lock at `path`; undefined when another holds it. It is held until released or exit. */
export function acquireLock(path: string): Lock | undefined {
  mkdirSync(dirname(path), { recursive: true });
  const fd = openSync(path, "a");
  for (let tries = 1; !flock(fd, LOCK_EX | LOCK_NB); tries++) {
    if (tries === TRIES) {
      closeSync(fd);
      return undefined;
    }
    Bun.sleepSync(PAUSE);
  }
  const touch = (): void => {
    const now = new Date();
    futimesSync(fd, now, now);
  };
  touch();
  return { touch, forget: () => futimesSync(fd, 0, 0), release: () => closeSync(fd) };
}

/** Whether somebody holds the lock at `path`. */
export function isLocked(path: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return false;
  }
  const free = flock(fd, LOCK_SH | LOCK_NB);
  closeSync(fd);
  return !free;
}

/**
 * Seconds since the last holder touched the lock, which nobody holds now; undefined while somebody does. Infinity:
 * there is no such file.
 */
export function lockAge(path: string): number | undefined {
  if (isLocked(path)) return undefined;
  const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return touched === undefined ? Number.POSITIVE_INFINITY : (Date.now() - touched) / 1000;
}
