/**
 * What a daemon's pages say while sessions come and go, routes are learned and broken, and peers are thousands.
 */

import { describe, expect, test } from "bun:test";
import { ROUTE_METRIC, ROUTE_PROTOCOL } from "../../bgpd/forwarding.ts";
import { MOST_PEERS } from "../../bgpd/metrics/peers.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import { document, planOf } from "./plan.ts";
import { NODE, ROUTER, Watched } from "./watched.ts";

const COUNT = 300;
const TIMERS = { holdTime: 9, keepaliveTime: 3, connectRetryTime: 2 };
const TOR = { kind: "BGPPeer", peer: "tor" };
const IPV4 = { family: "ipv4" };
const IPV6 = { family: "ipv6" };

function nodePlan(...blocks: readonly string[]) {
  return planOf(
    "n1",
    document("BGPConfiguration", "default", TIMERS),
    document("Node", "n1", { bgp: { ipv4Address: `${NODE}/24` }, blocks }),
    document("BGPPeer", "tor", { peerIP: ROUTER, asNumber: 65_000 }),
    document("BGPPeer", "absent", { peerIP: "172.30.0.9", asNumber: 65_009 }),
  );
}

const ROUTER_PLAN = planOf(
  "tor",
  document("BGPConfiguration", "default", { asNumber: 65_000, ...TIMERS }),
  document("Node", "tor", {
    bgp: { ipv4Address: `${ROUTER}/24` },
    blocks: Array.from({ length: COUNT }, (_, n) => `20.${n >> 8}.${n & 255}.0/24`),
  }),
  document("BGPPeer", "n1", { peerIP: NODE, asNumber: 64_512 }),
);

/** Converged beside a router with its table. */
function scene(): { readonly node: Watched; readonly kill: () => void } {
  const node = new Watched();
  const kill = node.start(ROUTER, ROUTER_PLAN);
  node.daemon.apply(nodePlan("10.244.1.0/24"));
  node.pass(20);
  return { node, kill };
}

test("a peer whose key is missing is down for that, in the answers and in the metrics", async () => {
  const { node } = scene();
  const password = { secretKeyRef: { name: "bgp", key: "tor" } };
  node.daemon.apply(
    planOf(
      "n1",
      document("BGPConfiguration", "default", TIMERS),
      document("Node", "n1", { bgp: { ipv4Address: `${NODE}/24` } }),
      document("BGPPeer", "tor", { peerIP: ROUTER, asNumber: 65_000, password }),
    ),
  );
  node.pass(20);
  const { value } = await node.scrape();
  expect(value("manx_bgp_peer_established", TOR)).toBe(0);
  expect(value("manx_bgp_peer_last_error", { ...TOR, error: "no key" })).toBe(1);
  expect(node.queries.peers().map(({ state, lastError }) => [state, lastError])).toEqual([
    ["Idle", "no session without its key: no Secret is called bgp"],
  ]);
});

