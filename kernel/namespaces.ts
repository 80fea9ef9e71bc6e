/**
 * The network namespaces that live on this machine, as far as it can be seen from here: those of processes
 * (/proc/PID/ns/net) and those that somebody keeps by a mount (nsfs in /proc/PID/mountinfo).
 *
 * One that only an open descriptor keeps, or a process or mount of a namespace that is not seen here, is missed.
 */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export type LiveNamespace = {
  /** `net:[4026531840]`, the kernel's name for it. */
  readonly name: string;
  /** Where it can be opened: a mount if there is one, for people know those. */
  readonly path: string;
};

export type LiveNamespaces = {
  /** Each once; the caller's own is among them. */
  readonly found: readonly LiveNamespace[];
  /** What could not be looked at, and why. */
  readonly unseen: readonly string[];
};

/** Look for them. A process that ends meanwhile is passed over. */
export function liveNamespaces(): LiveNamespaces {
  const found = new Map<string, string>();
  const unseen: string[] = [];
  for (const { root, path } of mountsOf(readFileSync("/proc/self/mountinfo", "utf8"))) {
    if (!found.has(root)) found.set(root, path);
  }
  for (const pid of processIds()) {
    const path = `/proc/${pid}/ns/net`;
    const name = unlessGone(path, () => readlinkSync(path), unseen);
    if (name !== undefined && !found.has(name)) found.set(name, path);
  }
  return { found: [...found].map(([name, path]) => ({ name, path })), unseen };
}

/** The namespace that this thread is in. */
export function ownNamespace(): string {
  return readlinkSync("/proc/thread-self/ns/net");
}

/** Environments of the processes that have the variable, by their ids; what could not be looked at as well. */
export function processesWith(variable: string): {
  readonly found: readonly {
    readonly pid: number;
    readonly environment: ReadonlyMap<string, string>;
  }[];
  readonly unseen: readonly string[];
} {
  const unseen: string[] = [];
  const found = processIds().flatMap((pid) => {
    const path = `/proc/${pid}/environ`;
    const text = unlessGone(path, () => readFileSync(path, "utf8"), unseen) ?? "";
    if (!text.includes(`${variable}=`)) return [];
    const environment = new Map(
      text.split("\0").map((pair) => {
        const at = pair.indexOf("=");
        return [pair.slice(0, at), pair.slice(at + 1)] as const;
      }),
    );
    return environment.has(variable) ? [{ pid, environment }] : [];
  });
  return { found, unseen };
}

/** Namespaces of the network kind in a mountinfo (proc_pid_mountinfo(5)): by their name, where they are mounted. */
export function mountsOf(mountinfo: string): { readonly root: string; readonly path: string }[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [, , , root = "", path = ""] = line.split(" ");
    if (!root.startsWith("net:[") || !line.includes(" - nsfs ")) return [];
    // Blanks and such are written as three octal digits.
    const plain = path.replace(/\\([0-7]{3})/g, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 8)),
    );
    return [{ root, path: plain }];
  });
}

function processIds(): number[] {
  return readdirSync("/proc").map(Number).filter(Number.isInteger);
}

/** Undefined for what is gone by now, and for what may not be read, which is noted. */
function unlessGone<Value>(path: string, read: () => Value, unseen: string[]): Value | undefined {
  try {
    return read();
  } catch (fault) {
    const code = fault instanceof Error && "code" in fault ? String(fault.code) : "EIO";
    if (code !== "ENOENT" && code !== "ESRCH") unseen.push(`${path} cannot be read (${code})`);
    return undefined;
  }
}
