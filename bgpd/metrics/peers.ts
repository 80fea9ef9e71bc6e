/**
 * Sessions and what they carry: one series for each peer, up to a limit.
 *
 * A full mesh of thousands would make more series than anybody reads. Beyond the limit the peers of the mesh are
 * summed into one, and if the BGPPeers alone exceed it, those too: `peer="*"`, with the same names, so that a
 * sum by kind is the same sum either way.
 */

import type { Family } from "../../lib/address.ts";
import {
  addCounters,
  countersOf,
  type Departed,
  NO_COUNTERS,
  type PeerCounters,
  type PeerKind,
} from "../departed.ts";
import { STATES, type State } from "../fsm/state.ts";
import type { Neighbour } from "../neighbour.ts";
import type { PeerCounts, Rib } from "../rib/route.ts";
import type { Waiting } from "../unnumbered.ts";
import { FAMILIES, type Labels, type Metric, type Recorder, type Source } from "./metric.ts";

/** So many peers have series of their own at most. */
export const MOST_PEERS = 256;

const KINDS: readonly PeerKind[] = ["mesh", "BGPPeer"];
/** Stands for all peers of a kind; no peer can be called so. */
const ALL = "*";
const BY_PEER = ["kind", "peer"] as const;
const BY_FAMILY = [...BY_PEER, "family"] as const;

const METRICS = {
  sessions: {
    type: "gauge",
    name: "manx_bgp_sessions",
    help: "Peers by the state of their session.",
    labels: ["kind", "state"],
  },
  established: {
    type: "gauge",
    name: "manx_bgp_peer_established",
    help: "1 while the session is Established, else 0.",
    labels: BY_PEER,
  },
  flaps: {
    type: "counter",
    name: "manx_bgp_peer_flaps_total",
    help: "Established sessions that ended other than by our wish.",
    labels: BY_PEER,
  },
  lastError: {
    type: "gauge",
    name: "manx_bgp_peer_last_error",
    help: "1 with what ended the last session or kept the last attempt from one.",
    labels: [...BY_PEER, "error"],
  },
  messages: {
    type: "counter",
    name: "manx_bgp_peer_messages_total",
    help: "Messages of all types.",
    labels: [...BY_PEER, "direction"],
  },
  updates: {
    type: "counter",
    name: "manx_bgp_peer_updates_total",
    help: "UPDATE messages by the families that they tell of.",
    labels: [...BY_FAMILY, "direction"],
  },
  faultyUpdates: {
    type: "counter",
    name: "manx_bgp_peer_faulty_updates_total",
    help: "UPDATE messages received with faults that left the session up (RFC 7606).",
    labels: BY_PEER,
  },
  received: {
    type: "gauge",
    name: "manx_bgp_peer_received_prefixes",
    help: "Prefixes that the peer announces now, rejected ones included; with ADD-PATH the paths to them.",
    labels: BY_FAMILY,
  },
  accepted: {
    type: "gauge",
    name: "manx_bgp_peer_accepted_prefixes",
    help: "Those of them that import policy accepts.",
    labels: BY_FAMILY,
  },
  best: {
    type: "gauge",
    name: "manx_bgp_peer_best_prefixes",
    help: "Those of them for which the peer's path is in use.",
    labels: BY_FAMILY,
  },
  stale: {
    type: "gauge",
    name: "manx_bgp_peer_stale_prefixes",
    help: "Prefixes kept for a peer that restarts or tells its table anew, until it tells them again.",
    labels: BY_FAMILY,
  },
  advertised: {
    type: "gauge",
    name: "manx_bgp_peer_advertised_prefixes",
    help: "Prefixes that the peer is told now; with ADD-PATH the paths to them.",
    labels: BY_FAMILY,
  },
} as const satisfies Record<string, Metric>;

const NO_PREFIXES: PeerCounts = { received: 0, accepted: 0, best: 0, stale: 0, advertised: 0 };

/** What one series stands for: one peer, or all of a kind. */
type Group = {
  readonly labels: Labels;
  readonly members: readonly Neighbour[];
  /** Of peers that are no more. */
  readonly departed: PeerCounters;
};

/** What it looks at: a daemon. */
export type PeersView = {
  readonly neighbours: ReadonlyMap<string, Neighbour>;
  /** Peers on links for which nobody is found. */
  readonly unnumbered: { readonly waiting: readonly Waiting[] };
  readonly rib: Rib | undefined;
};

