/**
 * The plan of one node's speaker, from the cluster's documents.
 */

import { isDeepStrictEqual } from "node:util";
import { type Address, equalAddress, formatAddress } from "../../lib/address.ts";
import { comparePrefix, containsAddress, prefixOf } from "../../lib/prefix.ts";
import { DEFAULT_AS_NUMBER, DEFAULT_PORT, type Timers } from "../../resource/bgp-configuration.ts";
import type { BgpPeer } from "../../resource/bgp-peer.ts";
import type { Fault } from "../../resource/fault.ts";
import type { Node } from "../../resource/node.ts";
import type { Documented, Resources } from "../../resource/resource.ts";
import { type BfdSource, type KeyReader, planBfd } from "./bfd.ts";
import { meshPeers } from "./mesh.ts";
import { isClient, type Reflector, reflectorOf } from "./reflection.ts";
import { DEFAULT_POLICY, type PeerPlan, type PeerPolicy, type SpeakerPlan } from "./speaker.ts";

/** Seconds. RFC 4271 section 10 suggests 90 and a third of it. */
const DEFAULT_HOLD_TIME = 90;
/** Seconds. The RFC's 120 is for peers far away; a node that comes back is called at once. */
const DEFAULT_CONNECT_RETRY_TIME = 5;
/** A peer behind a router may be this many hops away. */
const MULTIHOP = 64;
const DIRECT = 1;

/** For who looks at plans on another machine than their node: keys are not there, and not needed. */
const elsewhere: KeyReader = () => ({ key: Uint8Array.of(0) });

