/**
 * What every Kernel does: run on Linux in namespaces and on the in-memory twin.
 *
 * IPv4 only: what the kernel does of its own accord for IPv6 (link-local addresses, router discovery)
 * would have to be told apart from what was asked. Link indexes are the kernel's choice.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Kernel, KernelEvent, KernelEventType, Request } from "../../kernel/kernel.ts";
import { formatAddress } from "../../lib/address.ts";
import { kernelNexthopSuite } from "./kernel-nexthop.ts";
import { kernelRouteSuite } from "./kernel-route.ts";
import {
  addAddress,
  connect,
  deleteAddress,
  down,
  eventText,
  ip,
  type KernelHarness,
  net,
  outcome,
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

    const addressesOf = (kernel: Kernel): string[] =>
      kernel
        .addresses(4)
        .map(
          ({ link, address, length, scope }) =>
            `${kernel.link(link)?.name} ${formatAddress(address)}/${length} ${scope}`,
        )
        .sort();

    const neighboursOf = (kernel: Kernel): string[] =>
      kernel
        .neighbours(4)
        // Linux makes entries of its own for multicast.
        .filter(({ address }) => address.w0 >>> 28 !== 0xe)
        .map(
          ({ link, address, mac, state }) =>
            `${kernel.link(link)?.name} ${formatAddress(address)} ${mac} ${state}`,
        )
        .sort();

    describe("links", () => {
      test("a new namespace has a loopback that is down", () => {
        expect(host.links()).toEqual([
          {
            index: 1,
            name: "lo",
            mac: "00:00:00:00:00:00",
            mtu: 65_536,
            up: false,
            carrier: false,
          },
        ]);
      });

      test("a veth is born with its peer in another namespace", () => {
        const end = { name: "v0", mtu: 1400, mac: "02:00:00:00:aa:01" };
        const peer = { name: "eth0", mtu: 1300, mac: "02:00:00:00:aa:02" };
        host.apply({
          type: "create veth",
          end,
          peer: { ...peer, namespace: harness.podNamespace },
        });
        const here = host.link("v0");
        const there = pod.link("eth0");
        const kind = { kind: "veth", up: false, carrier: false, peerNamespace: 0 };
        expect(here).toEqual({ ...end, ...kind, index: here!.index, peer: there!.index });
        expect(there).toEqual({ ...peer, ...kind, index: there!.index, peer: here!.index });
        expect(host.link("eth0")).toBeUndefined();
      });

      test("a veth within one namespace names its peer without a namespace", () => {
        host.apply({ type: "create veth", end: { name: "a" }, peer: { name: "b" } });
        expect(host.link("a")?.peer).toBe(host.link("b")!.index);
        expect(host.link("b")).not.toHaveProperty("peerNamespace");
      });

      test("carrier comes when both ends are up and goes with either", () => {
        host.apply(veth(harness));
        host.apply(up("v0"));
        expect(host.link("v0")).toMatchObject({ up: true, carrier: false });
        pod.apply(up("v1"));
        expect(host.link("v0")).toMatchObject({ up: true, carrier: true });
        expect(pod.link("v1")).toMatchObject({ up: true, carrier: true });
        host.apply(down("v0"));
        expect(host.link("v0")).toMatchObject({ up: false, carrier: false });
        expect(pod.link("v1")).toMatchObject({ up: true, carrier: false });
      });

      test("a link is found by index and by name, and not found without an error", () => {
        host.apply(veth(harness));
        const link = host.link("v0")!;
        expect(host.link(link.index)).toEqual(link);
        expect(host.link("nope")).toBeUndefined();
        expect(host.link(4711)).toBeUndefined();
      });

      test("a link is renamed, gets another MAC and another MTU in one request", () => {
        host.apply(veth(harness));
        const { index } = host.link("v0")!;
        host.apply({
          type: "set link",
          link: "v0",
          name: "w0",
          mac: "02:00:00:00:bb:01",
          mtu: 9000,
        });
        expect(host.link("v0")).toBeUndefined();
        expect(host.link("w0")).toMatchObject({ index, mac: "02:00:00:00:bb:01", mtu: 9000 });
      });

      test("deleting one end of a veth deletes the other", () => {
        connect(harness);
        host.apply({ type: "delete link", link: "v0" });
        expect(host.links()).toHaveLength(1);
        expect(pod.links()).toHaveLength(1);
        expect(addressesOf(host)).toEqual([]);
        expect(routesOf(host)).toEqual([]);
      });

      test("a link that moves to another namespace leaves addresses and routes behind", () => {
        host.apply({ type: "create veth", end: { name: "a" }, peer: { name: "b" } });
        host.apply(addAddress("a", "10.0.0.1/24"));
        host.apply(up("b"));
        host.apply(up("a"));
        host.apply({ type: "set link", link: "a", namespace: harness.podNamespace, name: "eth0" });
        expect(host.link("a")).toBeUndefined();
        expect(routesOf(host)).toEqual([]);
        expect(pod.link("eth0")).toMatchObject({ up: false, carrier: false, peerNamespace: 0 });
        expect(addressesOf(pod)).toEqual([]);
        expect(host.link("b")).toMatchObject({ up: true, carrier: false, peerNamespace: 0 });
      });

      test("a bridge takes ports and lets them go", () => {
        host.apply({ type: "create bridge", name: "br0", mtu: 1400 });
        expect(host.link("br0")).toMatchObject({ kind: "bridge", mtu: 1400, up: false });
        host.apply(veth(harness));
        host.apply({ type: "set link", link: "v0", master: "br0" });
        host.apply(up("br0"));
        expect(host.link("v0")?.master).toBe(host.link("br0")!.index);
        expect(host.link("br0")?.carrier).toBe(false);
        pod.apply(up("v1"));
        host.apply(up("v0"));
        host.apply({ type: "set link", link: "v0", master: 0 });
        expect(host.link("v0")).not.toHaveProperty("master");
        host.apply({ type: "set link", link: "v0", master: host.link("br0")!.index });
        host.apply({ type: "delete link", link: "br0" });
        expect(host.link("v0")).toMatchObject({ up: true });
        expect(host.link("v0")).not.toHaveProperty("master");
      });

      test("a bridge has carrier when a port has", async () => {
        host.apply({ type: "create bridge", name: "br0" });
        host.apply(veth(harness));
        host.apply({ type: "set link", link: "v0", master: "br0" });
        for (const link of ["br0", "v0"]) host.apply(up(link));
        pod.apply(up("v1"));
        await harness.until(() => host.link("br0")?.carrier === true);
        pod.apply(down("v1"));
        await harness.until(() => host.link("br0")?.carrier === false);
      });

      const refused: [string, Request | ((harness: KernelHarness) => Request), string][] = [
        [
          "a name that is taken",
          { type: "create veth", end: { name: "v0" }, peer: { name: "x" } },
          "RTM_NEWLINK veth v0 peer x: exists already (EEXIST)",
        ],
        [
          "a peer's name that is taken",
          ({ podNamespace: namespace }) => ({
            type: "create veth",
            end: { name: "x" },
            peer: { name: "v1", namespace },
          }),
          "RTM_NEWLINK veth x peer v1: exists already (EEXIST)",
        ],
        [
          "both ends of one name",
          { type: "create veth", end: { name: "x" }, peer: { name: "x" } },
          "RTM_NEWLINK veth x peer x: exists already (EEXIST)",
        ],
        [
          "a name of 16 characters",
          { type: "create bridge", name: "a123456789abcdef" },
          "RTM_NEWLINK bridge a123456789abcdef: Attribute failed policy validation (ERANGE)",
        ],
        [
          "a name with a slash",
          { type: "create bridge", name: "a/b" },
          "RTM_NEWLINK bridge a/b: invalid argument (EINVAL)",
        ],
        [
          "renaming to a name that is taken",
          { type: "set link", link: "v0", name: "br0" },
          "RTM_NEWLINK v0: exists already (EEXIST)",
        ],
        [
          "an MTU beyond the driver's",
          { type: "set link", link: "v0", mtu: 70_000 },
          "RTM_NEWLINK v0: mtu greater than device maximum (EINVAL)",
        ],
        [
          "a group MAC",
          { type: "set link", link: "v0", mac: "01:00:00:00:00:01" },
          "RTM_NEWLINK v0: no such address (EADDRNOTAVAIL)",
        ],
        [
          "a link that is not there, by name",
          { type: "set link", link: "nope", up: true },
          "RTM_NEWLINK nope: no link is called nope (ENODEV)",
        ],
        [
          "a link that is not there, by index",
          { type: "set link", link: 4711, up: true },
          "RTM_NEWLINK 4711: no such link (ENODEV)",
        ],
        [
          "deleting a link that is not there",
          { type: "delete link", link: "nope" },
          "RTM_DELLINK nope: no such link (ENODEV)",
        ],
        [
          "deleting the loopback",
          { type: "delete link", link: "lo" },
          "RTM_DELLINK lo: not supported by this kernel (EOPNOTSUPP)",
        ],
        [
          "moving the loopback",
          ({ podNamespace: namespace }) => ({ type: "set link", link: "lo", namespace }),
          "RTM_NEWLINK lo: The interface netns is immutable (EINVAL)",
        ],
        [
          "a port of what is no bridge",
          { type: "set link", link: "br0", master: "v0" },
          "RTM_NEWLINK br0: not supported by this kernel (EOPNOTSUPP)",
        ],
        [
          "a peer in a namespace that is not there",
          { type: "create veth", end: { name: "x" }, peer: { name: "y", namespace: 999 } },
          "RTM_NEWLINK veth x peer y: no such descriptor (EBADF)",
        ],
      ];
      for (const [what, request, message] of refused) {
        test(`refuses ${what}`, () => {
          host.apply(veth(harness));
          host.apply({ type: "create bridge", name: "br0" });
          const before = host.links();
          const asked = typeof request === "function" ? request(harness) : request;
          expect(outcome(host, asked)).toBe(message);
          expect(host.links()).toEqual(before);
        });
      }
    });

    describe("a carrier", () => {
      test("is settled on a link that is there", () => {
        host.apply(veth(harness));
        host.settleCarrier("v0");
        expect(() => host.settleCarrier("none")).toThrow("ENODEV");
      });
    });

    describe("addresses", () => {
      beforeEach(() => host.apply(veth(harness)));

      test("come and go on a link that is down", () => {
        host.apply(addAddress("v0", "10.0.0.1/24"));
        host.apply({
          type: "add address",
          link: "v0",
          address: ip("10.9.0.1"),
          length: 32,
          scope: "link",
        });
        expect(addressesOf(host)).toEqual(["v0 10.0.0.1/24 global", "v0 10.9.0.1/32 link"]);
        expect(routesOf(host)).toEqual([]);
        host.apply(deleteAddress("v0", "10.0.0.1/24"));
        expect(addressesOf(host)).toEqual(["v0 10.9.0.1/32 link"]);
      });

      test("of one link are told without the others'; there are none of a link that is not there", () => {
        host.apply({ type: "create bridge", name: "br0" });
        host.apply({ type: "set link", link: "br0", up: true });
        host.apply(addAddress("v0", "10.0.0.1/24"));
        for (const text of ["10.0.1.1/24", "fd00:1::1/64"]) host.apply(addAddress("br0", text));
        const told = (...filter: Parameters<Kernel["addresses"]>): string[] =>
          host.addresses(...filter).map(({ address }) => formatAddress(address));
        const bridge = host.link("br0")?.index;
        expect(told(4, bridge)).toEqual(["10.0.1.1"]);
        expect(told(6, bridge)).toContain("fd00:1::1");
        expect(told(undefined, bridge)).toEqual(expect.arrayContaining(["10.0.1.1", "fd00:1::1"]));
        expect(told(4, host.link("v0")?.index)).toEqual(["10.0.0.1"]);
        expect(told(4, 4711)).toEqual([]);
      });

      test("make the subnet's route while the link is up", async () => {
        pod.apply(up("v1"));
        host.apply(addAddress("v0", "10.0.0.1/24"));
        host.apply(up("v0"));
        await harness.until(() => !routesOf(host).join().includes("dead"));
        expect(routesOf(host)).toEqual(["10.0.0.0/24 dev v0 proto 2 scope link src 10.0.0.1"]);
        expect(routesOf(host, { table: 255 })).toEqual([
          "broadcast 10.0.0.255/32 dev v0 proto 2 scope link table 255 src 10.0.0.1",
          "local 10.0.0.1/32 dev v0 proto 2 scope host table 255 src 10.0.0.1",
        ]);
        host.apply(down("v0"));
        expect(routesOf(host)).toEqual([]);
        expect(addressesOf(host)).toEqual(["v0 10.0.0.1/24 global"]);
      });

      test("of 32 bits make no route but their own", () => {
        host.apply(up("v0"));
        host.apply(addAddress("v0", "10.9.0.1/32"));
        expect(routesOf(host)).toEqual([]);
        expect(routesOf(host, { table: 255 })).toHaveLength(1);
      });

      test("of the loopback come with it", () => {
        host.apply(up("lo"));
        expect(addressesOf(host)).toEqual(["lo 127.0.0.1/8 host"]);
        expect(routesOf(host, { table: 255 })).toEqual([
          "broadcast 127.255.255.255/32 dev lo proto 2 scope link table 255 src 127.0.0.1",
          "local 127.0.0.0/8 dev lo proto 2 scope host table 255 src 127.0.0.1",
          "local 127.0.0.1/32 dev lo proto 2 scope host table 255 src 127.0.0.1",
        ]);
      });

      test("of one subnet: the first carries the route, and takes the others along", () => {
        host.apply(up("v0"));
        pod.apply(up("v1"));
        host.apply(addAddress("v0", "10.0.0.1/24"));
        host.apply(addAddress("v0", "10.0.0.2/24"));
        expect(routesOf(host)).toHaveLength(1);
        host.apply(deleteAddress("v0", "10.0.0.2/24"));
        expect(routesOf(host)).toHaveLength(1);
        host.apply(addAddress("v0", "10.0.0.2/24"));
        host.apply(deleteAddress("v0", "10.0.0.1/24"));
        expect(addressesOf(host)).toEqual([]);
        expect(routesOf(host)).toEqual([]);
      });

      test("that go take the routes from them along, and the last one all routes of the link", () => {
        pod.apply(up("v1"));
        host.apply(up("v0"));
        host.apply(addAddress("v0", "10.0.0.1/24"));
        host.apply(addAddress("v0", "10.5.0.1/32"));
        const nextHops = [{ gateway: ip("10.0.0.2") }];
        host.apply({ type: "add route", route: { destination: net("10.1.0.0/16"), nextHops } });
        host.apply({
          type: "add route",
          route: { destination: net("10.2.0.0/16"), preferredSource: ip("10.0.0.1"), nextHops },
        });
        host.apply(deleteAddress("v0", "10.0.0.1/24"));
        expect(routesOf(host).map((text) => text.split(" ")[0])).toEqual(["10.1.0.0/16"]);
        host.apply(deleteAddress("v0", "10.5.0.1/32"));
        expect(routesOf(host)).toEqual([]);
      });

      const refused: [string, Request, string][] = [
        [
          "an address that is there",
          addAddress("v0", "10.0.0.1/24"),
          "RTM_NEWADDR 10.0.0.1/24 dev v0: ipv4: Address already assigned (EEXIST)",
        ],
        [
          "deleting one that is not there",
          deleteAddress("v0", "10.0.0.9/24"),
          "RTM_DELADDR 10.0.0.9/24 dev v0: ipv4: Address not found (EADDRNOTAVAIL)",
        ],
        [
          "deleting one with another length",
          deleteAddress("v0", "10.0.0.1/16"),
          "RTM_DELADDR 10.0.0.1/16 dev v0: ipv4: Address not found (EADDRNOTAVAIL)",
        ],
        [
          "a link that is not there, by index",
          addAddress(4711, "10.0.0.2/24"),
          "RTM_NEWADDR 10.0.0.2/24 dev 4711: ipv4: Device not found (ENODEV)",
        ],
        [
          "a link that is not there, by name",
          deleteAddress("nope", "10.0.0.1/24"),
          "RTM_DELADDR 10.0.0.1/24 dev nope: no link is called nope (ENODEV)",
        ],
      ];
      for (const [what, request, message] of refused) {
        test(`refuses ${what}`, () => {
          host.apply(addAddress("v0", "10.0.0.1/24"));
          expect(outcome(host, request)).toBe(message);
        });
      }

      test("of another length are another address", () => {
        host.apply(addAddress("v0", "10.0.0.1/24"));
        host.apply(addAddress("v0", "10.0.0.1/16"));
        expect(addressesOf(host)).toHaveLength(2);
      });
    });

    describe("groups of links", () => {
      const inGroup = (name: string, group: number): void => {
        host.apply({ type: "create veth", end: { name }, peer: { name: `${name}p` } });
        host.apply({ type: "set link", link: name, group });
      };

      test("are deleted at once, with their peers, and nothing else is", () => {
        for (const name of ["a", "b"]) inGroup(name, 7);
        inGroup("c", 8);
        host.apply({ type: "delete group", group: 7 });
        expect(
          host
            .links()
            .map(({ name }) => name)
            .sort(),
        ).toEqual(["c", "cp", "lo"]);
      });

      test("that nobody is in are refused", () => {
        expect(() => host.apply({ type: "delete group", group: 7 })).toThrow(
          "RTM_DELLINK group 7: no such link (ENODEV)",
        );
      });
    });

    describe("neighbours", () => {
      const replace = (mac: string): Request => ({
        type: "replace neighbour",
        link: "v0",
        address: ip("10.0.0.2"),
        mac,
      });
      beforeEach(() => connect(harness));

      test("are put, replaced and deleted", () => {
        host.apply(replace("02:00:00:00:00:02"));
        host.apply(replace("02:00:00:00:00:03"));
        expect(neighboursOf(host)).toEqual(["v0 10.0.0.2 02:00:00:00:00:03 permanent"]);
        host.apply({ type: "delete neighbour", link: "v0", address: ip("10.0.0.2") });
        expect(neighboursOf(host)).toEqual([]);
      });

      test("are looked up one by one", () => {
        host.apply(replace("02:00:00:00:00:02"));
        const index = host.link("v0")?.index ?? 0;
        expect(host.neighbour(index, ip("10.0.0.2"))).toEqual({
          link: index,
          address: ip("10.0.0.2"),
          mac: "02:00:00:00:00:02",
          state: "permanent",
        });
        expect(host.neighbour(index, ip("10.0.0.77"))).toBeUndefined();
      });

      test("go when the link goes down", () => {
        host.apply(replace("02:00:00:00:00:02"));
        host.apply(down("v0"));
        expect(neighboursOf(host)).toEqual([]);
      });

      test("refuse what is not there", () => {
        expect(
          outcome(host, { type: "delete neighbour", link: "v0", address: ip("10.0.0.2") }),
        ).toBe("RTM_DELNEIGH 10.0.0.2 dev v0: no such entry (ENOENT)");
        const mac = "02:00:00:00:00:02";
        const address = ip("10.0.0.2");
        expect(outcome(host, { type: "replace neighbour", link: 4711, address, mac })).toBe(
          "RTM_NEWNEIGH 10.0.0.2 dev 4711: no such link (ENODEV)",
        );
      });
    });

    kernelRouteSuite(() => harness);
    kernelNexthopSuite(() => harness);

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
        host.apply({ type: "delete link", link: "v0" });
        await harness.until(() => heard.texts().some((text) => text.startsWith("link deleted v0")));
        heard.stop();
      });

      test("of routes: replaced is new, deleted is deleted, the same again is nothing", async () => {
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
          "route new 10.1.0.0/16 via 10.0.0.3 dev v0 proto 3",
          "route deleted 10.1.0.0/16 via 10.0.0.3 dev v0 proto 3",
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
