/**
 * Routes between FRR, bgpd and BIRD, each in an AS of its own or in one: communities, rules of paths, reflection,
 * confederations, and traffic that is shared.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { PeerAnswer } from "../../resource/answer.ts";
import { type Bird, birdOn, birdRoutes, birdSession, birdText, hasBird } from "./bird.ts";
import { configuration, document, documents, N1, node, TOR } from "./documents.ts";
import { type Frr, type FrrBgp, frrOn, frrText, hasFrr } from "./frr.ts";
import { hasManx, type Manx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network, withoutObjects } from "./network.ts";

const ALL = document("BGPFilter", "all", "exportV4: [{ action: Accept }]");
const N2 = node("n2", "172.30.0.12/24", "10.244.2.0/24");
const UNMESHED = configuration("nodeToNodeMeshEnabled: false");

let network: Network;
let n1: Manx;
/** FRR, at 172.30.0.1. */
let tor: Frr;
/** BIRD, at 172.30.0.2. */
let out: Bird;

beforeEach(() => {
  network = createNetwork({
    n1: "172.30.0.11/24",
    n2: "172.30.0.12/24",
    tor: "172.30.0.1/24",
    out: "172.30.0.2/24",
  });
  n1 = manxOn(network, "n1");
  tor = frrOn(network, "tor");
  out = birdOn(network, "out");
});

afterEach(async () => {
  await network.remove();
});

const startFrr = (bgp: FrrBgp) => tor.start({ configuration: frrText(bgp) });

function startBird(as: number, routes: readonly string[], more: readonly string[] = []): void {
  const session = birdSession({ local: `172.30.0.2 as ${as}` });
  out.start(birdText("172.30.0.2", birdRoutes(...routes), session, ...more));
}

/** Both are peers that are told everything; more of FRR's, of BIRD's. */
const between = (ofTor: string, ofOut: string): string =>
  documents(
    configuration(),
    N1,
    ALL,
    document("BGPPeer", "tor", [TOR, "filters: [all]", ofTor].filter(Boolean).join(", ")),
    document("BGPPeer", "out", `peerIP: 172.30.0.2, filters: [all], ${ofOut}`),
  );

/** The ways of a route in a kernel. */
const waysOf = (name: string, prefix: string): string[] =>
  [...withoutObjects(network.run(name, "ip", "route", "show", prefix)).matchAll(/via (\S+)/g)].map(
    ([, way = ""]) => way,
  );

