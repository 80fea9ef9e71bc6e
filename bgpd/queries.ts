/**
 * A running daemon's answers to its API's questions, put together from its parts.
 */

import type { Kernel } from "../kernel/kernel.ts";
import { type Address, formatAddress } from "../lib/address.ts";
import type { Clock } from "../lib/clock.ts";
import { containsAddress, formatPrefix, type Prefix } from "../lib/prefix.ts";
import type { FibAnswer, PeerAnswer, StatusAnswer } from "../resource/answer.ts";
import { advertisedAnswer, kernelAnswer, pathAnswer, routeAnswer, whyAnswer } from "./answer.ts";
import { type Queries, QueryError } from "./api.ts";
import { type Daemon, type Neighbour, ROUTE_PROTOCOL } from "./daemon.ts";
import type { PrefixView } from "./rib/route.ts";

export type QueryContext = {
  readonly daemon: Daemon;
  readonly kernel: Kernel | undefined;
  readonly clock: Clock;
  readonly node: string;
  readonly version: string;
  readonly started: number;
  /** How the configuration stands now. */
  readonly configuration: () => StatusAnswer["configuration"];
  readonly ready: () => StatusAnswer["ready"];
};

/** The answers; each call looks at the daemon as it is then. */
export function createQueries(context: QueryContext): Queries {
  const { daemon, kernel } = context;

  const kernelState = (prefix: Prefix): string => {
    if (daemon.fib === undefined) return "";
    const nameOf = (index: number): string => kernel?.link(index)?.name ?? `link ${index}`;
    return kernelAnswer(daemon.fib.stateOf(prefix), nameOf);
  };
  const neighbourCalled = (name: string): Neighbour => {
    const all = [...daemon.neighbours.values()];
    const found = all.find(
      ({ plan }) => plan.name === name || formatAddress(plan.address) === name,
    );
    if (found !== undefined) return found;
    const names = all.map(({ plan }) => `${plan.name} (${formatAddress(plan.address)})`);
    throw new QueryError(
      `no peer is called ${JSON.stringify(name)}: there are ${names.join(", ") || "none"}`,
    );
  };
  const peerCounts = () => ({
    configured: daemon.neighbours.size,
    established: [...daemon.neighbours.values()].filter(({ id }) => id !== undefined).length,
  });

  return {
    status() {
      const { plan, rib } = daemon;
      const counts = rib?.counts() ?? { prefixes: 0, paths: 0, attributeSets: 0 };
      return {
        version: context.version,
        node: context.node,
        asNumber: plan?.asNumber ?? 0,
        routerId: plan === undefined ? "" : formatAddress(plan.routerId),
        uptime: Math.round(context.clock.now() - context.started),
        blocks: (plan?.blocks ?? []).map(formatPrefix),
        configuration: context.configuration(),
        peers: peerCounts(),
        rib: {
          prefixes: counts.prefixes,
          paths: counts.paths,
          attributeSets: counts.attributeSets,
        },
        fib: fibAnswer(daemon),
        ready: context.ready(),
      };
    },

    peers: () => [...daemon.neighbours.values()].map((neighbour) => peerAnswer(daemon, neighbour)),

    routes: () =>
      (daemon.rib?.routes() ?? []).map((view) => routeAnswer(view, kernelState(view.prefix))),

    received(name) {
      const { id } = neighbourCalled(name);
      if (id === undefined || daemon.rib === undefined) return [];
      return daemon.rib
        .received(id)
        .map(({ prefix, path }) => ({ prefix: formatPrefix(prefix), path: pathAnswer(path) }));
    },

    advertised(name) {
      const { id } = neighbourCalled(name);
      if (id === undefined || daemon.rib === undefined) return [];
      return daemon.rib.advertised(id).map(advertisedAnswer);
    },

    why(asked, target) {
      const view = find(daemon, target);
      const prefix = view?.prefix;
      const told = [...daemon.neighbours.values()].flatMap(({ id, plan }) => {
        if (id === undefined || prefix === undefined) return [];
        const line = daemon.rib?.advertisedTo(id, prefix);
        return line === undefined ? [] : [{ peer: plan.name, view: line }];
      });
      return whyAnswer({
        asked,
        target,
        view,
        node: context.node,
        kernel: prefix === undefined ? "" : kernelState(prefix),
        advertised: told,
        peers: peerCounts(),
      });
    },
  };
}

/** A prefix as asked, or for an address the longest match, used or (failing that) rejected. */
function find(daemon: Daemon, target: Prefix | Address): PrefixView | undefined {
  const { rib } = daemon;
  if (rib === undefined) return undefined;
  if ("length" in target) return rib.lookup(target);
  return (
    rib.longestMatch(target) ??
    rib.routes().findLast(({ prefix }) => containsAddress(prefix, target))
  );
}

function fibAnswer({ fib }: Daemon): FibAnswer {
  if (fib === undefined) {
    return { mode: "none", protocol: 0, installed: 0, failed: [], stale: 0, healed: 0 };
  }
  const failed = fib
    .failures()
    .map(({ prefix, error }) => ({ prefix: formatPrefix(prefix), error }));
  return { mode: "kernel", protocol: ROUTE_PROTOCOL, failed, ...fib.counts() };
}

function peerAnswer(daemon: Daemon, { plan, peer, id, session, range }: Neighbour): PeerAnswer {
  const status = peer.status();
  const none = { received: 0, accepted: 0, best: 0, advertised: 0 };
  return {
    name: plan.name,
    origin: plan.origin,
    address: formatAddress(plan.address),
    port: plan.port,
    localAddress: formatAddress(session?.localAddress ?? plan.localAddress),
    localAs: plan.localAs,
    remoteAs: plan.remoteAs,
    state: status.state,
    since: status.since,
    lastError: status.lastError,
    shutdown: plan.shutdown ?? null,
    range: range ?? null,
    flaps: status.flaps,
    identifier: session === undefined ? null : formatAddress(session.identifier),
    capabilities: session?.capabilities ?? [],
    holdTime: session?.holdTime ?? plan.holdTime,
    keepaliveTime: session?.keepaliveTime ?? plan.keepaliveTime,
    prefixes: id === undefined ? none : (daemon.rib?.peerCounts(id) ?? none),
    messages: status.messages,
  };
}
