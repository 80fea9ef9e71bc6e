/**
 * Both families with BIRD 2: in one session over either, IPv4 with IPv6 next hops, and withdrawn again.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import type { Subprocess } from "bun";
import type {
  AdvertisedAnswer,
  PeerAnswer,
  RouteAnswer,
  WhyAnswer,
} from "../../resource/answer.ts";
import { type Bird, birdOn, birdSession, birdText, hasBird, IPV4, IPV6 } from "./bird.ts";
import { configuration, document, documents, N1_BOTH, torPeer } from "./documents.ts";
import { hasManx, type Manx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network } from "./network.ts";

/** The node's documents with a peer at an address, or with another `peer`; `more` is of the cluster's. */
const cluster = (
  address: string,
  peer = `peerIP: "${address}", asNumber: 65000`,
  more = "",
): string =>
  documents(
    configuration(more),
    document("IPPool", "pods6", 'cidr: "fd00:244::/48", blockSize: 122'),
    N1_BOTH,
    torPeer(peer),
  );

const BOTH = `${IPV4} ${IPV6}`;
const EXTENDED = BOTH.replace("ipv4 {", "ipv4 { extended next hop;");
const ADDRESSES = { 4: ["172.30.0.11", "172.30.0.1"], 6: ["fd00:30::11", "fd00:30::1"] } as const;

/** BIRD's side of a session over IPv4 or IPv6. */
function router(family: 4 | 6, channels: string, options = ""): string {
  const [ours, theirs] = ADDRESSES[family];
  return birdText(
    "172.30.0.1",
    `
protocol static outside4 {
  ipv4;
  route 192.0.2.0/24 blackhole;
  route 0.0.0.0/0 blackhole;
}
protocol static outside6 {
  ipv6;
  route 2001:db8:1::/48 blackhole { bgp_community.add((65000,100)); };
  route 2001:db8:1:2::/64 blackhole;
  route ::/0 blackhole;
  route fd00:244::80/122 blackhole;
}
`,
    birdSession({
      local: `${theirs} as 65000`,
      neighbour: `${ours} as 64512`,
      options,
      channels,
    }),
  );
}

let network: Network;
let n1: Manx;
let tor: Bird;

beforeEach(() => {
  network = createNetwork({
    n1: ["172.30.0.11/24", "fd00:30::11/64"],
    tor: ["172.30.0.1/24", "fd00:30::1/64"],
  });
  n1 = manxOn(network, "n1");
  tor = birdOn(network, "tor");
});

afterEach(async () => {
  await network.remove();
});

/** Start both, their session over IPv4 or IPv6. */
function start(family: 4 | 6, channels: string): Subprocess {
  tor.start(router(family, channels));
  n1.configure(cluster(ADDRESSES[family][1]));
  return n1.start();
}

const linkLocal = (namespace: string): string =>
  /inet6 (fe80[^/]*)/.exec(
    network.run(namespace, "ip", "-6", "address", "show", "dev", "eth0"),
  )?.[1] ?? "none";

