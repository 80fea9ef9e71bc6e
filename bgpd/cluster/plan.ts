/**
 * The plan of one node's speaker, from the cluster's documents.
 */

import { type Address, equalAddress, formatAddress } from "../../lib/address.ts";
import { comparePrefix, containsAddress, prefixOf } from "../../lib/prefix.ts";
import { DEFAULT_AS_NUMBER, DEFAULT_PORT, type Timers } from "../../resource/bgp-configuration.ts";
import type { BgpPeer } from "../../resource/bgp-peer.ts";
import type { Fault } from "../../resource/fault.ts";
import type { Node } from "../../resource/node.ts";
import type { Documented, Resources } from "../../resource/resource.ts";
import { meshPeers } from "./mesh.ts";
import type { PeerPlan, SpeakerPlan } from "./speaker.ts";

/** Seconds. RFC 4271 section 10 suggests 90 and a third of it. */
const DEFAULT_HOLD_TIME = 90;
/** Seconds. The RFC's 120 is for peers far away; a node that comes back is called at once. */
const DEFAULT_CONNECT_RETRY_TIME = 5;
/** A peer behind a router may be this many hops away. */
const MULTIHOP = 64;
const DIRECT = 1;

/** What `nodeName`'s speaker is to do; faults that only this node has. */
export function planSpeaker(
  resources: Resources,
  nodeName: string,
): { readonly plan: SpeakerPlan } | { readonly faults: readonly Fault[] } {
  const nodes = resources.nodes.map(({ resource }) => resource);
  const node = nodes.find(({ name }) => name === nodeName);
  if (node === undefined) return { faults: [noSuchNode(nodes, nodeName)] };
  const explicit = resources.peers.filter(({ resource }) => selects(resource, node));
  const faults = [...twins(explicit), ...lacking(explicit, node)];
  if (faults.length > 0) return { faults };
  const context = contextOf(resources, node);
  const peers = explicit.map(({ resource }) => explicitPlan(resource, context));
  // Who configures a session with another node by hand has it instead of the mesh's.
  const mesh = meshPeers(resources, node)
    .filter((other) => !peers.some(({ address }) => isAddressOf(other, address)))
    .map((other) => meshPlan(other, context));
  return {
    plan: {
      node: node.name,
      asNumber: context.asNumber,
      routerId: node.address,
      listenPort: context.port,
      listenAddresses: addressesOf(node),
      blocks: node.blocks,
      pools: resources.pools.map(({ resource }) => resource.prefix).sort(comparePrefix),
      peers: [...mesh, ...peers],
    },
  };
}

/** What all sessions of one node have in common. */
type Context = {
  readonly node: Node;
  readonly asNumber: number;
  readonly clusterAs: number;
  readonly port: number;
  readonly timers: Timers | undefined;
  readonly resources: Resources;
};

function contextOf(resources: Resources, node: Node): Context {
  const configuration = resources.configuration?.resource;
  const clusterAs = configuration?.asNumber ?? DEFAULT_AS_NUMBER;
  return {
    node,
    clusterAs,
    asNumber: node.asNumber ?? clusterAs,
    port: configuration?.listenPort ?? DEFAULT_PORT,
    timers: configuration?.timers,
    resources,
  };
}

/** By name, by label, or all; never a session with itself. */
function selects({ node, nodeSelector, address }: BgpPeer, candidate: Node): boolean {
  if (isAddressOf(candidate, address)) return false;
  if (node !== undefined) return node === candidate.name;
  return nodeSelector?.(candidate.labels) ?? true;
}

function meshPlan(other: Node, context: Context): PeerPlan {
  const remoteAs = other.asNumber ?? context.clusterAs;
  return {
    name: `mesh ${other.name}`,
    origin: "mesh",
    address: other.address,
    port: context.port,
    ...localSide(context, other.address, remoteAs),
    ...timersOf(undefined, context.timers),
    passive: false,
    acceptDefaultRoute: true,
    filters: [],
  };
}

