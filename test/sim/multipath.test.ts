/**
 * Two routers announce the same prefixes to a node on a virtual clock: what its kernel is asked for, message by
 * message.
 */

import { expect, test } from "bun:test";
import { planSpeaker } from "../../bgpd/cluster/plan.ts";
import type { SpeakerPlan } from "../../bgpd/cluster/speaker.ts";
import { Daemon } from "../../bgpd/daemon.ts";
import { ROUTE_PROTOCOL } from "../../bgpd/forwarding.ts";
import { MemoryNetwork } from "../../bgpd/transport-memory.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { createMemoryHost } from "../../kernel/memory.ts";
import { formatAddress, parseAddress } from "../../lib/address.ts";
import { VirtualClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { formatPrefix, parsePrefix } from "../../lib/prefix.ts";
import { formatFault } from "../../resource/fault.ts";
import { documentOf, nodeOf, resourcesOf } from "../resource/documents.ts";
import { seeded } from "./world.ts";

const ROUTERS = [
  { name: "tor1", host: 1, link: "eth1", asNumber: 65_000 },
  { name: "tor2", host: 2, link: "eth2", asNumber: 65_000 },
  { name: "tor3", host: 3, link: "eth3", asNumber: 65_001 },
];
const BLOCKS = ["192.0.2.0/25", "192.0.2.128/25"];
const TIMERS = "holdTime: 9\nkeepaliveTime: 3\nconnectRetryTime: 2";
const configuration = (spec: string) =>
  documentOf("BGPConfiguration", "default", `${TIMERS}\n${spec}`);

function planOf(node: string, ...documents: string[]): SpeakerPlan {
  const planned = planSpeaker(resourcesOf(...documents), node);
  if ("faults" in planned) throw new Error(planned.faults.map(formatFault).join("\n"));
  return planned.plan;
}

/** The node's, each router behind a link of its own. */
const nodePlan = (spec = ""): SpeakerPlan =>
  planOf(
    "n1",
    configuration(spec),
    nodeOf("n1", 11),
    ...ROUTERS.map(({ name, host, asNumber }) =>
      documentOf("BGPPeer", name, `peerIP: 172.30.${host}.1\nasNumber: ${asNumber}`),
    ),
  );

function start(plan: SpeakerPlan, fib: "kernel" | "none" = "kernel") {
  const clock = new VirtualClock();
  const random = seeded(5);
  const network = new MemoryNetwork({ clock, latency: () => random() * 20, segment: () => 1400 });
  const host = createMemoryHost({ defer: (run) => void clock.after(0, run) });
  const namespace = host.createNamespace("fabric");
  const kernel = host.kernel();
  const node = parseAddress("172.30.0.11");
  for (const { name, link, host: third } of ROUTERS) {
    kernel.apply({ type: "create veth", end: { name: link }, peer: { name, namespace } });
    host.kernel(namespace).apply({ type: "set link", link: name, up: true });
    kernel.apply({ type: "set link", link, up: true });
    const address = parseAddress(`172.30.${third}.11`);
    kernel.apply({ type: "add address", link, address, length: 24 });
  }
  const run = (address: string, own: SpeakerPlan, used: Kernel | undefined): Daemon => {
    const transport = network.host(parseAddress(address));
    const options = { clock, random, log: silentLogger(), onConverged: () => {} };
    const daemon = new Daemon({ ...options, transport, kernel: used });
    daemon.apply(own);
    return daemon;
  };
  const routers = ROUTERS.map(({ name, host: third, asNumber }) => {
    const spec = `bgp: {ipv4Address: 172.30.${third}.1/24}\nblocks: [${BLOCKS.join(", ")}]`;
    const peer = documentOf("BGPPeer", "n1", "peerIP: 172.30.0.11\nasNumber: 64512");
    const own = `asNumber: ${asNumber}\nlistenPort: 179`;
    const documents = [configuration(own), documentOf("Node", name, spec), peer];
    return run(`172.30.${third}.1`, planOf(name, ...documents), undefined);
  });
  const daemon = run(formatAddress(node), plan, fib === "kernel" ? host.kernel() : undefined);
  const requests: string[] = [];
  host.inject((request) => {
    requests.push(request.type);
    return undefined;
  });
  return { clock, daemon, kernel, routers, requests };
}

/** `192.0.2.0/25 eth1 eth2`: the links that each route's traffic takes. */
function routesOf(kernel: Kernel): string[] {
  const objects = new Map(kernel.nexthops().map((nexthop) => [nexthop.id, nexthop]));
  return kernel.routes({ protocol: ROUTE_PROTOCOL }).map(({ destination, nexthop = 0 }) => {
    const object = objects.get(nexthop);
    const ways = object?.members?.map(({ id }) => objects.get(id)) ?? [object];
    const links = ways.map((way) => kernel.link(way?.link ?? 0)?.name ?? "?");
    return `${formatPrefix(destination)} ${links.sort().join(" ")}`;
  });
}

const over = (...links: string[]) => BLOCKS.map((block) => `${block} ${links.join(" ")}`);

test("routers of one AS share the traffic, over one group for all their prefixes", () => {
  const { clock, kernel } = start(nodePlan());
  clock.advance(10_000);
  expect(routesOf(kernel)).toEqual(over("eth1", "eth2"));
  expect(kernel.nexthops().filter(({ members }) => members !== undefined)).toHaveLength(1);
});

test("routers of several ASes do where that is asked for, and sessions outlive the change", () => {
  const { clock, daemon, kernel } = start(nodePlan());
  clock.advance(10_000);
  daemon.apply(nodePlan("multipath: {relaxedASPath: true}"));
  clock.advance(1000);
  expect(routesOf(kernel)).toEqual(over("eth1", "eth2", "eth3"));
  daemon.apply(nodePlan("multipath: {relaxedASPath: true, maximumPaths: 2}"));
  clock.advance(1000);
  expect(routesOf(kernel)).toEqual(over("eth1", "eth2"));
  daemon.apply(nodePlan("multipath: {maximumPaths: 1}"));
  clock.advance(1000);
  expect(routesOf(kernel)).toEqual(over("eth1"));
  expect([...daemon.neighbours.values()].map(({ peer }) => peer.status().flaps)).toEqual([0, 0, 0]);
});

test("a link that is lost takes its member out of the group at once, and the routes stay", () => {
  const { clock, kernel } = start(nodePlan("multipath: {relaxedASPath: true}"));
  clock.advance(10_000);
  kernel.apply({ type: "set link", link: "eth2", up: false });
  clock.advance(100);
  expect(routesOf(kernel)).toEqual(over("eth1", "eth3"));
  kernel.apply({ type: "set link", link: "eth2", up: true });
  clock.advance(100);
  expect(routesOf(kernel)).toEqual(over("eth1", "eth2", "eth3"));
});

test("a router that goes is one message for all routes, and other peers hear nothing", async () => {
  const { clock, daemon, kernel, routers, requests } = start(
    nodePlan("multipath: {relaxedASPath: true}"),
  );
  clock.advance(10_000);
  const sent = () => daemon.neighbours.get("tor1")?.peer.status().messages.updatesSent;
  const before = sent();
  requests.length = 0;
  const stopped = routers[1]?.stop({ withdraw: true });
  clock.advance(1000);
  await stopped;
  expect(routesOf(kernel)).toEqual(over("eth1", "eth3"));
  expect(sent()).toBe(before);
  // The group without it, and then its own object.
  expect(requests).toEqual(["change nexthop", "delete nexthop"]);
  const view = daemon.rib?.lookup(parsePrefix(BLOCKS[0] ?? ""));
  expect(view?.paths.map(({ peer, state }) => `${peer} ${state}`)).toEqual([
    "tor1 best",
    "tor3 multipath",
  ]);
});

test("without a kernel nothing is shared, for nobody forwards anything", () => {
  const { clock, daemon } = start(nodePlan(), "none");
  clock.advance(30_000);
  const states = BLOCKS.map((block) =>
    daemon.rib?.lookup(parsePrefix(block))?.paths.map(({ state }) => state),
  );
  expect(states).toEqual(BLOCKS.map(() => ["best", "valid", "valid"]));
});
