/**
 * The RIB's views in the API's words: text for addresses, lists for AS paths, sentences for reasons.
 *
 * Pure. The shapes are `resource/answer.ts`.
 */

import { type Address, address4, formatAddress } from "../lib/address.ts";
import { containsPrefix, equalPrefix, formatPrefix, type Prefix } from "../lib/prefix.ts";
import type {
  AdvertisedAnswer,
  AttributesAnswer,
  PathAnswer,
  RouteAnswer,
  WhyAnswer,
} from "../resource/answer.ts";
import type { FibState } from "./fib/standing.ts";
import type { AdvertisedView, PathView, PrefixView, Staleness } from "./rib/route.ts";
import { aigpMetric } from "./wire/aigp.ts";
import type { Attributes } from "./wire/attributes.ts";
import {
  formatCommunity,
  formatExtended,
  formatIpv6Extended,
  formatLarge,
} from "./wire/community.ts";

const STALE_WORDS: Readonly<Record<Staleness, string>> = {
  refresh: "the peer tells its table anew, and has not told this route yet",
  restart: "the peer restarts, and its routes are kept until it has told them again (RFC 4724)",
  "long-lived": "the peer has been away for long, and there is nothing better (RFC 9494)",
};

const ORIGINS = ["IGP", "EGP", "INCOMPLETE"] as const;

/** A link-local address with its link's name, where that is known. */
export type TextOf = (address: Address) => string;

/** Attributes for people and scripts. */
export function attributesAnswer(
  attributes: Attributes,
  textOf: TextOf = formatAddress,
): AttributesAnswer {
  const { originatorId, clusterList = [] } = attributes;
  return {
    origin: ORIGINS[attributes.origin],
    asPath: attributes.asPath.flatMap<number | readonly number[]>(({ type, asNumbers }) =>
      type === "sequence" || type === "confederation sequence" ? asNumbers : [asNumbers],
    ),
    nextHop: attributes.nextHop === undefined ? null : textOf(attributes.nextHop),
    localPref: attributes.localPref ?? null,
    multiExitDisc: attributes.multiExitDisc ?? null,
    communities: (attributes.communities ?? []).map(formatCommunity),
    largeCommunities: (attributes.largeCommunities ?? []).map(formatLarge),
    extendedCommunities: [
      ...(attributes.extendedCommunities ?? []).map(formatExtended),
      ...(attributes.ipv6ExtendedCommunities ?? []).map(formatIpv6Extended),
    ],
    aigp: attributes.aigp === undefined ? null : `${aigpMetric(attributes.aigp) ?? ""}`,
    onlyToCustomer: attributes.onlyToCustomer ?? null,
    originatorId: originatorId === undefined ? null : formatAddress(address4(originatorId)),
    clusterList: clusterList.map((id) => formatAddress(address4(id))),
  };
}

/** One path. */
export function pathAnswer(path: PathView, textOf?: TextOf): PathAnswer {
  return {
    peer: path.peer ?? null,
    ...(path.pathId === undefined ? {} : { pathId: path.pathId }),
    source: path.source,
    state: path.state,
    ...(path.stale === undefined ? {} : { stale: path.stale }),
    reason: path.reason,
    attributes: attributesAnswer(path.attributes, textOf),
  };
}

/** One prefix with all its paths, best first, and how it stands in the kernel. */
export function routeAnswer(view: PrefixView, kernel: string, textOf?: TextOf): RouteAnswer {
  const order = ["best", "multipath", "valid", "rejected"];
  const paths = view.paths
    .toSorted((a, b) => order.indexOf(a.state) - order.indexOf(b.state))
    .map((path) => pathAnswer(path, textOf));
  return { prefix: formatPrefix(view.prefix), paths, kernel };
}

/** What a peer was told of one prefix. */
export function advertisedAnswer(view: AdvertisedView, textOf?: TextOf): AdvertisedAnswer {
  return {
    prefix: formatPrefix(view.prefix),
    ...(view.pathId === undefined ? {} : { pathId: view.pathId }),
    advertised: view.advertised,
    reason: view.reason,
    attributes: view.attributes === undefined ? null : attributesAnswer(view.attributes, textOf),
  };
}

/** A FIB entry in words; `nameOf` gives a link's name, `unprogrammed` why none is wanted where one is known. */
export function kernelAnswer(
  state: FibState | undefined,
  nameOf: (link: number) => string,
  unprogrammed?: string,
): string {
  if (state === undefined) return `not installed: ${unprogrammed ?? "no path is used"}`;
  if (state.state === "pending") return "not installed: on its way to the kernel";
  if (state.state === "failed") return `not installed: ${state.error}`;
  if (state.target === "blackhole") return "blackhole";
  const ways = state.target.map(({ gateway, link, weight }) => {
    const share = weight === 1 ? "" : ` weight ${weight}`;
    return `via ${formatAddress(gateway)} dev ${nameOf(link)}${share}`;
  });
  return `installed ${ways.join(" and ")}`;
}

