/**
 * The plan of one node's speaker, from the cluster's documents.
 */

import {
  type Address,
  address4,
  equalAddress,
  type Family,
  formatAddress,
  parseAddress,
} from "../../lib/address.ts";
import { comparePrefix, containsPrefix, formatPrefix } from "../../lib/prefix.ts";
import { Secret } from "../../lib/secret.ts";
import { DEFAULT_PORT, type Timers } from "../../resource/bgp-configuration.ts";
import type { BgpPeer, BgpRange } from "../../resource/bgp-peer.ts";
import type { Fault } from "../../resource/fault.ts";
import type { Node } from "../../resource/node.ts";
import type { Documented, Resources } from "../../resource/resource.ts";
import { type BfdSource, planBfd } from "./bfd.ts";
import {
  addressesOf,
  type Context,
  contextOf,
  isAddressOf,
  isNear,
  type KeyReader,
  keyIn,
  networkOf,
  note,
} from "./context.ts";
import { meshPeers } from "./mesh.ts";
import { explicitPolicy, localAsOf, mayBeInternal, meshPolicy, misfitsOf } from "./peer-policy.ts";
import type { BfdPlan, PeerPlan, RangePlan, SpeakerPlan } from "./speaker.ts";

/** Seconds. RFC 4271 section 10 suggests 90 and a third of it. */
const DEFAULT_HOLD_TIME = 90;
/** Seconds. The RFC's 120 is for peers far away; a node that comes back is called at once. */
const DEFAULT_CONNECT_RETRY_TIME = 5;
/** A peer behind a router may be this many hops away. */
const MULTIHOP = 64;
const DIRECT = 1;
/** Listening there is listening on every address of the family. */
const ANY: Readonly<Record<Family, Address>> = { 4: address4(0), 6: parseAddress("::") };

/** For who looks at plans on another machine than their node: keys are not there, and not needed. */
const elsewhere: KeyReader = () => new Secret(Uint8Array.of(0));

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
  const ranges = resources.ranges.filter(({ resource }) => isFor(resource, node));
  const faults = [...twins(explicit), ...lacking(explicit, ranges, node)];
  if (faults.length > 0) return { faults };
  const context = contextOf(resources, node, readKey);
  const misfits = [...explicit, ...ranges].flatMap((peer) => misfitsOf(peer, context));
  if (misfits.length > 0) return { faults: misfits };
  const configuration = resources.configuration?.resource;
  const pools = resources.pools
    .map(({ resource }) => resource)
    .sort((a, b) => comparePrefix(a.prefix, b.prefix));
  const peers = explicit.map((document) => explicitPlan(document, context));
  // Who configures a session with another node by hand has it instead of the mesh's.
  const meshKey = meshKeyOf(context);
  const mesh = meshPeers(resources, node)
    .filter((other) => !peers.some(({ address }) => isAddressOf(other, address)))
    .map((other) => ({ ...meshPlan(other, context), ...meshKey }));
  const rangePlans = ranges.map((document) => rangePlan(document, context));
  if (context.faults.length > 0) return { faults: context.faults };
  const shutdownMessage = configuration?.shutdownMessage;
  return {
    plan: {
      node: node.name,
      asNumber: context.asNumber,
      routerId: node.address,
      addresses: addressesOf(node),
      listenPort: context.port,
      listenAddresses: listenAddresses(context),
      blocks: node.blocks,
      pools: pools.map(({ prefix }) => prefix),
      unexportedPools: pools
        .filter(({ disableBGPExport }) => disableBGPExport)
        .map(({ prefix }) => prefix),
      services: configuration?.services ?? [],
      advertisements: configuration?.prefixAdvertisements ?? [],
      peers: [...mesh, ...peers],
      ...(rangePlans.length === 0 ? {} : { ranges: rangePlans }),
      ...(shutdownMessage === undefined ? {} : { shutdownMessage }),
    },
  };
}

function listenAddresses({ node, resources }: Context): readonly Address[] {
  const { listen = true, bindMode = "NodeIP" } = resources.configuration?.resource ?? {};
  if (!listen) return [];
  if (node.listenAddresses !== undefined) return node.listenAddresses;
  const own = addressesOf(node);
  return bindMode === "None" ? own.map(({ family }) => ANY[family]) : own;
}

/** By name, by label, or all; never a session with itself. */
function selects(peer: BgpPeer, candidate: Node): boolean {
  return !isAddressOf(candidate, peer.address) && isFor(peer, candidate);
}

function isFor({ node, nodeSelector }: BgpPeer | BgpRange, candidate: Node): boolean {
  if (node !== undefined) return node === candidate.name;
  return nodeSelector?.(candidate.labels) ?? true;
}

function meshPlan(other: Node, context: Context): PeerPlan {
  const { address } = other;
  const remoteAs = other.asNumber ?? context.clusterAs;
  const localAs = context.asNumber;
  const isDirect = isNear(context, address);
  return {
    name: `mesh ${other.name}`,
    origin: "mesh",
    address,
    port: context.port,
    remoteAs,
    localAs,
    ...localSide(context, { family: address.family, isDirect, isInternal: remoteAs === localAs }),
    ...timersOf(undefined, context.timers),
    passive: false,
    acceptDefaultRoute: true,
    filters: [],
    role: undefined,
    aigp: false,
    policy: meshPolicy(context),
    ...bfdOf(undefined, isDirect, context),
  };
}

/** Of all mesh sessions; looked for although there may be none yet, so that a fault shows at once. */
function meshKeyOf(context: Context): Pick<PeerPlan, "key"> {
  const { configuration } = context.resources;
  if (configuration === undefined) return {};
  const { resource, complain } = configuration;
  return keyOf(resource.meshPasswordFile, context, (message) =>
    complain(["spec", "nodeMeshPassword", "file"], message),
  );
}

