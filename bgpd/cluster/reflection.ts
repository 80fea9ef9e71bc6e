/**
 * Whose routes a node reflects (RFC 4456): as Calico decides it, unless a BGPPeer says so itself.
 */

import { equalAddress } from "../../lib/address.ts";
import type { BgpConfiguration } from "../../resource/bgp-configuration.ts";
import type { BgpRange } from "../../resource/bgp-peer.ts";
import type { Node } from "../../resource/node.ts";
import type { Peering } from "./peering.ts";
import type { ReflectionPlan } from "./speaker.ts";

/** What a node is as a reflector; undefined where it is none. */
export type Reflector = Pick<ReflectionPlan, "clusterId" | "clientToClient">;

/** What BGPPeers give a node. */
export type Sessions = {
  readonly peerings: readonly Peering[];
  /** Those whose other end nobody has named, and that may be of the node's AS. */
  readonly unnamed: readonly Unnamed[];
};

type Unnamed = Pick<BgpRange, "routeReflectorClient">;

/** A node with a cluster ID or with a client reflects. Without a cluster ID its BGP Identifier is it (section 7). */
export function reflectorOf(
  node: Node,
  { peerings, unnamed }: Sessions,
  { clientToClientReflection }: BgpConfiguration,
): Reflector | undefined {
  const hasClients =
    peerings.some((peering) => isClient(peering, node)) ||
    unnamed.some((session) => isClientUnnamed(session, node));
  if (node.clusterId === undefined && !hasClients) return undefined;
  return {
    clusterId: (node.clusterId ?? node.address).w0,
    clientToClient: node.clientToClientReflection ?? clientToClientReflection,
  };
}

/**
 * Whether the other end is a client of the node: any of its AS is that has not the same cluster ID. What a document says
 * itself it says of the peers of the nodes that it selects.
 */
export function isClient(
  { document, isReverse, localAs, remoteAs, node: other }: Peering,
  { clusterId }: Node,
): boolean {
  if (localAs !== remoteAs) return false;
  const { routeReflectorClient } = document.resource;
  if (routeReflectorClient !== undefined && !isReverse) return routeReflectorClient;
  if (clusterId === undefined) return false;
  return other?.clusterId === undefined || !equalAddress(other.clusterId, clusterId);
}

/** Whether who is not named, of a range, on a link or a pod, is a client of the node if it is of its AS. */
export function isClientUnnamed(
  { routeReflectorClient }: Unnamed,
  { clusterId }: Pick<Node, "clusterId">,
): boolean {
  return routeReflectorClient ?? clusterId !== undefined;
}
