/**
 * Every system call of the plugin fails once, with whatever it can fail with: the answer is a result that holds
 * or an error object, and nothing is left.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { IS_LONG, sampled } from "./long.ts";
import type { Answer, Call, Scene } from "./scene.ts";
import { createNode, SITUATIONS, type Situation } from "./situation.ts";
import { describePoint, fail, type Point, trace } from "./strace.ts";
import { differenceOf, survey } from "./survey.ts";

const TIMEOUT = IS_LONG ? 600_000 : 60_000;
/** Beyond the first and the last of each pair of call and failure. */
const SAMPLE = 12;

/** What the calls that reach out of the process can fail with. */
const ERRORS: Readonly<Record<string, readonly string[]>> = {
  close: ["EIO", "EINTR"],
  ftruncate: ["EIO", "EINTR"],
  getdents64: ["EIO", "ENOMEM"],
  linkat: ["EEXIST", "ENOSPC", "EMLINK", "EROFS", "EPERM"],
  mkdir: ["ENOSPC", "EACCES", "EROFS"],
  newfstatat: ["EACCES", "ENOMEM"],
  openat: ["EACCES", "EMFILE", "ENFILE", "ENOMEM", "ENOSPC", "EROFS", "EINTR", "ENODEV"],
  pwrite64: ["ENOSPC", "EIO", "EINTR", "EDQUOT"],
  read: ["EINTR", "EIO", "EAGAIN", "ENOMEM", "ENOBUFS"],
  rename: ["ENOSPC", "EACCES"],
  rmdir: ["EACCES", "ENOTEMPTY"],
  setns: ["EPERM", "ENOMEM", "EINVAL"],
  setsockopt: ["ENOMEM", "ENOPROTOOPT"],
  socket: ["EMFILE", "ENOMEM", "EACCES"],
  statx: ["EACCES", "ENOMEM"],
  unlink: ["EACCES", "EROFS"],
  unlinkat: ["EACCES", "EROFS", "EIO"],
  write: ["EINTR", "ENOSPC", "EIO", "EAGAIN", "ENOMEM", "ENOBUFS", "EPERM"],
};

/** Where the answer itself fails: all is done by then, and the runtime's DEL, which it owes after a failure, undoes it. */
const TELLING = /^write\(1,/;

type Case = { readonly point: Point; readonly error: string };