/** What `nodeName`'s speaker is to do; faults that only this node has. */
export function planSpeaker(
  resources: Resources,
  nodeName: string,
  readKey = elsewhere,
): { readonly plan: SpeakerPlan } | { readonly faults: readonly Fault[] } {
  const nodes = resources.nodes.map(({ resource }) => resource);
  const node = nodes.find(({ name }) => name === nodeName);
  if (node === undefined) return { faults: [noSuchNode(nodes, nodeName)] };
  const explicit = resources.peers.filter(({ resource }) => selects(resource, node));
  const faults = [...twins(explicit), ...lacking(explicit, node)];
  if (faults.length > 0) return { faults };
  const selected = explicit.map(({ resource }) => resource);
  const reflector = reflectorOf(node, selected, resources);
  const context = contextOf(resources, node, { readKey, reflector });
  const misfits = explicit.flatMap((peer) => misfitsOf(peer, context));
  if (misfits.length > 0) return { faults: misfits };
  const configuration = resources.configuration?.resource;
  const pools = resources.pools
    .map(({ resource }) => resource)
    .sort((a, b) => comparePrefix(a.prefix, b.prefix));
  const peers = explicit.map((document) => explicitPlan(document, context));
  // Who configures a session with another node by hand has it instead of the mesh's.
  const mesh = meshPeers(resources, node)
    .filter((other) => !peers.some(({ address }) => isAddressOf(other, address)))
    .map((other) => meshPlan(other, context));
  if (context.faults.length > 0) return { faults: context.faults };
  return {
    plan: {
      node: node.name,
      asNumber: context.asNumber,
      routerId: node.address,
      listenPort: context.port,
      listenAddresses: addressesOf(node),
      blocks: node.blocks,
      pools: pools.map(({ prefix }) => prefix),
      unexportedPools: pools
        .filter(({ disableBGPExport }) => disableBGPExport)
        .map(({ prefix }) => prefix),
      services: configuration?.services ?? [],
      advertisements: configuration?.prefixAdvertisements ?? [],
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
  readonly readKey: KeyReader;
  /** Undefined: the node reflects nothing. */
  readonly reflector: Reflector | undefined;
  /** What planning one peer finds; the same of the same document once. */
  readonly faults: Fault[];
};

function contextOf(
  resources: Resources,
  node: Node,
  rest: Pick<Context, "readKey" | "reflector">,
): Context {
  const configuration = resources.configuration?.resource;
  const clusterAs = configuration?.asNumber ?? DEFAULT_AS_NUMBER;
  return {
    node,
    clusterAs,
    asNumber: node.asNumber ?? clusterAs,
    port: configuration?.listenPort ?? DEFAULT_PORT,
    timers: configuration?.timers,
    resources,
    ...rest,
    faults: [],
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
    ...localSide(context, other.address, remoteAs, context.asNumber),
    ...timersOf(undefined, context.timers),
    passive: false,
    acceptDefaultRoute: true,
    filters: [],
    role: undefined,
    aigp: false,
    policy: {
      ...DEFAULT_POLICY,
      ...commonPolicy(context),
      // Nodes that all have sessions with each other need nobody between them.
      reflection: reflectionOf(context, {
        isInternal: remoteAs === context.asNumber,
        client: false,
      }),
    },
    ...bfdOf(undefined, other.address, context),
  };
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

function explicitPolicy(peer: BgpPeer, context: Context): PeerPolicy {
  const common = commonPolicy(context);
  const isExternal = localAsOf(peer, context) !== peer.asNumber;
  return {
    importPolicy:
      peer.importPolicy ?? context.resources.configuration?.resource.importPolicy ?? "safe",
    exportPolicy: peer.exportPolicy,
    allowedOwnAs: peer.numAllowedLocalASNumbers,
    refuseAsSets: peer.rejectASSets ?? common.refuseAsSets,
    discardBlackhole: peer.discardBlackhole ?? common.discardBlackhole,
    // Calico honours the older field on external sessions only.
    nextHop: peer.keepOriginalNextHop && isExternal ? "Keep" : peer.nextHopMode,
    asOverride: peer.asOverride,
    removePrivateAs: peer.removePrivateAS,
    gracefulShutdown: peer.gracefulShutdown || common.gracefulShutdown,
    prefixLimit: peer.prefixLimit,
    reflection: reflectionOf(context, {
      isInternal: !isExternal,
      client: isClient(peer, context.node, nodeAt(peer.address, context)),
    }),
  };
}

function reflectionOf(
  { reflector }: Context,
  { isInternal, client }: { readonly isInternal: boolean; readonly client: boolean },
): PeerPolicy["reflection"] {
  return reflector === undefined || !isInternal ? undefined : { ...reflector, client };
}

function localAsOf({ localASNumber }: BgpPeer, { asNumber }: Context): number {
  return localASNumber ?? asNumber;
}

/** What means something between two ASes only, on a session within one, and the other way round. */
function misfitsOf({ resource, complain }: Documented<BgpPeer>, context: Context): Fault[] {
  if (localAsOf(resource, context) !== resource.asNumber) {
    if (resource.routeReflectorClient !== true) return [];
    const own = `AS ${localAsOf(resource, context)}`;
    const words = `for peers of our own AS: this one is of AS ${resource.asNumber}, and Node ${context.node.name} of ${own}`;
    return [complain(["spec", "routeReflectorClient"], words)];
  }
  const fields = ["role", "asOverride", "removePrivateAS"] as const;
  return fields
    .filter((field) => resource[field] !== undefined && resource[field] !== false)
    .map((field) =>
      complain(
        ["spec", field],
        `for peers of another AS: this one is of AS ${resource.asNumber}, like Node ${context.node.name}`,
      ),
    );
}

function explicitPlan(document: Documented<BgpPeer>, context: Context): PeerPlan {
  const { resource: peer, complain } = document;
  const filters = context.resources.filters.map(({ resource }) => resource);
  return {
    name: peer.name,
    origin: "BGPPeer",
    address: peer.address,
    port: peer.port ?? portAt(peer.address, context),
    ...localSide(context, peer.address, peer.asNumber, localAsOf(peer, context)),
    ...timersOf(peer.timers, context.timers),
    passive: peer.passive,
    acceptDefaultRoute: peer.acceptDefaultRoute,
    filters: peer.filters.flatMap((name) => filters.find((filter) => filter.name === name) ?? []),
    role: peer.role === undefined ? undefined : { role: peer.role, strict: peer.strictRole },
    aigp: peer.aigp,
    policy: explicitPolicy(peer, context),
    ...bfdOf({ settings: peer.bfd, complain }, peer.address, context),
  };
}

/** The peer's BFD session, where one is wanted. */
function bfdOf(
  own: BfdSource | undefined,
  address: PeerPlan["address"],
  context: Context,
): Pick<PeerPlan, "bfd"> {
  const { configuration } = context.resources;
  const sources = own === undefined ? [] : [own];
  if (configuration !== undefined) {
    sources.push({ settings: configuration.resource.bfd, complain: configuration.complain });
  }
  const planned = planBfd(sources, isDirect(context, address), context.readKey);
  if ("fault" in planned) {
    const isNews = !context.faults.some((fault) => isDeepStrictEqual(fault, planned.fault));
    if (isNews) context.faults.push(planned.fault);
    return {};
  }
  return planned.bfd === undefined ? {} : { bfd: planned.bfd };
}

function isDirect({ node }: Context, address: PeerPlan["address"]): boolean {
  const { address: own, length } =
    (address.family === 6 ? node.ipv6 : undefined) ??
    ({ address: node.address, length: node.addressLength } as const);
  return containsAddress(prefixOf(own, length), address);
}

/** Our own speakers listen where the cluster says; others where everybody does. */
function portAt(address: PeerPlan["address"], context: Context): number {
  return nodeAt(address, context) === undefined ? DEFAULT_PORT : context.port;
}

function nodeAt(address: PeerPlan["address"], { resources }: Context): Node | undefined {
  return resources.nodes.find(({ resource }) => isAddressOf(resource, address))?.resource;
}

function localSide(
  context: Context,
  address: PeerPlan["address"],
  remoteAs: number,
  localAs: number,
): Pick<PeerPlan, "remoteAs" | "localAs" | "localAddress" | "families" | "ttl"> {
  const { node } = context;
  const local = address.family === 6 ? node.ipv6 : undefined;
  return {
    remoteAs,
    localAs,
    localAddress: local?.address ?? node.address,
    families: addressesOf(node).map(({ family }) => family),
    ttl: remoteAs !== localAs && isDirect(context, address) ? DIRECT : MULTIHOP,
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
