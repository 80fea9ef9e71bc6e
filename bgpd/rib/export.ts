/**
 * What becomes of attributes on the way out (RFC 4271 sections 5.1 and 9.1.3), and what must not leave.
 */

import { prependAs } from "../wire/as-path.ts";
import type { Attributes } from "../wire/attributes.ts";
import { NO_ADVERTISE, NO_EXPORT, NO_EXPORT_SUBCONFED } from "../wire/const.ts";
import { DEFAULT_LOCAL_PREF } from "./attribute-set.ts";
import type { RibPeer, RouteSource } from "./route.ts";

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

/** The attributes as the peers of a group get them. */
export function transform(
  attributes: Attributes,
  source: RouteSource,
  peer: Pick<RibPeer, "external" | "localAs" | "localAddress">,
): Attributes {
  return peer.external
    ? toExternal(attributes, source, peer)
    : toInternal(attributes, source, peer);
}

function toExternal(
  { localPref, multiExitDisc, originatorId, clusterList, ...rest }: Attributes,
  source: RouteSource,
  { localAs, localAddress }: Pick<RibPeer, "localAs" | "localAddress">,
): Attributes {
  return {
    ...rest,
    asPath: prependAs(rest.asPath, localAs),
    nextHop: localAddress,
    // A MULTI_EXIT_DISC from another AS must not travel on (section 5.1.4).
    ...(source === "local" && multiExitDisc !== undefined ? { multiExitDisc } : {}),
  };
}

function toInternal(
  attributes: Attributes,
  source: RouteSource,
  { localAddress }: Pick<RibPeer, "localAddress">,
): Attributes {
  return {
    ...attributes,
    localPref: attributes.localPref ?? DEFAULT_LOCAL_PREF,
    // Ours where the route begins; a route learned from outside keeps its next hop (section 5.1.3).
    ...(source === "local" ? { nextHop: localAddress } : {}),
  };
}