describe.skipIf(!hasManx || !hasBird)("both families with BIRD", () => {
  for (const family of [4, 6] as const) {
    test(`one session over IPv${family} carries both, both ways, with a next hop of each`, async () => {
      start(family, BOTH);
      const peer = await n1.established(6);
      expect(peer.families.map(({ name, prefixes }) => [name, prefixes.received])).toEqual([
        ["IPv4 unicast", 2],
        ["IPv6 unicast", 4],
      ]);
      expect(peer.families.map(({ nextHop }) => nextHop)).toEqual(["172.30.0.11", "fd00:30::11"]);
      expect(await tor.told("10.244.1.0/24")).toContain("BGP.next_hop: 172.30.0.11\n");
      const six = await tor.told("fd00:244::40/122");
      const own = await eventually("a link-local address", () => {
        const found = linkLocal("n1");
        return found !== "none" && found;
      });
      expect(six).toContain(`BGP.next_hop: fd00:30::11 ${own}\n`);
      expect(six).toContain("BGP.as_path: 64512\n");
      const kernel = await eventually("the kernel has them", () => {
        const routes = n1.kernelRoutes();
        return routes.length === 5 && routes;
      });
      expect(kernel).toEqual([
        "192.0.2.0/24 via 172.30.0.1 dev eth0 metric 1024",
        "2001:db8:1:2::/64 via fd00:30::1 dev eth0 metric 1024",
        "2001:db8:1::/48 via fd00:30::1 dev eth0 metric 1024",
        "blackhole 10.244.1.0/24 metric 1024",
        "blackhole fd00:244::40/122 dev lo metric 1024",
      ]);
    });
  }

  test("IPv6 routes are used or refused for a reason, and the longest match answers", async () => {
    start(4, BOTH);
    await n1.established(6);
    const routes = n1.ask<RouteAnswer[]>("routes").filter(({ prefix }) => prefix.includes(":"));
    const reasons = Object.fromEntries(
      routes.map(({ prefix, paths: [path] }) => [prefix, `${path?.state}: ${path?.reason}`]),
    );
    const rejected = "rejected: built-in policy";
    expect(reasons).toEqual({
      "::/0": `${rejected}: a default route, and acceptDefaultRoute is not set (Calico takes it, and so does importPolicy: all)`,
      "2001:db8:1::/48": "best: only path",
      "2001:db8:1:2::/64": "best: only path",
      "fd00:244::40/122": "best: only path",
      "fd00:244::80/122": `${rejected}: inside our own pool fd00:244::/48 (Calico takes it, and so does importPolicy: all)`,
    });
    const outside = routes.find(({ prefix }) => prefix === "2001:db8:1::/48");
    expect(outside?.paths[0]?.attributes).toMatchObject({
      asPath: [65_000],
      nextHop: "fd00:30::1",
      communities: ["65000:100"],
    });
    const match = (address: string): string | null => n1.ask<WhyAnswer>("why", address).prefix;
    expect(match("2001:db8:1:2::7")).toBe("2001:db8:1:2::/64");
    expect(match("2001:db8:1:3::7")).toBe("2001:db8:1::/48");
    expect(match("2001:db9::7")).toBe("::/0");
    const told = n1.ask<AdvertisedAnswer[]>("routes", "--advertised", "tor");
    expect(told.filter(({ advertised }) => advertised).map(({ prefix }) => prefix)).toEqual([
      "10.244.1.0/24",
      "fd00:244::40/122",
    ]);
  });

  test("what either side withdraws leaves the other", async () => {
    start(4, BOTH);
    await n1.established(6);
    await eventually("installed", () => n1.kernelRoutes().length === 5);
    await tor.told("fd00:244::40/122");
    tor.ask("disable", "outside6");
    await eventually("IPv6 is gone", () => n1.kernelRoutes().length === 3);
    expect(n1.kernelRoutes()).toContain("192.0.2.0/24 via 172.30.0.1 dev eth0 metric 1024");
    tor.ask("enable", "outside6");
    await eventually("and back", () => n1.kernelRoutes().length === 5);
    const fewer = cluster("172.30.0.1").replace(', "fd00:244::40/122"', "");
    n1.configure(fewer);
    await eventually("BIRD has lost the block", () => {
      const text = tor.ask("show", "route", "protocol", "n1");
      return !text.includes("fd00:244::40/122") && text.includes("10.244.1.0/24");
    });
    await eventually("the blackhole is gone", () => !n1.kernelRoutes().join().includes("fd00:244"));
    expect(n1.peer().flaps).toBe(0);
  });

  test("IPv4 goes with IPv6 next hops where both can (RFC 8950), there and back", async () => {
    start(6, EXTENDED);
    const peer = await n1.established(6);
    expect(peer.families.map(({ nextHop }) => nextHop)).toEqual(["fd00:30::11", "fd00:30::11"]);
    expect(peer.capabilities).toContain("IPv4 unicast with IPv6 next hops");
    expect(await tor.told("10.244.1.0/24")).toContain("BGP.next_hop: fd00:30::11 ");
    const routes = await eventually("the kernel has them", () => {
      const all = n1.kernelRoutes();
      return all.length === 5 && all;
    });
    expect(routes).toContain("192.0.2.0/24 via inet6 fd00:30::1 dev eth0 metric 1024");
    expect(n1.ask<WhyAnswer>("why", "192.0.2.7").summary).toContain("goes by fd00:30::1");
    tor.ask("disable", "outside4");
    await eventually("withdrawn", () => !n1.kernelRoutes().join().includes("192.0.2.0/24"));
    n1.configure(cluster("fd00:30::1").replace("10.244.1.0/24, ", ""));
    await eventually("BIRD has lost the block", () => {
      const text = tor.ask("show", "route", "protocol", "n1");
      return !text.includes("10.244.1.0/24") && text.includes("fd00:244::40/122");
    });
    expect(n1.peer().flaps).toBe(0);
  });

  test.each([
    ["a named peer that we call", 'peerIP: "fd00:30::1", asNumber: 65000', "passive; "],
    ["a named peer that calls", 'peerIP: "fd00:30::1", asNumber: 65000, passive: true', ""],
    ["a neighbour of a range", 'listenRange: "fd00:30::/120", asNumber: 65000', ""],
  ])(
    "over IPv6 with a key and near hops, %s is sent each family again",
    async (_name, peer, mode) => {
      const key = network.file("tor.key", "secret\n");
      chmodSync(key, 0o600);
      n1.configure(
        cluster("", `${peer}, password: { file: ${key} }, ttlSecurity: 1`, "bindMode: None"),
      );
      tor.start(router(6, BOTH, `${mode}password "secret"; ttl security on; debug { packets };`));
      n1.start();
      expect((await n1.established(6)).flaps).toBe(0);
      await tor.told("fd00:244::40/122");
      const count = (text: string): number => tor.log().split(text).length - 1;
      tor.ask("reload", "in", "n1");
      await eventually("a begin for each", () => count("Got BEGIN-OF-RR") === 2);
      await eventually("an end for each", () => count("Got END-OF-RR") === 2);
      const routes = tor.ask("show", "route", "protocol", "n1");
      for (const block of ["10.244.1.0/24", "fd00:244::40/122"]) expect(routes).toContain(block);
      expect(n1.peer().flaps).toBe(0);
    },
  );

  test("a peer without IPv6 is told IPv4 alone, and people are told why", async () => {
    start(4, IPV4);
    const peer = await n1.established(2);
    expect(peer.families.map(({ name }) => name)).toEqual(["IPv4 unicast"]);
    await tor.told("10.244.1.0/24");
    const [told] = n1.ask<WhyAnswer>("why", "fd00:244::40/122").advertised;
    expect(told).toMatchObject({
      advertised: false,
      reason: "the session does not carry IPv6 unicast",
    });
  });

  test("a peer of IPv6 alone is enough, over IPv4", async () => {
    start(4, IPV6);
    const peer = await n1.established(4);
    expect(peer.families.map(({ name }) => name)).toEqual(["IPv6 unicast"]);
    await tor.told("fd00:244::40/122");
  });

  test("no family in common ends with Unsupported Capability", async () => {
    start(4, "ipv6 multicast { import all; export all; };");
    const peer = await eventually("refused", () =>
      n1.ask<PeerAnswer[]>("peers").find(({ lastError }) => lastError.includes("OPEN")),
    );
    expect(peer.lastError).toContain("Unsupported Capability");
    expect(peer.state).not.toBe("Established");
  });

  test("a family without an address is not told, and is told when there is one", async () => {
    network.run("n1", "ip", "address", "delete", "fd00:30::11/64", "dev", "eth0");
    start(4, BOTH);
    const peer = await n1.established(6);
    expect(peer.families[1]).toMatchObject({
      nextHop: null,
      reason: "no link of this node has an IPv6 address that could be the next hop",
    });
    const withheld = n1
      .ask<AdvertisedAnswer[]>("routes", "--advertised", "tor")
      .find(({ prefix }) => prefix === "fd00:244::40/122");
    expect(withheld).toMatchObject({ advertised: false, reason: peer.families[1]?.reason });
    const six = n1.ask<RouteAnswer[]>("routes").find(({ prefix }) => prefix === "2001:db8:1::/48");
    expect(six?.paths[0]?.reason).toContain("no route to next hop fd00:30::1");
    network.run("n1", "ip", "address", "add", "fd00:30::11/64", "dev", "eth0", "nodad");
    expect(await tor.told("fd00:244::40/122")).toContain("BGP.next_hop: fd00:30::11");
    await eventually("its routes are used", () => n1.kernelRoutes().length === 5);
    expect(n1.peer().flaps).toBe(0);
  });

  test("BIRD's refresh requests are answered for each family", async () => {
    start(4, BOTH);
    await n1.established(6);
    await tor.told("fd00:244::40/122");
    const sent = (): number => n1.peer().messages.updatesSent;
    const before = sent();
    tor.ask("reload", "in", "n1");
    await eventually("told again", () => sent() >= before + 2);
    expect(await tor.told("fd00:244::40/122")).toContain("64512");
    expect(n1.peer().flaps).toBe(0);
  });

  test("killed and started again, bgpd adopts the routes of both families and sweeps the stale", async () => {
    const first = start(6, EXTENDED);
    await n1.established(6);
    await eventually("installed", () => n1.kernelRoutes().length === 5);
    const before = n1.kernelRoutes();
    first.kill("SIGKILL");
    await first.exited;
    const stale = ["2001:db8:9::/48", "via", "fd00:30::1", "metric", "1024", "proto", "77"];
    network.run("n1", "ip", "-6", "route", "add", ...stale);
    expect(n1.kernelRoutes()).toHaveLength(6);
    n1.start();
    await n1.established(6);
    await eventually("the stale route is gone", () => n1.kernelRoutes().length === 5);
    expect(n1.kernelRoutes()).toEqual(before);
  });
});
