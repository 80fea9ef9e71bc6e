/**
 * Both families with GoBGP, over IPv6: IPv4 with IPv6 next hops (RFC 8950), announced and withdrawn by
 * either side; over IPv4 the IPv4-mapped next hop that it tells for IPv6 is refused with its reason.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { WhyAnswer } from "../../resource/answer.ts";
import { configuration, documents, N1_BOTH, torPeer } from "./documents.ts";
import { type Gobgp, gobgpOn, hasGobgp } from "./gobgp.ts";
import { hasManx, type Manx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network } from "./network.ts";

const cluster = (peer: string): string =>
  documents(configuration(), N1_BOTH, torPeer(`peerIP: "${peer}", asNumber: 65000`));

const router = (local: string, neighbour: string): string => `
[global.config]
  as = 65000
  router-id = "172.30.0.1"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${neighbour}"
    peer-as = 64512
  [neighbors.transport.config]
    local-address = "${local}"
    passive-mode = true
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv6-unicast"
`;

let network: Network;
let n1: Manx;
let tor: Gobgp;

beforeEach(() => {
  network = createNetwork({
    n1: ["172.30.0.11/24", "fd00:30::11/64"],
    tor: ["172.30.0.1/24", "fd00:30::1/64"],
  });
  n1 = manxOn(network, "n1");
  tor = gobgpOn(network, "tor");
});

afterEach(async () => {
  await network.remove();
});

/** Start both, their session between these addresses. */
async function start(ours: string, theirs: string): Promise<void> {
  tor.start(router(theirs, ours));
  await tor.isUp();
  n1.configure(cluster(theirs));
  n1.start();
}

const rib = (family: 4 | 6): string => tor.ask("global", "rib", "-a", `ipv${family}`);

function announce(verb: "add" | "del"): void {
  tor.ask("global", "rib", "-a", "ipv4", verb, "192.0.2.0/24");
  tor.ask("global", "rib", "-a", "ipv6", verb, "2001:db8:1::/48");
}

describe.skipIf(!hasManx || !hasGobgp)("both families with GoBGP", () => {
  test("over IPv6 both go both ways with IPv6 next hops, and are withdrawn", async () => {
    await start("fd00:30::11", "fd00:30::1");
    const peer = await n1.established();
    expect(peer.families.map(({ name }) => name)).toEqual(["IPv4 unicast", "IPv6 unicast"]);
    announce("add");
    await eventually("installed", () => {
      const routes = n1.kernelRoutes().join();
      return (
        routes.includes("192.0.2.0/24 via inet6 fd00:30::1 dev eth0") &&
        routes.includes("2001:db8:1::/48 via fd00:30::1 dev eth0")
      );
    });
    await eventually("GoBGP has our blocks", () => {
      const four = /10\.244\.1\.0\/24 +fd00:30::11 +64512/.test(rib(4));
      return four && /fd00:244::40\/122 +fd00:30::11 +64512/.test(rib(6));
    });
    announce("del");
    await eventually("withdrawn", () => !/192\.0\.2|2001:db8/.test(n1.kernelRoutes().join()));
    n1.configure(cluster("fd00:30::1").replace(/blocks: \[.*\]/, "blocks: []"));
    await eventually("GoBGP has lost our blocks", () => !/244/.test(rib(4) + rib(6)));
    expect(n1.peer().flaps).toBe(0);
  });

  test("over IPv4 our IPv6 next hop is used, and its IPv4-mapped one refused with the reason", async () => {
    await start("172.30.0.11", "172.30.0.1");
    await n1.established();
    announce("add");
    await eventually("IPv4 is installed", () =>
      n1.kernelRoutes().join().includes("192.0.2.0/24 via 172.30.0.1 dev eth0"),
    );
    await eventually("GoBGP has our IPv6 block", () =>
      /fd00:244::40\/122 +fd00:30::11 +64512/.test(rib(6)),
    );
    const why = await eventually("it has told IPv6", () => {
      const answer = n1.ask<WhyAnswer>("why", "2001:db8:1::/48");
      return answer.prefix !== null && answer;
    });
    expect(why.summary).toContain("next hop ::ffff:ac1e:1");
    expect(n1.kernelRoutes().join()).not.toContain("2001:db8");
    expect(n1.peer().flaps).toBe(0);
  });
});
