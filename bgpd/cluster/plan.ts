/**
 * The plan of one node's speaker, from the cluster's documents.
 */

import {
  type Address,
  address4,
  compareAddress,
  type Family,
  formatAddress,
  parseAddress,
} from "../../lib/address.ts";
import { comparePrefix, formatPrefix, type Prefix } from "../../lib/prefix.ts";
import { Secret } from "../../lib/secret.ts";
import type { BgpConfiguration } from "../../resource/bgp-configuration.ts";
import type { BgpRange, BgpUnnumbered, BgpWorkloads } from "../../resource/bgp-peer.ts";
import type { Fault } from "../../resource/fault.ts";
import type { IpPool } from "../../resource/ip-pool.ts";
import { addressesOf, type Node } from "../../resource/node.ts";
import type { Documented, Resources } from "../../resource/resource.ts";
import { allRanges } from "../../resource/service.ts";
import { aggregatesOf, lonelyAggregates } from "./aggregate-plan.ts";
import { type Context, contextOf, type Keys, surroundingsOf } from "./context.ts";
import { meshPeers } from "./mesh.ts";
import {
  areInternal,
  isInternalUnnumbered,
  misfitsOf,
  rangeMisfitsOf,
  unnumberedMisfitsOf,
  workloadsMisfitsOf,
} from "./peer-policy.ts";
import { isGlobal, type Peering, peeringsOf, selects } from "./peering.ts";
import { announcedRanges, serviceRoutes } from "./services.ts";
import {
  explicitPlan,
  meshKeyOf,
  meshPlan,
  peeringAddresses,
  rangePlan,
  unnumberedPlan,
  workloadsPlan,
} from "./session.ts";
import type { PeerPlan, SelectionPlan, SpeakerPlan, UnprogrammedRange } from "./speaker.ts";

/** Listening there is listening on every address of the family. */
const ANY: Readonly<Record<Family, Address>> = { 4: address4(0), 6: parseAddress("::") };

/** For who looks at plans on another machine than their node: keys are not there, and not needed. */
const ELSEWHERE: Keys = {
  readKey: () => new Secret(Uint8Array.of(0)),
  lastKey: () => undefined,
};

/**
 * What `nodeName`'s speaker is to do, with notes where documents say something that has no effect; or the faults
 * that only this node has.
 */
export function planSpeaker(
  resources: Resources,
  nodeName: string,
  keys: Partial<Keys> = {},
):
  | { readonly plan: SpeakerPlan; readonly notes: readonly Fault[] }
  | { readonly faults: readonly Fault[] } {
  const nodes = resources.nodes.map(({ resource }) => resource);
  const node = nodes.find(({ name }) => name === nodeName);
  if (node === undefined) return { faults: [noSuchNode(nodes, nodeName)] };
  const surroundings = surroundingsOf(resources);
  const { peerings, faults, notes } = peeringsOf(node, surroundings);
  const ranges = resources.ranges.filter(({ resource }) => selects(resource, node));
  const unnumbered = resources.unnumbered.filter(({ resource }) => selects(resource, node));
  const workloads = workloadsOf(node, resources);
  const wrong = [
    ...faults,
    ...lacking(peerings, ranges, node),
    ...rivalsOnLinks(unnumbered, node),
    ...uncallable(workloads, node, resources),
  ];
  if (wrong.length > 0) return { faults: wrong };
  const ownAs = { asNumber: surroundings.asNumberOf(node) };
  const internal = unnumbered.filter(({ resource }) => isInternalUnnumbered(resource, ownAs));
  const internalPods = workloads.filter(({ resource }) => areInternal(resource, ownAs));
  const unnamed = [...ranges, ...internal, ...internalPods].map(({ resource }) => resource);
  const context = contextOf(node, surroundings, { peerings, unnamed }, { ...ELSEWHERE, ...keys });
  const misfits = [
    ...peerings.flatMap((peering) => [
      ...misfitsOf(peering, context),
      ...waitsInVain(peering, context),
    ]),
    ...ranges.flatMap((range) => rangeMisfitsOf(range, context)),
    ...unnumbered.flatMap((peer) => unnumberedMisfitsOf(peer, context)),
    ...workloads.flatMap((pods) => workloadsMisfitsOf(pods, context)),
  ];
  const { configuration } = context;
  const pools = resources.pools
    .map(({ resource }) => resource)
    .sort((a, b) => comparePrefix(a.prefix, b.prefix));
  // Who configures a session with another node by hand has it instead of the mesh's.
  const written = new Set(peerings.map(({ address }) => formatAddress(address)));
  const meshKey = meshKeyOf(context);
  const mesh = meshPeers(resources, node)
    .filter((other) => !addressesOf(other).some((address) => written.has(formatAddress(address))))
    .map((other) => meshPlan(other, meshKey, context));
  const peers = [...mesh, ...peerings.map((peering) => explicitPlan(peering, context))];
  const rangePlans = ranges.map((document) => rangePlan(document, context));
  const linkPlans = unnumbered.map((document) => unnumberedPlan(document, context));
  const podPlans = workloads.map((document) => workloadsPlan(document, context));
  misfits.push(...context.faults, ...lonelyAggregates(peers, context));
  if (misfits.length > 0) return { faults: misfits };
  const { shutdownMessage } = configuration;
  const translated = pools.filter(({ natOutgoing }) => natOutgoing);
  return {
    plan: {
      node: node.name,
      asNumber: context.asNumber,
      routerId: node.address,
      clusterId: context.reflector && (node.clusterId ?? node.address),
      addresses: addressesOf(node),
      listenPort: configuration.listenPort,
      listenAddresses: listenAddresses(context),
      blocks: node.blocks,
      pools: prefixesOf(pools),
      unexportedPools: prefixesOf(pools.filter(({ disableBGPExport }) => disableBGPExport)),
      services: announcedRanges(context),
      serviceRanges: allRanges(configuration.serviceRanges),
      serviceRoutes: serviceRoutes(context),
      normalPriority: configuration.normalPriority,
      unprogrammed: unprogrammedOf(configuration, pools),
      aggregates: aggregatesOf(context),
      advertisements: configuration.prefixAdvertisements,
      selection: selectionOf(configuration),
      peers,
      ...(translated.length === 0
        ? {}
        : { masquerade: { sources: prefixesOf(translated), exempt: prefixesOf(pools) } }),
      ...(rangePlans.length === 0 ? {} : { ranges: rangePlans }),
      ...(linkPlans.length === 0 ? {} : { unnumbered: linkPlans }),
      ...(podPlans.length === 0 ? {} : { workloads: podPlans, hosts: hostsOf(resources, peers) }),
      ...(shutdownMessage === undefined ? {} : { shutdownMessage }),
    },
    notes: [...notes, ...context.notes],
  };
}

