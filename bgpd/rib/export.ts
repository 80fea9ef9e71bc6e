/**
 * What becomes of attributes on the way out (RFC 4271 sections 5.1 and 9.1.3), and what must not leave.
 */

import { raiseAigp } from "../wire/aigp.ts";
import { isTold, prependAs, removePrivateAs, replaceAs } from "../wire/as-path.ts";
import type { AsSegment, Attributes } from "../wire/attributes.ts";
import { isTransitive } from "../wire/community.ts";
import {
  GRACEFUL_SHUTDOWN,
  NO_ADVERTISE,
  NO_EXPORT,
  NO_EXPORT_SUBCONFED,
  NO_PEER,
} from "../wire/const.ts";
import { DEFAULT_LOCAL_PREF } from "./attribute-set.ts";
import type { RibPeer, RouteSource } from "./route.ts";

/** What of a peer decides how it is told a route. */
export type Audience = Pick<
  RibPeer,
  "external" | "localAs" | "remoteAs" | "localAddress" | "wire" | "rules"
>;

/** Why BGP itself forbids to tell the route to such a peer; undefined when it may be told. */
export function forbidden(
  attributes: Attributes,
  source: RouteSource,
  { external, rules: { role } }: Pick<RibPeer, "external" | "rules">,
): string | undefined {
  if (source === "internal" && !external) {
    return "learned from an internal peer, and not reflected to another (RFC 4271 section 9.2)";
  }
  for (const community of attributes.communities ?? []) {
    if (community === NO_ADVERTISE) return "it carries NO_ADVERTISE (RFC 1997)";
    if (!external) continue;
    if (community === NO_EXPORT) return "it carries NO_EXPORT (RFC 1997)";
    if (community === NO_EXPORT_SUBCONFED) return "it carries NO_EXPORT_SUBCONFED (RFC 1997)";
    if (community === NO_PEER && role === "peer") return "it carries NO_PEER (RFC 3765)";
  }
  // RFC 9234 section 5: not to providers, peers and route servers.
  const isDownward = role === undefined || role === "provider" || role === "rs";
  if (attributes.onlyToCustomer !== undefined && external && !isDownward) {
    return `it carries ONLY_TO_CUSTOMER of AS ${attributes.onlyToCustomer}, and our role is ${role} (RFC 9234)`;
  }
  return undefined;
}

/** The attributes as the peers of a group get them; `cost` is that to the next hop, for AIGP. */
export function transform(
  attributes: Attributes,
  source: RouteSource,
  peer: Audience,
  cost: number,
): Attributes {
  return peer.external
    ? toExternal(attributes, source, peer, cost)
    : toInternal(attributes, source, peer, cost);
}

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
  source: RouteSource,
  peer: Audience,
  cost: number,
): Attributes {
  const { localAs, localAddress, rules, wire } = peer;
  const told = withShutdown(communities, peer);
  const extended = extendedCommunities.filter(isTransitive);
  const ipv6Extended = ipv6ExtendedCommunities.filter(isTransitive);
  const isKept = rules.nextHop === "Keep" && source !== "local";
  const nextHop = isKept ? (rest.nextHop ?? localAddress) : localAddress;
  const marked = rules.role === "provider" || rules.role === "rs" || rules.role === "peer";
  return {
    ...rest,
    asPath: prependAs(pathFor(rest.asPath, peer), localAs),
    nextHop,
    // A MULTI_EXIT_DISC from another AS must not travel on (section 5.1.4).
    ...(source === "local" && multiExitDisc !== undefined ? { multiExitDisc } : {}),
    ...(told.length === 0 ? {} : { communities: told }),
    ...(extended.length === 0 ? {} : { extendedCommunities: extended }),
    ...(ipv6Extended.length === 0 ? {} : { ipv6ExtendedCommunities: ipv6Extended }),
    // RFC 7311 section 3.3: only where both sides belong to one domain.
    ...(aigp === undefined || wire.aigp !== true
      ? {}
      : { aigp: isKept ? aigp : raiseAigp(aigp, cost) }),
    ...(marked ? { onlyToCustomer: rest.onlyToCustomer ?? localAs } : {}),
  };
}

function toInternal(
  attributes: Attributes,
  source: RouteSource,
  { localAddress, rules }: Audience,
  cost: number,
): Attributes {
  const { aigp } = attributes;
  // Ours where the route begins; a route learned from outside keeps its next hop (section 5.1.3).
  const isSelf = source === "local" || rules.nextHop === "Self";
  return {
    ...attributes,
    // RFC 8326 section 4.3: within the AS the preference says it, and the community stays outside.
    localPref: rules.gracefulShutdown ? 0 : (attributes.localPref ?? DEFAULT_LOCAL_PREF),
    ...(isSelf ? { nextHop: localAddress } : {}),
    ...(isSelf && aigp !== undefined ? { aigp: raiseAigp(aigp, cost) } : {}),
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