function explicitPlan(peer: BgpPeer, context: Context): PeerPlan {
  const filters = context.resources.filters.map(({ resource }) => resource);
  return {
    name: peer.name,
    origin: "BGPPeer",
    address: peer.address,
    port: peer.port ?? portAt(peer.address, context),
    ...localSide(context, peer.address, peer.asNumber),
    ...timersOf(peer.timers, context.timers),
    passive: peer.passive,
    acceptDefaultRoute: peer.acceptDefaultRoute,
    filters: peer.filters.flatMap((name) => filters.find((filter) => filter.name === name) ?? []),
  };
}

/** Our own speakers listen where the cluster says; others where everybody does. */
function portAt(address: PeerPlan["address"], { resources, port }: Context): number {
  const isOurs = resources.nodes.some(({ resource }) => isAddressOf(resource, address));
  return isOurs ? port : DEFAULT_PORT;
}

function localSide(
  { node, asNumber }: Context,
  address: PeerPlan["address"],
  remoteAs: number,
): Pick<PeerPlan, "remoteAs" | "localAs" | "localAddress" | "families" | "ttl"> {
  const local = address.family === 6 ? node.ipv6 : undefined;
  const { address: localAddress, length } = local ?? {
    address: node.address,
    length: node.addressLength,
  };
  const isDirect = containsAddress(prefixOf(localAddress, length), address);
  return {
    remoteAs,
    localAs: asNumber,
    localAddress,
    families: addressesOf(node).map(({ family }) => family),
    ttl: remoteAs !== asNumber && isDirect ? DIRECT : MULTIHOP,
  };
}

/**
 * A peer's own timers before the cluster's. What is missing follows from what is there: the hold time is three
 * times the keepalive time (RFC 4271 section 4.4).
 */
function timersOf(
  own: Timers | undefined,
  common: Timers | undefined,
): Pick<PeerPlan, "holdTime" | "keepaliveTime" | "connectRetryTime"> {
  const given = own?.holdTime !== undefined || own?.keepaliveTime !== undefined ? own : common;
  const keepalive = given?.keepaliveTime;
  const tripled = keepalive === undefined || keepalive === 0 ? undefined : 3 * keepalive;
  const holdTime = given?.holdTime ?? common?.holdTime ?? tripled ?? DEFAULT_HOLD_TIME;
  return {
    holdTime,
    keepaliveTime: keepalive ?? Math.floor(holdTime / 3),
    connectRetryTime:
      own?.connectRetryTime ?? common?.connectRetryTime ?? DEFAULT_CONNECT_RETRY_TIME,
  };
}

/** Two sessions with one address cannot be told apart when it calls. */
function twins(peers: readonly Documented<BgpPeer>[]): Fault[] {
  return peers.flatMap(({ resource, complain }, index) => {
    const twin = peers
      .slice(0, index)
      .find(({ resource: other }) => equalAddress(other.address, resource.address));
    if (twin === undefined) return [];
    const address = formatAddress(resource.address);
    const message = `BGPPeer ${twin.resource.name} has the address ${address} too, on the same node`;
    return [complain(["spec", "peerIP"], message)];
  });
}

/** A session needs an address of our own of the same family. */
function lacking(peers: readonly Documented<BgpPeer>[], { name, ipv6 }: Node): Fault[] {
  if (ipv6 !== undefined) return [];
  return peers.flatMap(({ resource, complain }) => {
    if (resource.address.family === 4) return [];
    const message = `Node ${name} has no bgp.ipv6Address for a session with ${formatAddress(resource.address)}`;
    return [complain(["spec", "peerIP"], message)];
  });
}

/** IPv4 first. */
function addressesOf({ address, ipv6 }: Node): readonly Address[] {
  return ipv6 === undefined ? [address] : [address, ipv6.address];
}

function isAddressOf(node: Node, address: Address): boolean {
  return addressesOf(node).some((own) => equalAddress(own, address));
}

function noSuchNode(nodes: readonly Node[], name: string): Fault {
  const names = nodes.map((node) => node.name).join(", ") || "none";
  const message = `no Node is called ${JSON.stringify(name)}: there are ${names}; say which one this is with --node`;
  return { file: "--node", line: 0, subject: "", field: "", value: undefined, message };
}
