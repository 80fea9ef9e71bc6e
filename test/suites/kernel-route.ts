/** What every Kernel does with routes; part of the suite of `kernel.ts`. */

import { beforeEach, describe, expect, test } from "bun:test";
import type { Kernel, Request, RouteSpec } from "../../kernel/kernel.ts";
import { formatPrefix } from "../../lib/prefix.ts";
import {
  addAddress,
  connect,
  down,
  ip,
  type KernelHarness,
  net,
  outcome,
  routesOf,
  up,
} from "./kernel-words.ts";

type Wanted = Omit<RouteSpec, "destination">;

const via = (gateway: string) => ({ gateway: ip(gateway) });
const add = (destination: string, spec: Wanted = {}): Request => ({
  type: "add route",
  route: { destination: net(destination), ...spec },
});
const replace = (destination: string, spec: Wanted = {}): Request => ({
  type: "replace route",
  route: { destination: net(destination), ...spec },
});
const remove = (destination: string, spec: Wanted = {}): Request => ({
  type: "delete route",
  route: { destination: net(destination), ...spec },
});

/** `v0` is up with 10.0.0.1/24 in each test. */
export function kernelRouteSuite(current: () => KernelHarness): void {
  describe("routes", () => {
    let host: Kernel;
    let pod: Kernel;

    beforeEach(async () => {
      const harness = current();
      ({ host, pod } = harness);
      connect(harness);
      // Linux learns of carrier a moment later.
      await harness.until(() => !routesOf(host).join().includes("dead"));
    });

    /** Routes that were asked for. */
    const mine = (): string[] => routesOf(host).filter((text) => !text.includes("proto 2"));

    const kinds: [string, Request, string][] = [
      [
        "out of a link, with link scope",
        add("10.1.0.0/16", { nextHops: [{ link: "v0" }] }),
        "10.1.0.0/16 dev v0 proto 3 scope link",
      ],
      [
        "out of a link, with the scope that was asked for",
        add("10.1.0.0/16", { scope: "global", nextHops: [{ link: "v0" }] }),
        "10.1.0.0/16 dev v0 proto 3",
      ],
      [
        "over a gateway, whose link the kernel finds",
        add("10.1.0.0/16", { nextHops: [via("10.0.0.2")] }),
        "10.1.0.0/16 via 10.0.0.2 dev v0 proto 3",
      ],
      [
        "over a gateway on a named link",
        add("10.1.0.0/16", { nextHops: [{ ...via("10.0.0.2"), link: "v0" }] }),
        "10.1.0.0/16 via 10.0.0.2 dev v0 proto 3",
      ],
      [
        "over a gateway said to be on the link",
        add("10.1.0.0/16", { nextHops: [{ ...via("169.254.1.1"), link: "v0", onLink: true }] }),
        "10.1.0.0/16 via 169.254.1.1 dev v0 onlink proto 3",
      ],
      [
        "with a protocol, a metric and a source",
        add("10.1.0.0/16", {
          protocol: 12,
          metric: 32,
          preferredSource: ip("10.0.0.1"),
          nextHops: [via("10.0.0.2")],
        }),
        "10.1.0.0/16 via 10.0.0.2 dev v0 proto 12 metric 32 src 10.0.0.1",
      ],
      [
        "in a table of a number above 255",
        add("10.1.0.0/16", { table: 1000, nextHops: [via("10.0.0.2")] }),
        "10.1.0.0/16 via 10.0.0.2 dev v0 proto 3 table 1000",
      ],
      [
        "over several gateways by weight",
        add("10.1.0.0/16", { nextHops: [via("10.0.0.2"), { ...via("10.0.0.3"), weight: 3 }] }),
        "10.1.0.0/16 via 10.0.0.2 dev v0, via 10.0.0.3 dev v0 weight 3 proto 3",
      ],
      [
        "over several, one of them on the link by word only",
        add("10.1.0.0/16", {
          nextHops: [via("10.0.0.2"), { ...via("169.254.1.1"), link: "v0", onLink: true }],
        }),
        "10.1.0.0/16 via 10.0.0.2 dev v0, via 169.254.1.1 dev v0 onlink proto 3",
      ],
      [
        "to everywhere",
        add("0.0.0.0/0", { nextHops: [via("10.0.0.2")] }),
        "0.0.0.0/0 via 10.0.0.2 dev v0 proto 3",
      ],
      [
        "into a blackhole",
        add("10.1.0.0/16", { type: "blackhole" }),
        "blackhole 10.1.0.0/16 proto 3",
      ],
      [
        "that answer unreachable",
        add("10.1.0.0/16", { type: "unreachable", metric: 7 }),
        "unreachable 10.1.0.0/16 proto 3 metric 7",
      ],
      [
        "that answer prohibited",
        add("10.1.0.0/16", { type: "prohibit" }),
        "prohibit 10.1.0.0/16 proto 3",
      ],
      [
        "by replacing nothing",
        replace("10.1.0.0/16", { nextHops: [via("10.0.0.2")] }),
        "10.1.0.0/16 via 10.0.0.2 dev v0 proto 3",
      ],
    ];
    for (const [what, request, text] of kinds) {
      test(`are installed ${what}, and deleted by the same words`, () => {
        expect(outcome(host, request)).toBe("done");
        expect(mine()).toEqual([text]);
        if (request.type !== "add route" && request.type !== "replace route") return;
        expect(outcome(host, { ...request, type: "delete route" })).toBe("done");
        expect(mine()).toEqual([]);
      });
    }

    const refused: [string, Request, string][] = [
      [
        "a gateway that is not on a link",
        add("10.244.2.0/24", { nextHops: [via("172.30.0.12")] }),
        "RTM_NEWROUTE 10.244.2.0/24 via 172.30.0.12: Nexthop has invalid gateway (ENETUNREACH)",
      ],
      [
        "a gateway that is not on the named link",
        add("10.1.0.0/16", { nextHops: [{ ...via("10.0.0.2"), link: "lo" }] }),
        "RTM_NEWROUTE 10.1.0.0/16 via 10.0.0.2 dev lo: Nexthop has invalid gateway (ENETUNREACH)",
      ],
      [
        "a gateway behind a gateway",
        add("10.1.0.0/16", { nextHops: [via("10.7.0.1")] }),
        "RTM_NEWROUTE 10.1.0.0/16 via 10.7.0.1: Nexthop has invalid gateway (ENETUNREACH)",
      ],
      [
        "a gateway in a blackhole",
        add("10.1.0.0/16", { nextHops: [via("10.8.0.1")] }),
        "RTM_NEWROUTE 10.1.0.0/16 via 10.8.0.1: Nexthop has invalid gateway (ENETUNREACH)",
      ],
      [
        "the subnet's broadcast address as gateway",
        add("10.1.0.0/16", { nextHops: [via("10.0.0.255")] }),
        "RTM_NEWROUTE 10.1.0.0/16 via 10.0.0.255: Nexthop has invalid gateway (EINVAL)",
      ],
      [
        "a gateway with link scope",
        add("10.1.0.0/16", { scope: "link", nextHops: [via("10.0.0.2")] }),
        "RTM_NEWROUTE 10.1.0.0/16 via 10.0.0.2: Nexthop has invalid gateway (ENETUNREACH)",
      ],
      [
        "on the link, but which",
        add("10.1.0.0/16", { nextHops: [{ ...via("172.16.0.1"), onLink: true }] }),
        "RTM_NEWROUTE 10.1.0.0/16 via 172.16.0.1: Nexthop device required for onlink (ENODEV)",
      ],
      [
        "an address of our own on the link",
        add("10.1.0.0/16", { nextHops: [{ ...via("10.0.0.1"), link: "v0", onLink: true }] }),
        "RTM_NEWROUTE 10.1.0.0/16 via 10.0.0.1 dev v0: Nexthop has invalid gateway (EINVAL)",
      ],
      ["no way at all", add("10.1.0.0/16"), "RTM_NEWROUTE 10.1.0.0/16: no such link (ENODEV)"],
      [
        "a link that is not there, by index",
        add("10.1.0.0/16", { nextHops: [{ link: 4711 }] }),
        "RTM_NEWROUTE 10.1.0.0/16 dev 4711: no such link (ENODEV)",
      ],
      [
        "a link that is not there, by name",
        add("10.1.0.0/16", { nextHops: [{ link: "nope" }] }),
        "RTM_NEWROUTE 10.1.0.0/16 dev nope: no link is called nope (ENODEV)",
      ],
      [
        "a link that is down",
        add("10.1.0.0/16", { nextHops: [{ link: "lo" }] }),
        "RTM_NEWROUTE 10.1.0.0/16 dev lo: Device for nexthop is not up (ENETDOWN)",
      ],
      [
        "a gateway on a link that is down, by word only",
        add("10.1.0.0/16", { nextHops: [{ ...via("172.16.0.1"), link: "lo", onLink: true }] }),
        "RTM_NEWROUTE 10.1.0.0/16 via 172.16.0.1 dev lo: Nexthop device is not up (ENETDOWN)",
      ],
      [
        "a source that is not ours",
        add("10.1.0.0/16", { preferredSource: ip("9.9.9.9"), nextHops: [{ link: "v0" }] }),
        "RTM_NEWROUTE 10.1.0.0/16 dev v0: Invalid prefsrc address (EINVAL)",
      ],
      [
        "a blackhole with a link",
        add("10.1.0.0/16", { type: "blackhole", nextHops: [{ link: "v0" }] }),
        "RTM_NEWROUTE blackhole 10.1.0.0/16 dev v0: Gateway, device and multipath can not be specified for this route type (EINVAL)",
      ],
      [
        "several gateways, one of them not on a link",
        add("10.1.0.0/16", { nextHops: [via("10.0.0.2"), via("172.16.0.1")] }),
        "RTM_NEWROUTE 10.1.0.0/16 via 10.0.0.2 nexthop via 172.16.0.1: Nexthop has invalid gateway (ENETUNREACH)",
      ],
      [
        "what is there already",
        add("10.7.0.0/16", { nextHops: [via("10.0.0.3")] }),
        "RTM_NEWROUTE 10.7.0.0/16 via 10.0.0.3: exists already (EEXIST)",
      ],
      [
        "what is there already with another protocol",
        add("10.7.0.0/16", { protocol: 12, type: "blackhole" }),
        "RTM_NEWROUTE blackhole 10.7.0.0/16: exists already (EEXIST)",
      ],
      [
        "deleting what is not there",
        remove("10.99.0.0/16"),
        "RTM_DELROUTE 10.99.0.0/16: no such entry (ESRCH)",
      ],
      [
        "deleting it with another protocol",
        remove("10.7.0.0/16", { protocol: 12 }),
        "RTM_DELROUTE 10.7.0.0/16: no such entry (ESRCH)",
      ],
      [
        "deleting it with another metric",
        remove("10.7.0.0/16", { metric: 6 }),
        "RTM_DELROUTE 10.7.0.0/16: no such entry (ESRCH)",
      ],
      [
        "deleting it with another gateway",
        remove("10.7.0.0/16", { nextHops: [via("10.0.0.99")] }),
        "RTM_DELROUTE 10.7.0.0/16 via 10.0.0.99: no such entry (ESRCH)",
      ],
      [
        "deleting it with another type",
        remove("10.7.0.0/16", { type: "blackhole" }),
        "RTM_DELROUTE blackhole 10.7.0.0/16: no such entry (ESRCH)",
      ],
      [
        "replacing it by what cannot be",
        replace("10.7.0.0/16", { nextHops: [via("172.16.0.1")] }),
        "RTM_NEWROUTE 10.7.0.0/16 via 172.16.0.1: Nexthop has invalid gateway (ENETUNREACH)",
      ],
    ];
    for (const [what, request, message] of refused) {
      test(`refuse ${what}`, () => {
        host.apply(add("10.7.0.0/16", { nextHops: [via("10.0.0.2")] }));
        host.apply(add("10.8.0.0/16", { type: "blackhole" }));
        const before = mine();
        expect(outcome(host, request)).toBe(message);
        expect(mine()).toEqual(before);
      });
    }

    test("of one destination stand side by side by metric, and the lowest is deleted first", () => {
      host.apply(add("10.1.0.0/16", { metric: 20, nextHops: [via("10.0.0.2")] }));
      host.apply(add("10.1.0.0/16", { metric: 10, nextHops: [via("10.0.0.3")] }));
      host.apply(remove("10.1.0.0/16"));
      expect(mine()).toEqual(["10.1.0.0/16 via 10.0.0.2 dev v0 proto 3 metric 20"]);
    });

    test("are replaced where the metric is equal, whoever made them", () => {
      host.apply(add("10.1.0.0/16", { metric: 20, nextHops: [via("10.0.0.2")] }));
      host.apply(replace("10.1.0.0/16", { metric: 20, protocol: 12, type: "blackhole" }));
      host.apply(replace("10.1.0.0/16", { metric: 21, nextHops: [via("10.0.0.3")] }));
      expect(mine()).toEqual([
        "10.1.0.0/16 via 10.0.0.3 dev v0 proto 3 metric 21",
        "blackhole 10.1.0.0/16 proto 12 metric 20",
      ]);
    });

    test("are looked up by what a packet to an address takes", () => {
      host.apply(add("10.1.0.0/16", { nextHops: [via("10.0.0.2")] }));
      host.apply(add("10.1.2.0/24", { metric: 7, nextHops: [via("10.0.0.3")] }));
      host.apply(add("10.1.3.0/24", { type: "blackhole" }));
      const taken = (address: string): string | undefined => {
        const route = host.routeTo(ip(address));
        return route === undefined ? undefined : formatPrefix(route.destination);
      };
      expect(taken("10.1.9.9")).toBe("10.1.0.0/16");
      expect(taken("10.1.2.9")).toBe("10.1.2.0/24");
      expect(taken("10.1.3.9")).toBeUndefined();
      expect(taken("198.51.100.1")).toBeUndefined();
      expect(host.routeTo(ip("10.1.2.9"))).toMatchObject({ metric: 7, protocol: 3, table: 254 });
    });

    test("are filtered by protocol and by table", () => {
      host.apply(add("10.1.0.0/16", { protocol: 77, nextHops: [via("10.0.0.2")] }));
      host.apply(add("10.2.0.0/16", { protocol: 77, table: 300, nextHops: [via("10.0.0.2")] }));
      host.apply(add("10.3.0.0/16", { nextHops: [via("10.0.0.2")] }));
      const destinations = (filter: { table?: number; protocol?: number }): string[] =>
        routesOf(host, filter).map((text) => text.split(" ")[0] ?? "");
      expect(destinations({ protocol: 77 })).toEqual(["10.1.0.0/16", "10.2.0.0/16"]);
      expect(destinations({ protocol: 77, table: 254 })).toEqual(["10.1.0.0/16"]);
      expect(destinations({ table: 300 })).toEqual(["10.2.0.0/16"]);
      expect(destinations({ table: 301 })).toEqual([]);
      expect(destinations({ table: 77 })).toEqual([]);
      expect(destinations({ protocol: 78 })).toEqual([]);
    });

    test("over a gateway go with the link and do not come back; the subnet's does", async () => {
      host.apply(add("10.1.0.0/16", { nextHops: [via("10.0.0.2")] }));
      host.apply(add("10.2.0.0/16", { type: "blackhole" }));
      host.apply(down("v0"));
      expect(mine()).toEqual(["blackhole 10.2.0.0/16 proto 3"]);
      host.apply(up("v0"));
      await current().until(() => !routesOf(host).join().includes("dead"));
      expect(routesOf(host)).toEqual([
        "10.0.0.0/24 dev v0 proto 2 scope link src 10.0.0.1",
        "blackhole 10.2.0.0/16 proto 3",
      ]);
    });

    test("stay, but dead, while the peer is down", async () => {
      host.apply(add("10.1.0.0/16", { nextHops: [via("10.0.0.2")] }));
      pod.apply(down("v1"));
      await current().until(() => mine().join().includes("dead"));
      expect(mine()).toEqual(["10.1.0.0/16 via 10.0.0.2 dev v0 dead proto 3"]);
      pod.apply(up("v1"));
      await current().until(() => !mine().join().includes("dead"));
    });

    test("over two links keep the other way when one goes down, and go with a deleted one", async () => {
      host.apply({ type: "create veth", end: { name: "a" }, peer: { name: "b" } });
      host.apply(addAddress("a", "10.5.0.1/24"));
      for (const link of ["b", "a"]) host.apply(up(link));
      await current().until(() => !routesOf(host).join().includes("dead"));
      host.apply(add("10.1.0.0/16", { nextHops: [via("10.0.0.2"), via("10.5.0.2")] }));
      host.apply(down("a"));
      expect(mine()).toEqual(["10.1.0.0/16 via 10.0.0.2 dev v0, via 10.5.0.2 dev a dead proto 3"]);
      host.apply({ type: "delete link", link: "a" });
      expect(mine()).toEqual([]);
    });

    test("may lead over a gateway that a link route makes near", () => {
      host.apply(add("169.254.1.1/32", { nextHops: [{ link: "v0" }] }));
      expect(outcome(host, add("10.1.0.0/16", { nextHops: [via("169.254.1.1")] }))).toBe("done");
    });
  });
}
