/**
 * The plan of one node's speaker, from the cluster's documents.
 */

import { isDeepStrictEqual } from "node:util";
import { formatAddress } from "../../lib/address.ts";
import {
  comparePrefix,
  containsAddress,
  equalPrefix,
  formatPrefix,
  prefixOf,
} from "../../lib/prefix.ts";
import {
  type BgpConfiguration,
  configurationOf,
  defaultConfiguration,
  type Timers,
} from "../../resource/bgp-configuration.ts";
import type { BgpPeer, Role } from "../../resource/bgp-peer.ts";
import type { Fault } from "../../resource/fault.ts";
import { addressesOf, type Node } from "../../resource/node.ts";
import type { Resources } from "../../resource/resource.ts";
import { type BfdSource, type KeyReader, planBfd } from "./bfd.ts";
import { meshPeers } from "./mesh.ts";
import { type Peering, peeringsOf, type Surroundings } from "./peering.ts";
import { isClient, type Reflector, reflectorOf } from "./reflection.ts";
import {
  type AggregatePlan,
  DEFAULT_POLICY,
  type PeerPlan,
  type PeerPolicy,
  type SelectionPlan,
  type SpeakerPlan,
} from "./speaker.ts";

/** Seconds. RFC 4271 section 10 suggests 90 and a third of it. */
const DEFAULT_HOLD_TIME = 90;
/** Seconds. The RFC's 120 is for peers far away; a node that comes back is called at once. */
const DEFAULT_CONNECT_RETRY_TIME = 5;
/** A peer behind a router may be this many hops away. */
const MULTIHOP = 64;
const DIRECT = 1;

/** For who looks at plans on another machine than their node: keys are not there, and not needed. */
const elsewhere: KeyReader = () => ({ key: Uint8Array.of(0) });

/**
 * What `nodeName`'s speaker is to do, with notes where documents say something that has no effect; or the faults
 * that only this node has.
 */
export function planSpeaker(
  resources: Resources,
  nodeName: string,
  readKey = elsewhere,
):
  | { readonly plan: SpeakerPlan; readonly notes: readonly Fault[] }
  | { readonly faults: readonly Fault[] } {
  const nodes = resources.nodes.map(({ resource }) => resource);
  const node = nodes.find(({ name }) => name === nodeName);
  if (node === undefined) return { faults: [noSuchNode(nodes, nodeName)] };
  const surroundings = contextOf(resources, node, readKey);
  const { peerings, faults, notes } = peeringsOf(node, surroundings);
  const context = {
    ...surroundings,
    reflector: reflectorOf(node, peerings, surroundings.configuration),
  };
  const wrong = [...faults, ...lacking(peerings, node)];
  if (wrong.length > 0) return { faults: wrong };
  const misfits = peerings.flatMap((peering) => [
    ...misfitsOf(peering, context),
    ...waitsInVain(peering, context),
  ]);
  const { configuration } = context;
  const pools = resources.pools
    .map(({ resource }) => resource)
    .sort((a, b) => comparePrefix(a.prefix, b.prefix));
  // Who configures a session with another node by hand has it instead of the mesh's.
  const written = new Set(peerings.map(({ address }) => formatAddress(address)));
  const mesh = meshPeers(resources, node)
    .filter((other) => !addressesOf(other).some((address) => written.has(formatAddress(address))))
    .map((other) => meshPlan(other, context));
  const peers = [...mesh, ...peerings.map((peering) => explicitPlan(peering, context))];
  misfits.push(...context.faults, ...lonelyAggregates(peers, context));
  if (misfits.length > 0) return { faults: misfits };
  return {
    plan: {
      node: node.name,
      asNumber: context.asNumber,
      routerId: node.address,
      clusterId: context.reflector && (node.clusterId ?? node.address),
      listenPort: configuration.listenPort,
      listenAddresses: addressesOf(node),
      blocks: node.blocks,
      pools: pools.map(({ prefix }) => prefix),
      unexportedPools: pools
        .filter(({ disableBGPExport }) => disableBGPExport)
        .map(({ prefix }) => prefix),
      services: configuration.services,
      aggregates: aggregatesOf(context),
      advertisements: configuration.prefixAdvertisements,
      selection: selectionOf(configuration),
      peers,
    },
    notes,
  };
}

function selectionOf({ bestPath, multipath }: BgpConfiguration): SelectionPlan {
  return {
    alwaysCompareMed: bestPath.alwaysCompareMED,
    missingMedIsWorst: bestPath.missingMEDIsWorst,
    preferOldestExternal: bestPath.preferOldestExternal,
    maximumPaths: multipath.maximumPaths,
    relaxedAsPath: multipath.relaxedASPath,
  };
}

/** What all sessions of one node have in common. */
type Context = Surroundings & {
  readonly node: Node;
  readonly asNumber: number;
  /** Of this node: the cluster's, or its own. */
  readonly configuration: BgpConfiguration;
  readonly readKey: KeyReader;
  /** Undefined: the node reflects nothing. */
  readonly reflector: Reflector | undefined;
  /** What planning one peer finds; the same of the same document once. */
  readonly faults: Fault[];
};

function contextOf(
  resources: Resources,
  node: Node,
  readKey: KeyReader,
): Omit<Context, "reflector"> {
  const cluster = resources.configuration?.resource ?? defaultConfiguration();
  const own = new Map(
    resources.nodeConfigurations.map(({ resource }) => [resource.node, resource]),
  );
  const asNumberOf = (of: Node): number => of.asNumber ?? cluster.asNumber;
  return {
    node,
    asNumber: asNumberOf(node),
    configuration: configurationOf(cluster, own.get(node.name)),
    resources,
    asNumberOf,
    readKey,
    faults: [],
    portOf: ({ name }) => own.get(name)?.listenPort ?? cluster.listenPort,
  };
}

