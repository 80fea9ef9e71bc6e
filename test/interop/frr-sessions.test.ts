/**
 * Sessions with FRR: both families, what is agreed in OPENs, refresh, keys, hops, last words, ranges, roles, limits.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import type { PeerAnswer } from "../../resource/answer.ts";
import { configuration, documents, N1_BOTH, TOR, torPeer } from "./documents.ts";
import { type Frr, type FrrBgp, frrOn, frrText, hasFrr } from "./frr.ts";
import { hasManx, type Manx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network, withoutObjects } from "./network.ts";

const OUTSIDE: FrrBgp = {
  ipv4: ["network 192.0.2.0/24"],
  ipv6: ["network 2001:db8:1::/48"],
};
/** Its words for us. */
const US = "neighbor 172.30.0.11";

let network: Network;
let n1: Manx;
let tor: Frr;

beforeEach(() => {
  network = createNetwork({
    n1: ["172.30.0.11/24", "fd00:30::11/64"],
    tor: ["172.30.0.1/24", "fd00:30::1/64"],
  });
  n1 = manxOn(network, "n1");
  tor = frrOn(network, "tor");
});

afterEach(async () => {
  await network.remove();
});

/** The node's documents with this peer. */
const be = (...peer: string[]): void =>
  n1.configure(documents(configuration(), N1_BOTH, torPeer(...peer)));

async function start(bgp: FrrBgp, ...peer: string[]) {
  be(...peer);
  await tor.start({ configuration: frrText(bgp) });
  return n1.start();
}

const down = (cause: string): Promise<PeerAnswer> =>
  eventually(`the session is down: ${cause}`, () => {
    const peer = n1.peer();
    return peer.state !== "Established" && peer.lastError.includes(cause) && peer;
  });

/** FRR's routes by BGP in its kernel, of both families. */
const theirs = (): string =>
  ["-4", "-6"]
    .map((family) =>
      withoutObjects(network.run("tor", "ip", family, "route", "show", "proto", "bgp")),
    )
    .join("");

function key(text: string): string {
  const file = network.file("tor.key", text);
  chmodSync(file, 0o600);
  return file;
}

