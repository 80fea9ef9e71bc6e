/** What every Kernel does with nexthop objects; part of the suite of `kernel.ts`. */

import { beforeEach, describe, expect, test } from "bun:test";
import type {
  Kernel,
  KernelEvent,
  NexthopSpec,
  Request,
  RouteSpec,
  WatchSource,
} from "../../kernel/kernel.ts";
import {
  addAddress,
  connect,
  deleteAddress,
  down,
  eventText,
  ip,
  type KernelHarness,
  net,
  nexthopText,
  outcome,
  routesOf,
  up,
} from "./kernel-words.ts";

type Wanted = Omit<NexthopSpec, "id">;

const add = (id: number, spec: Wanted): Request => ({
  type: "add nexthop",
  nexthop: { id, ...spec },
});
const change = (id: number, spec: Wanted): Request => ({
  type: "change nexthop",
  nexthop: { id, ...spec },
});
const remove = (id: number): Request => ({ type: "delete nexthop", id });
const via = (gateway: string, link = "v0"): Wanted => ({ gateway: ip(gateway), link });
const group = (...ids: number[]): Wanted => ({ members: ids.map((id) => ({ id })) });
const route = (destination: string, spec: Omit<RouteSpec, "destination">): Request => ({
  type: "add route",
  route: { destination: net(destination), ...spec },
});

