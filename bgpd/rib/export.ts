/**
 * What becomes of attributes on the way out (RFC 4271 sections 5.1 and 9.1.3), and what must not leave.
 */

import { type Family, formatAddress } from "../../lib/address.ts";
import { isTold, prependAs } from "../wire/as-path.ts";
import type { Attributes } from "../wire/attributes.ts";
import { NO_ADVERTISE, NO_EXPORT, NO_EXPORT_SUBCONFED } from "../wire/const.ts";
import type { MultiprotocolNextHop } from "../wire/multiprotocol.ts";
import { DEFAULT_LOCAL_PREF } from "./attribute-set.ts";
import type { OwnNextHop, RibPeer, RouteSource } from "./route.ts";

/** Why BGP itself forbids to tell the route to such a peer; undefined when it may be told. */
export function forbidden(
  attributes: Attributes,
  source: RouteSource,
  { external }: Pick<RibPeer, "external">,
): string | undefined {
  if (source === "internal" && !external) {
    return "learned from an internal peer, and not reflected to another (RFC 4271 section 9.2)";
  }
  for (const community of attributes.communities ?? []) {
    if (community === NO_ADVERTISE) return "it carries NO_ADVERTISE (RFC 1997)";
    if (community === NO_EXPORT && external) return "it carries NO_EXPORT (RFC 1997)";
    if (community === NO_EXPORT_SUBCONFED && external) {
      return "it carries NO_EXPORT_SUBCONFED (RFC 1997)";
    }
  }
  return undefined;
}

/**
 * The next hop of a route on its way to such a peer (RFC 4271 section 5.1.3, RFC 4760 section 3), or why
 * there is none. Ours where the route begins and to external peers; a route learned from outside keeps
 * its own to internal ones, without the link-local address, which only its neighbours can use (RFC 2545
 * section 3).
 */
export function nextHopFor(
  { nextHop }: Attributes,
  source: RouteSource,
  { external, nextHops, wire }: Pick<RibPeer, "external" | "nextHops" | "wire">,
  family: Family,
): OwnNextHop {
  if (external || source === "local") return nextHops[family];
  if (nextHop === undefined) return { nextHop, reason: "it has no next hop" };
  if (family === 4 && nextHop.family === 6 && !wire.extendedNextHop) {
    const words = `its next hop ${formatAddress(nextHop)} is an IPv6 address, which the peer does not take for IPv4 (RFC 8950)`;
    return { nextHop: undefined, reason: words };
  }
  return { nextHop };
}

/** The attributes as the peers of a group get them, with the next hop that was found for them. */
export function transform(
  { nextHop, nextHopLinkLocal, ...attributes }: Attributes,
  source: RouteSource,
  peer: Pick<RibPeer, "external" | "localAs">,
  told: MultiprotocolNextHop,
): Attributes {
  return peer.external
    ? { ...toExternal(attributes, source, peer), ...told }
    : { ...attributes, localPref: attributes.localPref ?? DEFAULT_LOCAL_PREF, ...told };
}

function toExternal(
  { localPref, multiExitDisc, originatorId, clusterList, ...rest }: Attributes,
  source: RouteSource,
  { localAs }: Pick<RibPeer, "localAs">,
): Attributes {
  return {
    ...rest,
    // What another's confederation wrote stays inside (RFC 5065 section 4.1).
    asPath: prependAs(rest.asPath.filter(isTold), localAs),
    // A MULTI_EXIT_DISC from another AS must not travel on (section 5.1.4).
    ...(source === "local" && multiExitDisc !== undefined ? { multiExitDisc } : {}),
  };
}
