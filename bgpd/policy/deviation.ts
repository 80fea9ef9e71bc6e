/**
 * Where the built-in policy does less than Calico would: what somebody who comes from there must know.
 */

import { formatPrefix } from "../../lib/prefix.ts";
import type { PeerPlan, SpeakerPlan } from "../cluster/speaker.ts";
import { ownPrefixes } from "./built-in.ts";
import { endsInAccept } from "./filter.ts";

/** What differs from Calico for one BGPPeer. */
export type Deviation = { readonly name: string; readonly text: string };

/** One sentence for each peer and direction that differs from Calico; the same for all nodes with it. */
export function deviations(speaker: SpeakerPlan): Deviation[] {
  const pods = (speaker.workloads ?? []).map(({ session }) => session);
  return [...speaker.peers, ...pods]
    .filter(({ origin, localAs, remoteAs }) => origin === "BGPPeer" && localAs !== remoteAs)
    .flatMap((peer) => [...refused(peer, speaker), ...untold(peer, speaker)]);
}

/** What of a peer is known before it is found. */
type Session = Omit<PeerPlan, "address" | "localAddress">;

function refused(peer: Session, speaker: SpeakerPlan): Deviation[] {
  const { name, filters, policy, acceptDefaultRoute, behindUs } = peer;
  const sentences: Deviation[] = [];
  if (decidesAll(peer, "import")) return sentences;
  if (policy.importPolicy === "none") {
    const rest = filters.length === 0 ? "no route comes in" : "only what filters accept comes in";
    sentences.push({ name, text: `${rest} (importPolicy: none, RFC 8212); Calico takes all` });
  }
  if (policy.importPolicy === "safe") {
    const kinds = [
      ...(acceptDefaultRoute ? [] : ["the default route"]),
      // A node's own blocks differ from node to node; the pools hold them.
      ...ownPrefixes({ ...speaker, blocks: [] }).map(
        ([prefix, what]) => `what is inside our ${what} ${formatPrefix(prefix)}`,
      ),
      ...(behindUs === true ? ["what covers the address of a Node or a peer"] : []),
      "this node's blocks, loopback, link-local, multicast and reserved prefixes",
    ];
    const text = `refused where Calico takes it: ${kinds.join(", ")}; importPolicy: all takes it`;
    sentences.push({ name, text });
  }
  return sentences;
}

function untold(peer: Session, { pools }: SpeakerPlan): Deviation[] {
  const { name, filters, policy } = peer;
  if (decidesAll(peer, "export") || policy.exportPolicy === "pools") return [];
  if (policy.exportPolicy === "none") {
    const rest = filters.length === 0 ? "no route goes out" : "only what filters accept goes out";
    return [{ name, text: `${rest} (exportPolicy: none, RFC 8212); Calico tells our blocks` }];
  }
  if (pools.length === 0) return [];
  const list = pools.map(formatPrefix).join(", ");
  const text = `not told where Calico tells it: other nodes' routes in ${list}; exportPolicy: pools tells them`;
  return [{ name, text }];
}

/** Whether filters decide every route of every family, so that no built-in policy is asked. */
function decidesAll({ families, filters }: Session, direction: "import" | "export"): boolean {
  return families.every((family) => endsInAccept(filters, direction, family));
}
