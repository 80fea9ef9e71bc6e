/**
 * Which nodes have a session with which: every one with every other, unless that is switched off. Who reflects
 * routes takes no part: its sessions are those of BGPPeers.
 */

import type { Node } from "../../resource/node.ts";
import type { Resources } from "../../resource/resource.ts";

/** The nodes that `node` has a mesh session with, by name. */
export function meshPeers({ configuration, nodes }: Resources, node: Node): Node[] {
  if (configuration?.resource.nodeToNodeMeshEnabled === false) return [];
  if (node.clusterId !== undefined) return [];
  return nodes
    .map(({ resource }) => resource)
    .filter(({ name, clusterId }) => name !== node.name && clusterId === undefined)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
