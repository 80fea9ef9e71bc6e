/**
 * The plan of one session: of the mesh, of a BGPPeer, of a range's neighbours, of the neighbour on a link, of pods.
 */

import type { Family } from "../../lib/address.ts";
import { containsPrefix } from "../../lib/prefix.ts";
import type { AddPath } from "../../resource/add-path.ts";
import { DEFAULT_PORT, type Timers } from "../../resource/bgp-configuration.ts";
import type {
  AnyBgpPeer,
  BgpPeer,
  BgpRange,
  BgpUnnumbered,
  BgpWorkloads,
} from "../../resource/bgp-peer.ts";
import { addressesOf, type Node } from "../../resource/node.ts";
import type { Documented } from "../../resource/resource.ts";
import type { AsRange } from "../../resource/scalar.ts";
import { type BfdSource, planBfd } from "./bfd.ts";
import { type Context, isNear, networkOf, note } from "./context.ts";
import { type KeyPlan, keyPlan } from "./key.ts";
import {
  areInternal,
  explicitPolicy,
  isInternalUnnumbered,
  localAsOf,
  mayBeInternal,
  meshPolicy,
  rangePolicy,
  rolePlan,
  unnumberedPolicy,
  workloadsPolicy,
} from "./peer-policy.ts";
import type { Peering } from "./peering.ts";
import { planRestart } from "./restart.ts";
import type { BfdPlan, PeerPlan, RangePlan, UnnumberedPlan, WorkloadsPlan } from "./speaker.ts";

/** Seconds. RFC 4271 section 10 suggests 90 and a third of it. */
const DEFAULT_HOLD_TIME = 90;
/** Seconds. The RFC's 120 is for peers far away; a node that comes back is called at once. */
const DEFAULT_CONNECT_RETRY_TIME = 5;
/** A peer behind a router may be this many hops away. */
const MULTIHOP = 64;
const DIRECT = 1;
/** The one after it is reserved (RFC 7300). */
const LAST_AS = 0xffff_fffe;

/** `key` is `meshKeyOf`'s. */
export function meshPlan(other: Node, key: KeyPlan, context: Context): PeerPlan {
  const { address } = other;
  const { asNumber: localAs } = context;
  const remoteAs = context.asNumberOf(other);
  const isDirect = isNear(context, address);
  const isInternal = localAs === remoteAs;
  return {
    name: `mesh ${other.name}`,
    origin: "mesh",
    node: other.name,
    address,
    port: context.portOf(other),
    remoteAs,
    localAs,
    ...localSide(context, { family: address.family, isDirect, isInternal }),
    ...timersOf(undefined, context.configuration.timers),
    passive: false,
    reachableBy: undefined,
    acceptDefaultRoute: true,
    filters: [],
    role: undefined,
    aigp: false,
    policy: meshPolicy(isInternal, context),
    ...key,
    ...restartOf(undefined, context.configuration.nodeMeshMaxRestartTime, context),
    ...bfdOf(undefined, isDirect, context),
    ...addPathOf(context.configuration.nodeMeshAddPath),
  };
}

/** Of all mesh sessions; looked for although there may be none yet, so that a fault shows at once. */
export function meshKeyOf(context: Context): KeyPlan {
  const { configuration } = context.resources;
  if (configuration === undefined) return {};
  const { resource, complain } = configuration;
  return keyPlan(resource.nodeMeshPassword, context, (field, message) =>
    complain(["spec", "nodeMeshPassword", field], message),
  );
}

export function explicitPlan(peering: Peering, context: Context): PeerPlan {
  const { name, document, isReverse, address, port, node, localAs, remoteAs } = peering;
  const isDirect = isNear(context, address);
  const isInternal = localAs === remoteAs;
  const peer = document.resource;
  return {
    ...sessionPlan(document, context, { family: address.family, isDirect, isInternal }),
    // What is about links, addresses and gateways is about those of the nodes that the document is for.
    ...(isReverse ? {} : ownWay(peer)),
    name,
    node: node?.name,
    address,
    port,
    localAs,
    remoteAs,
    passive: peering.passive,
    reachableBy: isReverse ? undefined : peer.reachableBy,
    role: rolePlan(peer, isReverse),
    policy: explicitPolicy(peering, context),
    ...bfdOf(document, isDirect, context),
  };
}

export function rangePlan(document: Documented<BgpRange>, context: Context): RangePlan {
  const range = document.resource;
  const { name, remotes, limit, asNumbers } = range;
  const { family } = remotes;
  const network = networkOf(context, family);
  const isDirect = network !== undefined && containsPrefix(network, remotes);
  const isInternal = mayBeInternal(range, context);
  const { bfd } = bfdOf(document, isDirect, context);
  const session = {
    ...sessionPlan(document, context, { family, isDirect, isInternal }),
    ...ownWay(range),
    name,
    node: undefined,
    port: DEFAULT_PORT,
    localAs: localAsOf(range, context),
    remoteAs: 0,
    asNumbers,
    passive: true,
    reachableBy: undefined,
    role: rolePlan(range, false),
    policy: rangePolicy(range, context),
    // Nobody is watched before the first call, which must be let in therefore.
    ...(bfd === undefined ? {} : { bfd: { ...bfd, strict: false } }),
  };
  return { name, remotes, limit, session };
}

