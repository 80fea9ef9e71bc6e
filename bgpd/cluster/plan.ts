/**
 * The plan of one node's speaker, from the cluster's documents.
 */

import { type Address, address4, equalAddress, formatAddress } from "../../lib/address.ts";
import {
  comparePrefix,
  containsAddress,
  containsPrefix,
  type Prefix,
  prefixOf,
} from "../../lib/prefix.ts";
import { Secret } from "../../lib/secret.ts";
import { DEFAULT_AS_NUMBER, DEFAULT_PORT, type Timers } from "../../resource/bgp-configuration.ts";
import type { BgpPeer, BgpRange } from "../../resource/bgp-peer.ts";
import type { Fault } from "../../resource/fault.ts";
import type { Node } from "../../resource/node.ts";
import type { Documented, Resources } from "../../resource/resource.ts";
import { meshPeers } from "./mesh.ts";
import type { PeerPlan, RangePlan, SpeakerPlan } from "./speaker.ts";

/** Seconds. RFC 4271 section 10 suggests 90 and a third of it. */
const DEFAULT_HOLD_TIME = 90;
/** Seconds. The RFC's 120 is for peers far away; a node that comes back is called at once. */
const DEFAULT_CONNECT_RETRY_TIME = 5;
/** A peer behind a router may be this many hops away. */
const MULTIHOP = 64;
const DIRECT = 1;
/** Listening there is listening on every address. */
const ANY = address4(0);

/** The key in a file, or why it cannot be had. */
export type ReadPassword = (file: string) => Secret | string;

/** Where documents are only looked at, perhaps on a machine that is no node, files do not matter. */
const UNREAD: ReadPassword = () => new Secret(new Uint8Array());

