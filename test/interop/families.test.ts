/**
 * Both families with BIRD 2: in one session over either, IPv4 with IPv6 next hops, and withdrawn again.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { which } from "bun";
import type {
  AdvertisedAnswer,
  PeerAnswer,
  RouteAnswer,
  WhyAnswer,
} from "../../resource/answer.ts";
import { createNetwork, eventually, isInside, type Network, withoutObjects } from "./network.ts";

const manx = process.env.MANX_EXECUTABLE ?? "";
const bird = which("bird") ?? "";
const birdc = which("birdc") ?? "";

const CLUSTER = `
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: { name: default }
spec: { asNumber: 64512, holdTime: 3s, keepaliveTime: 1s, connectRetryTime: 1s }
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: { name: pods6 }
spec: { cidr: "fd00:244::/48", blockSize: 122 }
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: n1 }
spec:
  bgp: { ipv4Address: 172.30.0.11/24, ipv6Address: "fd00:30::11/64" }
  blocks: [10.244.1.0/24, "fd00:244::40/122"]
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: { name: tor }
spec: { peerIP: "PEER", asNumber: 65000 }
`;

const BIRD = `
router id 172.30.0.1;
log stderr all;
protocol device { scan time 1; }
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
protocol bgp n1 {
  LOCAL as 65000;
  NEIGHBOUR as 64512;
  hold time 3; keepalive time 1; connect retry time 1; connect delay time 1; error wait time 1, 2;
  CHANNELS
}
`;

const BOTH = "ipv4 { import all; export all; }; ipv6 { import all; export all; };";
const EXTENDED = BOTH.replace("ipv4 {", "ipv4 { extended next hop;");

let network: Network;

beforeEach(() => {
  network = createNetwork({
    n1: ["172.30.0.11/24", "fd00:30::11/64"],
    tor: ["172.30.0.1/24", "fd00:30::1/64"],
  });
});

afterEach(async () => {
  await network.remove();
});

/** Start both, their session over IPv4 or IPv6. */
function start(family: 4 | 6, channels: string, cluster = CLUSTER): ReturnType<Network["start"]> {
  const [ours, theirs] =
    family === 4 ? ["172.30.0.11", "172.30.0.1"] : ["fd00:30::11", "fd00:30::1"];
  const text = BIRD.replace("LOCAL", `local ${theirs}`)
    .replace("NEIGHBOUR", `neighbor ${ours}`)
    .replace("CHANNELS", channels);
  const conf = network.file("bird.conf", text);
  network.start("tor", "bird", [bird, "-f", "-c", conf, "-s", `${network.folder}/bird.ctl`]);
  network.file("cluster.yaml", cluster.replace("PEER", theirs ?? ""));
  return startManx();
}

function startManx(): ReturnType<Network["start"]> {
  const options = ["--config", `${network.folder}/cluster.yaml`, "--node", "n1"];
  const args = ["bgpd", ...options, "--api", `${network.folder}/bgpd.sock`];
  return network.start("n1", "bgpd", [manx, ...args]);
}

function ask<Answer>(...args: string[]): Answer {
  return JSON.parse(
    network.run("n1", manx, ...args, "--json", "--api", `${network.folder}/bgpd.sock`),
  );
}

function askBird(...words: string[]): string {
  return network.run("tor", birdc, "-s", `${network.folder}/bird.ctl`, ...words);
}

/** Our kernel routes of both families, sorted. */
function kernelRoutes(): string[] {
  return ["-4", "-6"]
    .flatMap((family) =>
      withoutObjects(network.run("n1", "ip", family, "route", "show", "proto", "77")).split("\n"),
    )
    .map((line) => line.trim().replace(" pref medium", ""))
    .filter((line) => line !== "")
    .sort();
}

/** What a test wants of BIRD about one of our prefixes, once it has it. */
async function seenByBird(prefix: string): Promise<string> {
  return eventually(`BIRD has ${prefix}`, () => {
    const text = askBird("show", "route", "for", prefix, "protocol", "n1", "all");
    return text.includes(prefix) && text;
  });
}

async function established(received: number): Promise<PeerAnswer> {
  return eventually("the session is Established", () => {
    const [peer] = ask<PeerAnswer[]>("peers");
    return peer?.state === "Established" && peer.prefixes.received === received ? peer : undefined;
  });
}

const linkLocal = (namespace: string): string =>
  /inet6 (fe80[^/]*)/.exec(
    network.run(namespace, "ip", "-6", "address", "show", "dev", "eth0"),
  )?.[1] ?? "none";

const here = isInside && manx !== "" && bird !== "";