describe.skipIf(!hasManx || !hasFrr || !hasBird)("between FRR and BIRD", () => {
  test("communities of all kinds pass, and the well-known ones are obeyed", async () => {
    const maps: Readonly<Record<string, readonly string[]>> = {
      plain: [
        "set community 65000:100",
        "set large-community 65000:1:2",
        "set extcommunity rt 65000:7",
      ],
      stay: ["set community no-export"],
      nobody: ["set community no-advertise"],
      leaving: ["set community graceful-shutdown"],
      hole: ["set community blackhole"],
    };
    // On the way out: FRR itself obeys what it has on its routes.
    await startFrr({
      ipv4: [
        ...Object.keys(maps).map((_, at) => `network 20.0.${at}.0/24`),
        "neighbor 172.30.0.11 route-map tell out",
      ],
      beside: Object.entries(maps).flatMap(([name, sets], at) => [
        `ip prefix-list ${name} permit 20.0.${at}.0/24`,
        `route-map tell permit ${at + 1}`,
        `match ip address prefix-list ${name}`,
        ...sets,
        "exit",
      ]),
    });
    startBird(65_010, []);
    n1.configure(between("discardBlackhole: true", "asNumber: 65010"));
    n1.start();
    const route = await out.told("20.0.0.0/24");
    expect(route).toContain("BGP.as_path: 64512 65000\n");
    expect(route).toContain("BGP.community: (65000,100)");
    expect(route).toContain("BGP.large_community: (65000, 1, 2)");
    expect(route).toContain("BGP.ext_community: (rt, 65000, 7)");
    expect(await out.told("20.0.3.0/24")).toContain("(65535,0)");
    expect((await n1.path("20.0.3.0/24")).attributes.localPref).toBe(0);
    await eventually("what is to be dropped is dropped", () =>
      n1.kernelRoutes().includes("blackhole 20.0.4.0/24 metric 1024"),
    );
    for (const kept of ["20.0.1.0/24", "20.0.2.0/24", "20.0.4.0/24"]) {
      expect((await n1.path(kept)).state).toBe("best");
      expect(out.ask("show", "route")).not.toContain(kept);
    }
    n1.configure(between("gracefulShutdown: true", "asNumber: 65010"));
    await eventually("FRR is told that we are about to go", () =>
      tor.paths("10.244.1.0/24")[0]?.community?.string.includes("graceful-shutdown"),
    );
    expect(tor.paths("10.244.1.0/24")[0]?.locPrf).toBe(0);
    expect(n1.ask<PeerAnswer[]>("peers").map(({ flaps }) => flaps)).toEqual([0, 0]);
  });

  test("AS_PATH as FRR sees it: as it came, with its AS overridden, without private ones, by a local AS", async () => {
    const routes = [
      "20.1.0.0/24 blackhole { bgp_path.prepend(65000); }",
      "20.1.1.0/24 blackhole { bgp_path.prepend(64999); bgp_path.prepend(3333); }",
    ];
    await startFrr({});
    startBird(65_010, routes);
    const be = (...more: string[]): void =>
      n1.configure(between(more.join(", "), "asNumber: 65010"));
    be();
    n1.start();
    const seen = (prefix: string, path: string): Promise<unknown> =>
      eventually(`${prefix} by ${path}`, () => tor.paths(prefix)[0]?.aspath.string === path);
    await seen("20.1.1.0/24", "64512 65010 3333 64999");
    expect(tor.paths("20.1.0.0/24")).toEqual([]);
    be("asOverride: true");
    await seen("20.1.0.0/24", "64512 65010 64512");
    expect(tor.paths("20.1.0.0/24")[0]?.nexthops[0]?.ip).toBe("172.30.0.11");
    be("nextHopMode: Keep");
    await eventually(
      "the next hop of whom we have it",
      () => tor.paths("20.1.1.0/24")[0]?.nexthops[0]?.ip === "172.30.0.2",
    );
    be("removePrivateAS: true");
    await seen("20.1.1.0/24", "64512 3333");
    be();
    tor.configure("router bgp 65000", "address-family ipv4", "neighbor 172.30.0.11 allowas-in");
    await seen("20.1.0.0/24", "64512 65010 65000");
    // FRR tells us what it has of us.
    const told = () => n1.paths("20.1.0.0/24").find(({ peer }) => peer === "tor");
    await eventually("refused", () => told()?.reason.startsWith("AS loop"));
    be("numAllowedLocalASNumbers: 1");
    await eventually("allowed", () => told()?.state === "valid");
    expect(n1.peer("tor").flaps).toBe(0);
    be("localASNumber: 65100");
    tor.configure("router bgp 65000", "neighbor 172.30.0.11 remote-as 65100");
    await seen("20.1.1.0/24", "65100 65010 3333 64999");
  });

  test("an AS_SET of FRR's is taken, and refused where that is configured", async () => {
    const from = (name: string, as: number): string[] => [
      `route-map ${name} permit 10`,
      `set as-path prepend ${as}`,
      "exit",
    ];
    await startFrr({
      ipv4: [
        "network 20.5.0.0/25 route-map low",
        "network 20.5.0.128/25 route-map high",
        "aggregate-address 20.5.0.0/24 as-set summary-only",
      ],
      beside: [...from("low", 3333), ...from("high", 4444)],
    });
    const be = (more: string): void =>
      n1.configure(between(more, "asNumber: 65010, shutdown: it is not here"));
    be("");
    n1.start();
    const { state, attributes } = await n1.path("20.5.0.0/24");
    expect(attributes.asPath).toEqual([65_000, [3333, 4444]]);
    expect(state).toBe("best");
    be("rejectASSets: true");
    await eventually("refused", () =>
      n1.paths("20.5.0.0/24")[0]?.reason.includes("its path holds an AS_SET"),
    );
    expect(n1.peer("tor").flaps).toBe(0);
  });

  test("traffic is shared both ways: by FRR between two nodes, by a node between FRR and BIRD", async () => {
    await startFrr({
      neighbours: { "172.30.0.11": 64_512, "172.30.0.12": 64_512 },
      ipv4: ["network 20.2.0.0/24"],
    });
    startBird(65_000, ["20.2.0.0/24 blackhole"]);
    const services = configuration("serviceClusterIPs: [{ cidr: 10.96.0.0/12 }]");
    const peers = [
      document("BGPPeer", "tor", TOR),
      document("BGPPeer", "out", "node: n1, peerIP: 172.30.0.2, asNumber: 65000"),
    ];
    const n2 = manxOn(network, "n2");
    for (const daemon of [n1, n2]) {
      daemon.configure(documents(services, N1, N2, ...peers));
      daemon.start();
    }
    await eventually(
      "FRR's kernel has both nodes",
      () => waysOf("tor", "10.96.0.0/12").sort().join() === "172.30.0.11,172.30.0.12",
    );
    await eventually(
      "the node's kernel has both routers",
      () => waysOf("n1", "20.2.0.0/24").sort().join() === "172.30.0.1,172.30.0.2",
    );
    tor.configure("router bgp 65000", "address-family ipv4", "no network 20.2.0.0/24");
    await eventually("one is left", () => waysOf("n1", "20.2.0.0/24").join() === "172.30.0.2");
  });

  test("reflection: FRR and BIRD are our clients, and then we are FRR's", async () => {
    await startFrr({ asNumber: 64_512, ipv4: ["network 20.3.0.0/24"] });
    startBird(64_512, ["20.3.1.0/24 blackhole"], ['protocol direct { ipv4; interface "eth0"; }']);
    const inside = [
      document("BGPPeer", "tor", "node: n1, peerIP: 172.30.0.1, asNumber: 64512"),
      document("BGPPeer", "out", "node: n1, peerIP: 172.30.0.2, asNumber: 64512"),
    ];
    const reflector = document(
      "Node",
      "n1",
      "bgp: { ipv4Address: 172.30.0.11/24, routeReflectorClusterID: 244.0.0.1 }",
    );
    n1.configure(documents(UNMESHED, reflector, ...inside));
    n1.start();
    const path = await tor.told("20.3.1.0/24");
    expect(path).toMatchObject({
      originatorId: "172.30.0.2",
      clusterList: { list: ["244.0.0.1"] },
      nexthops: [{ ip: "172.30.0.2" }],
    });
    expect(await out.told("20.3.0.0/24")).toContain("BGP.originator_id: 172.30.0.1\n");
    const apart = reflector.replace("244.0.0.1", "$&, clientToClientReflection: false");
    n1.configure(documents(UNMESHED, apart, ...inside));
    await eventually("clients are told nothing of each other", () => {
      const atOut = out.ask("show", "route");
      return tor.paths("20.3.1.0/24").length === 0 && !atOut.includes("20.3.0.0/24");
    });
    // Now FRR is in the middle: what a node of ours tells it comes to the other.
    tor.configure(
      "router bgp 64512",
      "bgp cluster-id 244.0.0.9",
      "neighbor 172.30.0.12 remote-as 64512",
      "neighbor 172.30.0.12 timers connect 1",
      "address-family ipv4",
      "neighbor 172.30.0.11 route-reflector-client",
      "neighbor 172.30.0.12 route-reflector-client",
    );
    const n2 = manxOn(network, "n2");
    n2.configure(
      documents(UNMESHED, N2, document("BGPPeer", "tor", TOR.replace("65000", "64512"))),
    );
    n2.start();
    n1.configure(documents(UNMESHED, N1, inside[0] ?? ""));
    const reflected = await n1.path("10.244.2.0/24");
    expect(reflected.attributes).toMatchObject({
      nextHop: "172.30.0.12",
      originatorId: "172.30.0.12",
      clusterList: ["244.0.0.9"],
    });
    await eventually(
      "the kernel has it",
      () => waysOf("n1", "10.244.2.0/24").join() === "172.30.0.12",
    );
    tor.configure("router bgp 64512", "no bgp client-to-client reflection");
    await eventually("FRR tells its clients nothing of each other", () => {
      return n1.paths("10.244.2.0/24").length === 0 && waysOf("n1", "10.244.2.0/24").length === 0;
    });
    expect((await n1.path("20.3.0.0/24")).peer).toBe("tor");
  });

  test("a confederation's segments are read, and do not leave", async () => {
    await startFrr({
      asNumber: 64_512,
      neighbours: { "172.30.0.11": 64_512, "172.30.0.2": 64_513 },
      router: ["bgp confederation identifier 65500", "bgp confederation peers 64513"],
    });
    const member = birdSession({
      name: "inner",
      local: "172.30.0.2 as 64513",
      neighbour: "172.30.0.1 as 64512",
      options: "confederation 65500; confederation member yes;",
    });
    startBird(
      65_010,
      ["20.4.0.0/24 blackhole"],
      [member.replace("export all", "export where source = RTS_STATIC")],
    );
    n1.configure(between("", "asNumber: 65010").replace("asNumber: 65000", "asNumber: 64512"));
    n1.start();
    // Counted as nothing, it is shorter than the path from outside.
    await eventually("the path through the member is the best", () => {
      const [best] = n1.paths("20.4.0.0/24");
      return best?.peer === "tor" && best.attributes.asPath.join() === "64513";
    });
    expect(n1.paths("20.4.0.0/24").map(({ reason }) => reason)).toEqual([
      "shorter AS_PATH: 0 < 1",
      "shorter AS_PATH: 0 < 1",
    ]);
    await eventually("outside it is ours alone", () =>
      out.ask("show", "route", "20.4.0.0/24", "all").includes("BGP.as_path: 64512\n"),
    );
  });
});