/** Those that this node announces. */
function aggregatesOf({ node, configuration, resources }: Context): AggregatePlan[] {
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
function lonelyAggregates(peers: readonly PeerPlan[], context: Context): Fault[] {
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

function meshPlan(other: Node, context: Context): PeerPlan {
  const { asNumber: localAs } = context;
  const remoteAs = context.asNumberOf(other);
  return {
    name: `mesh ${other.name}`,
    origin: "mesh",
    node: other.name,
    address: other.address,
    port: context.portOf(other),
    ...localSide(context, { address: other.address, localAs, remoteAs }),
    ...timersOf(undefined, context.configuration.timers),
    passive: false,
    reachableBy: undefined,
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
function commonPolicy({ node, configuration }: Context) {
  return {
    refuseAsSets: configuration.rejectASSets,
    discardBlackhole: configuration.discardBlackhole,
    gracefulShutdown: node.gracefulShutdown,
  };
}

function explicitPolicy(peering: Peering, context: Context): PeerPolicy {
  const peer = peering.document.resource;
  const common = commonPolicy(context);
  const isExternal = peering.localAs !== peering.remoteAs;
  // Our own nodes are believed, as in the mesh.
  const otherwise = peering.node === undefined ? context.configuration.importPolicy : "all";
  return {
    importPolicy: peer.importPolicy ?? otherwise,
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
      client: isClient(peering, context.node),
    }),
  };
}

function reflectionOf(
  { reflector }: Context,
  { isInternal, client }: { readonly isInternal: boolean; readonly client: boolean },
): PeerPolicy["reflection"] {
  return reflector === undefined || !isInternal ? undefined : { ...reflector, client };
}

/** What a session of this kind cannot have. */
function misfitsOf(
  { document, isMutual, isReverse, localAs, remoteAs }: Peering,
  { node }: Context,
): Fault[] {
  const { resource, complain } = document;
  const { role } = resource;
  if (localAs !== remoteAs) {
    if (resource.routeReflectorClient === true && !isReverse) {
      const message = `for peers of our own AS: this one is of AS ${remoteAs}, and Node ${node.name} of AS ${localAs}`;
      return [complain(["spec", "routeReflectorClient"], message)];
    }
    if (role === undefined || role === COUNTERPARTS[role] || !isMutual) return [];
    const message = `both ends have this document, and two of role ${role} do not go together (RFC 9234)`;
    return [complain(["spec", "role"], message)];
  }
  const fields = ["role", "asOverride", "removePrivateAS"] as const;
  return fields
    .filter((field) => resource[field] !== undefined && resource[field] !== false)
    .map((field) =>
      complain(
        ["spec", field],
        `for peers of another AS: this one is of AS ${remoteAs}, like Node ${node.name}`,
      ),
    );
}

/** Between two nodes one must call. */
function waitsInVain({ passive, node: other, document }: Peering, context: Context): Fault[] {
  if (!passive || other === undefined) return [];
  const theirs = peeringsOf(other, context).peerings.find(
    ({ node }) => node?.name === context.node.name,
  );
  if (theirs?.passive !== true) return [];
  const by = theirs.document.resource.name;
  const message = `Node ${other.name} waits for Node ${context.node.name} too, by BGPPeer ${by}: nobody would call`;
  return [document.complain(["spec", "passive"], message)];
}

function explicitPlan(peering: Peering, context: Context): PeerPlan {
  const { name, document, isReverse, address, port, node } = peering;
  const peer = document.resource;
  const filters = context.resources.filters.map(({ resource }) => resource);
  return {
    name,
    origin: "BGPPeer",
    node: node?.name,
    address,
    port,
    ...localSide(context, peering),
    ...timersOf(peer.timers, context.configuration.timers),
    passive: peering.passive,
    reachableBy: isReverse ? undefined : peer.reachableBy,
    acceptDefaultRoute: peer.acceptDefaultRoute,
    filters: peer.filters.flatMap(
      (wanted) => filters.find((filter) => filter.name === wanted) ?? [],
    ),
    role: rolePlan(peer, isReverse),
    aigp: peer.aigp,
    policy: explicitPolicy(peering, context),
    ...bfdOf({ settings: peer.bfd, complain: document.complain }, address, context),
  };
}

/** RFC 9234 table 2: what the other end is. */
const COUNTERPARTS: Readonly<Record<Role, Role>> = {
  provider: "customer",
  customer: "provider",
  rs: "rs-client",
  "rs-client": "rs",
  peer: "peer",
};

function rolePlan({ role, strictRole }: BgpPeer, isReverse: boolean): PeerPlan["role"] {
  if (role === undefined) return undefined;
  return { role: isReverse ? COUNTERPARTS[role] : role, strict: strictRole };
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

function localSide(
  context: Context,
  { address, localAs, remoteAs }: Pick<Peering, "address" | "localAs" | "remoteAs">,
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

/** A session needs an address of our own of the same family. */
function lacking(peerings: readonly Peering[], { name, ipv6 }: Node): Fault[] {
  if (ipv6 !== undefined) return [];
  return peerings.flatMap(({ document, address }) => {
    if (address.family === 4) return [];
    const message = `Node ${name} has no bgp.ipv6Address for a session with ${formatAddress(address)}`;
    return [document.complain(["spec", "peerIP"], message)];
  });
}

function noSuchNode(nodes: readonly Node[], name: string): Fault {
  const names = nodes.map((node) => node.name).join(", ") || "none";
  const message = `no Node is called ${JSON.stringify(name)}: there are ${names}; say which one this is with --node`;
  return { file: "--node", line: 0, subject: "", field: "", value: undefined, message };
}
