import { beforeEach, describe, expect, test } from "bun:test";
import { createOpenResolver, createResolver, type Resolver } from "../../../bgpd/fib/resolve.ts";
import { formatAddress } from "../../../lib/address.ts";
import { ip, METRIC, PROTOCOL, Scene } from "./scene.ts";

let scene: Scene;
let resolver: Resolver;

beforeEach(() => {
  scene = new Scene();
  const learned = { targetOf: () => undefined, nextHopsOf: () => [] };
  const { kernel } = scene;
  resolver = createResolver({ kernel, protocol: PROTOCOL, metricOf: () => METRIC, learned });
  resolver.refresh();
});

const STATIC = { protocol: 4, metric: 0 };

/** `172.30.0.1 dev eth0 cost 0`, or why not. */
function answer(nextHop: string): string {
  const { reachable, cost, way, reason } = resolver.resolve(ip(nextHop));
  expect(reachable).toBe(way !== undefined);
  if (way === undefined) return reason ?? "";
  const name = scene.kernel.link(way.link)?.name;
  return `${formatAddress(way.gateway)} dev ${name} cost ${cost}${way.onLink === true ? " onlink" : ""}`;
}

describe("next hops", () => {
  test("on a connected subnet are their own gateway", () => {
    expect(answer("172.30.0.1")).toBe("172.30.0.1 dev eth0 cost 0");
    expect(answer("172.31.0.200")).toBe("172.31.0.200 dev eth1 cost 0");
  });

  test("behind a route are reached over its gateway, at its metric", () => {
    const spec = { ...STATIC, metric: 20, nextHops: [{ gateway: ip("172.30.0.7") }] };
    scene.route("add", "192.0.2.0/24", spec);
    resolver.refresh();
    expect(answer("192.0.2.1")).toBe("172.30.0.7 dev eth0 cost 20");
  });

  test("take the longest match, and of equal ones the lowest metric", () => {
    scene.route("add", "192.0.0.0/16", { ...STATIC, nextHops: [{ gateway: ip("172.30.0.7") }] });
    scene.route("add", "192.0.2.0/24", {
      ...STATIC,
      metric: 9,
      nextHops: [{ gateway: ip("172.30.0.8") }],
    });
    scene.route("add", "192.0.2.0/24", {
      ...STATIC,
      metric: 8,
      nextHops: [{ gateway: ip("172.31.0.8") }],
    });
    resolver.refresh();
    expect(answer("192.0.2.1")).toBe("172.31.0.8 dev eth1 cost 8");
    expect(answer("192.0.3.1")).toBe("172.30.0.7 dev eth0 cost 0");
  });

  test("never resolve through routes of our own", () => {
    scene.route("add", "192.0.2.0/24", { nextHops: [{ gateway: ip("172.30.0.7") }] });
    resolver.refresh();
    expect(answer("192.0.2.1")).toBe("no route to next hop 192.0.2.1");
  });

  test("nor through other tables", () => {
    scene.route("add", "192.0.2.0/24", {
      ...STATIC,
      table: 100,
      nextHops: [{ gateway: ip("172.30.0.7") }],
    });
    resolver.refresh();
    expect(answer("192.0.2.1")).toBe("no route to next hop 192.0.2.1");
  });

  test("may be reached by the default route", () => {
    scene.route("add", "0.0.0.0/0", { ...STATIC, nextHops: [{ gateway: ip("172.31.0.254") }] });
    resolver.refresh();
    expect(answer("8.8.8.8")).toBe("172.31.0.254 dev eth1 cost 0");
  });

  test("in a blackhole are unreachable, and say so", () => {
    scene.route("add", "192.0.2.0/24", { ...STATIC, type: "blackhole" });
    resolver.refresh();
    expect(answer("192.0.2.1")).toBe(
      "next hop 192.0.2.1 falls into the blackhole route 192.0.2.0/24",
    );
  });

  test("that are addresses of ours are refused", () => {
    expect(answer("172.30.0.11")).toBe("next hop 172.30.0.11 is an address of this node");
  });

  test("on a link without carrier are unreachable until it has one again", () => {
    scene.router.apply({ type: "set link", link: "to-eth0", up: false });
    expect(answer("172.30.0.1")).toBe("172.30.0.1 dev eth0 cost 0");
    expect(resolver.refresh()).toBe(true);
    expect(answer("172.30.0.1")).toBe(
      "the link to next hop 172.30.0.1 is down (eth0, route 172.30.0.0/24)",
    );
    scene.router.apply({ type: "set link", link: "to-eth0", up: true });
    resolver.refresh();
    expect(answer("172.30.0.1")).toBe("172.30.0.1 dev eth0 cost 0");
  });

  test("over several ways take the first that is usable", () => {
    scene.route("add", "192.0.2.0/24", {
      ...STATIC,
      nextHops: [{ gateway: ip("172.30.0.7") }, { gateway: ip("172.31.0.7") }],
    });
    resolver.refresh();
    expect(answer("192.0.2.1")).toBe("172.30.0.7 dev eth0 cost 0");
    scene.router.apply({ type: "set link", link: "to-eth0", up: false });
    resolver.refresh();
    expect(answer("192.0.2.1")).toBe("172.31.0.7 dev eth1 cost 0");
  });

  test("over a gateway on the link by word keep that word", () => {
    const nextHops = [{ gateway: ip("169.254.1.1"), link: "eth0", onLink: true }];
    scene.route("add", "0.0.0.0/0", { ...STATIC, nextHops });
    resolver.refresh();
    expect(answer("8.8.8.8")).toBe("169.254.1.1 dev eth0 cost 0 onlink");
  });
});