/** `v0` has 10.0.0.1/24, `w0` 10.5.0.1/24; their other ends `v1` (in the pod) and `w1` are up. */
export function kernelNexthopSuite(current: () => KernelHarness): void {
  describe("nexthop objects", () => {
    let host: Kernel;
    let pod: Kernel;

    beforeEach(async () => {
      const harness = current();
      ({ host, pod } = harness);
      connect(harness);
      host.apply({ type: "create veth", end: { name: "w0" }, peer: { name: "w1" } });
      host.apply(addAddress("w0", "10.5.0.1/24"));
      for (const link of ["w1", "w0"]) host.apply(up(link));
      // Linux learns of carrier a moment later.
      await harness.until(() => !routesOf(host).join().includes("dead"));
    });

    const names = () => new Map(host.links().map(({ index, name }) => [index, name]));
    const objects = (): string[] => host.nexthops().map((one) => nexthopText(one, names()));
    const mine = (): string[] => routesOf(host).filter((text) => !text.includes("proto 2"));

    const hear = (types: ("route" | "nexthop")[], source: WatchSource = "all", kernel = host) => {
      const events: KernelEvent[] = [];
      const stop = kernel.watch(types, (event) => events.push(event), source);
      const texts = (): string[] =>
        // What Linux does for IPv6 of its own accord apart.
        events
          .map((event) => eventText(event, names()))
          .filter((text) => !/ (fe80|ff00)::\S*\/|local fd/.test(text));
      return { stop, texts };
    };

    const kinds: [string, Wanted, string][] = [
      ["a gateway on a link", via("10.0.0.2"), "via 10.0.0.2 dev v0 proto 0"],
      ["with a protocol", { ...via("10.0.0.2"), protocol: 77 }, "via 10.0.0.2 dev v0 proto 77"],
      [
        "a gateway on the link by word only",
        { ...via("169.254.1.1"), onLink: true },
        "via 169.254.1.1 dev v0 onlink proto 0",
      ],
      ["a link alone", { link: "v0" }, "dev v0 proto 0"],
      ["an IPv6 gateway", via("fe80::7"), "via fe80::7 dev v0 proto 0"],
      ["a blackhole", { blackhole: true }, "blackhole proto 0"],
    ];
    for (const [what, spec, text] of kinds) {
      test(`are made: ${what}, and deleted`, () => {
        if (spec.blackhole === true) host.apply(up("lo"));
        expect(outcome(host, add(7, spec))).toBe("done");
        expect(objects()).toEqual([`7 ${text}`]);
        expect(outcome(host, remove(7))).toBe("done");
        expect(objects()).toEqual([]);
      });
    }

    test("are gathered in groups, with weights", () => {
      host.apply(add(7, via("10.0.0.2")));
      host.apply(add(8, via("10.5.0.2", "w0")));
      const members = [{ id: 7 }, { id: 8, weight: 3 }];
      host.apply(add(9, { members, protocol: 77 }));
      expect(host.nexthops().find(({ id }) => id === 9)).toEqual({ id: 9, protocol: 77, members });
    });

    test("have the id that was asked for, up to the largest", () => {
      host.apply(add(0xffff_ffff, via("10.0.0.2")));
      expect(objects()).toEqual([`${0xffff_ffff} via 10.0.0.2 dev v0 proto 0`]);
    });

    const refused: [string, Request, string][] = [
      [
        "an id that is taken",
        add(1, via("10.0.0.3")),
        "RTM_NEWNEXTHOP id 1 via 10.0.0.3 dev v0: exists already (EEXIST)",
      ],
      [
        "a gateway that is not on the link",
        add(7, via("10.7.0.1")),
        "RTM_NEWNEXTHOP id 7 via 10.7.0.1 dev v0: Nexthop has invalid gateway (ENETUNREACH)",
      ],
      [
        "no link",
        add(7, { gateway: ip("10.0.0.2") }),
        "RTM_NEWNEXTHOP id 7 via 10.0.0.2: Device attribute required for non-blackhole and non-fdb nexthops (EINVAL)",
      ],
      [
        "a link that is not there, by index",
        add(7, { link: 4711 }),
        "RTM_NEWNEXTHOP id 7 dev 4711: Invalid device index (EINVAL)",
      ],
      [
        "a link that is not there, by name",
        add(7, { link: "nope" }),
        "RTM_NEWNEXTHOP id 7 dev nope: no link is called nope (ENODEV)",
      ],
      [
        "a link that is down",
        add(7, { link: "lo" }),
        "RTM_NEWNEXTHOP id 7 dev lo: Nexthop device is not up (ENETDOWN)",
      ],
      [
        "a blackhole, which is on the loopback, when that is down",
        add(7, { blackhole: true }),
        "RTM_NEWNEXTHOP id 7 blackhole: Device for nexthop is not up (ENETDOWN)",
      ],
      [
        "a group of what is not there",
        add(7, group(1, 99)),
        "RTM_NEWNEXTHOP id 7 group 1/99: Invalid nexthop id (EINVAL)",
      ],
      [
        "a group with one twice",
        add(7, group(1, 1)),
        "RTM_NEWNEXTHOP id 7 group 1/1: Nexthop id can not be used twice in a group (EINVAL)",
      ],
      [
        "a group of groups",
        add(7, group(2)),
        "RTM_NEWNEXTHOP id 7 group 2: Hash-threshold group can not be a nexthop within a group (EINVAL)",
      ],
      [
        "a group in the place of a way",
        change(1, group(1)),
        "RTM_NEWNEXTHOP id 1 group 1: Can not replace a nexthop with a nexthop group (EINVAL)",
      ],
      [
        "a way in the place of a group",
        change(2, via("10.0.0.3")),
        "RTM_NEWNEXTHOP id 2 via 10.0.0.3 dev v0: Can not replace a nexthop group with a nexthop (EINVAL)",
      ],
      [
        "changing what is not there",
        change(99, via("10.0.0.3")),
        "RTM_NEWNEXTHOP id 99 via 10.0.0.3 dev v0: Replace specified without create and no entry exists (ENOENT)",
      ],
      ["deleting what is not there", remove(99), "RTM_DELNEXTHOP id 99: no such entry (ENOENT)"],
      [
        "a route over what is not there",
        route("10.1.0.0/16", { nexthop: 99 }),
        "RTM_NEWROUTE 10.1.0.0/16 nhid 99: Nexthop id does not exist (EINVAL)",
      ],
      [
        "an IPv6 route over an IPv4 gateway",
        route("fd01::/64", { nexthop: 1 }),
        "RTM_NEWROUTE fd01::/64 nhid 1: IPv6 routes can not use an IPv4 nexthop (EINVAL)",
      ],
      [
        "an IPv6 route over a group with one",
        route("fd01::/64", { nexthop: 2 }),
        "RTM_NEWROUTE fd01::/64 nhid 2: IPv6 routes can not use an IPv4 nexthop (EINVAL)",
      ],
    ];
    for (const [what, request, message] of refused) {
      test(`are refused: ${what}`, () => {
        host.apply(add(1, via("10.0.0.2")));
        host.apply(add(2, group(1)));
        const before = objects();
        expect(outcome(host, request)).toBe(message);
        expect(objects()).toEqual(before);
      });
    }

    test("on a link without carrier are refused", async () => {
      pod.apply(down("v1"));
      await current().until(() => host.link("v0")?.carrier === false);
      expect(outcome(host, add(7, via("10.0.0.2")))).toBe(
        "RTM_NEWNEXTHOP id 7 via 10.0.0.2 dev v0: Carrier for nexthop device is down (ENETDOWN)",
      );
    });

    describe("carry routes", () => {
      beforeEach(() => {
        host.apply(add(1, via("10.0.0.2")));
        host.apply(add(2, via("10.5.0.2", "w0")));
        host.apply(add(3, group(1, 2)));
        host.apply(route("10.1.0.0/16", { nexthop: 1 }));
        host.apply(route("10.3.0.0/16", { nexthop: 3 }));
      });

      const BOTH = "10.3.0.0/16 via 10.0.0.2 dev v0, via 10.5.0.2 dev w0 proto 3 nhid 3";

      test("which show the object and its ways", () => {
        expect(mine()).toEqual(["10.1.0.0/16 via 10.0.0.2 dev v0 proto 3 nhid 1", BOTH]);
      });

      test("which are deleted by the object, or without a word about ways, but by no way", () => {
        const gone = (spec: Omit<RouteSpec, "destination">): string =>
          outcome(host, {
            type: "delete route",
            route: { destination: net("10.1.0.0/16"), ...spec },
          });
        expect(gone({ nextHops: [{ gateway: ip("10.0.0.2") }] })).toContain("ESRCH");
        expect(gone({ nexthop: 2 })).toContain("ESRCH");
        expect(gone({ nexthop: 1 })).toBe("done");
        host.apply(route("10.1.0.0/16", { nexthop: 1 }));
        expect(gone({})).toBe("done");
      });

      test("which move with it when it is replaced, group and all", () => {
        host.apply(change(1, via("10.0.0.9")));
        expect(mine()).toEqual([
          "10.1.0.0/16 via 10.0.0.9 dev v0 proto 3 nhid 1",
          BOTH.replace("10.0.0.2", "10.0.0.9"),
        ]);
        host.apply(change(3, group(2)));
        expect(mine()[1]).toBe("10.3.0.0/16 via 10.5.0.2 dev w0 proto 3 nhid 3");
      });

      test("over an IPv6 gateway", () => {
        host.apply(add(7, via("fe80::7")));
        host.apply(route("10.7.0.0/16", { nexthop: 7 }));
        host.apply(route("fd01::/64", { nexthop: 7 }));
        expect(mine()).toContain("10.7.0.0/16 via fe80::7 dev v0 proto 3 nhid 7");
      });

      test("into a blackhole", () => {
        host.apply(up("lo"));
        host.apply(add(7, { blackhole: true }));
        host.apply(route("10.7.0.0/16", { nexthop: 7 }));
        expect(mine()).toContain("blackhole 10.7.0.0/16 dev lo proto 3 nhid 7");
      });

      test("and take them along when they are deleted, out of groups too", () => {
        host.apply(remove(1));
        expect(mine()).toEqual(["10.3.0.0/16 via 10.5.0.2 dev w0 proto 3 nhid 3"]);
        host.apply(remove(2));
        expect(mine()).toEqual([]);
        expect(objects()).toEqual([]);
      });

      test("and go with their link, and with them what they carry", () => {
        host.apply(down("v0"));
        expect(objects()).toEqual(["2 via 10.5.0.2 dev w0 proto 0", "3 group 2,1 proto 0"]);
        expect(mine()).toEqual(["10.3.0.0/16 via 10.5.0.2 dev w0 proto 3 nhid 3"]);
        host.apply({ type: "delete link", link: "w0" });
        expect(objects()).toEqual([]);
        expect(mine()).toEqual([]);
      });

      test("and go with the carrier of their link, for good", async () => {
        pod.apply(down("v1"));
        await current().until(() => objects().length === 2);
        expect(mine()).toEqual(["10.3.0.0/16 via 10.5.0.2 dev w0 proto 3 nhid 3"]);
        pod.apply(up("v1"));
        await current().until(() => host.link("v0")?.carrier === true);
        expect(objects().length).toBe(2);
      });

      test("and stay when the address of their subnet goes", () => {
        host.apply(deleteAddress("v0", "10.0.0.1/24"));
        expect(objects().length).toBe(3);
        expect(mine().length).toBe(2);
      });
    });

    describe("are told of", () => {
      test("when they come, change and are deleted, with the groups that lose them", async () => {
        const heard = hear(["nexthop"]);
        host.apply(add(1, via("10.0.0.2")));
        host.apply(add(2, via("10.5.0.2", "w0")));
        host.apply(add(3, group(1, 2)));
        host.apply(add(4, group(1)));
        host.apply(change(1, via("10.0.0.9")));
        host.apply(remove(1));
        await current().until(() => heard.texts().length >= 8);
        // Of several groups that lose one, any may be told of first.
        const [told, ends] = [heard.texts().slice(0, 6), heard.texts().slice(6)];
        expect([...told, ...ends.sort()]).toEqual([
          "nexthop new 1 via 10.0.0.2 dev v0 proto 0",
          "nexthop new 2 via 10.5.0.2 dev w0 proto 0",
          "nexthop new 3 group 1,1/2,1 proto 0",
          "nexthop new 4 group 1,1 proto 0",
          "nexthop new 1 via 10.0.0.9 dev v0 proto 0",
          "nexthop deleted 1 via 10.0.0.9 dev v0 proto 0",
          "nexthop deleted 4 group 1,1 proto 0",
          "nexthop new 3 group 2,1 proto 0",
        ]);
        heard.stop();
      });

      test("with the routes that move with them, but not with those that go", async () => {
        host.apply(add(1, via("10.0.0.2")));
        host.apply(route("10.1.0.0/16", { nexthop: 1 }));
        const heard = hear(["route", "nexthop"]);
        host.apply(change(1, via("10.0.0.9")));
        host.apply(remove(1));
        await current().until(() => heard.texts().some((text) => text.includes("deleted")));
        expect(heard.texts()).toEqual([
          "nexthop new 1 via 10.0.0.9 dev v0 proto 0",
          "route replaced by 10.1.0.0/16 via 10.0.0.9 dev v0 proto 3 nhid 1",
          "nexthop deleted 1 via 10.0.0.9 dev v0 proto 0",
        ]);
        heard.stop();
      });

      test("with IPv6 routes that move with them too", async () => {
        host.apply(add(1, via("fe80::7")));
        host.apply(route("fd01::/64", { nexthop: 1 }));
        const heard = hear(["route"]);
        host.apply(change(1, via("fe80::9")));
        await current().until(() => heard.texts().length > 0);
        expect(heard.texts()).toEqual([
          "route replaced by fd01::/64 via fe80::9 dev v0 proto 3 metric 1024 nhid 1",
        ]);
        heard.stop();
      });

      test("but not when they go with their link", async () => {
        host.apply(add(1, via("10.0.0.2")));
        host.apply(route("10.1.0.0/16", { nexthop: 1 }));
        const heard = hear(["nexthop", "route"]);
        host.apply(down("v0"));
        host.apply(add(2, via("10.5.0.2", "w0")));
        await current().until(() => heard.texts().some((text) => text.includes("new 2")));
        expect(heard.texts().filter((text) => !text.includes("proto 2"))).toEqual([
          "nexthop new 2 via 10.5.0.2 dev w0 proto 0",
        ]);
        heard.stop();
      });
    });

    test("who listens to others hears nothing of routes and objects of his own", async () => {
      const { second } = current();
      const heard = hear(["route", "nexthop"], "others");
      host.apply(add(1, via("10.0.0.2")));
      host.apply(route("10.1.0.0/16", { nexthop: 1 }));
      host.apply(change(1, via("10.0.0.9")));
      host.apply({ type: "delete route", route: { destination: net("10.1.0.0/16") } });
      second.apply(add(2, via("10.0.0.3")));
      second.apply(route("10.2.0.0/16", { nexthop: 2 }));
      second.apply({ type: "delete route", route: { destination: net("10.2.0.0/16") } });
      await current().until(() => heard.texts().some((text) => text.includes("deleted")));
      expect(heard.texts()).toEqual([
        "nexthop new 2 via 10.0.0.3 dev v0 proto 0",
        "route new 10.2.0.0/16 via 10.0.0.3 dev v0 proto 3 nhid 2",
        "route deleted 10.2.0.0/16 via 10.0.0.3 dev v0 proto 3 nhid 2",
      ]);
      heard.stop();
    });
  });
}
