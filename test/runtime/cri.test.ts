/**
 * Pods as a kubelet makes them: containerd through the Container Runtime Interface, with the shipped
 * configuration.
 */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { eventually } from "../interop/network.ts";
import { command } from "./command.ts";
import { type Containerd, startContainerd } from "./containerd.ts";
import type { PortMapping } from "./cri.ts";
import { BLOCK, BUSYBOX, isReady, NODE_ADDRESS, publishBlock } from "./ground.ts";
import { PAGE } from "./image.ts";
import { ip, ipInside, nodeState } from "./node-state.ts";

/** The node's own network namespace. */
const NODE = "/proc/self/ns/net";

describe.skipIf(!isReady)("containerd through CRI", () => {
  let containerd: Containerd;
  let before: Readonly<Record<string, unknown>>;
  /** Sandboxes that a failed test did not remove. */
  const ids: string[] = [];

  beforeAll(async () => {
    containerd = await startContainerd();
  });
  afterAll(async () => {
    await containerd?.stop();
  });
  beforeEach(() => {
    before = nodeState();
  });
  afterEach(async () => {
    publishBlock(BLOCK);
    for (const id of ids.splice(0)) await end(id);
  });

  async function run(pod: string, port?: PortMapping) {
    const id = await containerd.cri.run(pod, port);
    ids.push(id);
    return { id, ...(await containerd.cri.status(id)) };
  }

  async function end(id: string) {
    await containerd.cri.stop(id);
    await containerd.cri.remove(id);
  }

  const ping = (namespace: string, address: string) =>
    command("nsenter", `--net=${namespace}`, "ping", "-c1", "-W5", address);

  const get = (namespace: string, url: string) =>
    command("nsenter", `--net=${namespace}`, BUSYBOX, "wget", "-qO-", url);

  test("the shipped configuration makes the node's network ready", async () => {
    const conditions = await containerd.cri.conditions();
    expect(conditions.find(({ type }) => type === "NetworkReady")).toMatchObject({ status: true });
  });

  test("two pods reach each other and the node, at the addresses that the runtime tells", async () => {
    const a = await run("a");
    const b = await run("b");
    for (const pod of [a, b]) {
      expect(pod).toMatchObject({ state: "SANDBOX_READY", additionalAddresses: [] });
      expect(pod.address).toMatch(/^10\.244\.1\.\d+$/);
      const [eth0] = ipInside(pod.namespace, "-4", "address", "show", "dev", "eth0");
      expect(eth0?.addr_info).toMatchObject([{ local: pod.address, prefixlen: 32 }]);
      expect(ip("route", "show", pod.address)).toMatchObject([
        { dev: expect.stringMatching(/^manx[0-9a-f]{11}$/) },
      ]);
    }
    expect(a.address).not.toBe(b.address);
    ping(a.namespace, b.address);
    ping(b.namespace, a.address);
    ping(a.namespace, NODE_ADDRESS);
  });

  test("a port of the node leads to a pod as long as it lives", async () => {
    const url = `http://${NODE_ADDRESS}:8080/`;
    const server = await run("server", { container_port: 80, host_port: 8080 });
    const client = await run("client");
    await eventually("the page, from the node", () => get(NODE, url) === PAGE);
    expect(get(client.namespace, url)).toBe(PAGE);
    await containerd.cri.stop(server.id);
    expect(() => get(NODE, url)).toThrow("Connection refused");
  });

  test("a stopped pod leaves no link, route, neighbour, address or namespace", async () => {
    const { id } = await run("a");
    expect(nodeState()).not.toEqual(before);
    await containerd.cri.stop(id);
    expect(nodeState()).toEqual(before);
    expect(await containerd.cri.status(id)).toMatchObject({ state: "SANDBOX_NOTREADY" });
    await containerd.cri.stop(id);
    await containerd.cri.remove(id);
    ids.pop();
    expect(nodeState()).toEqual(before);
  });

  test("a pod that gets no address fails with our words, and leaves nothing", async () => {
    publishBlock("10.244.2.7/32");
    const { address } = await run("a");
    expect(address).toBe("10.244.2.7");
    const full = nodeState();
    // Not `rejects`: Bun waits in there without process.nextTick, by which the client hands on a refusal.
    const refusal = await run("b").catch(String);
    expect(refusal).toContain("no free address: block 10.244.2.7/32 has 1 of 1 addresses in use");
    expect(nodeState()).toEqual(full);
  });

  test("pods started and stopped at once have an address each, and leave nothing", async () => {
    const pods = await Promise.all(Array.from({ length: 8 }, (_, index) => run(`pod${index}`)));
    expect(new Set(pods.map(({ address }) => address)).size).toBe(8);
    await Promise.all(pods.map(({ id }) => end(id)));
    ids.splice(0);
    expect(nodeState()).toEqual(before);
  });
});
