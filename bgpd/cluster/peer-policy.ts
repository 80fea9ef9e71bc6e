/**
 * What a session's routes go through, from the documents: the peer's own fields before the cluster's; and what
 * sessions of one kind cannot have.
 */

import type {
  AnyBgpPeer,
  BgpPeer,
  BgpRange,
  BgpUnnumbered,
  BgpWorkloads,
} from "../../resource/bgp-peer.ts";
import type { Role } from "../../resource/bgp-peer-fields.ts";
import type { Fault } from "../../resource/fault.ts";
import type { Documented } from "../../resource/resource.ts";
import type { Context } from "./context.ts";
import type { Peering } from "./peering.ts";
import { isClient, isClientUnnamed } from "./reflection.ts";
import { DEFAULT_POLICY, type PeerPolicy, type RolePlan } from "./speaker.ts";

/** RFC 9234 table 2: what the other end is. */
const COUNTERPARTS: Readonly<Record<Role, Role>> = {
  provider: "customer",
  customer: "provider",
  rs: "rs-client",
  "rs-client": "rs",
  peer: "peer",
};

/** Of a session with another node that nobody has said anything about. */
export function meshPolicy(isInternal: boolean, context: Context): PeerPolicy {
  // Nodes that all have sessions with each other need nobody between them.
  const reflection = reflectionOf(context, { isInternal, isClient: false });
  const toldPaths = context.configuration.nodeMeshAddPath?.send ?? DEFAULT_POLICY.toldPaths;
  return { ...DEFAULT_POLICY, ...commonPolicy(context), toldPaths, reflection };
}

/** Of a session that a BGPPeer names the other end of. */
export function explicitPolicy(peering: Peering, context: Context): PeerPolicy {
  const { document, localAs, remoteAs, node } = peering;
  // Our own nodes are believed, as in the mesh.
  const importPolicy = node === undefined ? context.configuration.importPolicy : "all";
  return policyOf(document.resource, context, {
    importPolicy,
    isInternal: localAs === remoteAs,
    isClient: isClient(peering, context.node),
  });
}

/** Of sessions with whoever calls from a range. */
export function rangePolicy(range: BgpRange, context: Context): PeerPolicy {
  const { importPolicy } = context.configuration;
  return policyOf(range, context, {
    importPolicy,
    isInternal: mayBeInternal(range, context),
    isClient: isClientUnnamed(range, context.node),
  });
}

/** Of the session with whoever is on a link. */
export function unnumberedPolicy(
  peer: BgpUnnumbered,
  isInternal: boolean,
  context: Context,
): PeerPolicy {
  const { importPolicy } = context.configuration;
  const isClient = isInternal && isClientUnnamed(peer, context.node);
  return policyOf(peer, context, { importPolicy, isInternal, isClient });
}

/** Of sessions with pods. */
export function workloadsPolicy(peer: BgpWorkloads, context: Context): PeerPolicy {
  const { importPolicy } = context.configuration;
  const isInternal = areInternal(peer, context);
  const isClient = isInternal && isClientUnnamed(peer, context.node);
  return policyOf(peer, context, { importPolicy, isInternal, isClient });
}

/** Our role; the document names that of the end it is written from. */
export function rolePlan(
  { role, strictRole }: Pick<BgpPeer, "role" | "strictRole">,
  isReverse: boolean,
): RolePlan | undefined {
  if (role === undefined) return undefined;
  return { role: isReverse ? COUNTERPARTS[role] : role, strict: strictRole };
}

/** Ours on sessions with who is not named. */
export function localAsOf(
  { localASNumber }: Pick<BgpRange, "localASNumber">,
  { asNumber }: Pick<Context, "asNumber">,
): number {
  return localASNumber ?? asNumber;
}

/** Whether the neighbour on a link is expected to be of our AS. */
export function isInternalUnnumbered(peer: BgpUnnumbered, own: Pick<Context, "asNumber">): boolean {
  const { peerAs } = peer;
  return typeof peerAs === "number" ? peerAs === localAsOf(peer, own) : peerAs === "internal";
}

/** Whether the pods are of our AS. */
export function areInternal(peer: BgpWorkloads, own: Pick<Context, "asNumber">): boolean {
  return peer.asNumber === localAsOf(peer, own);
}

/** Whether a neighbour of the range may be of our own AS. */
export function mayBeInternal(range: BgpRange, context: Context): boolean {
  const localAs = localAsOf(range, context);
  return range.asNumbers.some(({ first, last }) => first <= localAs && localAs <= last);
}

