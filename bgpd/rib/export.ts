/**
 * What becomes of attributes on the way out (RFC 4271 sections 5.1 and 9.1.3), and what must not leave.
 */

import { type Address, type Family, formatAddress } from "../../lib/address.ts";
import { raiseAigp } from "../wire/aigp.ts";
import { isTold, prependAs, removePrivateAs, replaceAs } from "../wire/as-path.ts";
import type { AsSegment, Attributes } from "../wire/attributes.ts";
import { isTransitive } from "../wire/community.ts";
import {
  GRACEFUL_SHUTDOWN,
  LLGR_STALE,
  NO_ADVERTISE,
  NO_EXPORT,
  NO_EXPORT_SUBCONFED,
  NO_PEER,
} from "../wire/const.ts";
import type { MultiprotocolNextHop } from "../wire/multiprotocol.ts";
import type { PlainChange } from "../wire/plain.ts";
import { type AttributeSet, DEFAULT_LOCAL_PREF } from "./attribute-set.ts";
import { notReflected, reflected } from "./reflect.ts";
import type { OwnNextHop, RibPeer, RouteSource, ToldSource } from "./route.ts";
import type { SessionRules } from "./rules.ts";

/** What of a peer decides how it is told a route. */
export type Audience = Pick<
  RibPeer,
  "external" | "localAs" | "remoteAs" | "nextHops" | "wire" | "rules"
>;

/** Where a route is from. */
export type Origin = {
  readonly source: ToldSource;
  /** Who told it; undefined for a route of our own. */
  readonly from: RibPeer | undefined;
};

/** Why the route is not reflected to such a peer (RFC 4456); undefined when it is, or need not be. */
export function unreflected(
  { source, from }: Origin,
  external: boolean,
  rules: SessionRules,
): string | undefined {
  return source === "internal" && !external ? notReflected(from?.rules, rules) : undefined;
}

/** Why BGP itself forbids to tell such attributes to such a peer; undefined when they may be told. */
export function forbidden(
  { communities, onlyToCustomer }: Attributes,
  { external, rules }: Pick<RibPeer, "external" | "rules">,
): string | undefined {
  const { role } = rules;
  for (const community of communities ?? []) {
    if (community === NO_ADVERTISE) return "it carries NO_ADVERTISE (RFC 1997)";
    if (community === LLGR_STALE && isWithheld(rules, external)) {
      return "it carries LLGR_STALE, and the peer does not know long-lived graceful restart (RFC 9494)";
    }
    if (!external) continue;
    if (community === NO_EXPORT) return "it carries NO_EXPORT (RFC 1997)";
    if (community === NO_EXPORT_SUBCONFED) return "it carries NO_EXPORT_SUBCONFED (RFC 1997)";
    if (community === NO_PEER && role === "peer") return "it carries NO_PEER (RFC 3765)";
  }
  // RFC 9234 section 5: not to providers, peers and route servers.
  const isDownward = role === undefined || role === "provider" || role === "rs";
  if (onlyToCustomer !== undefined && external && !isDownward) {
    return `it carries ONLY_TO_CUSTOMER of AS ${onlyToCustomer}, and our role is ${role} (RFC 9234)`;
  }
  return undefined;
}

/** RFC 9494 section 4.6: without the capability only within the AS, and there where it is configured. */
function isWithheld({ longLivedStale }: RibPeer["rules"], external: boolean): boolean {
  return longLivedStale === "withheld" || (longLivedStale === "depreferred" && external);
}

/**
 * The next hop of a route on its way to such a peer (RFC 4271 section 5.1.3, RFC 4760 section 3), or why
 * there is none. A route that keeps its own does so without the link-local address, which only its neighbours can use
 * (RFC 2545 section 3); one that has no other gets ours.
 */
export function nextHopFor(
  { nextHop }: { readonly nextHop?: Address | undefined },
  source: ToldSource,
  peer: Audience,
  family: Family,
): OwnNextHop {
  const { external, nextHops, wire } = peer;
  if (isSelf(source, peer, nextHop) || (external && nextHop === undefined)) return nextHops[family];
  if (nextHop === undefined) return { nextHop, reason: "it has no next hop" };
  if (family === 4 && nextHop.family === 6 && !wire.extendedNextHop) {
    const words = `its next hop ${formatAddress(nextHop)} is an IPv6 address, which the peer does not take for IPv4 (RFC 8950)`;
    return { nextHop: undefined, reason: words };
  }
  return { nextHop };
}

/**
 * Whether the next hop is ours: where the route begins, where its own means nothing behind our link and, unless the
 * session's rules say otherwise, to external peers and where it leads behind us; another route learned from outside
 * keeps its own to internal ones.
 */
function isSelf(
  source: ToldSource,
  { external, rules }: Pick<RibPeer, "external" | "rules">,
  nextHop: Address | undefined,
): boolean {
  if (source === "local" || nextHop?.zone !== undefined) return true;
  if (external || source === "behind us") return rules.nextHop !== "Keep";
  return rules.nextHop === "Self";
}

/**
 * How a plain set changes on its way to such a peer, who is told this next hop: as `transform` would have it. Undefined
 * where that takes the record.
 */
