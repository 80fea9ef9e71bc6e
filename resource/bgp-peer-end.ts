/**
 * Whom the sessions of a BGPPeer are with, and the fields that mean nothing towards them.
 */

import { type Address, isLinkLocal } from "../lib/address.ts";
import type { Prefix } from "../lib/prefix.ts";
import type { BgpPeerFields, Wrong } from "./bgp-peer-fields.ts";
import {
  type AsRange,
  asNumberSchema,
  missing,
  type PeerAs,
  peerAddressSchema,
  peerAsSchema,
  type WordedSelector,
} from "./scalar.ts";
import type { Selector } from "./selector.ts";

/** Neighbours of a range, unless it says how many. */
const DEFAULT_LIMIT = 100;

/** The other end: one address, or Nodes by label. */
export type RemoteEnd =
  | {
      readonly type: "address";
      readonly address: Address;
      /** Undefined: the Node's where the address is one's, else 179. */
      readonly port: number | undefined;
      readonly asNumber: number;
    }
  | { readonly type: "nodes"; readonly selector: Selector };

/** An addition of ours: neighbours that nobody has named, by where they call from. */
export type CallingEnd = {
  readonly type: "range";
  readonly remotes: Prefix;
  readonly asNumbers: readonly AsRange[];
  /** So many of them at once. */
  readonly limit: number;
};

/** An addition of ours: the neighbour on a link, by its router advertisements. */
export type LinkEnd = {
  readonly type: "link";
  /** The link's name; nodes that have this session all call it so. */
  readonly link: string;
  readonly peerAs: PeerAs;
};

/** Each pod of the node that the selector picks. */
export type PodsEnd = {
  readonly type: "pods";
  readonly workloads: WordedSelector;
  readonly asNumber: number;
};

export type AnyEnd = RemoteEnd | CallingEnd | LinkEnd | PodsEnd;

/** Whom the sessions are with, or the field that is missing for it. */
export function endOf(spec: BgpPeerFields): AnyEnd | Wrong {
  const { peerIP, asNumber: peerAs, peerSelector, listenRange, asNumbers, listenLimit } = spec;
  if (isOnLink(spec)) {
    if (peerAs === undefined) return ["asNumber", missing(peerAsSchema)];
    return { type: "link", link: spec.interface, peerAs };
  }
  if (typeof peerAs === "string") {
    return ["asNumber", "expected an AS number: external and internal go with an interface alone"];
  }
  const asNumber = peerAs;
  if (spec.localWorkloadSelector !== undefined) {
    if (asNumber === undefined) return ["asNumber", missing(asNumberSchema)];
    return { type: "pods", workloads: spec.localWorkloadSelector, asNumber };
  }
  if (listenRange !== undefined) {
    const single = asNumber === undefined ? undefined : [{ first: asNumber, last: asNumber }];
    const ranges = asNumbers ?? single;
    if (ranges === undefined || (single !== undefined && asNumbers !== undefined)) {
      return ["asNumbers", "expected either asNumber or asNumbers with a listenRange"];
    }
    const limit = listenLimit ?? DEFAULT_LIMIT;
    return { type: "range", remotes: listenRange, asNumbers: ranges, limit };
  }
  if (peerSelector !== undefined) return { type: "nodes", selector: peerSelector };
  if (peerIP === undefined) {
    const others =
      "or, for Nodes, a peerSelector; or, for the nodes' own pods, a localWorkloadSelector; or, for who calls, a listenRange; or, for who is found on a link, an interface";
    return ["peerIP", `${missing(peerAddressSchema)}; ${others}`];
  }
  if (asNumber === undefined) return ["asNumber", missing(asNumberSchema)];
  return { type: "address", ...peerIP, asNumber };
}

/** Fields that do not go with whom the sessions are with. */
export function misplaced(spec: BgpPeerFields): Wrong[] {
  if (spec.localWorkloadSelector !== undefined) return besidePods(spec);
  if (spec.listenRange !== undefined) return besideRange(spec, spec.listenRange);
  const ofRanges = ["asNumbers", "listenLimit"] as const;
  return [
    ...(isOnLink(spec) ? besideLink(spec) : []),
    ...ofRanges
      .filter((field) => spec[field] !== undefined)
      .map((field) => [field, "expected only with a listenRange"] as const),
    ...(spec.peerSelector === undefined ? [] : besideNodes(spec)),
  ];
}