/** What a `why` is answered from. */
export type WhyFacts = {
  readonly target: Prefix | Address;
  /** The address itself was asked for, and not a prefix. */
  readonly asked: string;
  readonly view: PrefixView | undefined;
  readonly kernel: string;
  /** Why the kernel is to have no route of ours; undefined where it is. */
  readonly unprogrammed?: string | undefined;
  readonly textOf?: TextOf;
  readonly advertised: readonly { readonly peer: string; readonly view: AdvertisedView }[];
  readonly peers: { readonly configured: number; readonly established: number };
  readonly node: string;
  /** Ranges of services. */
  readonly services: readonly Prefix[];
  /** What else is to be said of the address, in sentences. */
  readonly remarks?: readonly string[];
  /** What this node announces while it has a route to a part of it, and how many it has. */
  readonly aggregates: readonly { readonly prefix: Prefix; readonly parts: number }[];
};

/** The whole answer, with its sentence. */
export function whyAnswer(facts: WhyFacts): WhyAnswer {
  const { view, asked } = facts;
  if (view === undefined) {
    const text = withRemarks(absence(facts), facts);
    return { target: asked, prefix: null, route: null, advertised: [], summary: text };
  }
  return {
    target: asked,
    prefix: formatPrefix(view.prefix),
    route: routeAnswer(view, facts.kernel, facts.textOf),
    advertised: facts.advertised.map(({ peer, view: told }) => ({
      peer,
      ...advertisedAnswer(told, facts.textOf),
    })),
    summary: withRemarks(summary(facts, view), facts),
  };
}

function withRemarks(sentence: string, { remarks = [] }: WhyFacts): string {
  return [sentence, ...remarks].join(" ");
}

function absence({ asked, peers, node, aggregates }: WhyFacts): string {
  if (aggregates.some(({ prefix }) => formatPrefix(prefix) === asked)) {
    return `${asked} is an aggregate of ${node}, which is announced while there is a route to a part of it: now there is none.`;
  }
  const sessions = `${peers.established} of ${peers.configured} sessions are Established`;
  return `${asked} is not in the table of ${node}: no peer announces a route that holds it and none of this node's blocks does (${sessions}).`;
}

function summary(
  { asked, kernel, unprogrammed, node, services, aggregates, textOf = formatAddress }: WhyFacts,
  view: PrefixView,
): string {
  const prefix = formatPrefix(view.prefix);
  const subject = asked === prefix ? prefix : `${asked} lies in ${prefix}, which`;
  const best = view.paths.find(({ state }) => state === "best");
  const sharing = view.paths.filter(({ state }) => state === "multipath");
  const others = view.paths.filter(({ state }) => state === "valid").length;
  const rejected = view.paths.filter(({ state }) => state === "rejected");
  if (best === undefined) {
    const reasons = rejected.map(({ peer, reason }) => `${peer ?? node}: ${reason}`);
    return `${subject} is not used: ${reasons.join("; ")}.`;
  }
  const count = others === 0 ? "" : `, chosen over ${others} other${others === 1 ? "" : "s"}`;
  const range = services.find((candidate) => containsPrefix(candidate, view.prefix));
  if (best.source === "local" && range !== undefined) {
    const what = equalPrefix(range, view.prefix)
      ? "a range of services, which every node announces"
      : "an address of a service, announced by itself";
    return `${subject} is ${what} (${best.reason}${count}); it needs no route here.`;
  }
  const below =
    unprogrammed === undefined
      ? `dropped by a blackhole (kernel: ${kernel})`
      : `not bgpd's to drop: ${unprogrammed}`;
  const aggregate = aggregates.find(({ prefix: whole }) => equalPrefix(whole, view.prefix));
  if (best.source === "local" && aggregate !== undefined) {
    const parts = aggregate.parts === 1 ? "1 part" : `${aggregate.parts} parts`;
    return `${subject} is an aggregate that this node announces while it has a route to a part of it: it has to ${parts} (${best.reason}${count}); what no part holds is ${below}.`;
  }
  if (best.source === "local") {
    return `${subject} is this node's own block (${best.reason}${count}); addresses of it that no pod has are ${below}.`;
  }
  if (kernel === "blackhole") {
    return `${subject} is dropped, as ${best.peer} asks by BLACKHOLE (RFC 7999): ${best.reason}${count}.`;
  }
  const used = [best, ...sharing];
  const hops = used.flatMap(({ attributes: { nextHop } }) =>
    nextHop === undefined ? [] : [textOf(nextHop)],
  );
  const way = hops.length === 0 ? "" : ` by ${hops.join(" and ")}`;
  // One peer may offer several of them.
  const peers = [...new Set(used.map(({ peer }) => peer))];
  const from = peers.join(" and ");
  const sharers =
    peers.length === 1
      ? ", whose paths share the traffic"
      : `, which share the traffic, the best being from ${best.peer}`;
  const shared = sharing.length === 0 ? "" : sharers;
  const state = kernel === "" ? "" : ` Kernel: ${kernel}.`;
  const stale = best.stale === undefined ? "" : ` It is stale: ${STALE_WORDS[best.stale]}.`;
  return `${subject} goes${way}, learned from ${from}${shared}: ${best.reason}${count}.${stale}${state}`;
}
