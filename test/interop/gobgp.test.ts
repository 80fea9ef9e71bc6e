/**
 * Both families with GoBGP, over IPv6: IPv4 with IPv6 next hops (RFC 8950), announced and withdrawn by
 * either side; over IPv4 the IPv4-mapped next hop that it tells for IPv6 is refused with its reason.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { which } from "bun";
import type { PeerAnswer, WhyAnswer } from "../../resource/answer.ts";
import { createNetwork, eventually, isInside, type Network, withoutObjects } from "./network.ts";

const manx = process.env.MANX_EXECUTABLE ?? "";
const gobgpd = which("gobgpd") ?? "";
const gobgp = which("gobgp") ?? "";

const CLUSTER = `
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: { name: default }
spec: { asNumber: 64512, holdTime: 9s, keepaliveTime: 3s, connectRetryTime: 1s }
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

const GOBGP = `
[global.config]
  as = 65000
  router-id = "172.30.0.1"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "NEIGHBOUR"
    peer-as = 64512
  [neighbors.transport.config]
    local-address = "LOCAL"
    passive-mode = true
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv6-unicast"
`;

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

/** Start both, their session between these addresses. */
async function start(ours: string, theirs: string): Promise<void> {
  const conf = GOBGP.replace("NEIGHBOUR", ours).replace("LOCAL", theirs);
  network.start("tor", "gobgpd", [gobgpd, "-f", network.file("gobgp.toml", conf)]);
  await eventually("GoBGP answers", () => askGobgp("neighbor").includes("64512"));
  const cluster = network.file("cluster.yaml", CLUSTER.replace("PEER", theirs));
  const args = [
    "bgpd",
    "--config",
    cluster,
    "--node",
    "n1",
    "--api",
    `${network.folder}/bgpd.sock`,
  ];
  network.start("n1", "bgpd", [manx, ...args]);
}

function ask<Answer>(...args: string[]): Answer {
  return JSON.parse(
    network.run("n1", manx, ...args, "--json", "--api", `${network.folder}/bgpd.sock`),
  );
}

const askGobgp = (...words: string[]): string => network.run("tor", gobgp, ...words);
const rib = (family: 4 | 6): string => askGobgp("global", "rib", "-a", `ipv${family}`);

function announce(verb: "add" | "del"): void {
  askGobgp("global", "rib", "-a", "ipv4", verb, "192.0.2.0/24");
  askGobgp("global", "rib", "-a", "ipv6", verb, "2001:db8:1::/48");
}

async function established(): Promise<PeerAnswer> {
  return eventually("the session is Established", () =>
    ask<PeerAnswer[]>("peers").find(({ state }) => state === "Established"),
  );
}

function kernelRoutes(): string {
  return ["-4", "-6"]
    .map((family) =>
      withoutObjects(network.run("n1", "ip", family, "route", "show", "proto", "77")),
    )
    .join("");
}

const here = isInside && manx !== "" && gobgpd !== "" && gobgp !== "";

describe.skipIf(!here)("both families with GoBGP", () => {
  test("over IPv6 both go both ways with IPv6 next hops, and are withdrawn", async () => {
    await start("fd00:30::11", "fd00:30::1");
    const peer = await established();
    expect(peer.families.map(({ name }) => name)).toEqual(["IPv4 unicast", "IPv6 unicast"]);
    announce("add");
    await eventually("installed", () => {
      const routes = kernelRoutes();
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
    await eventually("withdrawn", () => !/192\.0\.2|2001:db8/.test(kernelRoutes()));
    const none = CLUSTER.replace(/blocks: .*/, "blocks: []").replace("PEER", "fd00:30::1");
    network.file("cluster.yaml", none);
    await eventually("GoBGP has lost our blocks", () => !/244/.test(rib(4) + rib(6)));
    expect(ask<PeerAnswer[]>("peers")[0]?.flaps).toBe(0);
  });

  test("over IPv4 our IPv6 next hop is used, and its IPv4-mapped one refused with the reason", async () => {
    await start("172.30.0.11", "172.30.0.1");
    await established();
    announce("add");
    await eventually("IPv4 is installed", () =>
      kernelRoutes().includes("192.0.2.0/24 via 172.30.0.1 dev eth0"),
    );
    await eventually("GoBGP has our IPv6 block", () =>
      /fd00:244::40\/122 +fd00:30::11 +64512/.test(rib(6)),
    );
    const why = await eventually("it has told IPv6", () => {
      const answer = ask<WhyAnswer>("why", "2001:db8:1::/48");
      return answer.prefix !== null && answer;
    });
    expect(why.summary).toContain("next hop ::ffff:ac1e:1");
    expect(kernelRoutes()).not.toContain("2001:db8");
    expect(ask<PeerAnswer[]>("peers")[0]?.flaps).toBe(0);
  });
});
