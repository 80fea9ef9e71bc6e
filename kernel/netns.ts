/** Network namespaces by path: enter for a moment, make, remove (network_namespaces(7)). */

import { closeSync, openSync, rmSync, writeFileSync } from "node:fs";
import { mount, SystemError, setns, unmount, unshare } from "./libc.ts";

const CLONE_NEWNET = 0x4000_0000;
const MS_BIND = 0x1000;
const MNT_DETACH = 2;
/** The namespace of the calling thread, which after setns differs from the process's. */
const OWN = "/proc/thread-self/ns/net";

/** Call `run` with this thread inside the namespace; it must be synchronous. */
export function insideNamespace<Result>(namespace: string | number, run: () => Result): Result {
  const own = openSync(OWN, "r");
  try {
    const target = typeof namespace === "number" ? namespace : openSync(namespace, "r");
    try {
      setns(target, CLONE_NEWNET);
    } finally {
      if (target !== namespace) closeSync(target);
    }
    try {
      return run();
    } finally {
      setns(own, CLONE_NEWNET);
    }
  } finally {
    closeSync(own);
  }
}

/** Make a network namespace and keep it at `path`, a new file below a mount of our own. */
export function createNamespace(path: string): void {
  const own = openSync(OWN, "r");
  try {
    writeFileSync(path, "", { flag: "wx" });
    unshare(CLONE_NEWNET);
    try {
      mount(OWN, path, "none", MS_BIND);
    } finally {
      setns(own, CLONE_NEWNET);
    }
  } finally {
    closeSync(own);
  }
}

/** Let go of a namespace made by `createNamespace`; no error when there is none. */
export function removeNamespace(path: string): void {
  try {
    unmount(path, MNT_DETACH);
  } catch (error) {
    if (!(error instanceof SystemError && (error.code === "EINVAL" || error.code === "ENOENT"))) {
      throw error;
    }
  }
  rmSync(path, { force: true });
}
