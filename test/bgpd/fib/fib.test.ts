import { beforeEach, describe, expect, test } from "bun:test";
import { type Daemon, ip, net, PROTOCOL, Scene } from "./scene.ts";

const ROUTER = "172.30.0.1";
const OTHER = "172.30.0.12";
const SECOND = "172.31.0.1";

let scene: Scene;
let daemon: Daemon;

beforeEach(() => {
  scene = new Scene();
  daemon = scene.start();
});

const proto = (text: string): string => `${text.replace(" via", ` proto ${PROTOCOL} via`)}`;
const counts = () => daemon.fib.counts();

test("IPv6 routes and blackholes, and IPv4 routes over IPv6 next hops, are installed as IPv4 is", () => {
  scene.address("eth0", "fd00:30::11/64");
  daemon.resolver.refresh();
  // The kernel hangs it on lo, which nobody has brought up here.
  const blackhole = `blackhole fd00:244::40/122 proto ${PROTOCOL} dev lo dead`;
  daemon.want("2001:db8::/48", "fd00:30::1");
  daemon.want("fd00:244::40/122", "blackhole");
  daemon.want("192.0.2.0/24", "fd00:30::1");
  expect(daemon.flush()).toEqual([
    "add 192.0.2.0/24 via fd00:30::1",
    "add 2001:db8::/48 via fd00:30::1",
    "add blackhole fd00:244::40/122",
  ]);
  expect(scene.routes().sort()).toEqual(
    [
      proto("192.0.2.0/24 via fd00:30::1 dev eth0"),
      proto("2001:db8::/48 via fd00:30::1 dev eth0"),
      blackhole,
    ].sort(),
  );
  daemon.unwant("2001:db8::/48");
  daemon.unwant("192.0.2.0/24");
  daemon.flush();
  expect(scene.routes()).toEqual([blackhole]);
});

describe("want, unwant and flush", () => {
  test("nothing is sent before flush, and then all of it", () => {
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.want("10.2.0.0/24", OTHER);
    expect(scene.routes()).toEqual([]);
    expect(daemon.state("10.1.0.0/24")).toEqual({ state: "pending" });
    daemon.flush();
    expect(scene.routes()).toEqual([
      proto("10.1.0.0/24 via 172.30.0.1 dev eth0"),
      proto("10.2.0.0/24 via 172.30.0.12 dev eth0"),
    ]);
    const link = scene.kernel.link("eth0")!.index;
    expect(daemon.state("10.1.0.0/24")).toEqual({
      state: "installed",
      target: [{ gateway: ip(ROUTER), link, weight: 1 }],
    });
    expect(counts()).toEqual({ installed: 2, stale: 0, healed: 0 });
  });

  test("only differences are sent", () => {
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.want("10.2.0.0/24", ROUTER);
    expect(daemon.flush()).toEqual([
      "add 10.1.0.0/24 via 172.30.0.1",
      "add 10.2.0.0/24 via 172.30.0.1",
    ]);
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.want("10.2.0.0/24", OTHER);
    expect(daemon.flush()).toEqual(["replace 10.2.0.0/24 via 172.30.0.12"]);
    daemon.unwant("10.1.0.0/24");
    daemon.unwant("10.9.0.0/24");
    expect(daemon.flush()).toEqual(["delete 10.1.0.0/24"]);
    expect(scene.routes()).toEqual([proto("10.2.0.0/24 via 172.30.0.12 dev eth0")]);
  });

  test("what was taken back before flush is never sent", () => {
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.unwant("10.1.0.0/24");
    expect(daemon.flush()).toEqual([]);
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.flush();
    daemon.want("10.1.0.0/24", OTHER);
    daemon.want("10.1.0.0/24", ROUTER);
    expect(daemon.flush()).toEqual([]);
    expect(daemon.state("10.3.0.0/24")).toBeUndefined();
  });

  test("the prefix may be a scratch record", () => {
    const scratch = { ...net("10.1.0.0/24") };
    daemon.fib.want(scratch, [{ address: ip(ROUTER) }]);
    Object.assign(scratch, net("10.2.0.0/24"));
    daemon.fib.want(scratch, [{ address: ip(ROUTER) }]);
    Object.assign(scratch, net("10.3.0.0/24"));
    expect(daemon.flush()).toEqual([
      "add 10.1.0.0/24 via 172.30.0.1",
      "add 10.2.0.0/24 via 172.30.0.1",
    ]);
  });

  test("prefixes of one address and different lengths are different", () => {
    daemon.want("10.0.0.0/8", ROUTER);
    daemon.want("10.0.0.0/16", OTHER);
    daemon.want("0.0.0.0/0", SECOND);
    daemon.flush();
    daemon.unwant("10.0.0.0/8");
    daemon.flush();
    expect(scene.routes()).toEqual([
      proto("0.0.0.0/0 via 172.31.0.1 dev eth1"),
      proto("10.0.0.0/16 via 172.30.0.12 dev eth0"),
    ]);
  });

  test("a blackhole becomes a way and a way a blackhole", () => {
    daemon.want("10.1.0.0/24", "blackhole");
    expect(daemon.flush()).toEqual(["add blackhole 10.1.0.0/24"]);
    expect(scene.routes()).toEqual([`blackhole 10.1.0.0/24 proto ${PROTOCOL}`]);
    expect(daemon.state("10.1.0.0/24")).toEqual({ state: "installed", target: "blackhole" });
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.flush();
    expect(scene.routes()).toEqual([proto("10.1.0.0/24 via 172.30.0.1 dev eth0")]);
    daemon.want("10.1.0.0/24", "blackhole");
    expect(daemon.flush()).toEqual(["replace blackhole 10.1.0.0/24"]);
    daemon.unwant("10.1.0.0/24");
    expect(daemon.flush()).toEqual(["delete 10.1.0.0/24"]);
    expect(scene.routes()).toEqual([]);
  });

  test("flush stops when its time is over and says that more is left", () => {
    for (let index = 0; index < 1200; index++)
      daemon.want(`10.${index >> 8}.${index & 255}.0/24`, ROUTER);
    expect(daemon.fib.flush(0)).toBe(true);
    expect(scene.routes().length).toBe(512);
    expect(daemon.fib.flush(0)).toBe(true);
    expect(daemon.fib.flush(0)).toBe(false);
    expect(scene.routes().length).toBe(1200);
    expect(daemon.fib.flush(0)).toBe(false);
  });

  test("clear removes every route of ours, stale ones included, and no other", () => {
    scene.route("add", "10.8.0.0/24", { protocol: 3, type: "blackhole" });
    scene.route("add", "10.9.0.0/24", { type: "blackhole" });
    daemon = scene.start();
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.want("10.2.0.0/24", "9.9.9.9");
    daemon.flush();
    daemon.fib.clear();
    daemon.flush();
    expect(scene.routes()).toEqual(["blackhole 10.8.0.0/24 proto 3"]);
    expect(counts()).toEqual({ installed: 0, stale: 0, healed: 0 });
    expect(daemon.fib.failures()).toEqual([]);
  });
});

