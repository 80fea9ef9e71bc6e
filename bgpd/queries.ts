/**
 * A running daemon's answers to its API's questions, put together from its parts.
 */

import { type Address, bitsOf, type Family, formatAddress, withoutZone } from "../lib/address.ts";
import type { Clock } from "../lib/clock.ts";
import { containsAddress, formatPrefix, type Prefix } from "../lib/prefix.ts";
import type {
  FamilyAnswer,
  FibAnswer,
  FibTableAnswer,
  PeerAnswer,
  StatusAnswer,
} from "../resource/answer.ts";
import { advertisedAnswer, kernelAnswer, pathAnswer, routeAnswer, whyAnswer } from "./answer.ts";
import { type Queries, QueryError } from "./api.ts";
import { LATENESS_BOUNDS } from "./bfd/lateness.ts";
import type { PeerPlan, SpeakerPlan } from "./cluster/speaker.ts";
import type { Daemon } from "./daemon.ts";
import { ROUTE_PROTOCOL } from "./forwarding.ts";
import type { Neighbour } from "./neighbour.ts";
import type { PrefixView, Rib } from "./rib/route.ts";
import type { Waiting } from "./unnumbered.ts";
import { describeUnprogrammed, unprogrammedBy } from "./unprogrammed.ts";
import type { WireContext } from "./wire/context.ts";
import { describeFamily } from "./wire/family.ts";
import { nlriForm } from "./wire/nlri.ts";
import type { Podless } from "./workloads.ts";

export type QueryContext = {
  readonly daemon: Daemon;
  readonly clock: Clock;
  readonly node: string;
  readonly version: string;
  readonly started: number;
  /** How the configuration stands now. */
  readonly configuration: () => StatusAnswer["configuration"];
  readonly ready: () => StatusAnswer["ready"];
  /** What is known of the Services that have an address: sentences. Absent: nothing. */
  readonly services?: (address: Address) => readonly string[];
};

