/**
 * Two reflectors between routers at the edge and a node, whole daemons on a virtual clock: with ADD-PATH the node gets
 * every path, shares its traffic over them, and nothing oscillates.
 */

import { describe, expect, test } from "bun:test";
import { planSpeaker } from "../../bgpd/cluster/plan.ts";
import { Daemon } from "../../bgpd/daemon.ts";
import { ROUTE_PROTOCOL } from "../../bgpd/forwarding.ts";
import { MemoryNetwork } from "../../bgpd/transport-memory.ts";
import { createMemoryHost } from "../../kernel/memory.ts";
import { formatAddress, parseAddress } from "../../lib/address.ts";
import { VirtualClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import { formatFault } from "../../resource/fault.ts";
import { documentOf, resourcesOf } from "../resource/documents.ts";
import { seeded } from "./world.ts";

const REFLECTORS = ["rr1", "rr2"];
/** Each originates the same prefix, as an anycast service does. */
const EDGES = ["e1", "e2", "e3"];
const CLIENTS = [...EDGES, "n1"];
const HOSTS: Readonly<Record<string, number>> = { rr1: 1, rr2: 2, e1: 21, e2: 22, e3: 23, n1: 11 };
const SHARED = "203.0.113.0/24";

const addressOf = (name: string): string => `172.30.0.${HOSTS[name]}`;

/** As one node has them: two with one block would be a fault in documents that they share. */
function documents(of: string, addPath: string, clusterIds: ClusterIds): string[] {
  const session = (node: string, other: string): string =>
    documentOf(
      "BGPPeer",
      `${node}-${other}`,
      `node: ${node}\npeerIP: ${addressOf(other)}\nasNumber: 64512${addPath}`,
    );
  const clusterOf = (name: string): string => {
    const id = clusterIds[REFLECTORS.indexOf(name)];
    return id === undefined ? "" : `, routeReflectorClusterID: ${id}`;
  };
  return [
    documentOf(
      "BGPConfiguration",
      "default",
      "nodeToNodeMeshEnabled: false\nholdTime: 9\nkeepaliveTime: 3\nconnectRetryTime: 2",
    ),
    ...Object.keys(HOSTS).map((name) => {
      const blocks = name === of && EDGES.includes(name) ? `\nblocks: [${SHARED}]` : "";
      return documentOf(
        "Node",
        name,
        `bgp: {ipv4Address: ${addressOf(name)}/24${clusterOf(name)}}${blocks}`,
      );
    }),
    ...CLIENTS.flatMap((client) =>
      REFLECTORS.flatMap((reflector) => [session(client, reflector), session(reflector, client)]),
    ),
    session("rr1", "rr2"),
    session("rr2", "rr1"),
  ];
}

type ClusterIds = readonly [rr1: string, rr2: string];

/** With one they refuse each other's routes, and with two they pass them on. */
const ONE: ClusterIds = ["244.0.0.1", "244.0.0.1"];
const TWO: ClusterIds = ["244.0.0.1", "244.0.0.2"];
const ALL = "\naddPath: {receive: true, send: All}";

function start(addPath: string, clusterIds = ONE) {
  const clock = new VirtualClock();
  const random = seeded(17);
  const network = new MemoryNetwork({ clock, latency: () => random() * 20, segment: () => 1400 });
  for (const name of Object.keys(HOSTS)) network.host(parseAddress(addressOf(name)));
  const host = createMemoryHost({ defer: (run) => void clock.after(0, run) });
  const kernel = host.kernel();
  const namespace = host.createNamespace("fabric");
  kernel.apply({ type: "create veth", end: { name: "eth0" }, peer: { name: "far", namespace } });
  host.kernel(namespace).apply({ type: "set link", link: "far", up: true });
  kernel.apply({ type: "set link", link: "eth0", up: true });
  const address = parseAddress(addressOf("n1"));
  kernel.apply({ type: "add address", link: "eth0", address, length: 24 });
  const planOf = (name: string, more: string) => {
    const planned = planSpeaker(resourcesOf(...documents(name, more, clusterIds)), name);
    if ("faults" in planned) throw new Error(planned.faults.map(formatFault).join("\n"));
    return planned.plan;
  };
  const daemons = new Map(
    Object.keys(HOSTS).map((name) => {
      const daemon = new Daemon({
        clock,
        transport: network.host(parseAddress(addressOf(name))),
        kernel: name === "n1" ? kernel : undefined,
        log: silentLogger(),
        random,
        onConverged: () => {},
      });
      daemon.apply(planOf(name, addPath));
      return [name, daemon] as const;
    }),
  );
  const at = (name: string): Daemon => daemons.get(name) as Daemon;
  return {
    pass: (seconds: number) => clock.advance(seconds * 1000),
    at,
    apply: (more: string) => {
      for (const [name, daemon] of daemons) daemon.apply(planOf(name, more));
    },
    /** `HOP from PEER`, of the node's paths. */
    paths: () =>
      (at("n1").rib?.lookup(parsePrefix(SHARED))?.paths ?? [])
        .map(({ peer, attributes: { nextHop } }) => `${nextHop && formatAddress(nextHop)} ${peer}`)
        .sort(),
    /** Gateways of the kernel's route. */
    gateways: () => {
      const objects = new Map(kernel.nexthops().map((nexthop) => [nexthop.id, nexthop]));
      return kernel.routes({ protocol: ROUTE_PROTOCOL }).flatMap(({ nexthop = 0 }) => {
        const object = objects.get(nexthop);
        const ways = object?.members?.map(({ id }) => objects.get(id)) ?? [object];
        return ways.map((way) => (way?.gateway ? formatAddress(way.gateway) : "?")).sort();
      });
    },
    /** On the node's first session. */
    negotiated: () => [...at("n1").neighbours.values()][0]?.session?.wire.addPath,
    /** UPDATEs that anybody has sent. */
    updates: () =>
      [...daemons.values()]
        .flatMap(({ neighbours }) => [...neighbours.values()])
        .reduce((sum, { peer }) => sum + peer.status().messages.updatesSent, 0),
    flaps: () =>
      [...daemons.values()]
        .flatMap(({ neighbours }) => [...neighbours.values()])
        .reduce((sum, { peer }) => sum + peer.status().flaps, 0),
  };
}

const EDGE_HOPS = EDGES.map(addressOf);

describe("two reflectors", () => {
  test("without ADD-PATH a node knows one path of each, and one way", () => {
    const scene = start("");
    scene.pass(20);
    expect(scene.paths()).toEqual(["172.30.0.21 rr1-e1", "172.30.0.21 rr2-e1"].map(byReflector));
    expect(scene.gateways()).toEqual(["172.30.0.21"]);
  });

  test("with it every path from both, and the traffic is shared over all; then all is quiet", () => {
    const scene = start(ALL);
    scene.pass(20);
    const expected = EDGE_HOPS.flatMap((hop) => [`${hop} n1-rr1`, `${hop} n1-rr2`]);
    expect(scene.paths()).toEqual(expected);
    expect(scene.gateways()).toEqual(EDGE_HOPS);
    const before = scene.updates();
    scene.pass(600);
    expect(scene.updates()).toBe(before);
  });

  test("with clusters of their own they tell each other's paths too, and all is quiet", () => {
    const scene = start(ALL, TWO);
    scene.pass(20);
    expect(scene.paths()).toHaveLength(4 * EDGES.length);
    expect(scene.gateways()).toEqual(EDGE_HOPS);
    const before = scene.updates();
    scene.pass(600);
    expect(scene.updates()).toBe(before);
  });

  test("an edge that ends takes its paths along, and those of the others stay", async () => {
    const scene = start(ALL);
    scene.pass(20);
    const stopping = scene.at("e1").stop({ withdraw: true });
    scene.pass(20);
    await stopping;
    expect(scene.gateways()).toEqual(EDGE_HOPS.slice(1));
    expect(scene.paths()).toHaveLength(4);
    const before = scene.updates();
    scene.pass(600);
    expect(scene.updates()).toBe(before);
  });

  test("a reflector that ends leaves the paths by the other one", async () => {
    const scene = start(ALL);
    scene.pass(20);
    const stopping = scene.at("rr1").stop({ withdraw: true });
    scene.pass(20);
    await stopping;
    expect(scene.paths()).toEqual(EDGE_HOPS.map((hop) => `${hop} n1-rr2`));
    expect(scene.gateways()).toEqual(EDGE_HOPS);
  });

  test("how many are told changes with the documents, and no session ends for that", () => {
    const scene = start(ALL);
    scene.pass(20);
    scene.apply("\naddPath: {receive: true, send: BestN, count: 2}");
    scene.pass(5);
    expect(scene.gateways()).toEqual(EDGE_HOPS.slice(0, 2));
    scene.apply("\naddPath: {receive: true, send: ECMP}");
    scene.pass(5);
    expect(scene.gateways()).toEqual(EDGE_HOPS);
    expect(scene.flaps()).toBe(0);
    expect(scene.negotiated()).toEqual({ receive: [4], send: [4] });
    // Whether there are several at all is in the OPEN.
    scene.apply("");
    scene.pass(20);
    expect(scene.gateways()).toEqual(EDGE_HOPS.slice(0, 1));
    expect(scene.negotiated()).toBeUndefined();
  });
});

/** A path's peer as the node calls it. */
function byReflector(line: string): string {
  const [hop, peer = ""] = line.split(" ");
  return `${hop} n1-${peer.split("-")[0]}`;
}
