/**
 * Aggregates and peers behind a named gateway between bgpd and BIRD 2, in the kernel's tables.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { WhyAnswer } from "../../resource/answer.ts";
import { type Bird, birdOn, birdRoutes, birdSession, birdText, hasBird } from "./bird.ts";
import { configuration, document, documents, N1, TOR, torPeer } from "./documents.ts";
import { hasManx, type Manx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network } from "./network.ts";

const NEIGHBOUR = document("Node", "n2", "bgp: { ipv4Address: 172.30.0.12/24, asNumber: 64513 }");
const POOL = document("IPPool", "pods", "cidr: 10.244.0.0/16");
const POOLS = "exportPolicy: pools";

/** BIRD with this address and AS, a static route, and a session with n1. */
function router(address: string, as: number, prefix: string, options = ""): string {
  const session = birdSession({ local: `${address} as ${as}`, options });
  return birdText(address, birdRoutes(`${prefix} blackhole`), session);
}

let network: Network;
let n1: Manx;
let n2: Bird;
let tor: Bird;

beforeEach(() => {
  network = createNetwork({
    n1: "172.30.0.11/24",
    n2: "172.30.0.12/24",
    tor: "172.30.0.1/24",
  });
  n1 = manxOn(network, "n1");
  n2 = birdOn(network, "n2");
  tor = birdOn(network, "tor");
});

afterEach(async () => {
  await network.remove();
});

function startManx(...all: string[]): void {
  n1.configure(documents(...all));
  n1.start();
}

const kernel = (): string => network.run("n1", "ip", "route", "show", "proto", "77");

describe.skipIf(!hasManx || !hasBird)("BIRD and", () => {
  test("an aggregate in place of its parts, with what section 9.2.2.2 says of it", async () => {
    const aggregates = "aggregates: [{ cidr: 10.244.0.0/20, nodeSelector: all() }]";
    tor.start(router("172.30.0.1", 65_000, "192.0.2.0/24"));
    startManx(configuration(aggregates), N1, POOL, NEIGHBOUR, torPeer(TOR, POOLS));
    const alone = await eventually("BIRD has the aggregate", () => {
      const text = tor.ask("show", "route", "10.244.0.0/20", "all");
      return text.includes("BGP.aggregator") && text;
    });
    expect(alone).toContain("BGP.aggregator: 172.30.0.11 AS64512");
    expect(alone).toContain("BGP.as_path: 64512\n");
    expect(alone).not.toContain("BGP.atomic_aggr");
    await eventually("it lies on a discard route", () =>
      kernel().includes("blackhole 10.244.0.0/20"),
    );

    n2.start(router("172.30.0.12", 64_513, "10.244.2.0/24"));
    await eventually("what the other AS has is in it, without its number", () =>
      tor.ask("show", "route", "10.244.0.0/20", "all").includes("BGP.atomic_aggr"),
    );
    expect(tor.ask("show", "route")).not.toMatch(/10\.244\.[12]\.0/);
    const why = n1.ask<WhyAnswer>("why", "10.244.2.0/24");
    expect(why.advertised.find(({ peer: name }) => name === "tor")?.reason).toBe(
      "in the aggregate 10.244.0.0/20, which is told in its place (summaryOnly)",
    );
    const whole = n1.ask<WhyAnswer>("why", "10.244.0.0/20");
    expect(whole.summary).toContain("it has to 2 parts");
  });

  test("a peer that one gateway alone reaches", async () => {
    network.run("tor", "ip", "address", "add", "203.0.113.9/32", "dev", "lo");
    tor.start(router("203.0.113.9", 65_000, "192.0.2.0/24", "multihop;"));
    startManx(
      configuration(),
      N1,
      POOL,
      torPeer("peerIP: 203.0.113.9, asNumber: 65000", POOLS, "reachableBy: 172.30.0.1"),
    );
    await eventually("the peer's route is behind the gateway", () =>
      /192\.0\.2\.0\/24 .*via 172\.30\.0\.1 /.test(kernel()),
    );
    expect(kernel()).toMatch(/203\.0\.113\.9 .*via 172\.30\.0\.1 /);
  });

  test("AIGP goes on to another that has it too, and not to one that has not", async () => {
    const originating = "ipv4 { import all; export all; aigp originate; };";
    const session = birdSession({ channels: originating });
    const routes = birdRoutes("192.0.2.0/24 blackhole { igp_metric = 77; }");
    tor.start(birdText("172.30.0.1", routes, session));
    const receiving = birdSession({
      local: "172.30.0.12 as 64513",
      channels: "ipv4 { import all; export none; aigp; };",
    });
    n2.start(birdText("172.30.0.12", receiving));
    const all = document("BGPFilter", "all", "exportV4: [{ action: Accept }]");
    const other = (aigp: boolean): string =>
      document(
        "BGPPeer",
        "n2",
        `peerIP: 172.30.0.12, asNumber: 64513, filters: [all], aigp: ${aigp}`,
      );
    const from = torPeer(TOR, "aigp: true");
    startManx(configuration(), N1, all, from, other(true));
    expect(await n2.told("192.0.2.0/24")).toContain("BGP.aigp: 77\n");
    n1.configure(documents(configuration(), N1, all, from, other(false)));
    await eventually("told without", () => {
      const text = n2.ask("show", "route", "192.0.2.0/24", "all");
      return text.includes("BGP.origin") && !text.includes("BGP.aigp");
    });
  });
});
