/**
 * What documents say of routes, from documents to tables and kernel: a node and a router on a virtual clock.
 */

import { describe, expect, spyOn, test } from "bun:test";
import { planSpeaker } from "../../bgpd/cluster/plan.ts";
import type { SpeakerPlan } from "../../bgpd/cluster/speaker.ts";
import { Daemon } from "../../bgpd/daemon.ts";
import { ROUTE_PROTOCOL } from "../../bgpd/forwarding.ts";
import { MemoryNetwork } from "../../bgpd/transport-memory.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { createMemoryHost } from "../../kernel/memory.ts";
import { type Address, parseAddress } from "../../lib/address.ts";
import { VirtualClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { formatPrefix, parsePrefix } from "../../lib/prefix.ts";
import { formatFault } from "../../resource/fault.ts";
import { documentOf, nodeOf, resourcesOf } from "../resource/documents.ts";
import { seeded } from "./world.ts";

const NODE = parseAddress("172.30.0.11");
const ROUTER = parseAddress("172.30.0.1");

/** The node's documents with this spec of its peer, and any more. */
function nodePlan(peer: string, ...more: string[]): SpeakerPlan {
  const tor = documentOf("BGPPeer", "tor", `peerIP: 172.30.0.1\nasNumber: 65000\n${peer}`);
  return planOf("n1", nodeOf("n1", 11, "10.244.1.0/24"), tor, ...more);
}

/** The router's, with as many /24s below 20.0.0.0/16. */
function routerPlan(count: number, peer = "asNumber: 64512", ...more: string[]): SpeakerPlan {
  const blocks = Array.from({ length: count }, (_, n) => `20.0.${n}.0/24`);
  return planOf(
    "tor",
    documentOf("BGPConfiguration", "default", "asNumber: 65000"),
    nodeOf("tor", 1, ...blocks),
    documentOf("BGPPeer", "n1", `peerIP: 172.30.0.11\n${peer}`),
    ...more,
  );
}

function planOf(node: string, ...documents: string[]): SpeakerPlan {
  const planned = planSpeaker(resourcesOf(...documents), node);
  if ("faults" in planned) throw new Error(planned.faults.map(formatFault).join("\n"));
  return planned.plan;
}

function scene(ours: SpeakerPlan, theirs: SpeakerPlan, { most }: { readonly most?: number } = {}) {
  const clock = new VirtualClock();
  const random = seeded(7);
  const network = new MemoryNetwork({ clock, latency: () => random() * 20, segment: () => 1400 });
  const host = createMemoryHost({ defer: (run) => void clock.after(0, run) });
  const fabric = host.createNamespace("fabric");
  const kernel = host.kernel();
  const peer = { name: "n1", namespace: fabric };
  kernel.apply({ type: "create veth", end: { name: "eth0" }, peer });
  host.kernel(fabric).apply({ type: "set link", link: "n1", up: true });
  kernel.apply({ type: "set link", link: "eth0", up: true });
  kernel.apply({ type: "add address", link: "eth0", address: NODE, length: 24 });
  const start = (address: Address, plan: SpeakerPlan, used: Kernel | undefined): Daemon => {
    const daemon = new Daemon({
      clock,
      transport: network.host(address),
      kernel: used,
      ...(most === undefined || used === undefined ? {} : { most }),
      log: silentLogger(),
      random,
      onConverged: () => {},
    });
    daemon.apply(plan);
    return daemon;
  };
  const router = start(ROUTER, theirs, undefined);
  // What the daemon does itself it is not told.
  const node = start(NODE, ours, host.kernel());
  const statusOf = (daemon: Daemon, name: string) => daemon.neighbours.get(name)?.peer.status();
  return {
    node,
    router,
    kernel,
    pass: (seconds: number) => clock.advance(seconds * 1000),
    status: () => statusOf(node, "tor"),
    routerStatus: () => statusOf(router, "n1"),
    installed: () =>
      kernel
        .routes({ family: 4, protocol: ROUTE_PROTOCOL })
        .map(({ destination, type }) => `${formatPrefix(destination)} ${type}`)
        .sort(),
    pathAt: (daemon: Daemon, prefix: string) => daemon.rib?.lookup(parsePrefix(prefix))?.paths[0],
  };
}

test("tables without room for more end the session that fills them, and nothing of it stays", () => {
  const { node, router, pass, status, routerStatus, installed } = scene(
    nodePlan("prefixLimit: {max: 0}"),
    routerPlan(5),
    { most: 5 },
  );
  pass(3);
  expect(status()?.lastError).toContain(
    "the tables have no room for more; we sent Cease/Out of Resources",
  );
  expect(routerStatus()?.lastError).toContain("Cease/Out of Resources");
  expect(node.rib?.counts()).toMatchObject({ prefixes: 1, paths: 1 });
  expect(installed()).toEqual(["10.244.1.0/24 blackhole"]);
  router.apply(routerPlan(4));
  pass(600);
  expect(status()?.state).toBe("Established");
  expect(node.rib?.counts()).toMatchObject({ prefixes: 5, paths: 5 });
});

describe("prefixLimit", () => {
  test("ends the session with Cease/1, keeps it down, and lets it come back", () => {
    const limited = "prefixLimit: {max: 3, restartTime: 60}";
    const { pass, status, routerStatus, router, installed } = scene(
      nodePlan(limited),
      routerPlan(4),
    );
    pass(10);
    expect(status()?.state).toBe("Idle");
    expect(status()?.lastError).toBe(
      "4 prefixes exceed the limit of 3; we sent Cease/Maximum Number of Prefixes Reached, and it may come back after 60 s",
    );
    expect(routerStatus()?.lastError).toContain("Cease/Maximum Number of Prefixes Reached");
    expect(installed()).toEqual(["10.244.1.0/24 blackhole"]);
    pass(40);
    expect(status()?.state).toBe("Idle");
    router.apply(routerPlan(3));
    pass(60);
    expect(status()?.state).toBe("Established");
    expect(installed()).toHaveLength(4);
  });

  test("without a restart time only another limit brings the session back, at once", () => {
    const { node, pass, status } = scene(nodePlan("prefixLimit: {max: 3}"), routerPlan(4));
    pass(3600);
    expect(status()?.state).toBe("Idle");
    expect(status()?.lastError).toEndWith("it stays down until prefixLimit is changed");
    node.apply(nodePlan("prefixLimit: {max: 4}"));
    pass(70);
    expect(status()?.state).toBe("Established");
    expect(node.rib?.counts().prefixes).toBe(5);
  });

  test("a lower one ends a session that is up; a higher one does not touch it", () => {
    const { node, pass, status } = scene(nodePlan("prefixLimit: {max: 4}"), routerPlan(4));
    pass(10);
    node.apply(nodePlan("prefixLimit: {max: 40}"));
    pass(1);
    expect([status()?.state, status()?.flaps]).toEqual(["Established", 0]);
    node.apply(nodePlan("prefixLimit: {max: 2}"));
    pass(1);
    expect(status()?.state).toBe("Idle");
  });

  test("the timer is forgotten with the peer", () => {
    const limited = "prefixLimit: {max: 3, restartTime: 60}";
    const { node, pass, routerStatus } = scene(nodePlan(limited), routerPlan(4));
    pass(10);
    node.apply(planOf("n1", nodeOf("n1", 11, "10.244.1.0/24")));
    pass(120);
    expect(routerStatus()?.state).not.toBe("Established");
  });
});

test("ranges of services are told and not installed: a blackhole would drop what the node itself sends there", () => {
  const services = documentOf(
    "BGPConfiguration",
    "default",
    "serviceClusterIPs: [{cidr: 10.96.0.0/12}]",
  );
  const { node, router, pass, installed, pathAt } = scene(nodePlan("", services), routerPlan(0));
  pass(10);
  expect(pathAt(router, "10.96.0.0/12")?.state).toBe("best");
  expect(installed()).toEqual(["10.244.1.0/24 blackhole"]);
  node.apply(nodePlan(""));
  pass(5);
  expect(pathAt(router, "10.96.0.0/12")).toBeUndefined();
});

test("discardBlackhole drops what a peer asks to drop, as long as it asks", () => {
  const filter = documentOf(
    "BGPFilter",
    "drop",
    'exportV4: [{action: Accept, operations: [{addCommunity: {value: "65535:666"}}]}]',
  );
  const { node, pass, installed, router } = scene(
    nodePlan("discardBlackhole: true"),
    routerPlan(1, "asNumber: 64512\nfilters: [drop]", filter),
  );
  pass(10);
  expect(installed()).toContain("20.0.0.0/24 blackhole");
  node.apply(nodePlan(""));
  pass(2);
  expect(installed()).toContain("20.0.0.0/24 unicast");
  node.apply(nodePlan("discardBlackhole: true"));
  router.apply(routerPlan(1));
  pass(2);
  expect(installed()).toContain("20.0.0.0/24 unicast");
});

const WRONG_WAY = documentOf(
  "BGPFilter",
  "wrong-way",
  "importV4: [{action: Reject, interface: eth*}]",
);

test("a rule asks for the link, and is asked again when the next hop is behind another", () => {
  const { kernel, pass, pathAt, node } = scene(
    nodePlan("filters: [wrong-way]", WRONG_WAY),
    routerPlan(1),
  );
  pass(10);
  expect(pathAt(node, "20.0.0.0/24")?.reason).toStartWith("BGPFilter wrong-way: importV4 rule 1");
  kernel.apply({ type: "set link", link: "eth0", up: false });
  kernel.apply({ type: "set link", link: "eth0", name: "uplink0" });
  kernel.apply({ type: "set link", link: "uplink0", up: true });
  pass(1);
  expect(pathAt(node, "20.0.0.0/24")?.state).toBe("best");
});

test("a rule that asks for the link is not asked again where no next hop is behind another", () => {
  const { kernel, pass, pathAt, node } = scene(
    nodePlan("filters: [wrong-way]", WRONG_WAY),
    routerPlan(100),
  );
  pass(10);
  expect(pathAt(node, "20.0.99.0/24")?.reason).toStartWith("BGPFilter wrong-way: importV4 rule 1");
  const { rib } = node;
  if (rib === undefined) throw new Error("there is no table");
  const setPolicies = spyOn(rib, "setPolicies");
  // A pod comes.
  kernel.apply({ type: "create veth", end: { name: "pod1" }, peer: { name: "inside" } });
  for (const link of ["inside", "pod1"]) kernel.apply({ type: "set link", link, up: true });
  const route = { destination: parsePrefix("10.244.1.7/32"), nextHops: [{ link: "pod1" }] };
  kernel.apply({ type: "add route", route });
  pass(1);
  expect(setPolicies).not.toHaveBeenCalled();
});

describe("localASNumber", () => {
  test("is what the peer sees, alone", () => {
    const { pass, pathAt, router, status } = scene(
      nodePlan("localASNumber: 65100"),
      routerPlan(0, "asNumber: 65100"),
    );
    pass(10);
    expect(status()?.state).toBe("Established");
    expect(pathAt(router, "10.244.1.0/24")?.attributes.asPath).toEqual([
      { type: "sequence", asNumbers: [65100] },
    ]);
  });

  test("may be the peer's own: then the session is an internal one", () => {
    const { pass, pathAt, router } = scene(
      nodePlan("localASNumber: 65000"),
      routerPlan(0, "asNumber: 65000"),
    );
    pass(10);
    expect(pathAt(router, "10.244.1.0/24")?.source).toBe("internal");
  });
});

describe("roles", () => {
  test("that are a pair: the session comes up, and the route for customers is marked", () => {
    const { pass, pathAt, node, status } = scene(
      nodePlan("role: customer\nstrictRole: true"),
      routerPlan(1, "asNumber: 64512\nrole: provider"),
    );
    pass(10);
    expect(status()?.state).toBe("Established");
    expect(pathAt(node, "20.0.0.0/24")?.received.onlyToCustomer).toBe(65000);
  });

  test("that are none: the session does not come up, and both say why", () => {
    const { pass, status, routerStatus } = scene(
      nodePlan("role: customer"),
      routerPlan(1, "asNumber: 64512\nrole: peer"),
    );
    pass(10);
    const errors = [status()?.lastError, routerStatus()?.lastError].join(" ");
    expect(errors).toContain("Role Mismatch");
    expect([status()?.state, routerStatus()?.state]).not.toContain("Established");
  });
});