describe("refresh", () => {
  test("tells whether answers may differ", () => {
    expect(resolver.refresh()).toBe(false);
    scene.route("add", "10.1.0.0/24", { type: "blackhole" });
    expect(resolver.refresh()).toBe(false);
    scene.route("add", "10.2.0.0/24", { ...STATIC, type: "blackhole" });
    expect(resolver.refresh()).toBe(true);
    scene.set("eth1", "down");
    expect(resolver.refresh()).toBe(true);
    scene.kernel.apply({ type: "add address", link: "lo", address: ip("10.3.0.1"), length: 32 });
    expect(resolver.refresh()).toBe(true);
    expect(resolver.refresh()).toBe(false);
  });
});

describe("IPv6 next hops", () => {
  beforeEach(() => {
    scene.address("eth0", "fd00:30::11/64");
    resolver.refresh();
  });

  test("on a connected subnet are their own gateway, for IPv4 routes as well", () => {
    expect(answer("fd00:30::1")).toBe("fd00:30::1 dev eth0 cost 256");
  });

  test("behind a route are reached over its gateway, and never through ours", () => {
    scene.route("add", "2001:db8::/32", { ...STATIC, nextHops: [{ gateway: ip("fd00:30::7") }] });
    scene.route("add", "2001:db9::/32", { nextHops: [{ gateway: ip("fd00:30::7") }] });
    resolver.refresh();
    expect(answer("2001:db8::1")).toContain("fd00:30::7 dev eth0");
    expect(answer("2001:db9::1")).toBe("no route to next hop 2001:db9::1");
    expect(answer("fd00:30::11")).toBe("next hop fd00:30::11 is an address of this node");
  });

  test("that are link-local say nothing without a link", () => {
    expect(answer("fe80::1")).toBe(
      "next hop fe80::1 is link-local, and nothing says on which link it is",
    );
  });
});

test("without a FIB every next hop is reachable at no cost", () => {
  const open = createOpenResolver();
  expect(open.refresh()).toBe(false);
  expect(open.resolve(ip("192.0.2.1"))).toEqual({ reachable: true, cost: 0 });
});