describe.skipIf(!here)("both families with BIRD", () => {
  for (const family of [4, 6] as const) {
    test(`one session over IPv${family} carries both, both ways, with a next hop of each`, async () => {
      start(family, BOTH);
      const peer = await established(6);
      expect(peer.families.map(({ name, prefixes }) => [name, prefixes.received])).toEqual([
        ["IPv4 unicast", 2],
        ["IPv6 unicast", 4],
      ]);
      expect(peer.families.map(({ nextHop }) => nextHop)).toEqual(["172.30.0.11", "fd00:30::11"]);
      expect(await seenByBird("10.244.1.0/24")).toContain("BGP.next_hop: 172.30.0.11\n");
      const six = await seenByBird("fd00:244::40/122");
      const own = await eventually("a link-local address", () => {
        const found = linkLocal("n1");
        return found !== "none" && found;
      });
      expect(six).toContain(`BGP.next_hop: fd00:30::11 ${own}\n`);
      expect(six).toContain("BGP.as_path: 64512\n");
      const kernel = await eventually("the kernel has them", () => {
        const routes = kernelRoutes();
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
    await established(6);
    const routes = ask<RouteAnswer[]>("routes").filter(({ prefix }) => prefix.includes(":"));
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
    const match = (address: string): string | null => ask<WhyAnswer>("why", address).prefix;
    expect(match("2001:db8:1:2::7")).toBe("2001:db8:1:2::/64");
    expect(match("2001:db8:1:3::7")).toBe("2001:db8:1::/48");
    expect(match("2001:db9::7")).toBe("::/0");
    const told = ask<AdvertisedAnswer[]>("routes", "--advertised", "tor");
    expect(told.filter(({ advertised }) => advertised).map(({ prefix }) => prefix)).toEqual([
      "10.244.1.0/24",
      "fd00:244::40/122",
    ]);
  });

  test("what either side withdraws leaves the other", async () => {
    start(4, BOTH);
    await established(6);
    await eventually("installed", () => kernelRoutes().length === 5);
    await seenByBird("fd00:244::40/122");
    askBird("disable", "outside6");
    await eventually("IPv6 is gone", () => kernelRoutes().length === 3);
    expect(kernelRoutes()).toContain("192.0.2.0/24 via 172.30.0.1 dev eth0 metric 1024");
    askBird("enable", "outside6");
    await eventually("and back", () => kernelRoutes().length === 5);
    const fewer = CLUSTER.replace(', "fd00:244::40/122"', "").replace("PEER", "172.30.0.1");
    network.file("cluster.yaml", fewer);
    await eventually("BIRD has lost the block", () => {
      const text = askBird("show", "route", "protocol", "n1");
      return !text.includes("fd00:244::40/122") && text.includes("10.244.1.0/24");
    });
    await eventually("the blackhole is gone", () => !kernelRoutes().join().includes("fd00:244"));
    expect(ask<PeerAnswer[]>("peers")[0]?.flaps).toBe(0);
  });

  test("IPv4 goes with IPv6 next hops where both can (RFC 8950), there and back", async () => {
    start(6, EXTENDED);
    const peer = await established(6);
    expect(peer.families.map(({ nextHop }) => nextHop)).toEqual(["fd00:30::11", "fd00:30::11"]);
    expect(peer.capabilities).toContain("IPv4 unicast with IPv6 next hops");
    expect(await seenByBird("10.244.1.0/24")).toContain("BGP.next_hop: fd00:30::11 ");
    const routes = await eventually("the kernel has them", () => {
      const all = kernelRoutes();
      return all.length === 5 && all;
    });
    expect(routes).toContain("192.0.2.0/24 via inet6 fd00:30::1 dev eth0 metric 1024");
    expect(ask<WhyAnswer>("why", "192.0.2.7").summary).toContain("goes by fd00:30::1");
    askBird("disable", "outside4");
    await eventually("withdrawn", () => !kernelRoutes().join().includes("192.0.2.0/24"));
    network.file(
      "cluster.yaml",
      CLUSTER.replace("10.244.1.0/24, ", "").replace("PEER", "fd00:30::1"),
    );
    await eventually("BIRD has lost the block", () => {
      const text = askBird("show", "route", "protocol", "n1");
      return !text.includes("10.244.1.0/24") && text.includes("fd00:244::40/122");
    });
    expect(ask<PeerAnswer[]>("peers")[0]?.flaps).toBe(0);
  });

  test.each([
    ["a named peer that we call", 'peerIP: "PEER", asNumber: 65000', "passive; "],
    ["a named peer that calls", 'peerIP: "PEER", asNumber: 65000, passive: true', ""],
    ["a neighbour of a range", 'listenRange: "fd00:30::/120", asNumber: 65000', ""],
  ])(
    "over IPv6 with a key and near hops, %s is sent each family again",
    async (_name, peer, mode) => {
      const key = network.file("tor.key", "secret\n");
      chmodSync(key, 0o600);
      const cluster = CLUSTER.replace('peerIP: "PEER", asNumber: 65000', `${peer}, EXTRA`)
        .replace("EXTRA", `password: { file: ${key} }, ttlSecurity: 1`)
        .replace("asNumber: 64512,", "asNumber: 64512, bindMode: None,");
      start(6, `${mode}password "secret"; ttl security on; debug { packets }; ${BOTH}`, cluster);
      expect((await established(6)).flaps).toBe(0);
      await seenByBird("fd00:244::40/122");
      const count = (text: string): number => network.log("bird").split(text).length - 1;
      askBird("reload", "in", "n1");
      await eventually("a begin for each", () => count("Got BEGIN-OF-RR") === 2);
      await eventually("an end for each", () => count("Got END-OF-RR") === 2);
      const routes = askBird("show", "route", "protocol", "n1");
      for (const block of ["10.244.1.0/24", "fd00:244::40/122"]) expect(routes).toContain(block);
      expect(ask<PeerAnswer[]>("peers")[0]?.flaps).toBe(0);
    },
  );

  test("a peer without IPv6 is told IPv4 alone, and people are told why", async () => {
    start(4, "ipv4 { import all; export all; };");
    const peer = await established(2);
    expect(peer.families.map(({ name }) => name)).toEqual(["IPv4 unicast"]);
    await seenByBird("10.244.1.0/24");
    const [told] = ask<WhyAnswer>("why", "fd00:244::40/122").advertised;
    expect(told).toMatchObject({
      advertised: false,
      reason: "the session does not carry IPv6 unicast",
    });
  });

  test("a peer of IPv6 alone is enough, over IPv4", async () => {
    start(4, "ipv6 { import all; export all; };");
    const peer = await established(4);
    expect(peer.families.map(({ name }) => name)).toEqual(["IPv6 unicast"]);
    await seenByBird("fd00:244::40/122");
  });

  test("no family in common ends with Unsupported Capability", async () => {
    start(4, "ipv6 multicast { import all; export all; };");
    const peer = await eventually("refused", () =>
      ask<PeerAnswer[]>("peers").find(({ lastError }) => lastError.includes("OPEN")),
    );
    expect(peer.lastError).toContain("Unsupported Capability");
    expect(peer.state).not.toBe("Established");
  });

  test("a family without an address is not told, and is told when there is one", async () => {
    network.run("n1", "ip", "address", "delete", "fd00:30::11/64", "dev", "eth0");
    start(4, BOTH);
    const peer = await established(6);
    expect(peer.families[1]).toMatchObject({
      nextHop: null,
      reason: "no link of this node has an IPv6 address that could be the next hop",
    });
    const withheld = ask<AdvertisedAnswer[]>("routes", "--advertised", "tor").find(
      ({ prefix }) => prefix === "fd00:244::40/122",
    );
    expect(withheld).toMatchObject({ advertised: false, reason: peer.families[1]?.reason });
    const six = ask<RouteAnswer[]>("routes").find(({ prefix }) => prefix === "2001:db8:1::/48");
    expect(six?.paths[0]?.reason).toContain("no route to next hop fd00:30::1");
    network.run("n1", "ip", "address", "add", "fd00:30::11/64", "dev", "eth0", "nodad");
    expect(await seenByBird("fd00:244::40/122")).toContain("BGP.next_hop: fd00:30::11");
    await eventually("its routes are used", () => kernelRoutes().length === 5);
    expect(ask<PeerAnswer[]>("peers")[0]?.flaps).toBe(0);
  });

  test("BIRD's refresh requests are answered for each family", async () => {
    start(4, BOTH);
    await established(6);
    await seenByBird("fd00:244::40/122");
    const sent = (): number => ask<PeerAnswer[]>("peers")[0]?.messages.updatesSent ?? 0;
    const before = sent();
    askBird("reload", "in", "n1");
    await eventually("told again", () => sent() >= before + 2);
    expect(await seenByBird("fd00:244::40/122")).toContain("64512");
    expect(ask<PeerAnswer[]>("peers")[0]?.flaps).toBe(0);
  });

  test("killed and started again, bgpd adopts the routes of both families and sweeps the stale", async () => {
    const first = start(6, EXTENDED);
    await established(6);
    await eventually("installed", () => kernelRoutes().length === 5);
    const before = kernelRoutes();
    first.kill("SIGKILL");
    await first.exited;
    const stale = ["2001:db8:9::/48", "via", "fd00:30::1", "metric", "1024", "proto", "77"];
    network.run("n1", "ip", "-6", "route", "add", ...stale);
    expect(kernelRoutes()).toHaveLength(6);
    startManx();
    await established(6);
    await eventually("the stale route is gone", () => kernelRoutes().length === 5);
    expect(kernelRoutes()).toEqual(before);
  });
});