/** Of the peers of a daemon, present and departed. */
export function peersSource(daemon: PeersView, departed: Departed): Source {
  return {
    metrics: Object.values(METRICS),
    histograms: [],
    collect(record) {
      const neighbours = [...daemon.neighbours.values()];
      const { waiting } = daemon.unnumbered;
      countStates(neighbours, waiting, record);
      for (const { plan } of waiting) {
        record(METRICS.established, 0, { kind: plan.session.origin, peer: plan.name });
      }
      for (const group of groupsOf(neighbours, departed)) recordGroup(group, daemon.rib, record);
    },
  };
}

function countStates(
  neighbours: readonly Neighbour[],
  waiting: readonly Waiting[],
  record: Recorder,
): void {
  for (const kind of KINDS) {
    const states: State[] = neighbours
      .filter(({ plan }) => plan.origin === kind)
      .map(({ peer }) => peer.status().state);
    states.push(
      ...waiting.filter(({ plan }) => plan.session.origin === kind).map(() => "Idle" as const),
    );
    for (const state of STATES) {
      const count = states.filter((other) => other === state).length;
      record(METRICS.sessions, count, { kind, state });
    }
  }
}

function groupsOf(neighbours: readonly Neighbour[], departed: Departed): Group[] {
  const ofKind = (kind: PeerKind): Neighbour[] =>
    neighbours.filter(({ plan }) => plan.origin === kind);
  const single = (neighbour: Neighbour): Group => ({
    labels: { kind: neighbour.plan.origin, peer: neighbour.plan.name },
    members: [neighbour],
    departed: NO_COUNTERS,
  });
  if (neighbours.length <= MOST_PEERS) return neighbours.map(single);
  // Routers are fewer than nodes, and each of them matters more.
  return KINDS.flatMap((kind): Group[] => {
    const members = ofKind(kind);
    if (kind === "BGPPeer" && members.length <= MOST_PEERS) return members.map(single);
    return [{ labels: { kind, peer: ALL }, members, departed: departed.of(kind) }];
  });
}

function recordGroup({ labels, members, departed }: Group, rib: Rib | undefined, record: Recorder) {
  const counters = members.map(countersOf).reduce(addCounters, departed);
  const established = members.filter(({ id }) => id !== undefined).length;
  record(METRICS.established, established, labels);
  record(METRICS.flaps, counters.flaps, labels);
  for (const [error, count] of errorsOf(members)) {
    record(METRICS.lastError, count, { ...labels, error });
  }
  record(METRICS.messages, counters.received, { ...labels, direction: "in" });
  record(METRICS.messages, counters.sent, { ...labels, direction: "out" });
  record(METRICS.faultyUpdates, counters.faulty, labels);
  for (const [family, familyLabels] of FAMILIES) {
    const both = { ...labels, ...familyLabels };
    const updates = counters.updates[family];
    const prefixes = prefixesOf(members, rib, family);
    record(METRICS.updates, updates.received, { ...both, direction: "in" });
    record(METRICS.updates, updates.sent, { ...both, direction: "out" });
    record(METRICS.received, prefixes.received, both);
    record(METRICS.accepted, prefixes.accepted, both);
    record(METRICS.best, prefixes.best, both);
    record(METRICS.stale, prefixes.stale, both);
    record(METRICS.advertised, prefixes.advertised, both);
  }
}

/** How many of them have which last error. */
function errorsOf(members: readonly Neighbour[]): ReadonlyMap<string, number> {
  const errors = new Map<string, number>();
  for (const { peer, plan } of members) {
    const error = plan.keyless === undefined ? peer.status().lastErrorClass : "no key";
    if (error !== "") errors.set(error, (errors.get(error) ?? 0) + 1);
  }
  return errors;
}

function prefixesOf(members: readonly Neighbour[], rib: Rib | undefined, family: Family) {
  const counts = members.flatMap(({ id, retention }) => {
    const known = id ?? retention.id;
    return known === undefined || rib === undefined ? [] : [rib.peerCounts(known, family)];
  });
  return counts.reduce(
    (a, b) => ({
      received: a.received + b.received,
      accepted: a.accepted + b.accepted,
      best: a.best + b.best,
      stale: a.stale + b.stale,
      advertised: a.advertised + b.advertised,
    }),
    NO_PREFIXES,
  );
}