describe("routes of an earlier daemon", () => {
  beforeEach(() => {
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.want("10.2.0.0/24", ROUTER);
    daemon.want("10.3.0.0/24", ROUTER);
    daemon.want("10.4.0.0/24", "blackhole");
    daemon.flush();
    daemon = scene.start();
  });

  test("are adopted without a message, moved when they lead elsewhere, swept when nobody wants them", () => {
    expect(daemon.flush()).toEqual([]);
    expect(counts()).toEqual({ installed: 0, stale: 4, healed: 0 });
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.want("10.2.0.0/24", OTHER);
    daemon.want("10.4.0.0/24", "blackhole");
    expect(daemon.flush()).toEqual(["replace 10.2.0.0/24 via 172.30.0.12"]);
    expect(counts()).toEqual({ installed: 3, stale: 1, healed: 0 });
    expect(scene.routes().length).toBe(4);
    daemon.fib.sweep();
    expect(daemon.flush()).toEqual(["delete 10.3.0.0/24"]);
    expect(counts()).toEqual({ installed: 3, stale: 0, healed: 0 });
  });

  test("stay through unwant, retarget and resync until the sweep", () => {
    daemon.unwant("10.1.0.0/24");
    daemon.fib.retarget();
    daemon.fib.resync();
    expect(daemon.flush()).toEqual([]);
    expect(scene.routes().length).toBe(4);
  });

  test("once wanted and then not, go at once, also when a resync comes between", () => {
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.flush();
    daemon.unwant("10.1.0.0/24");
    daemon.fib.resync();
    expect(daemon.flush()).toEqual(["delete 10.1.0.0/24"]);
  });

  test("wanted over a next hop that is away for the moment, come back with it", () => {
    daemon.want("10.1.0.0/24", "172.32.0.1");
    daemon.fib.resync();
    daemon.fib.sweep();
    daemon.flush();
    expect(daemon.state("10.1.0.0/24")).toEqual({
      state: "failed",
      error: "no route to next hop 172.32.0.1",
    });
    scene.route("add", "172.32.0.0/24", { protocol: 4, nextHops: [{ gateway: ip(SECOND) }] });
    daemon.settle();
    expect(scene.routes()).toContain(proto("10.1.0.0/24 via 172.31.0.1 dev eth1"));
  });

  test("of a shape that is never installed are moved or swept like others", () => {
    scene.route("add", "10.5.0.0/24", {
      nextHops: [{ gateway: ip(ROUTER) }, { gateway: ip(SECOND) }],
    });
    scene.route("add", "10.6.0.0/24", { nextHops: [{ link: "eth0" }] });
    daemon = scene.start();
    daemon.want("10.6.0.0/24", ROUTER);
    expect(daemon.flush()).toEqual(["replace 10.6.0.0/24 via 172.30.0.1"]);
    daemon.fib.sweep();
    daemon.flush();
    expect(scene.routes()).toEqual([proto("10.6.0.0/24 via 172.30.0.1 dev eth0")]);
  });

  test("that appear after the sweep go at the next resync", () => {
    daemon.fib.sweep();
    daemon.flush();
    scene.route("add", "10.7.0.0/24", { type: "blackhole" });
    expect(daemon.resync()).toEqual(["delete 10.7.0.0/24"]);
  });

  test("by our protocol with another metric are neither in our way nor removed", () => {
    scene.route("add", "10.7.0.0/24", { metric: 7, type: "blackhole" });
    daemon = scene.start();
    daemon.want("10.7.0.0/24", ROUTER);
    daemon.fib.sweep();
    daemon.flush();
    expect(scene.routes()).toEqual([
      `blackhole 10.7.0.0/24 proto ${PROTOCOL} metric 7`,
      proto("10.7.0.0/24 via 172.30.0.1 dev eth0"),
    ]);
  });
});

