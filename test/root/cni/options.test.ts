/** What the configuration, the runtime and CNI_ARGS can ask for; several attachments of one pod. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createScene, type Json, type Scene } from "./scene.ts";

const HOST_END = "manx0b3b1f0306f";

let scene: Scene;
beforeEach(() => {
  scene = createScene();
});
afterEach(() => scene.remove());

const link = (namespace: string, name: string): Json =>
  scene.ip(namespace, "link", "show", name)[0] ?? {};
const sysctl = (namespace: string, name: string): string =>
  scene.run(namespace, "cat", `/proc/sys/${name}`).trim();
const blocks = (...list: string[]): Json => ({ ...(scene.config.ipam as Json), blocks: list });

describe("an ADD may ask for", () => {
  test("a MAC, which CHECK then expects", () => {
    const config = { runtimeConfig: { mac: "02:00:00:00:00:AA" } };
    const prevResult = scene.done("ADD", { config });
    expect(link("a", "eth0").address).toBe("02:00:00:00:00:aa");
    expect((prevResult.interfaces as Json[])[1]?.mac).toBe("02:00:00:00:00:aa");
    expect(scene.call("CHECK", { config: { ...config, prevResult } }).status).toBe(0);
    expect(scene.ping("host", "10.244.1.0")).toBe(true);
  });

  test("an MTU of the uplink", () => {
    scene.run("host", "ip", "link", "add", "up0", "mtu", "1440", "type", "bridge");
    scene.run("host", "ip", "link", "set", "up0", "up");
    scene.run("host", "ip", "route", "add", "default", "dev", "up0");
    const { interfaces } = scene.done("ADD", { config: { mtu: "auto", cniVersion: "1.1.0" } });
    expect([link("a", "eth0").mtu, link("host", HOST_END).mtu]).toEqual([1440, 1440]);
    expect((interfaces as Json[])[1]?.mtu).toBe(1440);
  });

  test("another gateway, which is in the routes and answered for", () => {
    const config = { gateway: "10.99.0.1" };
    const prevResult = scene.done("ADD", { config });
    expect(prevResult.routes).toEqual([{ dst: "0.0.0.0/0", gw: "10.99.0.1" }]);
    expect(scene.ip("a", "route", "show", "default")[0]?.gateway).toBe("10.99.0.1");
    expect(scene.ping("a", "10.0.0.1")).toBe(true);
    expect(scene.call("CHECK", { config: { ...config, prevResult } }).status).toBe(0);
  });

  test("settings of the pod, which CHECK then expects", () => {
    const config = {
      sysctls: { "net.core.somaxconn": "1234", "net/ipv4/conf/eth0/log_martians": "1" },
    };
    const prevResult = scene.done("ADD", { config });
    expect(sysctl("a", "net/core/somaxconn")).toBe("1234");
    expect(sysctl("host", "net/core/somaxconn")).not.toBe("1234");
    scene.run("a", "sh", "-c", "echo 1 > /proc/sys/net/core/somaxconn");
    const { json } = scene.call("CHECK", { config: { ...config, prevResult } });
    expect(json?.msg).toBe("sysctl net.core.somaxconn is 1, expected 1234");
  });

  test("more queues", () => {
    scene.done("ADD", { config: { numQueues: 2 } });
    expect([link("host", HOST_END).num_tx_queues, link("a", "eth0").num_rx_queues]).toEqual([2, 2]);
  });

  test("forwarding in the pod, which is off otherwise, whatever the node's namespace has", () => {
    scene.run("a", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
    scene.done("ADD");
    expect(sysctl("a", "net/ipv4/conf/eth0/forwarding")).toBe("0");
    scene.done("ADD", { pod: "b", config: { forwarding: true } });
    expect(sysctl("b", "net/ipv4/conf/eth0/forwarding")).toBe("1");
  });
});

describe("an address may be asked for", () => {
  for (const [where, config, environment] of [
    ["runtimeConfig.ips", { runtimeConfig: { ips: ["10.244.1.77/24"] } }, {}],
    ["args.cni.ips", { args: { cni: { ips: ["10.244.1.77"] } } }, {}],
    ["CNI_ARGS", {}, { CNI_ARGS: "IgnoreUnknown=1;IP=10.244.1.77" }],
  ] as const) {
    test(`by ${where}`, () => {
      const { ips } = scene.done("ADD", { config, environment });
      expect((ips as Json[])[0]?.address).toBe("10.244.1.77/32");
    });
  }

  test("of one family, the other is chosen", () => {
    const ipam = blocks("10.244.1.0/24", "fd00::/120");
    const config = { ipam, runtimeConfig: { ips: ["fd00::9"] } };
    const { ips } = scene.done("ADD", { config });
    expect((ips as Json[]).map(({ address }) => address)).toEqual(["10.244.1.0/32", "fd00::9/128"]);
  });

  const asking = (...ips: string[]) => ({ runtimeConfig: { ips } });
  const refused = (config: Json): Json => {
    const before = scene.state();
    const { status, json } = scene.call("ADD", { config });
    expect(status).toBe(1);
    expect(scene.state()).toEqual(before);
    return json ?? {};
  };

  test("and is refused with the holder's name when it is taken", () => {
    const environment = { CNI_ARGS: "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart" };
    scene.done("ADD", { pod: "b", config: asking("10.244.1.5"), environment });
    expect(refused(asking("10.244.1.5"))).toMatchObject({
      code: 102,
      msg: "the address that is asked for cannot be had: 10.244.1.5 is taken: pod shop/cart (eth0) has it",
    });
  });

  test("and is refused where it is not this node's", () => {
    const { code, msg } = refused(asking("10.9.9.9"));
    expect(code).toBe(7);
    expect(msg).toContain("10.9.9.9 lies in none of this node's blocks (10.244.1.0/24)");
    expect(refused(asking("fd00::1")).msg).toContain("the node has no IPv6 block");
  });

  test("and is refused when it is none, or two of a family", () => {
    expect(refused(asking("x", "10.244.1.1", "10.244.1.2")).msg).toBe(
      'runtimeConfig.ips has "x": expected an address such as 10.244.1.7; runtimeConfig.ips has two IPv4 addresses: expected one of a family',
    );
  });
});

describe("several attachments of a pod", () => {
  const second = () => ({
    config: { name: "storage", ipam: blocks("10.245.0.0/24", "fd00:5::/120") },
    environment: { CNI_IFNAME: "net1" },
  });

  test("have host ends of their own, and the first one's routes stay the ones in use", () => {
    const first = { ipam: blocks("10.244.1.0/24", "fd00:4::/120") };
    scene.done("ADD", { config: first });
    const routes = scene.run("a", "ip", "route", "get", "192.0.2.1");
    scene.done("ADD", second());
    expect(
      scene.ip("host", "link").filter(({ ifname }) => String(ifname).startsWith("manx")),
    ).toHaveLength(2);
    expect(scene.run("a", "ip", "route", "get", "192.0.2.1")).toBe(routes);
    expect(scene.run("a", "ip", "-6", "route", "get", "2001:db8::1")).toContain("dev eth0");
    expect(scene.ip("a", "route", "show", "default")).toHaveLength(2);
    expect(scene.ping("host", "10.244.1.0")).toBe(true);
  });

  test("are checked and detached each for itself", () => {
    const prevResult = scene.done("ADD");
    const before = scene.state();
    const call = second();
    const result = scene.done("ADD", call);
    expect(scene.call("CHECK", { config: { prevResult } }).status).toBe(0);
    const config = { ...call.config, prevResult: result };
    expect(scene.call("CHECK", { ...call, config }).json).toBeUndefined();
    scene.done("DEL", call);
    expect(scene.state()).toEqual(before);
    expect(scene.ip("a", "route", "show", "default")).toHaveLength(1);
  });

  test("of one network have an address each", () => {
    scene.done("ADD");
    const { ips } = scene.done("ADD", { environment: { CNI_IFNAME: "net1" } });
    expect((ips as Json[])[0]?.address).toBe("10.244.1.1/32");
  });
});
