/** What a pod leaves on a node if somebody forgets it, read with iproute2 so that nothing of ours checks itself. */

import { existsSync } from "node:fs";
import { command } from "./command.ts";

/** Everything in the kernel, the address records and the runtimes' CNI caches, for comparison. */
export function nodeState(): Readonly<Record<string, unknown>> {
  return {
    links: ip("link").map(({ ifname }) => ifname),
    routes: ip("route", "show", "table", "all"),
    neighbours: ip("neigh", "show", "nud", "permanent"),
    // Whose past is known stays known, in the order; who holds what does not.
    records: files("/run/manx/ipam").filter((file) => !file.includes("/order/")),
    results: files("/var/lib/cni/results"),
    namespaces: files("/run/netns"),
  };
}

/** `ip -j …` on the node. */
export function ip(...args: string[]): Record<string, unknown>[] {
  const text = command("ip", "-j", ...args).trim();
  return text === "" ? [] : JSON.parse(text);
}

/** `ip -j …` in a namespace named by a path. */
export function ipInside(namespace: string, ...args: string[]): Record<string, unknown>[] {
  const text = command("nsenter", `--net=${namespace}`, "ip", "-j", ...args).trim();
  return text === "" ? [] : JSON.parse(text);
}

function files(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return command("find", folder, "-type", "f").split("\n").filter(Boolean).sort();
}
