/** Neighbour discovery of hosts in one process, on a virtual clock and the twin kernel. */

import { expect, test } from "bun:test";
import { discoveryIn } from "../../../bgpd/nd/discovery.ts";
import { MemoryNdNetwork, type NdEnd } from "../../../bgpd/nd/memory.ts";
import { decodeMessage } from "../../../bgpd/nd/message.ts";
import type { Discovery, OpenNdSocket } from "../../../bgpd/nd/nd.ts";
import type { Kernel } from "../../../kernel/kernel.ts";
import { SystemError } from "../../../kernel/libc.ts";
import { createMemoryHost } from "../../../kernel/memory.ts";
import { type Address, formatAddress, isLinkLocal, parseAddress } from "../../../lib/address.ts";
import { VirtualClock } from "../../../lib/clock.ts";
import { silentLogger } from "../../../lib/log.ts";
import { seeded } from "../../sim/world.ts";

/** Two hosts, `a` with eth1 and `b` with eth2, on one cable. */
class Scene {
  readonly clock = new VirtualClock();
  readonly wire = new MemoryNdNetwork(this.clock);
  readonly a: Kernel;
  readonly b: Kernel;
  readonly changes: string[] = [];

  constructor() {
    const host = createMemoryHost({ defer: (run) => void this.clock.after(0, run) });
    const there = host.createNamespace("b");
    this.a = host.kernel();
    this.b = host.kernel(there);
    const peer = { name: "eth2", namespace: there };
    this.a.apply({ type: "create veth", end: { name: "eth1" }, peer });
  }

  up(kernel: Kernel, link: string, address: string): void {
    kernel.apply({ type: "set link", link, up: true });
    this.address(kernel, link, address);
  }

  address(kernel: Kernel, link: string, text: string): void {
    const address = parseAddress(text);
    kernel.apply({ type: "add address", link, address, length: 64, scope: "link" });
  }

  open(kernel: Kernel): OpenNdSocket {
    const endOf = (index: number): NdEnd | undefined => {
      const own = kernel.addresses(6).find((one) => one.link === index && isLinkLocal(one.address));
      return own === undefined ? undefined : { wire: "cable", address: own.address };
    };
    return this.wire.host(() => kernel.links().map(({ index }) => index), endOf);
  }

  discover(kernel: Kernel, link: string, open = this.open(kernel)): Discovery {
    const options = { clock: this.clock, kernel, open, random: seeded(5), log: silentLogger() };
    const onChange = (name: string): void => void this.changes.push(name);
    const discovery = discoveryIn(options)({ onChange, events: "watched" });
    discovery.apply([link]);
    return discovery;
  }
}

const words = (address: Address | undefined): string =>
  address === undefined ? "none" : formatAddress(address);

function look(discovery: Discovery, link: string): string {
  const standing = discovery.standing(link);
  if (standing.local === undefined) return standing.reason;
  const routers = standing.routers.map(({ address }) => words(address)).join(" ");
  return `${words(standing.local)}: ${routers || standing.reason}`;
}

test("two who begin one after the other find each other at once", () => {
  const all = new Scene();
  all.up(all.a, "eth1", "fe80::a");
  all.up(all.b, "eth2", "fe80::b");
  const a = all.discover(all.a, "eth1");
  all.clock.advance(60_000);
  const [one, two] = [all.a.link("eth1")?.index, all.b.link("eth2")?.index];
  expect(look(a, "eth1")).toBe(
    `fe80::a%${one}: no router advertisement has come on eth1 (RFC 4861): waiting for a neighbour`,
  );
  const b = all.discover(all.b, "eth2");
  all.clock.advance(10);
  expect(look(a, "eth1")).toBe(`fe80::a%${one}: fe80::b%${one}`);
  all.clock.advance(600);
  expect(look(b, "eth2")).toBe(`fe80::b%${two}: fe80::a%${two}`);
});

test("advertisements offer no default route, say the link-layer address, and go with hop limit 255", () => {
  const all = new Scene();
  all.up(all.a, "eth1", "fe80::a");
  all.up(all.b, "eth2", "fe80::b");
  all.discover(all.a, "eth1");
  all.clock.advance(100);
  const mac = all.a.link("eth1")?.mac?.replaceAll(":", "");
  const told = all.wire.sent.map(({ bytes, from, to }) => ({
    to: words(to),
    ...decodeMessage(bytes, { source: from, hops: 255 }),
  }));
  expect(told.map(({ type, to }) => `${type} ${to}`)).toEqual([
    "solicitation ff02::2",
    "advertisement ff02::1",
  ]);
  expect(told[1]).toMatchObject({ lifetime: 0, managed: false, other: false, hopLimit: 0 });
  expect(told[1]?.linkLayer?.toHex()).toBe(mac);
});

test("what has crossed a router is not believed", () => {
  const all = new Scene();
  all.up(all.a, "eth1", "fe80::a");
  all.up(all.b, "eth2", "fe80::b");
  all.wire.hops = 254;
  const a = all.discover(all.a, "eth1");
  all.discover(all.b, "eth2");
  all.clock.advance(30_000);
  expect(look(a, "eth1")).toContain("no router advertisement has come");
});

