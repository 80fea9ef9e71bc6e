/** What plugins behind manx do to traffic: host ports, limits, filters and settings. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { BURST, HOST_END, HOST_PORT, LINKS, type Link, POD_PORT, RATE, wishOf } from "./links.ts";
import { createRuntime, type Runtime } from "./runtime.ts";
import { createScene, type Json, PLUGINS, type Scene } from "./scene.ts";
import { CLIENT, cableClient, NODE, seenBy, transfer } from "./traffic.ts";

const POD = "10.244.1.0";
const OTHER_POD = "10.244.1.1";

let scene: Scene;
beforeEach(() => {
  scene = createScene("a", "b", "client");
  cableClient(scene);
});
afterEach(() => {
  scene.remove();
  rmSync("/run/cni", { recursive: true, force: true });
});

/** Pods "a", with what the link can do, and "b", without. */
function attach(link: Link, keys: Json = {}): Runtime {
  const { type, ipam } = scene.config;
  const plugins = [
    { type, ipam },
    { ...link.config, ...keys },
  ];
  const runtime = createRuntime(scene, { cniVersion: "1.0.0", name: "pods", plugins });
  runtime.add({ capabilities: wishOf([link]) });
  runtime.add({ pod: "b" });
  return runtime;
}

const hasPrograms = PLUGINS !== "" && ["iptables", "tc"].every((program) => Bun.which(program));

describe.skipIf(!hasPrograms)("a host port of portmap reaches the pod", () => {
  const cases = [
    {
      from: "client",
      address: NODE,
      seen: CLIENT,
      name: "from beyond the node, with its own address",
    },
    { from: "b", address: NODE, seen: OTHER_POD, name: "from another pod, with its own address" },
    { from: "a", address: NODE, seen: "10.0.0.1", name: "from the pod itself, as the node" },
    { from: "host", address: NODE, seen: NODE, name: "from the node" },
    { from: "host", address: "127.0.0.1", seen: "10.0.0.1", name: "from the node's loopback" },
  ];
  for (const { name, from, address, seen } of cases) {
    test(name, async () => {
      attach(LINKS.portmap);
      const target = { address, port: HOST_PORT };
      expect(await seenBy("a", POD_PORT, { from, target })).toBe(seen);
    });
  }

  test("no longer after DEL", async () => {
    const runtime = attach(LINKS.portmap);
    const target = { address: NODE, port: HOST_PORT };
    await seenBy("a", POD_PORT, { from: "client", target });
    runtime.del({ capabilities: wishOf([LINKS.portmap]) });
    await expect(seenBy("a", POD_PORT, { from: "client", target })).rejects.toThrow("connect");
  });
});

describe.skipIf(!hasPrograms)("limits of bandwidth", () => {
  const BYTES = 1_000_000;
  /** What the rate and the burst let through at best, in ms, and ten times as long. */
  const LEAST = ((BYTES * 8 - BURST) / RATE) * 1000;
  const MOST = 10 * LEAST;
  const toPod = { from: "client", target: { address: POD, port: 9 } };
  const fromPod = { from: "a", target: { address: CLIENT, port: 9 } };

  test("are queues at the host end, and another pod has none", () => {
    attach(LINKS.bandwidth);
    const queues = (link: string) =>
      scene.run("host", "tc", "qdisc", "show", "dev", link).replaceAll(/ +$/gm, "");
    expect(queues(HOST_END)).toContain("tbf 1: root refcnt 2 rate 16Mbit burst 100000b");
    expect(queues(HOST_END)).toContain("ingress ffff:");
    expect(queues("manx23bed21a109")).toBe("qdisc noqueue 0: root refcnt 2\n");
  });

  test("hold for what the pod gets", async () => {
    attach(LINKS.bandwidth);
    const time = await transfer(BYTES, "a", toPod);
    expect(time).toBeGreaterThan(LEAST);
    expect(time).toBeLessThan(MOST);
  });

  test("hold for what the pod says", async () => {
    attach(LINKS.bandwidth);
    const time = await transfer(BYTES, "client", fromPod);
    expect(time).toBeGreaterThan(LEAST);
    expect(time).toBeLessThan(MOST);
  });

  test("do not hold another pod back", async () => {
    attach(LINKS.bandwidth);
    const target = { address: OTHER_POD, port: 9 };
    expect(await transfer(BYTES, "b", { from: "client", target })).toBeLessThan(LEAST);
  });
});

describe.skipIf(!hasPrograms)("where the node forwards nothing by itself", () => {
  test("firewall lets the pod's connections out and no others in", async () => {
    scene.run("host", "iptables", "-P", "FORWARD", "DROP");
    const runtime = attach(LINKS.firewall);
    const outward = { from: "a", target: { address: CLIENT, port: 9 } };
    expect(await seenBy("client", 9, outward)).toBe(POD);
    expect(scene.ping("client", POD)).toBe(false);
    runtime.del();
    expect(scene.run("host", "iptables", "-S")).not.toContain(POD);
  });
});

describe.skipIf(!hasPrograms)("tuning", () => {
  test("changes settings and the MTU in the pod alone, and traffic passes", () => {
    const runtime = attach(LINKS.tuning);
    expect(scene.run("a", "sysctl", "-n", "net.core.somaxconn")).toBe("777\n");
    expect(scene.ip("a", "link", "show", "eth0")[0]?.mtu).toBe(1300);
    expect(scene.ip("host", "link", "show", HOST_END)[0]?.mtu).toBe(1500);
    expect(scene.ping("client", POD)).toBe(true);
    expect(runtime.check().failure).toBeUndefined();
  });

  test("that gives the pod another MAC cuts it off, and CHECK says so", () => {
    const runtime = attach(LINKS.tuning, { mac: "02:00:00:00:00:07" });
    expect(scene.ping("host", POD)).toBe(false);
    const { failure } = runtime.check();
    expect(failure?.plugin).toBe("manx");
    expect(failure?.answer.json?.msg).toContain(`neighbour ${POD} of ${HOST_END} is`);
  });
});
