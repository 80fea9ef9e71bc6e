/** What every Kernel does with links and their groups; part of the suite of `kernel.ts`. */

import { beforeEach, describe, expect, test } from "bun:test";
import type { Kernel, Request } from "../../kernel/kernel.ts";
import {
  addAddress,
  addressesOf,
  connect,
  down,
  type KernelHarness,
  outcome,
  routesOf,
  up,
  veth,
} from "./kernel-words.ts";

/** Of the suite; `current` is the harness of the test that runs. */
export function kernelLinkSuite(current: () => KernelHarness): void {
  let harness: KernelHarness;
  let host: Kernel;
  let pod: Kernel;

  beforeEach(() => {
    harness = current();
    ({ host, pod } = harness);
  });

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
}