function explicitPlan(document: Documented<BgpPeer>, context: Context): PeerPlan {
  const { address, port, asNumber, passive } = document.resource;
  const isDirect = isNear(context, address);
  return {
    ...sessionPlan(document, context, { family: address.family, isDirect }),
    address,
    port: port ?? portAt(address, context),
    remoteAs: asNumber,
    passive,
    ...bfdOf(document, isDirect, context),
  };
}

function rangePlan(document: Documented<BgpRange>, context: Context): RangePlan {
  const { name, remotes, limit, asNumbers } = document.resource;
  const network = networkOf(context, remotes.family);
  const isDirect = network !== undefined && containsPrefix(network, remotes);
  const { bfd } = bfdOf(document, isDirect, context);
  const session = {
    ...sessionPlan(document, context, { family: remotes.family, isDirect }),
    port: DEFAULT_PORT,
    remoteAs: 0,
    asNumbers,
    passive: true,
    // Nobody is watched before the first call, which must be let in therefore.
    ...(bfd === undefined ? {} : { bfd: { ...bfd, strict: false } }),
  };
  return { name, remotes, limit, session };
}

/** What all explicit sessions have in common. */
function sessionPlan(
  { resource: peer, complain }: Documented<BgpPeer | BgpRange>,
  context: Context,
  remote: { readonly family: Family; readonly isDirect: boolean },
) {
  const filters = context.resources.filters.map(({ resource }) => resource);
  const { ttlSecurity, multihop, interface: link, delayOpen, sendHoldTime, shutdown } = peer;
  const isInternal = mayBeInternal(peer, context);
  return {
    name: peer.name,
    origin: "BGPPeer" as const,
    localAs: localAsOf(peer, context),
    ...localSide(context, { ...remote, isInternal, multihop }),
    ...timersOf(peer.timers, context.timers),
    acceptDefaultRoute: peer.acceptDefaultRoute,
    filters: peer.filters.flatMap((name) => filters.find((filter) => filter.name === name) ?? []),
    role: peer.role === undefined ? undefined : { role: peer.role, strict: peer.strictRole },
    aigp: peer.aigp,
    policy: explicitPolicy(peer, context),
    ...keyOf(peer.passwordFile, context, (message) =>
      complain(["spec", "password", "file"], message),
    ),
    ...(ttlSecurity === undefined ? {} : { ttlSecurity }),
    ...(peer.sourceAddress === "None" ? { source: "any" as const } : {}),
    ...(link === undefined ? {} : { link }),
    ...(delayOpen === undefined ? {} : { delayOpen }),
    ...(sendHoldTime === undefined ? {} : { sendHoldTime }),
    ...(shutdown === undefined ? {} : { shutdown }),
  };
}

function keyOf(
  file: string | undefined,
  context: Context,
  complain: (message: string) => Fault,
): Pick<PeerPlan, "key"> {
  const key = file === undefined ? undefined : keyIn(file, context, complain);
  return key === undefined ? {} : { key };
}

/** The peer's BFD session, where one is wanted. */
function bfdOf(
  own: Documented<BgpPeer | BgpRange> | undefined,
  isDirect: boolean,
  context: Context,
): { readonly bfd?: BfdPlan } {
  const sources = [own, context.resources.configuration].flatMap((document): BfdSource[] =>
    document === undefined
      ? []
      : [{ settings: document.resource.bfd, complain: document.complain }],
  );
  const planned = planBfd(sources, isDirect, context.readKey);
  if ("fault" in planned) note(context, planned.fault);
  return "fault" in planned || planned.bfd === undefined ? {} : { bfd: planned.bfd };
}

/** Our own speakers listen where the cluster says; others where everybody does. */
function portAt(address: Address, { resources, port }: Context): number {
  const isOurs = resources.nodes.some(({ resource }) => isAddressOf(resource, address));
  return isOurs ? port : DEFAULT_PORT;
}

function localSide(
  { node }: Context,
  remote: {
    readonly family: Family;
    readonly isDirect: boolean;
    readonly isInternal: boolean;
    readonly multihop?: number | undefined;
  },
): Pick<PeerPlan, "localAddress" | "families" | "ttl"> {
  const own = addressesOf(node);
  return {
    localAddress: own.find(({ family }) => family === remote.family) ?? node.address,
    families: own.map(({ family }) => family),
    ttl: remote.multihop ?? (remote.isDirect && !remote.isInternal ? DIRECT : MULTIHOP),
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
function lacking(
  peers: readonly Documented<BgpPeer>[],
  ranges: readonly Documented<BgpRange>[],
  { name, ipv6 }: Node,
): Fault[] {
  if (ipv6 !== undefined) return [];
  const message = (remote: string): string =>
    `Node ${name} has no bgp.ipv6Address for a session with ${remote}`;
  return [
    ...peers
      .filter(({ resource: { address } }) => address.family === 6)
      .map(({ resource, complain }) =>
        complain(["spec", "peerIP"], message(formatAddress(resource.address))),
      ),
    ...ranges
      .filter(({ resource: { remotes } }) => remotes.family === 6)
      .map(({ resource, complain }) =>
        complain(["spec", "listenRange"], message(formatPrefix(resource.remotes))),
      ),
  ];
}

function noSuchNode(nodes: readonly Node[], name: string): Fault {
  const names = nodes.map((node) => node.name).join(", ") || "none";
  const message = `no Node is called ${JSON.stringify(name)}: there are ${names}; say which one this is with --node`;
  return { file: "--node", line: 0, subject: "", field: "", value: undefined, message };
}