describe("next hops that change", () => {
  test("routes go with their link and come back with it, without a word from the kernel", () => {
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.want("10.2.0.0/24", SECOND);
    daemon.flush();
    scene.set("eth0", "down");
    expect(daemon.settle()).toEqual([]);
    expect(scene.routes()).toEqual([proto("10.2.0.0/24 via 172.31.0.1 dev eth1")]);
    expect(daemon.state("10.1.0.0/24")).toEqual({
      state: "failed",
      error: "no route to next hop 172.30.0.1",
    });
    scene.set("eth0", "up");
    expect(daemon.settle()).toEqual(["add 10.1.0.0/24 via 172.30.0.1"]);
    expect(counts()).toEqual({ installed: 2, stale: 0, healed: 0 });
  });

  test("a link that flaps unseen is mended by the resync alone", () => {
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.flush();
    scene.set("eth0", "down");
    scene.set("eth0", "up");
    expect(daemon.settle()).toEqual(["add 10.1.0.0/24 via 172.30.0.1"]);
  });

  test("without carrier a route is taken out, and put back with it", () => {
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.flush();
    scene.router.apply({ type: "set link", link: "to-eth0", up: false });
    // The kernel took the object, and the route with it.
    expect(scene.routes()).toEqual([]);
    expect(daemon.settle()).toEqual([]);
    expect(daemon.state("10.1.0.0/24")).toEqual({
      state: "failed",
      error: "the link to next hop 172.30.0.1 is down (eth0, route 172.30.0.0/24)",
    });
    scene.router.apply({ type: "set link", link: "to-eth0", up: true });
    expect(daemon.settle()).toEqual(["add 10.1.0.0/24 via 172.30.0.1"]);
  });

  test("a next hop behind a route follows that route", () => {
    const loopback = "192.0.2.1";
    const way = (gateway: string) => ({ protocol: 4, nextHops: [{ gateway: ip(gateway) }] });
    scene.route("add", "192.0.2.0/24", way(ROUTER));
    daemon.settle();
    daemon.want("10.1.0.0/24", loopback);
    daemon.want("10.2.0.0/24", OTHER);
    expect(daemon.flush()).toEqual([
      "add 10.1.0.0/24 via 172.30.0.1",
      "add 10.2.0.0/24 via 172.30.0.12",
    ]);
    scene.route("replace", "192.0.2.0/24", way(SECOND));
    daemon.mend();
    expect(daemon.flushAll()).toEqual(["change #0 via 172.31.0.1"]);
    expect(scene.routes()).toContain(proto("10.1.0.0/24 via 172.31.0.1 dev eth1"));
    scene.route("delete", "192.0.2.0/24", { protocol: 4 });
    daemon.mend();
    expect(daemon.flushAll()).toEqual(["delete #0"]);
    expect(scene.routes().length).toBe(1);
    expect(daemon.fib.failures()).toEqual([
      { prefix: net("10.1.0.0/24"), error: "no route to next hop 192.0.2.1" },
    ]);
  });

  test("over a gateway that is on the link by word only, ours is on the link too", () => {
    const nextHops = [{ gateway: ip("169.254.1.1"), link: "eth0", onLink: true }];
    scene.route("add", "0.0.0.0/0", { protocol: 4, nextHops });
    daemon.settle();
    daemon.want("10.1.0.0/24", "192.0.2.1");
    daemon.flush();
    expect(daemon.state("10.1.0.0/24")).toMatchObject({ state: "installed" });
    expect(scene.routes()).toContain(proto("10.1.0.0/24 via 169.254.1.1 dev eth0 onlink"));
    expect(daemon.settle()).toEqual([]);
  });

  test("retarget aims anew only what changed", () => {
    for (let index = 0; index < 20; index++)
      daemon.want(`10.${index}.0.0/24`, index < 15 ? ROUTER : SECOND);
    daemon.flush();
    daemon.fib.retarget();
    expect(daemon.flush()).toEqual([]);
    scene.router.apply({ type: "set link", link: "to-eth1", up: false });
    expect(scene.routes().length).toBe(15);
    scene.router.apply({ type: "set link", link: "to-eth1", up: true });
    expect(daemon.settle().length).toBe(5);
  });
});