export function unnumberedPlan(
  document: Documented<BgpUnnumbered>,
  context: Context,
): UnnumberedPlan {
  const peer = document.resource;
  const { name, link, peerAs, passive } = peer;
  const localAs = localAsOf(peer, context);
  const isInternal = isInternalUnnumbered(peer, context);
  const { bfd } = bfdOf(document, true, context);
  const { localAddress, ...common } = sessionPlan(document, context, {
    family: 6,
    isDirect: true,
    isInternal,
  });
  const session = {
    ...common,
    name,
    node: undefined,
    port: DEFAULT_PORT,
    localAs,
    ...(peerAs === "external"
      ? { remoteAs: 0, asNumbers: allBut(localAs) }
      : { remoteAs: peerAs === "internal" ? localAs : peerAs }),
    passive,
    reachableBy: undefined,
    role: rolePlan(peer, false),
    policy: unnumberedPolicy(peer, isInternal, context),
    // What the cluster says of several hops is for other peers.
    ...(bfd === undefined ? {} : { bfd: { ...bfd, multihop: false } }),
  };
  return { name, link, session };
}

export function workloadsPlan(document: Documented<BgpWorkloads>, context: Context): WorkloadsPlan {
  const peer = document.resource;
  const { name, workloads: selector, asNumber: remoteAs, passive } = peer;
  // Behind a pod's own end there may be a machine that packets are forwarded to: it is as far as Calico allows.
  const { localAddress, ...common } = sessionPlan(document, context, {
    family: 4,
    isDirect: false,
    isInternal: areInternal(peer, context),
  });
  const session = {
    ...common,
    name,
    node: undefined,
    port: DEFAULT_PORT,
    localAs: localAsOf(peer, context),
    remoteAs,
    passive,
    reachableBy: undefined,
    behindUs: true as const,
    role: rolePlan(peer, false),
    policy: workloadsPolicy(peer, context),
    ...bfdOf(document, false, context),
  };
  return { name, selector, localAddresses: peeringAddresses(context), session };
}

/** Where pods reach the node, of the families that it has an address of. */
export function peeringAddresses({ node, resources }: Pick<Context, "node" | "resources">) {
  const own = addressesOf(node).map(({ family }) => family);
  const all = resources.configuration?.resource.localWorkloadPeering ?? [];
  return all.filter(({ family }) => own.includes(family));
}

/** Every AS number but one. */
function allBut(asNumber: number): AsRange[] {
  const around = [
    { first: 1, last: asNumber - 1 },
    { first: asNumber + 1, last: LAST_AS },
  ];
  return around.filter(({ first, last }) => first <= last);
}

/** What a document gives to the sessions of both ends. */
function sessionPlan(
  { resource: peer, complain }: Documented<AnyBgpPeer>,
  context: Context,
  remote: Omit<Remote, "multihop">,
) {
  const filters = context.resources.filters.map(({ resource }) => resource);
  const { ttlSecurity, multihop, delayOpen, sendHoldTime, shutdown, addPath } = peer;
  return {
    origin: "BGPPeer" as const,
    ...localSide(context, { ...remote, multihop }),
    ...timersOf(peer.timers, context.configuration.timers),
    acceptDefaultRoute: peer.acceptDefaultRoute,
    filters: peer.filters.flatMap((name) => filters.find((filter) => filter.name === name) ?? []),
    aigp: peer.aigp,
    ...keyPlan(peer.password, context, (field, message) =>
      complain(["spec", "password", field], message),
    ),
    ...restartOf(peer.gracefulRestart, peer.maxRestartTime, context),
    ...(ttlSecurity === undefined ? {} : { ttlSecurity }),
    ...(delayOpen === undefined ? {} : { delayOpen }),
    ...(sendHoldTime === undefined ? {} : { sendHoldTime }),
    ...(shutdown === undefined ? {} : { shutdown }),
    ...addPathOf(addPath),
  };
}

/** Which paths are told is policy, and may change while the session is up; that several are told may not. */
function addPathOf(settings: AddPath | undefined): Pick<PeerPlan, "addPath"> {
  if (settings === undefined) return {};
  return { addPath: { receive: settings.receive, send: settings.send !== undefined } };
}

/** By which address and which link we go. */
function ownWay({
  sourceAddress,
  interface: link,
}: BgpPeer | BgpRange): Pick<PeerPlan, "source" | "link"> {
  return {
    ...(sourceAddress === "None" ? { source: "any" } : {}),
    ...(link === undefined ? {} : { link }),
  };
}

function restartOf(
  own: BgpPeer["gracefulRestart"],
  restartTime: number | undefined,
  { configuration }: Context,
): Pick<PeerPlan, "gracefulRestart"> {
  const gracefulRestart = planRestart([own, configuration.gracefulRestart], restartTime);
  return gracefulRestart === undefined ? {} : { gracefulRestart };
}

/** The peer's BFD session, where one is wanted. */
function bfdOf(
  own: Documented<AnyBgpPeer> | undefined,
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

/** The other end, as far as ours depends on it. */
type Remote = {
  readonly family: Family;
  readonly isDirect: boolean;
  readonly isInternal: boolean;
  readonly multihop?: number | undefined;
};

function localSide(
  { node }: Context,
  { family, isDirect, isInternal, multihop }: Remote,
): Pick<PeerPlan, "localAddress" | "families" | "ttl"> {
  const own = addressesOf(node);
  return {
    localAddress: own.find((address) => address.family === family) ?? node.address,
    families: own.map((address) => address.family),
    ttl: multihop ?? (isDirect && !isInternal ? DIRECT : MULTIHOP),
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