/** What means nothing towards whoever calls from a range. */
function besideRange(spec: BgpPeerFields, range: Prefix): Wrong[] {
  const ofPeers = ["peerIP", "peerSelector", "reachableBy"] as const;
  const found: Wrong[] = ofPeers
    .filter((field) => spec[field] !== undefined)
    .map((field) => [field, "with listenRange whoever calls from it is the peer: remove it"]);
  if (spec.sourceAddress === "None") {
    found.push(["sourceAddress", "with listenRange whoever calls chooses it: remove it"]);
  }
  if (isLinkLocal(range)) {
    const none = "expected no link-local one: an interface alone finds who is on a link";
    found.push(["listenRange", none]);
  }
  if (spec.bfd?.strict === true) {
    // BFD has nobody to speak with before the neighbour calls, and then it would not be let in.
    const none = "expected no strict with a listenRange: who calls is known by its call only";
    found.push(["bfd", none]);
  }
  return found;
}

/** What means nothing towards Nodes. */
function besideNodes({ peerIP, asNumber, reachableBy }: BgpPeerFields): Wrong[] {
  const own = "with peerSelector the Nodes say";
  const found: Wrong[] = [];
  if (peerIP !== undefined) found.push(["peerIP", `${own} their addresses: remove it`]);
  if (asNumber !== undefined) found.push(["asNumber", `${own} their AS numbers: remove it`]);
  if (reachableBy !== undefined) found.push(["reachableBy", "goes with a peerIP"]);
  return found;
}

/** Whether the neighbour on a link is meant: nothing else says who the peer is. */
function isOnLink(spec: BgpPeerFields): spec is BgpPeerFields & { readonly interface: string } {
  const { interface: link, peerIP, peerSelector, listenRange, localWorkloadSelector } = spec;
  const ends = [peerIP, peerSelector, listenRange, localWorkloadSelector];
  return link !== undefined && ends.every((end) => end === undefined);
}

/** What means nothing towards the neighbour on a link. */
function besideLink({ multihop, reachableBy, sourceAddress, bfd }: BgpPeerFields): Wrong[] {
  const near = "with an interface alone the peer is on that link: remove it";
  return [
    ...(multihop === undefined ? [] : [["multihop", near] as const]),
    ...(reachableBy === undefined ? [] : [["reachableBy", near] as const]),
    ...(sourceAddress === "None"
      ? [["sourceAddress", "with an interface alone it is the link's own: remove it"] as const]
      : []),
    ...(bfd?.multihop === true
      ? [["bfd", "expected no multihop with an interface alone: the peer is on that link"] as const]
      : []),
  ];
}

/** What means nothing towards the node's own pods. */
function besidePods(spec: BgpPeerFields): Wrong[] {
  const ends = ["peerIP", "peerSelector", "listenRange", "asNumbers", "listenLimit"] as const;
  const ways = ["reachableBy", "interface"] as const;
  const isThere = (field: keyof BgpPeerFields): boolean => spec[field] !== undefined;
  const found: Wrong[] = [
    ...ends
      .filter(isThere)
      .map((field) => [field, "with localWorkloadSelector pods are the peers: remove it"] as const),
    ...ways
      .filter(isThere)
      .map(
        (field) =>
          [field, "with localWorkloadSelector each pod is on its own link: remove it"] as const,
      ),
  ];
  if (spec.sourceAddress === "None") {
    const own = "with localWorkloadSelector it is the localWorkloadPeering address: remove it";
    found.push(["sourceAddress", own]);
  }
  if (spec.failureDetectionMode === "BFDIfDirectlyConnected") {
    const none =
      "pods are in no network of the node's links: expected bfd with localWorkloadSelector";
    found.push(["failureDetectionMode", none]);
  }
  return found;
}
