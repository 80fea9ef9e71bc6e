/** What can fail of a call, and what its answer must be then. */

import { isVersion } from "../../../ipam/protocol/version.ts";
import type { Answer, Call, Scene } from "./scene.ts";
import type { Failure, Point } from "./strace.ts";

/** What the system calls that reach out of the process can fail with. */
const ERRORS: Readonly<Record<string, readonly string[]>> = {
  access: ["EACCES", "ENOENT"],
  close: ["EIO", "EINTR"],
  epoll_create1: ["EMFILE", "ENOMEM"],
  eventfd2: ["EMFILE"],
  fcntl: ["EBADF"],
  ftruncate: ["ENOSPC"],
  memfd_create: ["EMFILE", "ENOMEM"],
  pidfd_open: ["EMFILE", "ENOMEM"],
  recvfrom: ["ECONNRESET", "ENOMEM"],
  socketpair: ["EMFILE", "ENOBUFS"],
  vfork: ["EAGAIN", "ENOMEM"],
  wait4: ["ECHILD", "EINTR"],
  link: ["EEXIST", "ENOSPC", "EMLINK", "EROFS", "EPERM"],
  linkat: ["EEXIST", "ENOSPC", "EMLINK", "EROFS", "EPERM"],
  mkdir: ["ENOSPC", "EACCES", "EROFS"],
  mkdirat: ["ENOSPC", "EACCES", "EROFS"],
  openat: ["EACCES", "EMFILE", "ENFILE", "ENOMEM", "ENOSPC", "EROFS", "EINTR", "ENODEV"],
  pwrite64: ["ENOSPC", "EIO", "EINTR", "EDQUOT"],
  read: ["EINTR", "EIO", "EAGAIN", "ENOMEM", "ENOBUFS"],
  rmdir: ["EACCES", "ENOTEMPTY"],
  setns: ["EPERM", "ENOMEM", "EINVAL"],
  setsockopt: ["ENOMEM", "ENOPROTOOPT"],
  socket: ["EMFILE", "ENOMEM", "EACCES"],
  statx: ["EACCES", "ENOMEM"],
  unlink: ["EACCES", "EROFS"],
  unlinkat: ["EACCES", "EROFS", "EIO"],
  write: ["EINTR", "ENOSPC", "EIO", "EAGAIN", "ENOMEM", "ENOBUFS", "EPERM"],
};

/**
 * When these fail it is not known what has happened, or all has happened: the request was sent and its
 * acknowledgement is lost, the result cannot be told. What is there may then stay until DEL, because a repeated
 * ADD's failure must not take apart what the first one made.
 */
export const UNKNOWN_OUTCOME = new Set(["read", "write", "close"]);

/** Each of these system calls with each error that it can fail with. */
export function failuresOf(points: readonly Point[]): Failure[] {
  return points.flatMap((point) =>
    (ERRORS[point.name] ?? []).map((error): Failure => ({ point, error })),
  );
}

/** What is wrong with an answer: it is a result that holds, or an error object. */
export function answerFaults(
  scene: Scene,
  verb: string,
  call: Call,
  { status, stdout, json }: Answer,
): string[] {
  if (status === 0) {
    if (verb !== "ADD") return stdout === "" ? [] : [`printed ${stdout}`];
    // A result is a promise.
    const config = { ...call.config, prevResult: json };
    const check = scene.call("CHECK", { ...call, config });
    return check.status === 0 ? [] : [`it succeeded, but CHECK says ${check.stdout}`];
  }
  const { cniVersion, code, msg } = json ?? {};
  // The reference plugins hand on what their delegate says without the version.
  const hasVersion = isVersion(cniVersion) || call.plugin !== undefined;
  const isObject = hasVersion && typeof code === "number" && typeof msg === "string";
  if (status !== 1 || !isObject || msg === "") return [`status ${status}, ${stdout}`];
  // 999 is a fault of ours; that the system refuses is none.
  if (code === 999 || /\n +at /.test(stdout)) return [stdout];
  return [];
}