test("a link is followed from nowhere to up, to another address, and to nowhere again", () => {
  const all = new Scene();
  const a = all.discover(all.a, "eth7");
  const seen: string[] = [look(a, "eth7")];
  const step = (change: () => void): void => {
    change();
    all.clock.advance(10);
    seen.push(look(a, "eth7").replace(/%\d+/g, ""));
  };
  step(() => all.a.apply({ type: "set link", link: "eth1", name: "eth7" }));
  step(() => all.a.apply({ type: "set link", link: "eth7", up: true }));
  step(() => all.b.apply({ type: "set link", link: "eth2", up: true }));
  step(() => all.address(all.a, "eth7", "fe80::a"));
  step(() =>
    all.a.apply({
      type: "delete address",
      link: "eth7",
      address: parseAddress("fe80::a"),
      length: 64,
    }),
  );
  step(() => all.address(all.a, "eth7", "fe80::aa"));
  step(() => all.a.apply({ type: "delete link", link: "eth7" }));
  const waiting = "no router advertisement has come on eth7 (RFC 4861): waiting for a neighbour";
  expect(seen).toEqual([
    "there is no link eth7",
    "the link eth7 is down",
    "the link eth7 has no carrier",
    "the link eth7 has no link-local IPv6 address",
    `fe80::a: ${waiting}`,
    "the link eth7 has no link-local IPv6 address",
    `fe80::aa: ${waiting}`,
    "there is no link eth7",
  ]);
  expect(all.changes).toHaveLength(7);
});

test("who loses its carrier forgets whom it heard", () => {
  const all = new Scene();
  all.up(all.a, "eth1", "fe80::a");
  all.up(all.b, "eth2", "fe80::b");
  const a = all.discover(all.a, "eth1");
  all.discover(all.b, "eth2");
  all.clock.advance(1000);
  expect(look(a, "eth1")).toMatch(/: fe80::b%\d+$/);
  all.b.apply({ type: "set link", link: "eth2", up: false });
  all.clock.advance(10);
  expect(look(a, "eth1")).toBe("the link eth1 has no carrier");
  all.up(all.b, "eth2", "fe80::bb");
  all.clock.advance(1000);
  expect(look(a, "eth1")).toMatch(/: fe80::bb%\d+$/);
});

test("without the right to a raw socket the reason is told, and it is tried again", () => {
  const all = new Scene();
  all.up(all.a, "eth1", "fe80::a");
  all.up(all.b, "eth2", "fe80::b");
  let isAllowed = false;
  const open = all.open(all.a);
  const a = all.discover(all.a, "eth1", (onArrival, onFailure) => {
    if (!isAllowed) throw new SystemError("socket", 1);
    return open(onArrival, onFailure);
  });
  expect(look(a, "eth1")).toContain("no ICMPv6 socket (socket: EPERM)");
  isAllowed = true;
  all.clock.advance(3000);
  expect(look(a, "eth1")).toContain("no router advertisement has come");
  all.discover(all.b, "eth2");
  all.clock.advance(1000);
  expect(look(a, "eth1")).toMatch(/: fe80::b%\d+$/);
});

test("a flood of routers is not remembered", () => {
  const all = new Scene();
  all.up(all.a, "eth1", "fe80::a");
  all.up(all.b, "eth2", "fe80::b");
  const a = all.discover(all.a, "eth1");
  const flood = all.wire.host(
    () => [],
    (link) => ({ wire: "cable", address: { ...parseAddress("fe80::"), w3: link } }),
  )(
    () => {},
    () => {},
  );
  const bytes = Uint8Array.of(134, ...new Uint8Array(15));
  for (let zone = 1000; zone < 1100; zone++) {
    flood.send(bytes, parseAddress("ff02::1"), { ...parseAddress("fe80::"), w3: zone, zone });
    all.clock.advance(2);
  }
  const standing = a.standing("eth1");
  expect(standing.local === undefined ? [] : standing.routers).toHaveLength(16);
});

test("of several link-local addresses the one in use stays in use, wherever others are listed", () => {
  const all = new Scene();
  all.up(all.a, "eth1", "fe80::a");
  all.up(all.b, "eth2", "fe80::b");
  const a = all.discover(all.a, "eth1");
  all.clock.advance(10);
  const address = parseAddress("fe80::1");
  all.a.apply({ type: "add address", link: "eth1", address, length: 64, scope: "link" });
  all.clock.advance(10);
  expect(look(a, "eth1")).toStartWith("fe80::a%");
  all.a.apply({
    type: "delete address",
    link: "eth1",
    address: parseAddress("fe80::a"),
    length: 64,
  });
  all.clock.advance(10);
  expect(look(a, "eth1")).toStartWith("fe80::1%");
});

test("who asks in the name of an address elsewhere is answered on the link, to all", () => {
  const all = new Scene();
  all.up(all.a, "eth1", "fe80::a");
  all.up(all.b, "eth2", "fe80::b");
  all.discover(all.a, "eth1");
  all.clock.advance(20_000);
  const elsewhere = parseAddress("2001:db8::66");
  const spoofer = all.wire.host(
    () => [],
    () => ({ wire: "cable", address: elsewhere }),
  )(
    () => {},
    () => {},
  );
  spoofer.send(Uint8Array.of(133, ...new Uint8Array(7)), parseAddress("ff02::2"), {
    ...elsewhere,
    zone: 99,
  });
  all.clock.advance(20_000);
  const told = new Set(all.wire.sent.slice(2).map(({ to }) => words(to)));
  expect([...told].sort()).toEqual(["ff02::1", "ff02::2"]);
});