export function plainChange(
  { isPlain, localPref }: Pick<AttributeSet, "isPlain" | "localPref">,
  source: ToldSource,
  { external, localAs, rules }: Audience,
  { nextHop }: MultiprotocolNextHop,
): PlainChange | undefined {
  const { role, asOverride, removePrivateAs: isPruned, gracefulShutdown } = rules;
  const isSpecial = role !== undefined || asOverride || isPruned || gracefulShutdown;
  if (!isPlain || source === "local" || isSpecial) return undefined;
  return {
    prepend: external ? localAs : undefined,
    nextHop: nextHop.family === 4 ? nextHop.w0 : undefined,
    localPref: external ? undefined : localPref,
  };
}

/** What is found out about a route before it is transformed. */
export type Facts = {
  readonly told: MultiprotocolNextHop;
  /** To the next hop, for AIGP. */
  readonly cost: number;
  /** BGP Identifier of the internal peer whose route is reflected; undefined where none is. */
  readonly reflectedFrom: number | undefined;
};

/** The attributes as the peers of a group get them, with the next hop that was found for them. */
export function transform(
  attributes: Attributes,
  source: ToldSource,
  peer: Audience,
  { told, cost, reflectedFrom }: Facts,
): Attributes {
  const { nextHop, nextHopLinkLocal, ...rest } = attributes;
  const raise = isSelf(source, peer, nextHop) ? cost : undefined;
  const made = peer.external
    ? toExternal(rest, source, peer, raise)
    : toInternal(rest, peer, raise);
  const { reflection } = peer.rules;
  if (reflectedFrom === undefined || reflection === undefined) return { ...made, ...told };
  return { ...made, ...told, ...reflected(rest, reflectedFrom, reflection.clusterId) };
}

/** `raise` is the cost that AIGP grows by where the next hop becomes ours; undefined where it stays. */
function toExternal(
  {
    localPref,
    multiExitDisc,
    originatorId,
    clusterList,
    communities = [],
    extendedCommunities = [],
    ipv6ExtendedCommunities = [],
    aigp,
    ...rest
  }: Attributes,
  source: ToldSource,
  peer: Audience,
  raise: number | undefined,
): Attributes {
  const { localAs, rules, wire } = peer;
  const told = withShutdown(communities, peer);
  const extended = extendedCommunities.filter(isTransitive);
  const ipv6Extended = ipv6ExtendedCommunities.filter(isTransitive);
  const marked = rules.role === "provider" || rules.role === "rs" || rules.role === "peer";
  return {
    ...rest,
    asPath: prependAs(pathFor(rest.asPath, peer), localAs),
    // A MULTI_EXIT_DISC from another AS must not travel on (section 5.1.4).
    ...(source === "local" && multiExitDisc !== undefined ? { multiExitDisc } : {}),
    ...(told.length === 0 ? {} : { communities: told }),
    ...(extended.length === 0 ? {} : { extendedCommunities: extended }),
    ...(ipv6Extended.length === 0 ? {} : { ipv6ExtendedCommunities: ipv6Extended }),
    // RFC 7311 section 3.3: only where both sides belong to one domain.
    ...(aigp === undefined || wire.aigp !== true
      ? {}
      : { aigp: raise === undefined ? aigp : raiseAigp(aigp, raise) }),
    ...(marked ? { onlyToCustomer: rest.onlyToCustomer ?? localAs } : {}),
  };
}

function toInternal(attributes: Attributes, peer: Audience, raise: number | undefined): Attributes {
  const { aigp, communities = [] } = attributes;
  const { gracefulShutdown, longLivedStale } = peer.rules;
  const isDepreferred = longLivedStale === "depreferred" && communities.includes(LLGR_STALE);
  return {
    ...attributes,
    // RFC 8326 section 4.3: within the AS the preference says it, and the community stays outside.
    localPref: gracefulShutdown || isDepreferred ? 0 : (attributes.localPref ?? DEFAULT_LOCAL_PREF),
    // RFC 9494 section 4.6: who does not know what the route is takes it last, and keeps it.
    ...(isDepreferred && !communities.includes(NO_EXPORT)
      ? { communities: [...communities, NO_EXPORT] }
      : {}),
    ...(raise === undefined || aigp === undefined ? {} : { aigp: raiseAigp(aigp, raise) }),
  };
}

/** Segments of a confederation never leave it (RFC 5065 section 4.1). */
function pathFor(path: readonly AsSegment[], { localAs, remoteAs, rules }: Audience) {
  const told = path.every(isTold) ? path : path.filter(isTold);
  const bare = rules.removePrivateAs ? removePrivateAs(told, remoteAs) : told;
  return rules.asOverride ? replaceAs(bare, remoteAs, localAs) : bare;
}

function withShutdown(communities: readonly number[], { rules }: Audience): readonly number[] {
  return rules.gracefulShutdown && !communities.includes(GRACEFUL_SHUTDOWN)
    ? [...communities, GRACEFUL_SHUTDOWN]
    : communities;
}

/** Where a route of such a peer comes from, for who is told it. */
export function toldSourceOf(
  from: Pick<RibPeer, "external" | "behindUs"> | undefined,
): Exclude<ToldSource, "local"> {
  if (from?.external !== true) return "internal";
  return from.behindUs === true ? "behind us" : "external";
}

/** As policies and people know it. */
export function routeSourceOf(source: ToldSource): RouteSource {
  return source === "behind us" ? "external" : source;
}