describe("a node beside its router", () => {
  test("shows its sessions, what they carry, what it holds and what the kernel has", async () => {
    const { value } = await scene().node.scrape();
    expect(value("manx_bgp_sessions", { kind: "BGPPeer", state: "Established" })).toBe(1);
    expect(value("manx_bgp_sessions", { kind: "mesh", state: "Established" })).toBe(0);
    expect(value("manx_bgp_peer_established", TOR)).toBe(1);
    expect(value("manx_bgp_peer_established", { kind: "BGPPeer", peer: "absent" })).toBe(0);
    expect(value("manx_bgp_peer_received_prefixes", { ...TOR, ...IPV4 })).toBe(COUNT);
    expect(value("manx_bgp_peer_accepted_prefixes", { ...TOR, ...IPV4 })).toBe(COUNT);
    expect(value("manx_bgp_peer_best_prefixes", { ...TOR, ...IPV4 })).toBe(COUNT);
    expect(value("manx_bgp_peer_advertised_prefixes", { ...TOR, ...IPV4 })).toBe(1);
    for (const direction of ["in", "out"]) {
      const updates = value("manx_bgp_peer_updates_total", { ...TOR, ...IPV4, direction }) ?? 0;
      const messages = value("manx_bgp_peer_messages_total", { ...TOR, direction }) ?? 0;
      expect(updates).toBeGreaterThanOrEqual(2);
      expect(messages).toBeGreaterThan(updates);
    }
    expect(value("manx_bgp_peer_flaps_total", TOR)).toBe(0);
    expect(value("manx_bgp_rib_prefixes", IPV4)).toBe(COUNT + 1);
    expect(value("manx_bgp_rib_paths", IPV4)).toBe(COUNT + 1);
    // The router's as received and as used, and ours as it is and as it is told.
    expect(value("manx_bgp_attribute_sets")).toBeGreaterThanOrEqual(3);
    expect(value("manx_bgp_update_groups")).toBe(1);
    expect(value("manx_bgp_decisions_total")).toBeGreaterThanOrEqual(COUNT + 1);
    expect(value("manx_fib_routes", { state: "installed" })).toBe(COUNT + 1);
    expect(value("manx_fib_routes", { state: "pending" })).toBe(0);
    expect(value("manx_fib_installs_total")).toBe(COUNT + 1);
    expect(value("manx_bgp_installation_delay_seconds_count")).toBeGreaterThanOrEqual(1);
    expect(value("manx_bgp_ready")).toBe(1);
    expect(value("manx_bgp_info", { version: "1.2.3", node: "n1" })).toBe(1);
    expect(value("manx_bgp_event_loop_lag_seconds_count")).toBe(100);
  });

  test("counts a peer on a link that nobody is found for as one that is Idle", async () => {
    const { node } = scene();
    const before = await node.scrape();
    const idle = { kind: "BGPPeer", state: "Idle" };
    const found = before.value("manx_bgp_sessions", idle) ?? 0;
    node.daemon.apply(
      planOf(
        "n1",
        document("BGPConfiguration", "default", TIMERS),
        document("Node", "n1", { bgp: { ipv4Address: `${NODE}/24` } }),
        document("BGPPeer", "tor", { peerIP: ROUTER, asNumber: 65_000 }),
        document("BGPPeer", "absent", { peerIP: "172.30.0.9", asNumber: 65_009 }),
        document("BGPPeer", "uplink", { interface: "eth1", asNumber: "external" }),
      ),
    );
    const { value } = await node.scrape();
    expect(value("manx_bgp_sessions", idle)).toBe(found + 1);
    expect(value("manx_bgp_peer_established", { kind: "BGPPeer", peer: "uplink" })).toBe(0);
    expect(value("manx_bgp_peer_established", TOR)).toBe(1);
  });

  test("counts the time from a new block to the first UPDATE with it, and nothing else", async () => {
    const { node } = scene();
    const before = (await node.scrape()).value("manx_bgp_announcement_delay_seconds_count");
    node.daemon.apply(nodePlan("10.244.1.0/24", "10.244.2.0/24"));
    node.pass(1);
    const { value } = await node.scrape();
    expect(value("manx_bgp_announcement_delay_seconds_count")).toBe((before ?? 0) + 1);
    node.daemon.apply(nodePlan("10.244.1.0/24", "10.244.2.0/24"));
    node.pass(1);
    const after = await node.scrape();
    expect(after.value("manx_bgp_announcement_delay_seconds_count")).toBe((before ?? 0) + 1);
  });

  test("shows what it keeps for a peer that may come back", async () => {
    const { node, kill } = scene();
    kill();
    node.pass(119);
    const { value } = await node.scrape();
    expect(value("manx_bgp_peer_established", TOR)).toBe(0);
    expect(value("manx_bgp_peer_stale_prefixes", { ...TOR, ...IPV4 })).toBe(COUNT);
    expect(value("manx_bgp_peer_best_prefixes", { ...TOR, ...IPV4 })).toBe(COUNT);
    expect(value("manx_fib_removals_total")).toBe(0);
    const { peers } = await node.queries.status();
    expect(peers).toEqual({ configured: 2, established: 0, away: 1 });
    const tor = (await node.queries.peers()).find(({ name }) => name === "tor");
    expect(tor?.stale).toEqual([
      { name: "IPv4 unicast", stage: "restart", prefixes: COUNT, left: expect.closeTo(1000, -2) },
    ]);
  });

  test("shows a lost peer with its reason, and is as ready as before", async () => {
    const { node, kill } = scene();
    kill();
    node.pass(121);
    const { value } = await node.scrape();
    expect(value("manx_bgp_peer_stale_prefixes", { ...TOR, ...IPV4 })).toBe(0);
    expect(value("manx_bgp_peer_established", TOR)).toBe(0);
    expect(value("manx_bgp_peer_flaps_total", TOR)).toBe(1);
    expect(value("manx_bgp_peer_last_error", { ...TOR, error: "connection failed" })).toBe(1);
    expect(value("manx_bgp_peer_received_prefixes", { ...TOR, ...IPV4 })).toBe(0);
    expect(value("manx_bgp_removal_delay_seconds_count")).toBe(1);
    expect(value("manx_fib_removals_total")).toBe(COUNT);
    expect(value("manx_bgp_ready")).toBe(1);
    const { status, text } = await node.page("/readyz");
    expect(status).toBe(200);
    expect(text).toContain("ready: converged\n0 of 2 sessions are Established\n");
    expect(text).toMatch(/ {2}tor is \w+ for \d+ s: connection refused\n/);
  });

  test("counts how long the routes of a peer took to go that has left the documents", async () => {
    const { node } = scene();
    node.daemon.apply({ ...nodePlan("10.244.1.0/24"), peers: [] });
    node.pass(1);
    const { value } = await node.scrape();
    expect(value("manx_bgp_removal_delay_seconds_count")).toBe(1);
    expect(value("manx_fib_removals_total")).toBe(COUNT);
  });

  test("shows what others do to its routes", async () => {
    const { node } = scene();
    const route = { protocol: ROUTE_PROTOCOL, metric: ROUTE_METRIC };
    const destination = parsePrefix("20.0.7.0/24");
    node.kernel.apply({ type: "delete route", route: { ...route, destination } });
    node.pass(1);
    const mended = await node.scrape();
    expect(mended.value("manx_fib_drift_total")).toBe(1);
    expect(mended.value("manx_fib_routes", { state: "installed" })).toBe(COUNT + 1);
    const taken = { destination: parsePrefix("10.244.9.0/24"), metric: ROUTE_METRIC, protocol: 4 };
    node.kernel.apply({ type: "add route", route: { ...taken, type: "blackhole" } });
    node.daemon.apply(nodePlan("10.244.1.0/24", "10.244.9.0/24"));
    node.pass(1);
    const { value } = await node.scrape();
    expect(value("manx_fib_failures_total")).toBeGreaterThanOrEqual(1);
    expect(value("manx_fib_routes", { state: "refused" })).toBe(1);
    expect((await node.page("/readyz")).text).toContain("routes that the kernel refuses: 1\n");
  });

  test("shows documents that it refuses", async () => {
    const { node } = scene();
    const faults = ["cluster.yaml:3: one", "cluster.yaml:4: another"];
    node.configuration = { ...node.configuration, generation: 4, faults };
    const { value } = await node.scrape();
    expect(value("manx_bgp_configuration_generation")).toBe(4);
    expect(value("manx_bgp_configuration_faults")).toBe(2);
  });

  test("forgets the series of a peer that is not in the documents any more", async () => {
    const { node } = scene();
    const { peers, ...rest } = nodePlan("10.244.1.0/24");
    node.daemon.apply({ ...rest, peers: peers.filter(({ name }) => name === "tor") });
    const { text } = await node.page("/metrics");
    expect(text).toContain('peer="tor"');
    expect(text).not.toContain('peer="absent"');
  });
});