/** The answers; each call looks at the daemon as it is then. */
export function createQueries(context: QueryContext): Queries {
  const { daemon } = context;

  const kernelState = (prefix: Prefix): string => {
    if (daemon.fib === undefined) return "";
    return kernelAnswer(
      daemon.fib.stateOf(prefix),
      (link) => daemon.linkName(link),
      reasonAgainst(prefix),
    );
  };
  /** Why the kernel is to have no route of ours. */
  const reasonAgainst = (prefix: Prefix): string | undefined => {
    const range = unprogrammedBy(daemon.plan?.unprogrammed ?? [], prefix);
    return range === undefined ? undefined : describeUnprogrammed(range);
  };
  const textOf = (address: Address): string => onLink(daemon, address);
  /** Nobody is there to have told or been told anything. */
  const isWaitedFor = (name: string): boolean =>
    daemon.unnumbered.waiting.some(({ plan }) => plan.name === name || plan.link === name) ||
    daemon.workloads.podless.some(({ plan }) => plan.name === name);
  const neighbourCalled = (name: string): Neighbour => {
    const all = [...daemon.neighbours.values()];
    const found = all.find(({ plan }) => plan.name === name || textOf(plan.address) === name);
    if (found !== undefined) return found;
    const names = all.map(({ plan }) => `${plan.name} (${textOf(plan.address)})`);
    throw new QueryError(
      `no peer is called ${JSON.stringify(name)}: there are ${names.join(", ") || "none"}`,
    );
  };
  const peerCounts = () => ({
    configured: daemon.neighbours.size + daemon.unnumbered.waiting.length,
    established: [...daemon.neighbours.values()].filter(({ id }) => id !== undefined).length,
    away: [...daemon.neighbours.values()].filter(({ retention }) => retention.id !== undefined)
      .length,
  });

  return {
    status() {
      const { plan, rib } = daemon;
      const counts = rib?.counts();
      return {
        version: context.version,
        node: context.node,
        asNumber: plan?.asNumber ?? 0,
        routerId: plan === undefined ? "" : formatAddress(plan.routerId),
        uptime: Math.round(context.clock.now() - context.started),
        blocks: (plan?.blocks ?? []).map(formatPrefix),
        configuration: context.configuration(),
        peers: { ...peerCounts(), ...unnumberedAnswers(daemon) },
        rib: {
          prefixes: counts?.prefixes ?? 0,
          ipv4Prefixes: counts?.byFamily[4] ?? 0,
          ipv6Prefixes: counts?.byFamily[6] ?? 0,
          paths: counts?.paths ?? 0,
          attributeSets: counts?.attributeSets ?? 0,
        },
        fib: fibAnswer(daemon),
        ...masqueradeAnswer(daemon),
        ready: context.ready(),
      };
    },

    peers() {
      // Those on links in the order of the documents, whenever they were found.
      const order = (daemon.plan?.unnumbered ?? []).map(({ name }) => name);
      return [
        ...[...daemon.neighbours.values()].map((neighbour) => peerAnswer(daemon, neighbour)),
        ...daemon.unnumbered.waiting.map((waiting) => waitingAnswer(daemon, waiting)),
        ...daemon.workloads.podless.map(podlessAnswer),
      ].toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
    },

    routes: () =>
      (daemon.rib?.routes() ?? []).map((view) =>
        routeAnswer(view, kernelState(view.prefix), textOf),
      ),

    received(name) {
      if (isWaitedFor(name)) return [];
      const { id, retention } = neighbourCalled(name);
      const known = id ?? retention.id;
      if (known === undefined || daemon.rib === undefined) return [];
      return daemon.rib.received(known).map(({ prefix, path }) => ({
        prefix: formatPrefix(prefix),
        path: pathAnswer(path, textOf),
      }));
    },

    advertised(name) {
      if (isWaitedFor(name)) return [];
      const { id } = neighbourCalled(name);
      if (id === undefined || daemon.rib === undefined) return [];
      return daemon.rib.advertised(id).map((view) => advertisedAnswer(view, textOf));
    },

    fib: () => fibTableAnswer(daemon),

    why(asked, target) {
      const view = find(daemon, target);
      const prefix = view?.prefix;
      const told = [...daemon.neighbours.values()].flatMap(({ id, plan }) => {
        if (id === undefined || prefix === undefined) return [];
        const lines = daemon.rib?.advertisedTo(id, prefix) ?? [];
        return lines.map((view) => ({ peer: plan.name, view }));
      });
      return whyAnswer({
        asked,
        target,
        view,
        node: context.node,
        textOf,
        services: daemon.plan?.serviceRanges ?? [],
        remarks: isOne(target) ? (context.services?.(target) ?? []) : [],
        aggregates: daemon.aggregates.counts(),
        kernel: prefix === undefined ? "" : kernelState(prefix),
        unprogrammed: prefix === undefined ? undefined : reasonAgainst(prefix),
        advertised: told,
        peers: peerCounts(),
      });
    },
  };
}

