/** The plugin's ground in memory: a host with pods, and calls as a runtime makes them. */

import type { CollectingGround } from "../../cni/collect.ts";
import { NODE_FILE } from "../../ipam/node.ts";
import { CniError } from "../../ipam/protocol/error.ts";
import { parseRequest, type Request } from "../../ipam/protocol/request.ts";
import type { Command } from "../../ipam/protocol/version.ts";
import { createMemoryHost } from "../../kernel/memory.ts";
import { surveyHost, surveyNamespace } from "../../kernel/survey.ts";
import { formatAddress } from "../../lib/address.ts";
import { memoryFiles } from "../ipam/memory-files.ts";

export const CONFIG = {
  cniVersion: "1.0.0",
  name: "pods",
  type: "manx",
  ipam: { type: "manx-ipam", blocks: ["10.244.1.0/24"] },
};

/** As `CONFIG`, with the node file's blocks. */
export const SHARING = { ipam: { type: "manx-ipam" } };

export function createTwin() {
  const memory = createMemoryHost();
  const files = memoryFiles();
  const pods = new Map<string, number>();
  const namespaceOf = (path: string): number => {
    const known = pods.get(path) ?? memory.createNamespace(path.slice(path.lastIndexOf("/") + 1));
    pods.set(path, known);
    return known;
  };
  const forgotten: string[] = [];
  const unseen: string[] = [];
  const ground: CollectingGround = {
    survey: () => ({
      host: surveyHost(memory.kernel()),
      namespaces: [...pods].map(([path, pod]) => surveyNamespace(path, memory.kernel(pod))),
      calls: [],
      unseen,
    }),
    files,
    host: () => memory.kernel(),
    forget: (addresses) => void forgotten.push(...addresses.map(formatAddress)),
    pod: ({ namespacePath }) => {
      const descriptor = namespaceOf(namespacePath);
      const kernel = memory.kernel(descriptor);
      return { kernel, descriptor, close: () => kernel.close() };
    },
  };
  const request = (verb: Command, pod: string, config: object = {}, CNI_IFNAME = "eth0"): Request =>
    parseRequest(
      verb,
      { CNI_CONTAINERID: pod, CNI_NETNS: `/n/${pod}`, CNI_IFNAME, CNI_PATH: "/p" },
      () => JSON.stringify({ ...CONFIG, ...config }),
    );
  return {
    memory,
    ground,
    request,
    /** Addresses whose connections the host was to forget. */
    forgotten,
    /** What the machine does not show. */
    unseen,
    /** Write the node file, with these blocks. */
    publish(...blocks: readonly string[]): void {
      files.makeFolder("/run/manx");
      if (files.links(NODE_FILE) !== undefined) files.unlink(NODE_FILE);
      const [ipv4, ipv6] = [false, true].map((six) =>
        blocks.filter((block) => block.includes(":") === six),
      );
      const ready = { ok: true, reason: "converged", since: "2026-01-01T00:00:00.000Z" };
      const node = { version: 1, node: "n1", blocks: { ipv4, ipv6 }, mtu: 1500, generation: 1 };
      files.create(NODE_FILE, JSON.stringify({ ...node, ready }));
    },
    /** The kernel in a pod, which is made when it is new. */
    pod: (name: string) => memory.kernel(namespaceOf(`/n/${name}`)),
    /** Kernel and address records, as text. */
    state: () =>
      [memory.print(), ...files.paths().filter((path) => !path.includes("/order/"))].join("\n"),
  };
}

/** The failure of a call that must fail. */
export function failureOf(act: () => unknown): CniError {
  try {
    act();
  } catch (failure) {
    if (failure instanceof CniError) return failure;
    throw failure;
  }
  throw new Error("it did not fail");
}