test("before its peers have told their tables a node is not ready, and says for whom it waits", async () => {
  const node = new Watched();
  node.daemon.apply(nodePlan("10.244.1.0/24"));
  node.pass(0.5);
  const { status, text } = await node.page("/readyz");
  expect(status).toBe(503);
  expect(text).toStartWith("not ready: waiting for the tables of ");
  expect((await node.scrape()).value("manx_bgp_ready")).toBe(0);
  const health = await node.page("/healthz");
  expect([health.status, health.text]).toEqual([
    200,
    "the event loop turns: 0.0 ms late when last looked at\n",
  ]);
});

test("without a FIB there are no series of it, and the node can be ready", async () => {
  const node = new Watched({ fib: "none" });
  node.start(ROUTER, ROUTER_PLAN);
  node.daemon.apply(nodePlan("10.244.1.0/24"));
  node.pass(60);
  const { value } = await node.scrape();
  expect(value("manx_fib_routes", { state: "installed" })).toBeUndefined();
  expect(value("manx_bgp_rib_prefixes", IPV4)).toBe(COUNT + 1);
  expect(value("manx_bgp_ready")).toBe(1);
});

test("families are told apart", async () => {
  const node = new Watched({ fib: "none" });
  const dual = (name: string, last: string, blocks: readonly string[]) =>
    document("Node", name, {
      bgp: { ipv4Address: `172.30.0.${last}/24`, ipv6Address: `fd00:30::${last}/64` },
      blocks,
    });
  const [ours, theirs] = [
    ["10.244.1.0/24", "fd00:244:0:1::/122"],
    ["20.0.0.0/24", "2001:db8::/120", "2001:db8:1::/120"],
  ] as const;
  node.start(
    ROUTER,
    planOf(
      "tor",
      document("BGPConfiguration", "default", { asNumber: 65_000, ...TIMERS }),
      dual("tor", "1", theirs),
      document("BGPPeer", "n1", { peerIP: NODE, asNumber: 64_512 }),
    ),
  );
  node.daemon.apply(
    planOf(
      "n1",
      document("BGPConfiguration", "default", TIMERS),
      dual("n1", "11", ours),
      document("BGPPeer", "tor", { peerIP: ROUTER, asNumber: 65_000 }),
    ),
  );
  node.pass(10);
  const { value } = await node.scrape();
  expect(value("manx_bgp_peer_received_prefixes", { ...TOR, ...IPV4 })).toBe(1);
  expect(value("manx_bgp_peer_received_prefixes", { ...TOR, ...IPV6 })).toBe(2);
  expect(value("manx_bgp_peer_advertised_prefixes", { ...TOR, ...IPV6 })).toBe(1);
  expect(value("manx_bgp_rib_prefixes", IPV4)).toBe(2);
  expect(value("manx_bgp_rib_paths", IPV6)).toBe(3);
  // One with prefixes and an End-of-RIB of each family, in both directions.
  for (const direction of ["in", "out"]) {
    for (const family of [IPV4, IPV6]) {
      expect(value("manx_bgp_peer_updates_total", { ...TOR, ...family, direction })).toBe(2);
    }
  }
});

