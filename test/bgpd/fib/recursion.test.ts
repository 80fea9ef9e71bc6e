/** Next hops behind BGP routes, and routes that must not resolve through themselves. */

import { beforeEach, describe, expect, test } from "bun:test";
import { formatAddress } from "../../../lib/address.ts";
import { type Daemon, ip, Scene } from "./scene.ts";

const ROUTER = "172.30.0.1";
const SECOND = "172.31.0.1";
const LOOPBACK = "192.0.2.1";

let scene: Scene;
let daemon: Daemon;

beforeEach(() => {
  scene = new Scene();
  daemon = scene.start();
});

/** `172.30.0.1 dev eth0 cost 0`, or why not. */
function answer(nextHop: string): string {
  daemon.resolver.relearn();
  const { way, cost, reason = "" } = daemon.resolver.resolve(ip(nextHop));
  if (way === undefined) return reason;
  return `${formatAddress(way.gateway)} dev ${scene.kernel.link(way.link)?.name} cost ${cost}`;
}

const other = (destination: string, gateway: string, metric = 0): void =>
  scene.route("add", destination, { protocol: 4, metric, nextHops: [{ gateway: ip(gateway) }] });

/** What the RIB knows of a prefix: the first path is used. */
function learn(destination: string, ...nextHops: string[]): void {
  daemon.paths.set(destination, nextHops.map(ip));
  const [best] = nextHops;
  if (best !== undefined) daemon.want(destination, best);
}

describe("next hops behind a BGP route", () => {
  test("are where that route's next hop is", () => {
    learn("192.0.2.1/32", ROUTER);
    expect(answer(LOOPBACK)).toBe("172.30.0.1 dev eth0 cost 0");
    learn("192.0.2.1/32", SECOND, ROUTER);
    expect(answer(LOOPBACK)).toBe("172.31.0.1 dev eth1 cost 0");
  });

  test("may be several routes away", () => {
    learn("192.0.2.1/32", "198.51.100.1");
    learn("198.51.100.0/24", "203.0.113.9");
    other("203.0.113.0/24", SECOND, 20);
    daemon.settle();
    expect(answer(LOOPBACK)).toBe("172.31.0.1 dev eth1 cost 20");
  });

  test("take the longest match of both, and of equal ones the lower metric", () => {
    learn("192.0.2.0/24", ROUTER);
    other("192.0.0.0/16", SECOND);
    daemon.settle();
    expect(answer(LOOPBACK)).toBe("172.30.0.1 dev eth0 cost 0");
    other("192.0.2.0/24", SECOND, 2000);
    daemon.settle();
    expect(answer(LOOPBACK)).toBe("172.30.0.1 dev eth0 cost 0");
    other("192.0.2.0/24", SECOND, 20);
    daemon.settle();
    expect(answer(LOOPBACK)).toBe("172.31.0.1 dev eth1 cost 20");
  });

  test("are unreachable when that one is, and say all of it", () => {
    learn("192.0.2.0/24", "198.51.100.1");
    expect(answer(LOOPBACK)).toBe(
      "next hop 192.0.2.1 lies behind the BGP route 192.0.2.0/24: no route to next hop 198.51.100.1",
    );
  });

  test("in a block of our own are nowhere", () => {
    daemon.want("192.0.2.0/24", "blackhole");
    expect(answer(LOOPBACK)).toBe(
      "next hop 192.0.2.1 falls into the blackhole of our own block 192.0.2.0/24",
    );
  });

  test("move with it, their routes by one message", () => {
    learn("192.0.2.1/32", ROUTER);
    for (let index = 0; index < 9; index++) daemon.want(`10.1.${index}.0/24`, LOOPBACK);
    daemon.settle();
    expect(scene.routes().filter((text) => text.includes("via 172.30.0.1 ")).length).toBe(10);
    learn("192.0.2.1/32", SECOND, ROUTER);
    daemon.mend();
    expect(daemon.flushAll()).toEqual([
      "change #1 via 172.31.0.1",
      "add #2 via 172.31.0.1",
      "delete #0",
      "replace 192.0.2.1/32 via 172.31.0.1",
    ]);
    daemon.unwant("192.0.2.1/32");
    daemon.mend();
    daemon.flush();
    expect(scene.routes()).toEqual([]);
    expect(daemon.state("10.1.0.0/24")).toMatchObject({ state: "failed" });
  });
});

describe("a BGP route is passed over", () => {
  beforeEach(() => {
    other("0.0.0.0/0", SECOND);
    daemon.settle();
  });

  test("where it holds its own next hop: the next shorter match counts", () => {
    learn("172.30.0.1/32", ROUTER);
    expect(answer(ROUTER)).toBe("172.30.0.1 dev eth0 cost 0");
    learn("192.0.2.0/24", LOOPBACK);
    expect(answer(LOOPBACK)).toBe("172.31.0.1 dev eth1 cost 0");
  });

  test("also where only a path that is not used leads over what is asked for", () => {
    learn("192.0.2.0/24", ROUTER, LOOPBACK);
    expect(answer(LOOPBACK)).toBe("172.31.0.1 dev eth1 cost 0");
    expect(answer("192.0.2.7")).toBe("172.30.0.1 dev eth0 cost 0");
  });

  test("where two resolve through each other", () => {
    learn("192.0.2.0/24", "198.51.100.1");
    learn("198.51.100.0/24", LOOPBACK);
    expect(answer(LOOPBACK)).toBe("172.31.0.1 dev eth1 cost 0");
    expect(answer("198.51.100.1")).toBe("172.31.0.1 dev eth1 cost 0");
    expect(answer("198.51.100.7")).toBe("172.31.0.1 dev eth1 cost 0");
  });

  test("where a ring of three does, whichever is asked for first", () => {
    const ring = ["192.0.2", "198.51.100", "203.0.113"];
    for (const [index, net] of ring.entries()) {
      learn(`${net}.0/24`, `${ring[(index + 1) % 3]}.1`, ROUTER);
    }
    for (const net of ring) expect(answer(`${net}.1`)).toBe("172.31.0.1 dev eth1 cost 0");
  });
});

describe("what the speaker wants concerns the resolver", () => {
  test("where a next hop that was asked for lies in it", () => {
    answer(LOOPBACK);
    daemon.resolver.resolve(ip("fd00::7"));
    const concerns = (text: string): boolean => {
      const [address = "", length] = text.split("/");
      return daemon.resolver.concerns({ ...ip(address), length: Number(length) });
    };
    expect(
      ["192.0.2.0/24", "192.0.2.1/32", "0.0.0.0/0", "fd00::/64", "::/0"].map(concerns),
    ).toEqual([true, true, true, true, true]);
    expect(
      ["192.0.3.0/24", "192.0.2.0/32", "192.0.2.2/32", "10.0.0.0/8", "fd01::/64"].map(concerns),
    ).toEqual([false, false, false, false, false]);
  });
});
