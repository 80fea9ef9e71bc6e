/**
 * Everything on this machine that may use a pod's address: the host's links, host routes and neighbours, what is in
 * the other network namespaces, and the CNI calls that are under way.
 *
 * The order makes it a proof. An ADD records an address before it makes a link, a DEL removes the link before the
 * record, and calls are read before the kernel and after it: whoever reads the records before and after all this sees
 * either a call's process, or what it has done.
 */

import { bitsOf } from "../lib/address.ts";
import type { InterfaceAddress, Kernel, Link, Neighbour, Route } from "./kernel.ts";
import { liveNamespaces, ownNamespace, processesWith } from "./namespaces.ts";
import { openKernel } from "./netlink.ts";

/** A process that a container runtime started, or one of its plugins. */
export type RunningCall = {
  readonly pid: number;
  /** CNI_COMMAND. */
  readonly verb: string;
  readonly container: string;
  readonly interfaceName: string;
};

export type NamespaceSurvey = {
  /** Where it can be opened. */
  readonly path: string;
  readonly links: readonly Link[];
  readonly addresses: readonly InterfaceAddress[];
};

export type HostSurvey = {
  readonly links: readonly Link[];
  readonly addresses: readonly InterfaceAddress[];
  /** Those of the main table that lead to a single address. */
  readonly routes: readonly Route[];
  readonly neighbours: readonly Neighbour[];
};

export type Survey = {
  readonly host: HostSurvey;
  readonly namespaces: readonly NamespaceSurvey[];
  readonly calls: readonly RunningCall[];
  /** What could not be looked at, and why: nothing is proved by its silence. */
  readonly unseen: readonly string[];
};

/** Look at all of it. Throws when the host's own namespace cannot be read. */
export function surveyMachine(): Survey {
  const before = runningCalls();
  const kernel = openKernel();
  try {
    const host = surveyHost(kernel);
    const { namespaces, unseen } = otherNamespaces();
    const after = runningCalls();
    const calls = new Map([...before.calls, ...after.calls].map((call) => [call.pid, call]));
    return {
      host,
      namespaces,
      calls: [...calls.values()],
      unseen: [...new Set([...before.unseen, ...after.unseen, ...unseen])],
    };
  } finally {
    kernel.close();
  }
}

/** What the host's namespace has. */
export function surveyHost(kernel: Kernel): HostSurvey {
  return {
    links: kernel.links(),
    addresses: kernel.addresses(),
    routes: kernel
      .routes({ table: MAIN_TABLE })
      .filter(({ destination }) => destination.length === bitsOf(destination.family)),
    neighbours: kernel.neighbours(),
  };
}

/** What a pod's namespace has. */
export function surveyNamespace(path: string, kernel: Kernel): NamespaceSurvey {
  return { path, links: kernel.links(), addresses: kernel.addresses() };
}

const MAIN_TABLE = 254;

function runningCalls() {
  const { found, unseen } = processesWith("CNI_COMMAND");
  const calls = found.map(({ pid, environment }): RunningCall => {
    const value = (name: string): string => environment.get(name) ?? "";
    return {
      pid,
      verb: value("CNI_COMMAND"),
      container: value("CNI_CONTAINERID"),
      interfaceName: value("CNI_IFNAME"),
    };
  });
  return { calls, unseen };
}

function otherNamespaces() {
  const { found, unseen } = liveNamespaces();
  const own = ownNamespace();
  const failures = [...unseen];
  const namespaces: NamespaceSurvey[] = [];
  for (const { name, path } of found) {
    if (name === own) continue;
    try {
      const kernel = openKernel({ namespace: path });
      try {
        namespaces.push(surveyNamespace(path, kernel));
      } finally {
        kernel.close();
      }
    } catch (fault) {
      // Its last process may have ended meanwhile, and it with it.
      const code = fault instanceof Error && "code" in fault ? String(fault.code) : "EIO";
      if (code !== "ENOENT") failures.push(`namespace ${path} cannot be entered (${code})`);
    }
  }
  return { namespaces, unseen: failures };
}