/** What `nodeName`'s speaker is to do; faults that only this node has. */
export function planSpeaker(
  resources: Resources,
  nodeName: string,
  readPassword: ReadPassword = UNREAD,
): { readonly plan: SpeakerPlan } | { readonly faults: readonly Fault[] } {
  const nodes = resources.nodes.map(({ resource }) => resource);
  const node = nodes.find(({ name }) => name === nodeName);
  if (node === undefined) return { faults: [noSuchNode(nodes, nodeName)] };
  const explicit = resources.peers.filter(({ resource }) => selects(resource, node));
  const ranges = resources.ranges.filter(({ resource }) => isFor(resource, node));
  const passwords = readPasswords(resources, [...explicit, ...ranges], readPassword);
  const faults = [...twins(explicit), ...passwords.faults];
  if (faults.length > 0) return { faults };
  const context = contextOf(resources, node, passwords.keys);
  const peers = explicit.map(({ resource }) => explicitPlan(resource, context));
  // Who configures a session with another node by hand has it instead of the mesh's.
  const mesh = meshPeers(resources, node)
    .filter(({ address }) => !peers.some((peer) => equalAddress(peer.address, address)))
    .map((other) => meshPlan(other, context));
  const shutdownMessage = resources.configuration?.resource.shutdownMessage;
  return {
    plan: {
      node: node.name,
      asNumber: context.asNumber,
      routerId: node.address,
      listenPort: context.port,
      listenAddresses: listenAddresses(context),
      blocks: node.blocks,
      pools: resources.pools.map(({ resource }) => resource.prefix).sort(comparePrefix),
      peers: [...mesh, ...peers],
      ...(ranges.length === 0
        ? {}
        : { ranges: ranges.map(({ resource }) => rangePlan(resource, context)) }),
      ...(shutdownMessage === undefined ? {} : { shutdownMessage }),
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
  /** By the path of their files. */
  readonly keys: ReadonlyMap<string, Secret>;
};

function contextOf(resources: Resources, node: Node, keys: Context["keys"]): Context {
  const configuration = resources.configuration?.resource;
  const clusterAs = configuration?.asNumber ?? DEFAULT_AS_NUMBER;
  return {
    node,
    clusterAs,
    asNumber: node.asNumber ?? clusterAs,
    port: configuration?.listenPort ?? DEFAULT_PORT,
    timers: configuration?.timers,
    resources,
    keys,
  };
}

function listenAddresses({ node, resources }: Context): readonly Address[] {
  const { listen = true, bindMode = "NodeIP" } = resources.configuration?.resource ?? {};
  if (!listen) return [];
  if (node.listenAddresses !== undefined) return node.listenAddresses;
  return [bindMode === "None" ? ANY : node.address];
}

/** By name, by label, or all; never a session with itself. */
function selects(peer: BgpPeer, candidate: Node): boolean {
  return !equalAddress(peer.address, candidate.address) && isFor(peer, candidate);
}

function isFor({ node, nodeSelector }: BgpPeer | BgpRange, candidate: Node): boolean {
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
    ...localSide(context, [remoteAs], { isDirect: isNear(other.address, context) }),
    remoteAs,
    ...timersOf(undefined, context.timers),
    ...keyOf(context.resources.configuration?.resource.meshPasswordFile, context),
    passive: false,
    acceptDefaultRoute: true,
    filters: [],
  };
}

function explicitPlan(peer: BgpPeer, context: Context): PeerPlan {
  const { asNumber, multihop } = peer;
  return {
    ...sessionPlan(peer, context),
    address: peer.address,
    port: peer.port ?? portAt(peer.address, context),
    ...localSide(context, [asNumber], { isDirect: isNear(peer.address, context), multihop }),
    remoteAs: asNumber,
    passive: peer.passive,
  };
}

function rangePlan(range: BgpRange, context: Context): RangePlan {
  const { name, remotes, limit, asNumbers, multihop } = range;
  const numbers = asNumbers.flatMap(({ first, last }) => [first, last]);
  const session = {
    ...sessionPlan(range, context),
    port: DEFAULT_PORT,
    ...localSide(context, numbers, {
      isDirect: containsPrefix(networkOf(context), remotes),
      multihop,
    }),
    remoteAs: 0,
    asNumbers,
    passive: true,
  };
  return { name, remotes, limit, session };
}

/** What all explicit sessions have in common. */
function sessionPlan(peer: BgpPeer | BgpRange, context: Context) {
  const filters = context.resources.filters.map(({ resource }) => resource);
  const { ttlSecurity, interface: link, delayOpen, sendHoldTime, shutdown } = peer;
  return {
    name: peer.name,
    origin: "BGPPeer" as const,
    ...timersOf(peer.timers, context.timers),
    acceptDefaultRoute: peer.acceptDefaultRoute,
    filters: peer.filters.flatMap((name) => filters.find((filter) => filter.name === name) ?? []),
    ...keyOf(peer.passwordFile, context),
    ...(ttlSecurity === undefined ? {} : { ttlSecurity }),
    ...(peer.sourceAddress === "None" ? { source: "any" as const } : {}),
    ...(link === undefined ? {} : { link }),
    ...(delayOpen === undefined ? {} : { delayOpen }),
    ...(sendHoldTime === undefined ? {} : { sendHoldTime }),
    ...(shutdown === undefined ? {} : { shutdown }),
  };
}

function keyOf(file: string | undefined, { keys }: Context): Pick<PeerPlan, "key"> {
  const key = file === undefined ? undefined : keys.get(file);
  return key === undefined ? {} : { key };
}

/** Every key that this node's sessions need; files are on the node, and only now it is known which. */
function readPasswords(
  { configuration }: Resources,
  sessions: readonly Documented<BgpPeer | BgpRange>[],
  read: ReadPassword,
): { readonly keys: ReadonlyMap<string, Secret>; readonly faults: readonly Fault[] } {
  const keys = new Map<string, Secret>();
  const faults: Fault[] = [];
  const take = (file: string | undefined, complain: (message: string) => Fault): void => {
    if (file === undefined) return;
    const key = read(file);
    if (typeof key === "string") faults.push(complain(key));
    else keys.set(file, key);
  };
  take(configuration?.resource.meshPasswordFile, (message) =>
    (configuration as Documented<unknown>).complain(["spec", "nodeMeshPassword", "file"], message),
  );
  for (const { resource, complain } of sessions) {
    take(resource.passwordFile, (message) => complain(["spec", "password", "file"], message));
  }
  return { keys, faults };
}

/** Our own speakers listen where the cluster says; others where everybody does. */
function portAt(address: PeerPlan["address"], { resources, port }: Context): number {
  const isOurs = resources.nodes.some(({ resource }) => equalAddress(resource.address, address));
  return isOurs ? port : DEFAULT_PORT;
}

function networkOf({ node }: Context): Prefix {
  return prefixOf(node.address, node.addressLength);
}

/** Whether no router is between. */
function isNear(address: Address, context: Context): boolean {
  return containsAddress(networkOf(context), address);
}

function localSide(
  { node, asNumber }: Context,
  remoteAsNumbers: readonly number[],
  { isDirect, multihop }: { readonly isDirect: boolean; readonly multihop?: number | undefined },
): Pick<PeerPlan, "localAs" | "localAddress" | "ttl"> {
  const isExternal = !remoteAsNumbers.includes(asNumber);
  return {
    localAs: asNumber,
    localAddress: node.address,
    ttl: multihop ?? (isExternal && isDirect ? DIRECT : MULTIHOP),
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

function noSuchNode(nodes: readonly Node[], name: string): Fault {
  const names = nodes.map((node) => node.name).join(", ") || "none";
  const message = `no Node is called ${JSON.stringify(name)}: there are ${names}; say which one this is with --node`;
  return { file: "--node", line: 0, subject: "", field: "", value: undefined, message };
}
