/**
 * Routes that no policy can accept, because taking them would send packets in circles.
 */

import { type Address, address4, equalAddress, formatAddress } from "../../lib/address.ts";
import type { AttributeSet } from "./attribute-set.ts";
import type { PolicyVerdict, RibPeer } from "./route.ts";

/** The refusal of a set from a peer, or undefined when policy may decide. */
export function refuse(
  set: AttributeSet,
  peer: RibPeer,
  identifier: number,
): PolicyVerdict | undefined {
  const reason =
    inAsPath(set, peer) ??
    inSets(set, peer) ??
    leaked(set, peer) ??
    inCluster(set, peer, identifier) ??
    inNextHop(set, peer);
  return reason === undefined ? undefined : { accept: false, reason };
}

/** RFC 4271 sections 9.1.2 (our AS) and 6.3 (the leftmost AS is the peer's). */
function inAsPath(set: AttributeSet, peer: RibPeer): string | undefined {
  const { localAs, speakerAs, rules } = peer;
  const times = set.countAs(localAs, speakerAs);
  if (times > rules.allowedOwnAs) {
    const all = set.attributes.asPath.flatMap(({ asNumbers }) => asNumbers);
    const ours = all.filter((one) => one === localAs || one === speakerAs);
    const often = times === 1 ? "" : ` ${times} times`;
    const allowed = rules.allowedOwnAs === 0 ? "" : `, ${rules.allowedOwnAs} allowed`;
    return `AS loop: its path holds our own AS ${[...new Set(ours)].join(" and ")}${often}${allowed}`;
  }
  // A route server does not put its own AS into paths (RFC 7947 section 2.2.2).
  if (!peer.external || rules.role === "rs-client") return undefined;
  if (set.neighbourAs === peer.remoteAs) return undefined;
  const first = set.attributes.asPath[0]?.asNumbers[0];
  return `its path begins with ${first === undefined ? "no AS" : `AS ${first}`} and not with the peer's AS ${peer.remoteAs}`;
}

/** RFC 9774 section 3, where the peer's rules ask for it. */
function inSets(set: AttributeSet, { rules }: RibPeer): string | undefined {
  if (!rules.refuseAsSets) return undefined;
  const isSet = set.attributes.asPath.some(
    ({ type }) => type === "set" || type === "confederation set",
  );
  return isSet ? "its path holds an AS_SET (RFC 9774)" : undefined;
}

/** RFC 9234 section 5: a route for customers only that does not come from above. */
function leaked(
  { onlyToCustomer }: AttributeSet,
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
  set: AttributeSet,
  { rules: { reflection } }: RibPeer,
  identifier: number,
): string | undefined {
  if (set.originatorId === identifier) {
    return "reflection loop: its ORIGINATOR_ID is our own BGP Identifier";
  }
  if (reflection === undefined || set.clusters === 0) return undefined;
  if (set.attributes.clusterList?.includes(reflection.clusterId) !== true) return undefined;
  const words = formatAddress(address4(reflection.clusterId));
  return `reflection loop: its CLUSTER_LIST holds our own CLUSTER_ID ${words}`;
}

/** RFC 4271 section 6.3: the next hop must not be the receiving speaker. */
function inNextHop(
  { nextHop }: AttributeSet,
  { localAddress, nextHops }: RibPeer,
): string | undefined {
  if (nextHop === undefined) return undefined;
  const isOwn = (own: Address | undefined) => own !== undefined && equalAddress(nextHop, own);
  if (!isOwn(localAddress) && !isOwn(nextHops[4].nextHop) && !isOwn(nextHops[6].nextHop)) {
    return undefined;
  }
  return `its NEXT_HOP ${formatAddress(nextHop)} is our own address`;
}
