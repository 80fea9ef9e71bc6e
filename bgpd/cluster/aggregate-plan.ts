/**
 * Which aggregates a node announces, and where that would cut others off.
 */

import { equalPrefix, formatPrefix } from "../../lib/prefix.ts";
import type { Fault } from "../../resource/fault.ts";
import type { Context } from "./context.ts";
import type { AggregatePlan, PeerPlan } from "./speaker.ts";

/** Those that this node announces. */
export function aggregatesOf({ node, configuration, resources }: Context): AggregatePlan[] {
  return configuration.aggregates
    .filter(({ nodeSelector }) => nodeSelector(node.labels))
    .map(({ prefix, nodeSelector, audience, summaryOnly }) => ({
      prefix,
      audience,
      summaryOnly,
      makers: resources.nodes
        .filter(({ resource: { labels } }) => nodeSelector(labels))
        .map(({ resource: { name } }) => name),
    }));
}

/** Who announces what others have parts of, and hears of them by routers alone, drops what is for the others. */
export function lonelyAggregates(peers: readonly PeerPlan[], context: Context): Fault[] {
  const { resources, node } = context;
  if (peers.some((peer) => peer.node !== undefined)) return [];
  return aggregatesOf(context).flatMap(({ prefix, makers, summaryOnly }) => {
    if (!summaryOnly || makers.length < 2) return [];
    const message = `Node ${node.name} has no session with another Node, and of ${formatPrefix(prefix)} the routers tell it nothing: it would drop what is for the ${makers.length - 1} others that announce it; expected a mesh, a peerSelector, or summaryOnly: false`;
    const index = context.configuration.aggregates.findIndex((one) =>
      equalPrefix(one.prefix, prefix),
    );
    const { complain } = resources.configuration ?? {};
    return complain === undefined ? [] : [complain(["spec", "aggregates", index], message)];
  });
}