/** Whether it is one address, be it as a prefix. */
function isOne(target: Prefix | Address): boolean {
  return !("length" in target) || target.length === bitsOf(target.family);
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

function masqueradeAnswer({
  plan,
  fib,
  masqueradeFault,
}: Daemon): Pick<StatusAnswer, "masquerade"> {
  if (plan?.masquerade === undefined || fib === undefined) return {};
  const sources = plan.masquerade.sources.map(formatPrefix);
  return { masquerade: { sources, error: masqueradeFault ?? null } };
}

function fibTableAnswer(daemon: Daemon): FibTableAnswer {
  const { fib, metrics, table, rib, plan } = daemon;
  if (fib === undefined) return { mode: "none", protocol: 0, metrics, table, routes: [], left: [] };
  const routes = [...fib.wanted()].map(({ prefix, ways, error = "" }) => ({
    prefix: formatPrefix(prefix),
    ways:
      ways === "blackhole"
        ? ways
        : ways.map(({ gateway, link, weight, onLink = false }) => ({
            gateway: formatAddress(gateway),
            link: daemon.linkName(link),
            weight,
            onLink,
          })),
    reason: error,
  }));
  const left = leftToOthers(rib, plan);
  return { mode: "kernel", protocol: ROUTE_PROTOCOL, metrics, table, routes, left };
}

/** What others told us and somebody else is to put into the kernel. */
function leftToOthers(rib: Rib | undefined, plan: SpeakerPlan | undefined): FibTableAnswer["left"] {
  const ranges = (plan?.unprogrammed ?? []).filter(({ why }) => why === "cluster routes");
  if (rib === undefined || ranges.length === 0) return [];
  return rib.routes().flatMap(({ prefix, paths }) => {
    const best = paths.find(({ state }) => state === "best");
    const range = unprogrammedBy(ranges, prefix);
    if (range === undefined || best === undefined || best.source === "local") return [];
    return [{ prefix: formatPrefix(prefix), reason: describeUnprogrammed(range) }];
  });
}

function peerAnswer(daemon: Daemon, neighbour: Neighbour): PeerAnswer {
  const { plan, peer, session, range, retention } = neighbour;
  const id = neighbour.id ?? retention.id;
  const status = peer.status();
  const none = { received: 0, accepted: 0, best: 0, stale: 0, advertised: 0 };
  return {
    name: plan.name,
    origin: plan.origin,
    address: onLink(daemon, plan.address),
    port: plan.port,
    localAddress: onLink(daemon, session?.localAddress ?? plan.localAddress),
    localAs: plan.localAs,
    remoteAs: plan.remoteAs,
    state: status.state,
    since: status.since,
    lastError: describeKeyless(plan) ?? status.lastError,
    shutdown: plan.shutdown ?? null,
    range: range ?? null,
    link: daemon.unnumbered.linkOf(plan.address) ?? null,
    flaps: status.flaps,
    identifier: session === undefined ? null : formatAddress(session.identifier),
    capabilities: session?.capabilities ?? [],
    holdTime: session?.holdTime ?? plan.holdTime,
    keepaliveTime: session?.keepaliveTime ?? plan.keepaliveTime,
    prefixes: id === undefined ? none : (daemon.rib?.peerCounts(id) ?? none),
    families: familyAnswers(daemon, neighbour),
    stale: retention.families.map(({ family, stage, left }) => ({
      name: describeFamily(family),
      stage,
      prefixes: id === undefined ? 0 : (daemon.rib?.peerCounts(id, family).stale ?? 0),
      left: Math.round(left),
    })),
    messages: status.messages,
    ...bfdAnswer(daemon, plan),
  };
}

/** Why a session without the key that it must have is down. */
function describeKeyless({ keyless }: Pick<PeerPlan, "keyless">): string | undefined {
  return keyless === undefined ? undefined : `no session without its key: ${keyless}`;
}

/** Each peer on a link, in the order of the documents. */
function unnumberedAnswers({
  plan,
  unnumbered,
}: Daemon): Pick<StatusAnswer["peers"], "unnumbered"> {
  const plans = plan?.unnumbered ?? [];
  if (plans.length === 0) return {};
  const { found, waiting } = unnumbered;
  const answers = plans.map(({ name, link }) => {
    const address = found.find((peer) => peer.name === name)?.address;
    const reason = waiting.find((one) => one.plan.name === name)?.reason ?? "";
    const text = address === undefined ? null : formatAddress(withoutZone(address));
    return { name, link, address: text, reason };
  });
  return { unnumbered: answers };
}

/** A peer that nobody has been found for. */
function waitingAnswer(daemon: Daemon, { plan, local, reason, since }: Waiting): PeerAnswer {
  const { session, name, link } = plan;
  const localAddress = local === undefined ? "none" : onLink(daemon, local);
  const lastError = describeKeyless(session) ?? reason;
  const found = { name, address: link, link, localAddress, lastError };
  return { ...absentAnswer(session), ...found, since: Math.round(since) };
}

/** A BGPPeer that selects no pod of this node. */
function podlessAnswer({ plan, reason, since }: Podless): PeerAnswer {
  const { name, selector, localAddresses, session } = plan;
  const localAddress = localAddresses.map(formatAddress).join(" ");
  const address = `pods ${selector.text}`;
  const lastError = describeKeyless(session) ?? reason;
  const found = { name, address, localAddress, lastError };
  return { ...absentAnswer(session), ...found, since: Math.round(since) };
}

/** Of a session that has nobody at the other end. */
function absentAnswer(
  session: Omit<PeerPlan, "address" | "localAddress">,
): Omit<PeerAnswer, "name" | "address" | "localAddress" | "since" | "lastError"> {
  const nothing = { received: 0, sent: 0, updatesReceived: 0, updatesSent: 0 };
  return {
    origin: session.origin,
    port: session.port,
    localAs: session.localAs,
    remoteAs: session.remoteAs,
    state: "Idle",
    shutdown: session.shutdown ?? null,
    range: null,
    link: null,
    flaps: 0,
    identifier: null,
    capabilities: [],
    holdTime: session.holdTime,
    keepaliveTime: session.keepaliveTime,
    prefixes: { received: 0, accepted: 0, best: 0, advertised: 0 },
    families: [],
    stale: [],
    messages: nothing,
  };
}

/** An address with its link's name. */
function onLink({ unnumbered }: Daemon, address: Address): string {
  const link = unnumbered.linkOf(address);
  return link === undefined
    ? formatAddress(address)
    : `${formatAddress(withoutZone(address))}%${link}`;
}

function bfdAnswer({ liveness }: Daemon, { name, bfd }: PeerPlan): Pick<PeerAnswer, "bfd"> {
  const status = liveness.status(name);
  if (status === undefined || bfd === undefined) return {};
  const { authentication = null, lateness, ...rest } = status;
  const { buckets, ...sums } = lateness;
  const bounded = buckets.map((count, at) => ({ bound: LATENESS_BOUNDS[at] ?? null, count }));
  return {
    bfd: {
      ...rest,
      since: Math.round(rest.since),
      strict: bfd.strict,
      authentication,
      lateness: { ...sums, buckets: bounded },
    },
  };
}

function familyAnswers(
  { rib }: Daemon,
  { id, session, nextHops, plan }: Neighbour,
): FamilyAnswer[] {
  if (id === undefined || session === undefined || nextHops === undefined) return [];
  return session.wire.families.flatMap((family): FamilyAnswer[] => {
    const prefixes = rib?.peerCounts(id, family);
    if (prefixes === undefined) return [];
    const own = nextHops[family];
    const name = describeFamily(family);
    const paths = addPathAnswer(session.wire, family, plan);
    if (own.nextHop === undefined) {
      const none = { nextHop: null, nextHopLinkLocal: null, reason: own.reason };
      return [{ name, prefixes, ...none, ...paths }];
    }
    const { nextHop, nextHopLinkLocal } = own;
    return [
      {
        name,
        prefixes,
        nextHop: formatAddress(nextHop),
        nextHopLinkLocal: nextHopLinkLocal === undefined ? null : formatAddress(nextHopLinkLocal),
        reason: "",
        ...paths,
      },
    ];
  });
}

function addPathAnswer(
  { addPath }: WireContext,
  family: Family,
  { policy: { toldPaths } }: PeerPlan,
): Pick<FamilyAnswer, "addPath"> {
  const receive = nlriForm(addPath, "receive", family) === "identified";
  const isTold = nlriForm(addPath, "send", family) === "identified";
  if (!receive && !isTold) return {};
  return { addPath: isTold ? { receive, ...toldPaths } : { receive, send: null } };
}
