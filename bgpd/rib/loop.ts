/**
 * Routes that no policy can accept, because taking them would send packets in circles.
 */

import { address4, equalAddress, formatAddress } from "../../lib/address.ts";
import type { AsSegment, Attributes } from "../wire/attributes.ts";
import type { PolicyVerdict, RibPeer } from "./route.ts";

/** The refusal of a set from a peer, or undefined when policy may decide. */
export function refuse(
  attributes: Attributes,
  peer: RibPeer,
  identifier: number,
): PolicyVerdict | undefined {
  const reason =
    inAsPath(attributes, peer) ??
    inSets(attributes, peer) ??
    leaked(attributes, peer) ??
    inCluster(attributes, peer, identifier) ??
    inNextHop(attributes, peer);
  return reason === undefined ? undefined : { accept: false, reason };
}

/** RFC 4271 sections 9.1.2 (our AS) and 6.3 (the leftmost AS is the peer's). */
function inAsPath({ asPath }: Attributes, peer: RibPeer): string | undefined {
  const { localAs, speakerAs, rules } = peer;
  const isOurs = (asNumber: number): boolean => asNumber === localAs || asNumber === speakerAs;
  if (count(asPath, isOurs) > rules.allowedOwnAs) {
    const ours = asPath.flatMap(({ asNumbers }) => asNumbers.filter(isOurs));
    const often = ours.length === 1 ? "" : ` ${ours.length} times`;
    const allowed = rules.allowedOwnAs === 0 ? "" : `, ${rules.allowedOwnAs} allowed`;
    return `AS loop: its path holds our own AS ${[...new Set(ours)].join(" and ")}${often}${allowed}`;
  }
  // A route server does not put its own AS into paths (RFC 7947 section 2.2.2).
  if (!peer.external || rules.role === "rs-client") return undefined;
  const first = asPath[0]?.asNumbers[0];
  if (asPath[0]?.type === "sequence" && first === peer.remoteAs) return undefined;
  return `its path begins with ${first === undefined ? "no AS" : `AS ${first}`} and not with the peer's AS ${peer.remoteAs}`;
}

function count(path: readonly AsSegment[], isMeant: (asNumber: number) => boolean): number {
  let sum = 0;
  for (const { asNumbers } of path) for (const one of asNumbers) if (isMeant(one)) sum++;
  return sum;
}

/** RFC 9774 section 3, where the peer's rules ask for it. */
function inSets({ asPath }: Attributes, { rules }: RibPeer): string | undefined {
  if (!rules.refuseAsSets) return undefined;
  const isSet = asPath.some(({ type }) => type === "set" || type === "confederation set");
  return isSet ? "its path holds an AS_SET (RFC 9774)" : undefined;
}

/** RFC 9234 section 5: a route for customers only that does not come from above. */
function leaked(
  { onlyToCustomer }: Attributes,
  { external, remoteAs, rules: { role } }: RibPeer,
): string | undefined {
  if (onlyToCustomer === undefined || !external) return undefined;
  const isFromBelow = role === "provider" || role === "rs";
  const isFromAside = role === "peer" && onlyToCustomer !== remoteAs;
  if (!isFromBelow && !isFromAside) return undefined;
  return `route leak: it carries ONLY_TO_CUSTOMER of AS ${onlyToCustomer}, and our role is ${role} (RFC 9234)`;
}

/** RFC 4456 section 8. */
function inCluster(
  { originatorId, clusterList }: Attributes,
  { rules: { reflection } }: RibPeer,
  identifier: number,
): string | undefined {
  if (originatorId === identifier) {
    return "reflection loop: its ORIGINATOR_ID is our own BGP Identifier";
  }
  if (reflection === undefined || clusterList?.includes(reflection.clusterId) !== true) {
    return undefined;
  }
  const words = formatAddress(address4(reflection.clusterId));
  return `reflection loop: its CLUSTER_LIST holds our own CLUSTER_ID ${words}`;
}

/** RFC 4271 section 6.3: the next hop must not be the receiving speaker. */
function inNextHop(
  { nextHop }: Attributes,
  { localAddress, nextHops }: RibPeer,
): string | undefined {
  if (nextHop === undefined) return undefined;
  const own = [localAddress, nextHops[4].nextHop, nextHops[6].nextHop];
  const isOwn = own.some((address) => address !== undefined && equalAddress(nextHop, address));
  if (!isOwn) return undefined;
  return `its NEXT_HOP ${formatAddress(nextHop)} is our own address`;
}
