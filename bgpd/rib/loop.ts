/**
 * Routes that no policy can accept, because taking them would send packets in circles.
 */

import { equalAddress, formatAddress } from "../../lib/address.ts";
import type { Attributes } from "../wire/attributes.ts";
import type { PolicyVerdict, RibPeer } from "./route.ts";

/** The refusal of a set from a peer, or undefined when policy may decide. */
export function refuse(
  attributes: Attributes,
  peer: RibPeer,
  identifier: number,
): PolicyVerdict | undefined {
  const reason =
    inAsPath(attributes, peer) ?? inCluster(attributes, identifier) ?? inNextHop(attributes, peer);
  return reason === undefined ? undefined : { accept: false, reason };
}

/** RFC 4271 sections 9.1.2 (our AS) and 6.3 (the leftmost AS is the peer's). */
function inAsPath({ asPath }: Attributes, peer: RibPeer): string | undefined {
  for (const { asNumbers } of asPath) {
    if (asNumbers.includes(peer.localAs)) {
      return `AS loop: its path holds our own AS ${peer.localAs}`;
    }
  }
  if (!peer.external) return undefined;
  const first = asPath[0]?.asNumbers[0];
  if (asPath[0]?.type === "sequence" && first === peer.remoteAs) return undefined;
  return `its path begins with ${first === undefined ? "no AS" : `AS ${first}`} and not with the peer's AS ${peer.remoteAs}`;
}

/** RFC 4456 section 8. */
function inCluster({ originatorId }: Attributes, identifier: number): string | undefined {
  if (originatorId !== identifier) return undefined;
  return "reflection loop: its ORIGINATOR_ID is our own BGP Identifier";
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