describe("a mesh beyond the limit of series", () => {
  const nodes = Array.from({ length: MOST_PEERS + 2 }, (_, index) => index + 1);
  const addressOf = (index: number): string => `172.30.${1 + (index >> 7)}.${1 + (index & 127)}`;

  function meshPlan(name: string, left: readonly number[]) {
    return planOf(
      name,
      document("BGPConfiguration", "default", { ...TIMERS, connectRetryTime: 60 }),
      document("BGPPeer", "tor", { peerIP: ROUTER, asNumber: 65_000 }),
      ...left.map((index) =>
        document("Node", `n${index}`, {
          bgp: { ipv4Address: `${index === 1 ? NODE : addressOf(index)}/16` },
          blocks: [`10.${64 + (index >> 8)}.${index & 255}.0/24`],
        }),
      ),
    );
  }

  const MESH = { kind: "mesh", peer: "*" };

  test("is one series, the routers keep theirs, and no sum falls when a peer goes", async () => {
    const node = new Watched();
    node.start(ROUTER, ROUTER_PLAN);
    node.start(addressOf(2), meshPlan("n2", nodes));
    node.start(addressOf(3), meshPlan("n3", nodes));
    node.daemon.apply(meshPlan("n1", nodes));
    node.pass(5);
    const full = await node.scrape();
    expect(full.value("manx_bgp_peer_established", MESH)).toBe(2);
    expect(full.value("manx_bgp_peer_established", TOR)).toBe(1);
    expect(full.value("manx_bgp_peer_received_prefixes", { ...MESH, ...IPV4 })).toBe(2);
    const waiting = ["Connect", "Active", "Idle", "OpenSent", "OpenConfirm"].map(
      (state) => full.value("manx_bgp_sessions", { kind: "mesh", state }) ?? 0,
    );
    expect(waiting.reduce((sum, count) => sum + count)).toBe(nodes.length - 3);
    const perPeer = [...full.families].flatMap(([name, { samples }]) =>
      name.startsWith("manx_bgp_peer_") ? [...samples.values()].flat() : [],
    );
    expect(new Set(perPeer.map(({ labels }) => labels.peer))).toEqual(new Set(["*", "tor"]));
    const labels = { ...MESH, direction: "in" };
    const before = full.value("manx_bgp_peer_messages_total", labels) ?? 0;
    expect(before).toBeGreaterThan(4);
    const without = (...gone: readonly number[]) => nodes.filter((index) => !gone.includes(index));
    node.daemon.apply(meshPlan("n1", without(2)));
    const fewer = await node.scrape();
    expect(fewer.value("manx_bgp_peer_established", MESH)).toBe(1);
    expect(fewer.value("manx_bgp_peer_messages_total", labels)).toBe(before);
    node.daemon.apply(meshPlan("n1", without(2, 9)));
    const few = await node.scrape();
    expect(few.value("manx_bgp_peer_established", MESH)).toBeUndefined();
    expect(few.value("manx_bgp_peer_established", { kind: "mesh", peer: "mesh n3" })).toBe(1);
    // As many peers as can have series of their own.
    expect(node.daemon.neighbours.size).toBe(MOST_PEERS);
    const series = [...few.families.values()].flatMap(({ samples }) =>
      [...samples.values()].flat(),
    );
    expect(series.length).toBeGreaterThan(2000);
    expect(series.length).toBeLessThan(5000);
  });
});
