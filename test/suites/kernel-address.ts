/** What every Kernel does with addresses and neighbours; part of the suite of `kernel.ts`. */

import { beforeEach, describe, expect, test } from "bun:test";
import type { Kernel, Request } from "../../kernel/kernel.ts";
import { formatAddress } from "../../lib/address.ts";
import {
  addAddress,
  addressesOf,
  connect,
  deleteAddress,
  down,
  ip,
  type KernelHarness,
  neighboursOf,
  net,
  outcome,
  routesOf,
  up,
  veth,
} from "./kernel-words.ts";

/** Of the suite; `current` is the harness of the test that runs. */
export function kernelAddressSuite(current: () => KernelHarness): void {
  let harness: KernelHarness;
  let host: Kernel;
  let pod: Kernel;

  beforeEach(() => {
    harness = current();
    ({ host, pod } = harness);
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

    test("say who gave them, where they did", () => {
      const ours = { type: "add address", link: "v0", protocol: 77 } as const;
      host.apply({ ...ours, address: ip("10.9.0.1"), length: 32 });
      host.apply({ ...ours, address: ip("fd00:9::1"), length: 128, deprecated: true });
      host.apply(addAddress("v0", "10.9.0.2/32"));
      const given = host
        .addresses(undefined, host.link("v0")?.index)
        .map(({ address, protocol }) => `${formatAddress(address)} ${protocol ?? "nobody"}`);
      expect(given.filter((text) => !text.startsWith("fe80")).sort()).toEqual([
        "10.9.0.1 77",
        "10.9.0.2 nobody",
        "fd00:9::1 77",
      ]);
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
      expect(outcome(host, { type: "delete neighbour", link: "v0", address: ip("10.0.0.2") })).toBe(
        "RTM_DELNEIGH 10.0.0.2 dev v0: no such entry (ENOENT)",
      );
      const mac = "02:00:00:00:00:02";
      const address = ip("10.0.0.2");
      expect(outcome(host, { type: "replace neighbour", link: 4711, address, mac })).toBe(
        "RTM_NEWNEIGH 10.0.0.2 dev 4711: no such link (ENODEV)",
      );
    });
  });
}
