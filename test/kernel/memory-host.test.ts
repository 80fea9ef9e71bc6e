/** What the twin has beyond a Kernel: failures on demand, lost events, a view of everything. */

import { describe, expect, test } from "bun:test";
import type { KernelEvent } from "../../kernel/kernel.ts";
import { createMemoryHost } from "../../kernel/memory.ts";
import { addAddress, ip, net, outcome, up } from "../suites/kernel-words.ts";

function twoNodes() {
  const host = createMemoryHost();
  const pod = host.createNamespace("pod");
  const kernel = host.kernel();
  kernel.apply({
    type: "create veth",
    end: { name: "v0" },
    peer: { name: "eth0", namespace: pod },
  });
  kernel.apply(addAddress("v0", "10.0.0.1/24"));
  for (const [one, link] of [
    [kernel, "v0"],
    [host.kernel(pod), "eth0"],
  ] as const) {
    one.apply(up(link));
  }
  return { host, pod, kernel };
}

describe("the in-memory host", () => {
  test("prints everything, sorted", () => {
    const { host, pod, kernel } = twoNodes();
    kernel.apply(addAddress("v0", "fd00::1/64"));
    kernel.apply({
      type: "add route",
      route: { destination: net("10.2.0.0/16"), nextHops: [{ gateway: ip("10.0.0.2") }] },
    });
    kernel.apply({
      type: "add route",
      route: { destination: net("10.1.0.0/24"), type: "blackhole", protocol: 77, metric: 32 },
    });
    const mac = "02:00:00:00:00:09";
    host
      .kernel(pod)
      .apply({ type: "replace neighbour", link: "eth0", address: ip("10.0.0.9"), mac });
    kernel.setSysctl("net.ipv4.conf.v0.proxy_arp", "1");
    expect(host.print()).toBe(
      [
        "namespace host",
        "  link lo mtu 65536 down",
        "  link v0 veth 02:00:00:00:00:01 mtu 1500 up peer eth0@pod",
        "  address 10.0.0.1/24 dev v0",
        "  address fd00::1/64 dev v0",
        "  route 10.0.0.0/24 proto 2 scope link src 10.0.0.1 dev v0",
        "  route blackhole 10.1.0.0/24 proto 77 metric 32",
        "  route 10.2.0.0/16 proto 3 via 10.0.0.2 dev v0",
        "  route fd00::/64 proto 2 metric 256 dev v0",
        "  sysctl net/ipv4/conf/v0/proxy_arp = 1",
        "namespace pod",
        "  link lo mtu 65536 down",
        "  link eth0 veth 02:00:00:00:00:00 mtu 1500 up peer v0@host",
        "  neighbour 10.0.0.9 dev eth0 lladdr 02:00:00:00:00:09 permanent",
        "",
      ].join("\n"),
    );
  });

  test("refuses what an injection refuses, in the kernel's words, until it is taken back", () => {
    const { host, kernel } = twoNodes();
    const stop = host.inject((request) =>
      request.type === "add route" ? { code: "ENOMEM" } : undefined,
    );
    const request = {
      type: "add route",
      route: { destination: net("10.2.0.0/16"), nextHops: [{ gateway: ip("10.0.0.2") }] },
    } as const;
    expect(outcome(kernel, request)).toBe(
      "RTM_NEWROUTE 10.2.0.0/16 via 10.0.0.2: out of memory (ENOMEM)",
    );
    stop();
    expect(outcome(kernel, request)).toBe("done");
  });

  test("loses the events on their way when overrun", async () => {
    const { host, kernel } = twoNodes();
    const events: KernelEvent[] = [];
    kernel.watch(["address"], (event) => events.push(event));
    kernel.apply(addAddress("v0", "10.0.1.1/24"));
    host.overrun();
    kernel.apply(addAddress("v0", "10.0.2.1/24"));
    await Promise.resolve();
    expect(events.map(({ type }) => type)).toEqual(["overrun", "address"]);
  });

  test("delivers events when the given hand does", () => {
    const later: (() => void)[] = [];
    const host = createMemoryHost({ defer: (run) => later.push(run) });
    const kernel = host.kernel();
    const events: KernelEvent[] = [];
    kernel.watch(["link"], (event) => events.push(event));
    kernel.apply({ type: "create bridge", name: "a" });
    kernel.apply({ type: "create bridge", name: "b" });
    expect(events).toEqual([]);
    for (const run of later.splice(0)) run();
    expect(events.length).toBe(2);
    kernel.apply({ type: "create bridge", name: "c" });
    kernel.close();
    for (const run of later.splice(0)) run();
    expect(events.length).toBe(2);
  });

  test("removes a namespace with its links and their peers", () => {
    const { host, pod, kernel } = twoNodes();
    host.removeNamespace(pod);
    expect(kernel.links().map(({ name }) => name)).toEqual(["lo"]);
    expect(() => host.kernel(pod)).toThrow("EBADF");
  });
});