/** What a session of this kind cannot have. */
export function misfitsOf(peering: Peering, context: Context): Fault[] {
  const { document, isMutual, isReverse, localAs, remoteAs } = peering;
  if (localAs === remoteAs)
    return externalFields(document, `this one is of AS ${remoteAs}`, context);
  const { role, routeReflectorClient } = document.resource;
  if (routeReflectorClient === true && !isReverse) {
    const message = `for peers of our own AS: this one is of AS ${remoteAs}, and Node ${context.node.name} of AS ${localAs}`;
    return [document.complain(["spec", "routeReflectorClient"], message)];
  }
  if (role === undefined || role === COUNTERPARTS[role] || !isMutual) return [];
  const message = `both ends have this document, and two of role ${role} do not go together (RFC 9234)`;
  return [document.complain(["spec", "role"], message)];
}

/** The same of a range. */
export function rangeMisfitsOf(document: Documented<BgpRange>, context: Context): Fault[] {
  const range = document.resource;
  const localAs = localAsOf(range, context);
  if (!mayBeInternal(range, context)) {
    if (range.routeReflectorClient !== true) return [];
    const message = `for peers of our own AS: none of these is of AS ${localAs}, like Node ${context.node.name}`;
    return [document.complain(["spec", "routeReflectorClient"], message)];
  }
  const who = `one of these may be of AS ${localAs}`;
  return externalFields(document, who, context);
}

/** The same of the session with whoever is on a link. */
export function unnumberedMisfitsOf(
  document: Documented<BgpUnnumbered>,
  context: Context,
): Fault[] {
  const { resource, complain } = document;
  const localAs = localAsOf(resource, context);
  if (isInternalUnnumbered(resource, context)) {
    return externalFields(document, `this one is of AS ${localAs}`, context);
  }
  if (resource.routeReflectorClient !== true) return [];
  const message = `for peers of our own AS: this one is of another than ${localAs}, like Node ${context.node.name}`;
  return [complain(["spec", "routeReflectorClient"], message)];
}

/** The same of sessions with pods. */
export function workloadsMisfitsOf(document: Documented<BgpWorkloads>, context: Context): Fault[] {
  const { resource, complain } = document;
  const localAs = localAsOf(resource, context);
  if (areInternal(resource, context)) {
    return externalFields(document, `these are of AS ${localAs}`, context);
  }
  if (resource.routeReflectorClient !== true) return [];
  const message = `for peers of our own AS: these are of AS ${resource.asNumber}, and Node ${context.node.name} of AS ${localAs}`;
  return [complain(["spec", "routeReflectorClient"], message)];
}

/** What means something between two ASes only, on a session that is or may be within one. */
function externalFields(
  { resource, complain }: Documented<AnyBgpPeer>,
  who: string,
  { node }: Context,
): Fault[] {
  const fields = ["role", "asOverride", "removePrivateAS"] as const;
  return fields
    .filter((field) => resource[field] !== undefined && resource[field] !== false)
    .map((field) =>
      complain(["spec", field], `for peers of another AS: ${who}, like Node ${node.name}`),
    );
}

function policyOf(
  peer: AnyBgpPeer,
  context: Context,
  facts: Pick<PeerPolicy, "importPolicy"> & Standing,
): PeerPolicy {
  const common = commonPolicy(context);
  return {
    importPolicy: peer.importPolicy ?? facts.importPolicy,
    exportPolicy: peer.exportPolicy,
    allowedOwnAs: peer.numAllowedLocalASNumbers,
    refuseAsSets: peer.rejectASSets ?? common.refuseAsSets,
    discardBlackhole: peer.discardBlackhole ?? common.discardBlackhole,
    // Calico honours the older field on external sessions only.
    nextHop: peer.keepOriginalNextHop && !facts.isInternal ? "Keep" : peer.nextHopMode,
    asOverride: peer.asOverride,
    removePrivateAs: peer.removePrivateAS,
    gracefulShutdown: peer.gracefulShutdown || common.gracefulShutdown,
    prefixLimit: limitOf(peer),
    toldPaths: peer.addPath?.send ?? DEFAULT_POLICY.toldPaths,
    reflection: reflectionOf(context, facts),
  };
}

/** As the document says, which may be that there is none. */
function limitOf({ prefixLimit = DEFAULT_POLICY.prefixLimit }: Pick<BgpPeer, "prefixLimit">) {
  return prefixLimit?.max === 0 ? undefined : prefixLimit;
}

/** What the peer is to us, as far as it is of our AS. */
type Standing = { readonly isInternal: boolean; readonly isClient: boolean };

function reflectionOf(
  { reflector }: Context,
  { isInternal, isClient: client }: Standing,
): PeerPolicy["reflection"] {
  return reflector === undefined || !isInternal ? undefined : { ...reflector, client };
}

/** What holds for every session of the node. */
function commonPolicy({ node, configuration }: Context) {
  return {
    refuseAsSets: configuration.rejectASSets,
    discardBlackhole: configuration.discardBlackhole,
    gracefulShutdown: node.gracefulShutdown,
  };
}
