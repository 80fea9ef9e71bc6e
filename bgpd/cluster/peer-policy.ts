/**
 * What a session's routes go through, from the documents: the peer's own fields before the cluster's.
 */

import type { BgpPeer, BgpRange } from "../../resource/bgp-peer.ts";
import type { Fault } from "../../resource/fault.ts";
import type { Documented } from "../../resource/resource.ts";
import type { AsRange } from "../../resource/scalar.ts";
import type { Context } from "./context.ts";
import { DEFAULT_POLICY, type PeerPolicy } from "./speaker.ts";

/** Of a session with another node that nobody has said anything about. */
export function meshPolicy(context: Context): PeerPolicy {
  return { ...DEFAULT_POLICY, ...commonPolicy(context) };
}

/** Of a session that a BGPPeer asks for. */
export function explicitPolicy(peer: BgpPeer | BgpRange, context: Context): PeerPolicy {
  const common = commonPolicy(context);
  return {
    importPolicy:
      peer.importPolicy ?? context.resources.configuration?.resource.importPolicy ?? "safe",
    exportPolicy: peer.exportPolicy,
    allowedOwnAs: peer.numAllowedLocalASNumbers,
    refuseAsSets: peer.rejectASSets ?? common.refuseAsSets,
    discardBlackhole: peer.discardBlackhole ?? common.discardBlackhole,
    // Calico honours the older field on external sessions only.
    nextHop: peer.keepOriginalNextHop && !mayBeInternal(peer, context) ? "Keep" : peer.nextHopMode,
    asOverride: peer.asOverride,
    removePrivateAs: peer.removePrivateAS,
    gracefulShutdown: peer.gracefulShutdown || common.gracefulShutdown,
    prefixLimit: peer.prefixLimit,
  };
}

/** Ours on the session. */
export function localAsOf({ localASNumber }: BgpPeer | BgpRange, { asNumber }: Context): number {
  return localASNumber ?? asNumber;
}

/** Whether the peer is, or a neighbour of the range may be, of our own AS. */
export function mayBeInternal(peer: BgpPeer | BgpRange, context: Context): boolean {
  const localAs = localAsOf(peer, context);
  return asNumbersOf(peer).some(({ first, last }) => first <= localAs && localAs <= last);
}

/** What means something between two ASes only, on a session that is or may be within one. */
export function misfitsOf(
  { resource, complain }: Documented<BgpPeer | BgpRange>,
  context: Context,
): Fault[] {
  if (!mayBeInternal(resource, context)) return [];
  const [who, number] =
    "asNumber" in resource
      ? ["this one is", resource.asNumber]
      : ["one of these may be", localAsOf(resource, context)];
  const fields = ["role", "asOverride", "removePrivateAS"] as const;
  return fields
    .filter((field) => resource[field] !== undefined && resource[field] !== false)
    .map((field) =>
      complain(
        ["spec", field],
        `for peers of another AS: ${who} of AS ${number}, like Node ${context.node.name}`,
      ),
    );
}

/** What holds for every session of the node. */
function commonPolicy({ node, resources }: Context) {
  const configuration = resources.configuration?.resource;
  return {
    refuseAsSets: configuration?.rejectASSets ?? false,
    discardBlackhole: configuration?.discardBlackhole ?? false,
    gracefulShutdown: node.gracefulShutdown,
  };
}

function asNumbersOf(peer: BgpPeer | BgpRange): readonly AsRange[] {
  return "asNumber" in peer ? [{ first: peer.asNumber, last: peer.asNumber }] : peer.asNumbers;
}