function prefixesOf(pools: readonly IpPool[]): readonly Prefix[] {
  return pools.map(({ prefix }) => prefix);
}

/** Of two that select one pod the first has it: in Calico's order, those for all nodes come first. */
function workloadsOf(node: Node, { workloads }: Resources): Documented<BgpWorkloads>[] {
  const own = workloads.filter(({ resource }) => selects(resource, node));
  return [
    ...own.filter(({ resource }) => isGlobal(resource)),
    ...own.filter(({ resource }) => !isGlobal(resource)),
  ];
}

function hostsOf({ nodes }: Resources, peers: readonly PeerPlan[]): readonly Address[] {
  const all = [
    ...nodes.flatMap(({ resource }) => addressesOf(resource)),
    ...peers.map(({ address }) => address),
  ].sort(compareAddress);
  return all.filter((address, at) => compareAddress(address, all[at - 1] ?? ANY[4]) !== 0);
}

/** Pods need an address to call that is of a family of the node's. */
function uncallable(
  workloads: readonly Documented<BgpWorkloads>[],
  node: Node,
  resources: Resources,
): Fault[] {
  if (peeringAddresses({ node, resources }).length > 0) return [];
  const message = `Node ${node.name} has no bgp.ipv6Address, and there is no localWorkloadPeeringIPV4: pods of it have no address to call`;
  return workloads.map(({ complain }) => complain(["spec", "localWorkloadSelector"], message));
}

function listenAddresses({ node, configuration }: Context): readonly Address[] {
  const { listen, bindMode } = configuration;
  if (!listen) return [];
  if (node.listenAddresses !== undefined) return node.listenAddresses;
  const own = addressesOf(node);
  return bindMode === "None" ? own.map(({ family }) => ANY[family]) : own;
}

/** What is ours to announce, or the cluster's to reach, and another's to have in the kernel. */
function unprogrammedOf(
  { serviceRanges, programClusterRoutes }: BgpConfiguration,
  pools: readonly IpPool[],
): UnprogrammedRange[] {
  const isOurs =
    programClusterRoutes === "Enabled" || programClusterRoutes === "EnabledNoEncapOnly";
  return [
    ...allRanges(serviceRanges).map((prefix) => ({ prefix, why: "services" as const })),
    ...(isOurs ? [] : pools.map(({ prefix }) => ({ prefix, why: "cluster routes" as const }))),
  ];
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

/** A session needs an address of our own of the same family. */
function lacking(
  peerings: readonly Peering[],
  ranges: readonly Documented<BgpRange>[],
  { name, ipv6 }: Node,
): Fault[] {
  if (ipv6 !== undefined) return [];
  const message = (remote: string): string =>
    `Node ${name} has no bgp.ipv6Address for a session with ${remote}`;
  return [
    ...peerings
      .filter(({ address }) => address.family === 6)
      .map(({ document, address }) =>
        document.complain(["spec", "peerIP"], message(formatAddress(address))),
      ),
    ...ranges
      .filter(({ resource: { remotes } }) => remotes.family === 6)
      .map(({ resource, complain }) =>
        complain(["spec", "listenRange"], message(formatPrefix(resource.remotes))),
      ),
  ];
}

/** One neighbour is looked for on a link. */
function rivalsOnLinks(peers: readonly Documented<BgpUnnumbered>[], { name }: Node): Fault[] {
  return peers.flatMap(({ resource: { link }, complain }, index) => {
    const rival = peers.slice(0, index).find(({ resource }) => resource.link === link);
    if (rival === undefined) return [];
    const message = `BGPPeer ${rival.resource.name} has the neighbour on ${link} of Node ${name} already`;
    return [complain(["spec", "interface"], message)];
  });
}

function noSuchNode(nodes: readonly Node[], name: string): Fault {
  const names = nodes.map((node) => node.name).join(", ") || "none";
  const message = `no Node is called ${JSON.stringify(name)}: there are ${names}; say which one this is with --node`;
  return { file: "--node", line: 0, subject: "", field: "", value: undefined, message };
}
