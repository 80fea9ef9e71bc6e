/**
 * Two BIRDs announce one prefix to a node: its kernel shares the traffic between them, and goes on with one.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { birdOn, birdRoutes, birdSession, birdText, hasBird } from "./bird.ts";
import { configuration, document, documents, N1 } from "./documents.ts";
import { hasManx, type Manx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network, withoutObjects } from "./network.ts";

const ROUTERS = { tor1: "172.30.0.1", tor2: "172.30.0.2" } as const;
type Router = keyof typeof ROUTERS;
const PREFIX = "192.0.2.0/24";
/** Link bandwidths (RFC 10005) of 10 and of 30 Gbit/s, in BIRD's words. */
const TEN = "bgp_ext_community.add((generic, 0x0004fde8, 0x4e9502f9));";
const THIRTY = "bgp_ext_community.add((generic, 0x0004fde8, 0x4f5f8476));";

function cluster(asNumbers: Readonly<Record<Router, number>>, multipath: string): string {
  return documents(
    configuration(`multipath: ${multipath}`),
    N1,
    ...Object.entries(ROUTERS).map(([name, address]) =>
      document("BGPPeer", name, `peerIP: ${address}, asNumber: ${asNumbers[name as Router]}`),
    ),
  );
}

let network: Network;
let n1: Manx;

beforeEach(() => {
  network = createNetwork({
    n1: "172.30.0.11/24",
    tor1: `${ROUTERS.tor1}/24`,
    tor2: `${ROUTERS.tor2}/24`,
  });
  n1 = manxOn(network, "n1");
  for (const name of ["tor1", "tor2"]) {
    network.run(name, "ip", "route", "add", "local", PREFIX, "dev", "lo");
  }
});

afterEach(async () => {
  await network.remove();
});

function startBird(name: Router, asNumber: number, community = "") {
  const session = birdSession({ local: `${ROUTERS[name]} as ${asNumber}` });
  const routes = birdRoutes(`${PREFIX} blackhole { ${community} }`);
  return birdOn(network, name).start(birdText(ROUTERS[name], routes, session));
}

function startManx(asNumbers: Readonly<Record<Router, number>>, multipath = "{}"): void {
  n1.configure(cluster(asNumbers, multipath));
  n1.start();
}

const pathsOf = (): string[] => n1.paths(PREFIX).map(({ peer, state }) => `${peer} ${state}`);

/** The ways of the route in the node's kernel, as `ip route` shows them. */
function waysOf(): string[] {
  const text = withoutObjects(network.run("n1", "ip", "route", "show", PREFIX));
  return [...text.matchAll(/via (\S+) dev eth0( weight \d+)?/g)].map(([way]) => way);
}

/** Echo requests that have come to a router. */
function echoes(name: Router): number {
  const [titles, values] = network
    .run(name, "cat", "/proc/net/snmp")
    .split("\n")
    .filter((line) => line.startsWith("Icmp:"))
    .map((line) => line.split(" "));
  return Number(values?.[titles?.indexOf("InEchos") ?? -1]);
}

/** One packet to each of 64 addresses; the numbers that came to each router. Throws when one is lost. */
function probe(): Record<Router, number> {
  const before = { tor1: echoes("tor1"), tor2: echoes("tor2") };
  for (let host = 1; host <= 64; host++) {
    network.run("n1", "ping", "-c", "1", "-W", "5", `192.0.2.${host}`);
  }
  return { tor1: echoes("tor1") - before.tor1, tor2: echoes("tor2") - before.tor2 };
}

const ONE_AS = { tor1: 65_000, tor2: 65_000 };
const TWO_ASES = { tor1: 65_001, tor2: 65_002 };
const BOTH = ["via 172.30.0.1 dev eth0 weight 1", "via 172.30.0.2 dev eth0 weight 1"];

describe.skipIf(!hasManx || !hasBird)("multipath with two BIRDs", () => {
  test("both take traffic; when one is killed, the other takes all of it", async () => {
    startBird("tor1", ONE_AS.tor1);
    const second = startBird("tor2", ONE_AS.tor2);
    startManx(ONE_AS);
    await eventually("both are in the kernel", () => waysOf().length === 2);
    expect(waysOf().sort()).toEqual(BOTH);
    expect(pathsOf()).toEqual(["tor1 best", "tor2 multipath"]);
    const shared = probe();
    expect(shared.tor1 + shared.tor2).toBe(64);
    expect(Math.min(shared.tor1, shared.tor2)).toBeGreaterThan(0);
    second.kill("SIGKILL");
    await eventually("one is left", () => pathsOf().length === 1);
    await eventually(
      "and in the kernel",
      () => !waysOf().some((way) => way.includes("172.30.0.2")),
    );
    expect(probe()).toEqual({ tor1: 64, tor2: 0 });
    // It throws where the kernel has anything else than is wanted.
    n1.tell("fib", "check");
    startBird("tor2", ONE_AS.tor2);
    await eventually("both are there again", () => waysOf().length === 2);
  });

  test("of two ASes one is used, and both where that is asked for, without a flap", async () => {
    startBird("tor1", TWO_ASES.tor1);
    startBird("tor2", TWO_ASES.tor2);
    startManx(TWO_ASES);
    await eventually("both are known", () => pathsOf().length === 2);
    expect(pathsOf()).toEqual(["tor1 best", "tor2 valid"]);
    expect(waysOf()).toEqual(["via 172.30.0.1 dev eth0"]);
    n1.configure(cluster(TWO_ASES, "{ relaxedASPath: true }"));
    await eventually("both are in the kernel", () => waysOf().length === 2);
    expect(pathsOf()).toEqual(["tor1 best", "tor2 multipath"]);
  });

  test("their link bandwidths are the weights", async () => {
    startBird("tor1", ONE_AS.tor1, TEN);
    startBird("tor2", ONE_AS.tor2, THIRTY);
    startManx(ONE_AS);
    await eventually("both are in the kernel", () => waysOf().length === 2);
    expect(waysOf().sort()).toEqual([
      "via 172.30.0.1 dev eth0 weight 1",
      "via 172.30.0.2 dev eth0 weight 3",
    ]);
    const objects = network.run("n1", "ip", "nexthop", "show", "proto", "77");
    expect(objects).toMatch(/group \d+\/\d+,3|group \d+,3\/\d+/);
    const { tor1, tor2 } = probe();
    expect(tor2).toBeGreaterThan(tor1);
  });
});
