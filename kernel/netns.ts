/** Network namespaces by path: enter for a moment, make, remove (network_namespaces(7)). */

import {
  close,
  isSameFile,
  mount,
  O,
  open,
  SystemError,
  setns,
  unlink,
  unmount,
  unshare,
} from "./libc.ts";

const CLONE_NEWNET = 0x4000_0000;
const MS_BIND = 0x1000;
const MNT_DETACH = 2;
/** The namespace of the calling thread, which after setns differs from the process's. */
const OWN = "/proc/thread-self/ns/net";

/**
 * Call `run` with this thread inside the namespace; it must be synchronous. `refuseOwn` is called before, and may
 * throw, when the namespace is the thread's own.
 */
export function insideNamespace<Result>(
  namespace: string | number,
  run: () => Result,
  refuseOwn?: () => void,
): Result {
  const own = open(OWN, O.RDONLY);
  try {
    const target = typeof namespace === "number" ? namespace : open(namespace, O.RDONLY);
    try {
      if (refuseOwn !== undefined && isSameFile(own, target)) refuseOwn();
      setns(target, CLONE_NEWNET);
    } finally {
      if (target !== namespace) close(target);
    }
    try {
      return run();
    } finally {
      setns(own, CLONE_NEWNET);
    }
  } finally {
    close(own);
  }
}

/** Make a network namespace and keep it at `path`, a new file below a mount of our own. */
export function createNamespace(path: string): void {
  const own = open(OWN, O.RDONLY);
  try {
    close(open(path, O.WRONLY | O.CREAT | O.EXCL, 0o444));
    try {
      unshare(CLONE_NEWNET);
      try {
        mount(OWN, path, "none", MS_BIND);
      } finally {
        setns(own, CLONE_NEWNET);
      }
    } catch (error) {
      unlink(path);
      throw error;
    }
  } finally {
    close(own);
  }
}

/** Let go of a namespace made by `createNamespace`; no error when there is none. */
export function removeNamespace(path: string): void {
  unless(["EINVAL", "ENOENT"], () => unmount(path, MNT_DETACH));
  unless(["ENOENT"], () => unlink(path));
}

/** Do it; failures of these codes are none. */
function unless(codes: readonly string[], act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof SystemError && codes.includes(error.code))) throw error;
  }
}
