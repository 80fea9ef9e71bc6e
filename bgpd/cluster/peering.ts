/**
 * Which BGPPeers give a node which sessions, as Calico decides it: those that select the node, and the other
 * ends of those by which other nodes call it.
 */

import { type Address, formatAddress } from "../../lib/address.ts";
import { DEFAULT_PORT } from "../../resource/bgp-configuration.ts";
import type { BgpPeer } from "../../resource/bgp-peer.ts";
import type { Fault } from "../../resource/fault.ts";
import { hasAddress, type Node } from "../../resource/node.ts";
import type { Documented, Resources } from "../../resource/resource.ts";

/** One session of a node that a BGPPeer describes. */
export type Peering = {
  /** The BGPPeer's name, with the other Node's behind it where one document gives several sessions. */
  readonly name: string;
  readonly document: Documented<BgpPeer>;
  /** The document is written from the other end. */
  readonly isReverse: boolean;
  readonly address: Address;
  readonly port: number;
  readonly localAs: number;
  readonly remoteAs: number;
  /** The document is written from both ends. */
  readonly isMutual: boolean;
  /** Wait to be called. */
  readonly passive: boolean;
  /** Who is at the other end, where it is one of ours. */
  readonly node: Node | undefined;
};

/** The cluster as peerings look at it. */
export type Surroundings = {
  readonly resources: Resources;
  readonly asNumberOf: (node: Node) => number;
  readonly portOf: (node: Node) => number;
};

export type Peerings = {
  readonly peerings: readonly Peering[];
  /** Sessions with one address that cannot both be. */
  readonly faults: readonly Fault[];
  /** Sessions that two documents describe. */
  readonly notes: readonly Fault[];
};

/**
 * The sessions of `node`, in the order of the documents. Where two documents describe one session, a document
 * for all nodes comes before one that names or selects them, one that is written from this end before one from
 * the other, and the earlier before the later.
 */
export function peeringsOf(node: Node, surroundings: Surroundings): Peerings {
  const { peers } = surroundings.resources;
  const called = peers.filter(({ resource }) => selects(resource, node));
  const ranks = [
    called.filter(({ resource }) => isGlobal(resource)).flatMap((peer) => forward(peer)),
    called.filter(({ resource }) => !isGlobal(resource)).flatMap((peer) => forward(peer)),
    peers.flatMap((peer) => reverse(peer)),
  ];
  const taken = new Map<string, Peering>();
  const faults: Fault[] = [];
  const notes: Fault[] = [];
  for (const peering of ranks.flat()) {
    const key = formatAddress(peering.address);
    const winner = taken.get(key);
    if (winner === undefined) taken.set(key, peering);
    else if (winner.port !== peering.port) faults.push(twinFault(winner, peering));
    else if (winner.isReverse === peering.isReverse) notes.push(twinNote(winner, peering, node));
  }
  const order = new Map(peers.map((peer, index) => [peer, index]));
  const place = ({ document }: Peering): number => order.get(document) ?? 0;
  return {
    peerings: [...taken.values()].sort((a, b) => place(a) - place(b)),
    faults,
    notes,
  };

  function forward(document: Documented<BgpPeer>): Peering[] {
    const { resource } = document;
    const { name, remote } = resource;
    const localAs = resource.localASNumber ?? surroundings.asNumberOf(node);
    if (remote.type === "address") {
      const { address, asNumber } = remote;
      if (hasAddress(node, address)) return [];
      const other = nodeAt(remote);
      const port = remote.port ?? (other === undefined ? DEFAULT_PORT : surroundings.portOf(other));
      const remoteAs = asNumber;
      const ends = { address, port, localAs, remoteAs, node: other };
      return [
        { name, document, isReverse: false, isMutual: false, passive: resource.passive, ...ends },
      ];
    }
    return others(remote.selector).map((other) => {
      // What is written from both ends holds at both: the AS number; but one of the two must call.
      const isMutual = selects(resource, other) && remote.selector(node.labels);
      const theirs = isMutual ? resource.localASNumber : undefined;
      const remoteAs = theirs ?? surroundings.asNumberOf(other);
      const passive = resource.passive && !(isMutual && node.name < other.name);
      return {
        ...towards(document, other),
        isReverse: false,
        isMutual,
        localAs,
        remoteAs,
        passive,
      };
    });
  }

  function reverse(document: Documented<BgpPeer>): Peering[] {
    const { resource } = document;
    if (!resource.reversePeering || !isRemoteEnd(resource)) return [];
    const { remote } = resource;
    const isIpv6 = remote.type === "address" && remote.address.family === 6;
    return others((labels, name) => selects(resource, { name, labels })).flatMap((other) => {
      const address = isIpv6 ? other.ipv6?.address : other.address;
      if (address === undefined) return [];
      const remoteAs = resource.localASNumber ?? surroundings.asNumberOf(other);
      const localAs = surroundings.asNumberOf(node);
      const end = { isReverse: true, isMutual: false, passive: false, localAs, remoteAs };
      return [{ ...towards(document, other), ...end, address }];
    });
  }

  function towards(document: Documented<BgpPeer>, other: Node) {
    return {
      name: `${document.resource.name} ${other.name}`,
      document,
      address: other.address,
      port: surroundings.portOf(other),
      node: other,
    };
  }

  function others(isWanted: (labels: Node["labels"], name: string) => boolean): Node[] {
    return surroundings.resources.nodes
      .map(({ resource }) => resource)
      .filter(({ name, labels }) => name !== node.name && isWanted(labels, name))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Whether the node is what the document calls. */
  function isRemoteEnd({ remote }: BgpPeer): boolean {
    if (remote.type === "nodes") return remote.selector(node.labels);
    const isOurs = remote.asNumber === surroundings.asNumberOf(node);
    return isOurs && nodeAt(remote)?.name === node.name;
  }

  /** The node that listens there. */
  function nodeAt({ address, port }: { address: Address; port: number | undefined }) {
    return surroundings.resources.nodes
      .map(({ resource }) => resource)
      .find(
        (other) =>
          hasAddress(other, address) && (port === undefined || port === surroundings.portOf(other)),
      );
  }
}

/** Whether the document is for all nodes. */
export function isGlobal({ node, nodeSelector }: Pick<BgpPeer, "node" | "nodeSelector">): boolean {
  return node === undefined && nodeSelector === undefined;
}

/** Whether the document is one of this node's: by name, by label, or everybody's. */
export function selects(
  { node, nodeSelector }: Pick<BgpPeer, "node" | "nodeSelector">,
  { name, labels }: Pick<Node, "name" | "labels">,
): boolean {
  if (node !== undefined) return node === name;
  return nodeSelector?.(labels) ?? true;
}

/** Two sessions with one address cannot be told apart when it calls. */
function twinFault(winner: Peering, { document, address }: Peering): Fault {
  const message = `BGPPeer ${winner.document.resource.name} has the address ${formatAddress(address)} too, on the same node`;
  return document.complain(fieldOf(document), message);
}

function twinNote(winner: Peering, { document, address, node }: Peering, own: Node): Fault {
  const other = node === undefined ? formatAddress(address) : `Node ${node.name}`;
  const message = `the session of Node ${own.name} with ${other} is BGPPeer ${winner.document.resource.name}'s, as Calico has it: nothing of this document holds for it`;
  return document.complain(fieldOf(document), message);
}

function fieldOf({ resource: { remote } }: Documented<BgpPeer>): string[] {
  return ["spec", remote.type === "address" ? "peerIP" : "peerSelector"];
}