describe.skipIf(!hasManx || !hasFrr)("sessions with FRR", () => {
  test.each([
    ["another AS", 65_000],
    ["our own AS", 64_512],
  ])("of %s carry both families, into both kernels, and refresh them", async (_name, asNumber) => {
    const beside = ["debug bgp neighbor-events"];
    await start({ ...OUTSIDE, asNumber, beside }, `peerIP: 172.30.0.1, asNumber: ${asNumber}`);
    const { capabilities } = await n1.established();
    for (const capability of ["extended messages", "enhanced route refresh", "IPv6 unicast"]) {
      expect(capabilities).toContain(capability);
    }
    const text = tor.neighbour();
    for (const capability of ["Extended Message", "Enhanced Route Refresh"]) {
      expect(text).toContain(`${capability}: advertised and received`);
    }
    await eventually("our kernel has its routes", () => {
      const routes = n1.kernelRoutes().join("\n");
      return (
        routes.includes("192.0.2.0/24 via 172.30.0.1 dev eth0") &&
        routes.includes("2001:db8:1::/48 via fd00:30::1 dev eth0")
      );
    });
    await eventually("its kernel has our blocks", () => {
      const routes = theirs();
      return (
        routes.includes("10.244.1.0/24 via 172.30.0.11 dev eth0") &&
        routes.includes("fd00:244::40/122 via fe80:")
      );
    });
    const path = await tor.told("10.244.1.0/24");
    expect(path.aspath.string).toBe(asNumber === 64_512 ? "Local" : "64512");
    expect(tor.ask("show bgp ipv6 unicast fd00:244::40/122")).toContain("fd00:30::11");
    for (const family of ["IPv4", "IPv6"]) {
      expect(tor.log()).toContain(`rcvd End-of-RIB for ${family} Unicast from 172.30.0.11`);
    }
    tor.ask("clear bgp ipv4 unicast 172.30.0.11 soft in");
    await eventually("our begin and end", () => /\(BoRR\)[\s\S]*\(EoRR\)/.test(tor.log()));
    tor.configure(
      `router bgp ${asNumber}`,
      "address-family ipv4 unicast",
      "no network 192.0.2.0/24",
    );
    await eventually("withdrawn", () => !n1.kernelRoutes().join().includes("192.0.2.0/24"));
    expect(n1.peer().flaps).toBe(0);
  });

  test("IPv4 goes with IPv6 next hops (RFC 8950), into both kernels", async () => {
    const address = "fd00:30::11";
    await start(
      {
        neighbours: { [address]: 64_512 },
        router: [`neighbor ${address} capability extended-nexthop`],
        ...OUTSIDE,
      },
      'peerIP: "fd00:30::1", asNumber: 65000',
    );
    await n1.established();
    await eventually("our kernel has its route", () =>
      n1.kernelRoutes().includes("192.0.2.0/24 via inet6 fd00:30::1 dev eth0 metric 1024"),
    );
    await eventually("its kernel has our block", () =>
      /10\.244\.1\.0\/24 via inet6 fe80:\S+ dev eth0/.test(theirs()),
    );
  });

  test("TCP-MD5: none without the key; with it; and with another from then on", async () => {
    const md5 = `password: { file: ${key("one")} }`;
    await start({ ...OUTSIDE, router: [`${US} password two`] }, TOR, md5);
    await eventually("tried", () => n1.peer().lastError === "no answer to our connection requests");
    key("two");
    await n1.established();
    key("three");
    await eventually("the session has it", () => n1.log().includes("the session has another key"));
    // FRR ends the session for another password, and comes back with it.
    tor.configure("router bgp 65000", `${US} password three`);
    await eventually(
      "up with it",
      () => n1.peer().flaps === 1 && n1.peer().state === "Established",
    );
  });

  test("GTSM: who may be afar is not heard, and who is near is", async () => {
    const beside = ["debug bgp neighbor-events"];
    const far = await start({ router: [`${US} ebgp-multihop 3`], beside }, TOR, "ttlSecurity: 1");
    await eventually("FRR has spoken", () => tor.log().includes("sending OPEN"));
    expect([n1.peer().state === "Established", n1.peer().messages.received]).toEqual([false, 0]);
    far.kill("SIGKILL");
    await far.exited;
    tor.configure("router bgp 65000", `no ${US} ebgp-multihop`, `${US} ttl-security hops 1`);
    n1.start();
    await n1.established();
  });

  test("over several hops, between loopback addresses of its", async () => {
    network.run("tor", "ip", "address", "add", "203.0.113.9/32", "dev", "lo");
    await start(
      { ...OUTSIDE, router: [`${US} ebgp-multihop 2`, `${US} update-source 203.0.113.9`] },
      "peerIP: 203.0.113.9, asNumber: 65000, multihop: 2, reachableBy: 172.30.0.1",
    );
    await n1.established();
    await eventually("the route is behind the gateway", () =>
      n1.kernelRoutes().includes("192.0.2.0/24 via 172.30.0.1 dev eth0 metric 1024"),
    );
  });

  test("what either says at the end is read by the other", async () => {
    await start(OUTSIDE, TOR);
    await n1.established();
    tor.configure("router bgp 65000", `${US} shutdown message rack b moves`);
    const { lastError } = await down("rack b moves");
    expect(lastError).toBe('the peer sent Cease/Administrative Shutdown: "rack b moves"');
    tor.configure("router bgp 65000", `no ${US} shutdown`);
    await tor.told("10.244.1.0/24");
    be(TOR, "shutdown: kernel update until noon");
    await eventually("FRR has read it", () => tor.log().includes("kernel update until noon"));
  });

  test("a neighbour of a range: it of ours, and we of its", async () => {
    await start(OUTSIDE, "listenRange: 172.30.0.0/28, asNumber: 65000");
    expect((await n1.established()).name).toBe("tor 172.30.0.1");
    await tor.told("10.244.1.0/24");
    tor.configure(
      "router bgp 65000",
      `no ${US} remote-as 64512`,
      "neighbor nodes peer-group",
      "neighbor nodes remote-as 64512",
      "bgp listen range 172.30.0.0/24 peer-group nodes",
    );
    be(TOR);
    await n1.established();
    await eventually("a dynamic neighbour", () =>
      tor.ask("show bgp summary").includes("*172.30.0.11"),
    );
  });

  test("roles: a pair with ONLY_TO_CUSTOMER, and none that is a pair", async () => {
    await start(
      { ...OUTSIDE, router: [`${US} local-role provider strict-mode`] },
      TOR,
      "role: customer",
    );
    expect((await n1.established()).capabilities).toContain("role provider");
    expect((await n1.path("192.0.2.0/24")).attributes.onlyToCustomer).toBe(65_000);
    expect((await tor.told("10.244.1.0/24")).otc).toBeUndefined();
    be(TOR, "role: provider");
    await down("Role Mismatch");
    tor.configure("router bgp 65000", `${US} local-role customer`);
    await n1.established();
    expect((await tor.told("10.244.1.0/24")).otc).toBe(64_512);
  });

  test("limits of prefixes: ours for it, and its for us", async () => {
    const ipv4 = [...(OUTSIDE.ipv4 ?? []), "network 198.51.100.0/24"];
    await start(
      { ipv4, router: [`${US} sender-as-path-loop-detection`] },
      TOR,
      "prefixLimit: { max: 1, restartTime: 1 }",
    );
    await down("exceed the limit of 1");
    await eventually("FRR knows why", () =>
      tor.neighbour().includes("Cease/Maximum Number of Prefixes Reached"),
    );
    be(TOR);
    await n1.established();
    tor.configure("router bgp 65000", "address-family ipv4 unicast", `${US} maximum-prefix 1`);
    n1.configure(
      documents(
        configuration(),
        N1_BOTH.replace("[10.244.1.0/24", "[10.244.1.0/24, 10.244.2.0/24, 10.244.3.0/24"),
        torPeer(TOR),
      ),
    );
    const { lastError } = await down("Maximum Number of Prefixes");
    expect(lastError).toContain("the peer sent Cease/Maximum Number of Prefixes Reached");
  });

  test("of two connections at once the one of the greater identifier is left, the other ended with 6/7", async () => {
    // Connections come up in both directions, and no OPEN arrives before both are there.
    const hold = (verb: "-A" | "-D"): void => {
      for (const name of ["n1", "tor"]) {
        const rule = ["INPUT", "-p", "tcp", "--tcp-flags", "PSH", "PSH", "-j", "DROP"];
        network.run(name, "iptables", verb, ...rule);
      }
    };
    const connections = (): string[] =>
      network.run("n1", "ss", "-Htn", "state", "established").trim().split("\n").filter(Boolean);
    hold("-A");
    await start(OUTSIDE, TOR);
    await eventually("two connections", () => connections().length === 2);
    hold("-D");
    await n1.established();
    expect(tor.log()).toMatch(/ 6\/7 \(Cease\/Connection Collision Resolution\)/);
    await eventually("one is left", () => connections().length === 1);
    expect(connections()[0]).toMatch(/172\.30\.0\.1:179\s*$/);
    await tor.told("10.244.1.0/24");
    expect(n1.peer().flaps).toBe(0);
  });
});
