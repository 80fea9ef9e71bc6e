/**
 * Whose routes a node reflects (RFC 4456): as Calico decides it, unless a BGPPeer says so itself.
 */

import { equalAddress } from "../../lib/address.ts";
import type { BgpPeer } from "../../resource/bgp-peer.ts";
import type { Node } from "../../resource/node.ts";
import type { Resources } from "../../resource/resource.ts";
import type { ReflectionPlan } from "./speaker.ts";

/** What a node is as a reflector; undefined where it is none. */
export type Reflector = Pick<ReflectionPlan, "clusterId" | "clientToClient">;

/** A node with a cluster ID or with a client reflects. Without a cluster ID its BGP Identifier is it (section 7). */
export function reflectorOf(
  { routeReflectorClusterID, clientToClientReflection, address }: Node,
  peers: readonly BgpPeer[],
  { configuration }: Resources,
): Reflector | undefined {
  const hasClients = peers.some(({ routeReflectorClient }) => routeReflectorClient === true);
  if (routeReflectorClusterID === undefined && !hasClients) return undefined;
  return {
    clusterId: (routeReflectorClusterID ?? address).w0,
    clientToClient:
      clientToClientReflection ?? configuration?.resource.clientToClientReflection ?? true,
  };
}

/** Whether a peer of the node's AS is a client of the node: any is that has not the same cluster ID. */
export function isClient(
  { routeReflectorClient }: BgpPeer,
  node: Node,
  /** The peer's, where it is a node. */
  other: Node | undefined,
): boolean {
  if (routeReflectorClient !== undefined) return routeReflectorClient;
  const own = node.routeReflectorClusterID;
  const theirs = other?.routeReflectorClusterID;
  return own !== undefined && (theirs === undefined || !equalAddress(own, theirs));
}
