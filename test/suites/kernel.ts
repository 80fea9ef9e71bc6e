/**
 * What every Kernel does: run on Linux in namespaces and on the in-memory twin.
 *
 * IPv4 only: what the kernel does of its own accord for IPv6 (link-local addresses, router discovery)
 * would have to be told apart from what was asked. Link indexes are the kernel's choice.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Kernel, KernelEvent, KernelEventType, Request } from "../../kernel/kernel.ts";
import { kernelAddressSuite } from "./kernel-address.ts";
import { kernelDumpSuite } from "./kernel-dump.ts";
import { kernelLaterSuite } from "./kernel-later.ts";
import { kernelLinkSuite } from "./kernel-link.ts";
import { kernelMasqueradeSuite } from "./kernel-masquerade.ts";
import { kernelNexthopSuite } from "./kernel-nexthop.ts";
import { kernelRouteSuite } from "./kernel-route.ts";
import {
  addAddress,
  addressesOf,
  connect,
  down,
  eventText,
  ip,
  type KernelHarness,
  net,
  routesOf,
  up,
  veth,
} from "./kernel-words.ts";

/** The suite; `open` gives a fresh harness for each test. */
export function kernelSuite(name: string, open: () => KernelHarness): void {
  describe(name, () => {
    let harness: KernelHarness;
    let host: Kernel;
    let pod: Kernel;

    beforeEach(() => {
      harness = open();
      ({ host, pod } = harness);
    });
    afterEach(() => harness.close());

    const CHECK = { table: "manx", chain: "sources", links: "manx", exempt: 7 };

    describe("the check of IPv6 sources", () => {
      test("is there once it is asked for, however often, and in its own namespace alone", () => {
        expect(host.hasSourceCheck(CHECK)).toBe(false);
        for (let times = 0; times < 3; times++) {
          host.ensureSourceCheck(CHECK);
          expect(host.hasSourceCheck(CHECK)).toBe(true);
        }
        expect(pod.hasSourceCheck(CHECK)).toBe(false);
      });

      test("in one chain is none in another, or in another table", () => {
        host.ensureSourceCheck(CHECK);
        for (const other of [{ chain: "other" }, { table: "other" }]) {
          expect(host.hasSourceCheck({ ...CHECK, ...other })).toBe(false);
          host.ensureSourceCheck({ ...CHECK, ...other });
          expect(host.hasSourceCheck({ ...CHECK, ...other })).toBe(true);
        }
      });

      test("of other links, or with another group exempt, is another one", () => {
        host.ensureSourceCheck(CHECK);
        expect(host.hasSourceCheck({ ...CHECK, links: "veth" })).toBe(false);
        expect(host.hasSourceCheck({ ...CHECK, exempt: 8 })).toBe(false);
      });

      test("takes a closed kernel no more than other requests do", () => {
        host.close();
        expect(() => host.ensureSourceCheck(CHECK)).toThrow("the kernel is closed (EBADF)");
        expect(() => host.hasSourceCheck(CHECK)).toThrow("the kernel is closed (EBADF)");
      });
    });

    kernelMasqueradeSuite(() => harness);
    kernelLinkSuite(() => harness);
    kernelAddressSuite(() => harness);
    kernelRouteSuite(() => harness);
    kernelDumpSuite(() => harness);
    kernelNexthopSuite(() => harness);
    kernelLaterSuite(() => harness);

    describe("batches", () => {
      test("a batch may use by name the links that it makes and renames", () => {
        const outcomes = host.applyAll([
          veth(harness),
          { type: "set link", link: "v0", name: "w0" },
          addAddress("w0", "10.0.0.1/24"),
          up("w0"),
          {
            type: "add route",
            route: { destination: net("10.1.0.0/16"), nextHops: [{ link: "w0" }] },
          },
        ]);
        expect(outcomes.map((error) => error?.message)).toEqual(Array(5).fill(undefined));
        expect(routesOf(host)).toContain("10.1.0.0/16 dev w0 dead proto 3 scope link");
      });

      test("a failure stops nothing, and stands where its request stood", () => {
        const outcomes = host.applyAll([
          veth(harness),
          addAddress("nope", "10.0.0.1/24"),
          veth(harness),
          addAddress("v0", "10.0.0.1/24"),
        ]);
        expect(outcomes.map((error) => error?.code)).toEqual([
          undefined,
          "ENODEV",
          "EEXIST",
          undefined,
        ]);
      });

      test("an empty batch does nothing", () => {
        expect(host.applyAll([])).toEqual([]);
      });

      test("a name means the link that has it when the batch reaches it", () => {
        host.apply({ type: "create bridge", name: "one" });
        const outcomes = host.applyAll([
          addAddress("one", "10.0.0.1/24"),
          { type: "set link", link: "one", name: "old" },
          { type: "create bridge", name: "one" },
          addAddress("one", "10.0.0.2/24"),
        ]);
        expect(outcomes.filter((error) => error !== undefined)).toEqual([]);
        expect(addressesOf(host)).toEqual(["old 10.0.0.1/24 global", "one 10.0.0.2/24 global"]);
      });

      test("many failures in one call are all told", () => {
        const outcomes = host.applyAll(
          Array.from({ length: 1000 }, () => addAddress(4711, "10.0.0.1/24")),
        );
        expect(outcomes.map((error) => error?.code)).toEqual(Array(1000).fill("ENODEV"));
      });

      test("a thousand requests in one call, each with its own answer", () => {
        connect(harness);
        const requests = Array.from(
          { length: 1000 },
          (_, index): Request => ({
            type: "add route",
            route: {
              destination: net(`10.${64 + (index >> 8)}.${index & 255}.0/24`),
              // Every tenth has a gateway that is not on the link.
              nextHops: [{ gateway: ip(index % 10 === 0 ? "172.16.0.1" : "10.0.0.2") }],
            },
          }),
        );
        const codes = host.applyAll(requests).map((error) => error?.code);
        expect(codes.length).toBe(1000);
        expect(
          codes.every((code, index) => code === (index % 10 === 0 ? "ENETUNREACH" : undefined)),
        ).toBe(true);
        expect(host.routes({ family: 4, protocol: 3 })).toHaveLength(900);
      });
    });

    describe("events", () => {
      const ALL: KernelEventType[] = ["link", "address", "route", "neighbour"];

      /** What is heard from now on, as text. */
      const listen = (types: KernelEventType[] = ALL) => {
        const events: KernelEvent[] = [];
        const stop = host.watch(types, (event) => events.push(event));
        return {
          stop,
          texts: () => {
            const names = new Map(host.links().map((link) => [link.index, link.name]));
            return events.map((event) => eventText(event, names));
          },
        };
      };

      test("tell of links, addresses, routes and neighbours that come", async () => {
        const heard = listen();
        connect(harness);
        const route = { destination: net("10.1.0.0/16"), nextHops: [{ gateway: ip("10.0.0.2") }] };
        host.apply({ type: "add route", route });
        const mac = "02:00:00:00:00:02";
        host.apply({ type: "replace neighbour", link: "v0", address: ip("10.0.0.2"), mac });
        await harness.until(() => heard.texts().includes("neighbour new 10.0.0.2 permanent"));
        const texts = heard.texts().map((text) => text.replace(" dead", ""));
        for (const text of [
          "link new v0",
          "address new 10.0.0.1/24",
          "link new v0 up carrier",
          "route new 10.0.0.0/24 dev v0 proto 2 scope link src 10.0.0.1",
          "route new 10.1.0.0/16 via 10.0.0.2 dev v0 proto 3",
        ]) {
          expect(texts).toContain(text);
        }
        heard.stop();
      });

      test("tell of the peer's going down, and of deletion", async () => {
        connect(harness);
        const heard = listen(["link"]);
        pod.apply(down("v1"));
        await harness.until(() => heard.texts().includes("link new v0 up"));
        pod.apply(up("v1"));
        host.apply({ type: "delete link", link: "v0" });
        host.apply({ type: "create bridge", name: "last" });
        await harness.until(() => heard.texts().includes("link new last"));
        const told = heard.texts().filter((text) => text.includes(" v0"));
        expect(told.findIndex((text) => text.startsWith("link deleted v0"))).toBe(told.length - 1);
        heard.stop();
      });

      test("of routes: what replaces is new in its place, deleted is deleted, the same again is nothing", async () => {
        connect(harness);
        const route = (gateway: string) => ({
          destination: net("10.1.0.0/16"),
          nextHops: [{ gateway: ip(gateway) }],
        });
        const heard = listen(["route"]);
        host.apply({ type: "add route", route: route("10.0.0.2") });
        host.apply({ type: "replace route", route: route("10.0.0.2") });
        host.apply({ type: "replace route", route: route("10.0.0.3") });
        host.apply({ type: "delete route", route: route("10.0.0.3") });
        const mine = () => heard.texts().filter((text) => text.includes("10.1.0.0/16"));
        await harness.until(() => mine().length === 3);
        expect(mine().map((text) => text.replace(" dead", ""))).toEqual([
          "route new 10.1.0.0/16 via 10.0.0.2 dev v0 proto 3",
          "route replaced by 10.1.0.0/16 via 10.0.0.3 dev v0 proto 3",
          "route deleted 10.1.0.0/16 via 10.0.0.3 dev v0 proto 3",
        ]);
        heard.stop();
      });

      test("of IPv6 routes: what replaces is new in its place, with however many ways", async () => {
        connect(harness);
        host.apply(addAddress("v0", "2001:db8::1/64"));
        const ways = [["2001:db8::2"], ["2001:db8::3"], ["2001:db8::3", "2001:db8::4"]];
        const heard = listen(["route"]);
        for (const gateways of [...ways, ...ways.slice(0, 1)]) {
          const nextHops = gateways.map((gateway) => ({ gateway: ip(gateway) }));
          const route = { destination: net("2001:db8:1::/48"), nextHops };
          host.apply({ type: "replace route", route });
        }
        const mine = () => heard.texts().filter((text) => text.includes("2001:db8:1::/48"));
        await harness.until(() => mine().length === 4);
        const told = mine().map((text) =>
          text.replaceAll(/ (dead|dev v0|proto 3|metric 1024)/g, ""),
        );
        expect(told).toEqual([
          "route new 2001:db8:1::/48 via 2001:db8::2",
          "route replaced by 2001:db8:1::/48 via 2001:db8::3",
          "route replaced by 2001:db8:1::/48 via 2001:db8::3, via 2001:db8::4",
          "route replaced by 2001:db8:1::/48 via 2001:db8::2",
        ]);
        heard.stop();
      });

      test("do not tell of routes that vanish with their link", async () => {
        connect(harness);
        const route = { destination: net("10.1.0.0/16"), nextHops: [{ gateway: ip("10.0.0.2") }] };
        host.apply({ type: "add route", route });
        const heard = listen(["route", "link"]);
        host.apply(down("v0"));
        host.apply({ type: "create bridge", name: "last" });
        await harness.until(() => heard.texts().includes("link new last"));
        expect(heard.texts().filter((text) => text.includes("10.1.0.0/16"))).toEqual([]);
        expect(routesOf(host)).toEqual([]);
        heard.stop();
      });

      test("come only of the types that were asked for, and not after stopping", async () => {
        const links = listen(["link"]);
        const routes = listen(["route"]);
        const stopped = listen();
        stopped.stop();
        stopped.stop();
        connect(harness);
        await harness.until(() => links.texts().length > 0 && routes.texts().length > 0);
        expect(links.texts().every((text) => text.startsWith("link "))).toBe(true);
        expect(routes.texts().every((text) => text.startsWith("route "))).toBe(true);
        expect(stopped.texts()).toEqual([]);
        links.stop();
        routes.stop();
      });
    });

    describe("sysctls", () => {
      test("are read and written in their namespace, by dots or slashes", () => {
        expect(pod.sysctl("net.ipv4.ip_forward")).toBe("0");
        pod.setSysctl("net.ipv4.ip_forward", "1");
        expect(pod.sysctl("net/ipv4/ip_forward")).toBe("1");
        expect(pod.sysctl("net.ipv4.conf.lo.forwarding")).toBe("1");
        expect(host.sysctl("net.ipv4.ip_forward")).toBe("0");
      });

      test("of a link come with it and go with it", () => {
        host.apply(veth(harness));
        host.setSysctl("net/ipv4/conf/v0/proxy_arp", "1");
        expect(host.sysctl("net/ipv4/conf/v0/proxy_arp")).toBe("1");
        host.apply({ type: "set link", link: "v0", name: "w.0" });
        expect(host.sysctl("net/ipv4/conf/w.0/proxy_arp")).toBe("1");
        host.apply({ type: "delete link", link: "w.0" });
        expect(() => host.sysctl("net/ipv4/conf/w.0/proxy_arp")).toThrow(
          "sysctl net/ipv4/conf/w.0/proxy_arp: ENOENT",
        );
      });

      test("of IPv4 are set by one message as by files", () => {
        host.apply(veth(harness));
        host.setSysctl("net/ipv4/conf/v0/route_localnet", "1");
        host.apply({
          type: "set ipv4 settings",
          link: "v0",
          settings: { forwarding: 1, proxy_arp: 1, rp_filter: 2, route_localnet: 0 },
        });
        const names = ["forwarding", "proxy_arp", "rp_filter", "route_localnet", "send_redirects"];
        expect(names.map((name) => host.sysctl(`net/ipv4/conf/v0/${name}`))).toEqual([
          "1",
          "1",
          "2",
          "0",
          "1",
        ]);
        const { ipv4, ...link } = host.linkInFull("v0") ?? {};
        expect(ipv4).toEqual({ forwarding: 1, proxy_arp: 1, rp_filter: 2, route_localnet: 0 });
        expect(link).toEqual(host.link("v0") ?? {});
        expect(host.linkInFull("none")).toBeUndefined();
      });

      test("refuse unknown names and values that are no numbers", () => {
        expect(() => host.sysctl("net.nope")).toThrow("sysctl net.nope: ENOENT");
        expect(() => host.setSysctl("net.nope", "1")).toThrow("sysctl net.nope: ENOENT");
        expect(() => host.setSysctl("net.ipv4.ip_forward", "x")).toThrow(
          "sysctl net.ipv4.ip_forward: EINVAL",
        );
      });
    });

    test("a closed kernel throws, and may be closed again", () => {
      host.close();
      host.close();
      const words = "the kernel is closed (EBADF)";
      expect(() => host.links()).toThrow(words);
      expect(() => host.apply(up("lo"))).toThrow(words);
      expect(() => host.sysctl("net.ipv4.ip_forward")).toThrow(words);
      expect(() => host.watch(["link"], () => {})).toThrow(words);
    });
  });
}
