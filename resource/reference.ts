/**
 * What no document can see alone: names that refer to nothing, addresses and blocks that collide.
 */

import { equalAddress, formatAddress } from "../lib/address.ts";
import {
  containsAddress,
  containsPrefix,
  formatPrefix,
  overlaps,
  type Prefix,
  parsePrefix,
  sizeOf,
} from "../lib/prefix.ts";
import { checkAggregates } from "./aggregate-reference.ts";
import type { AnyBgpPeer } from "./bgp-peer.ts";
import type { Fault } from "./fault.ts";
import { BLOCK_SIZES, blockSizeOf, type IpPool } from "./ip-pool.ts";
import type { Kind } from "./kind.ts";
import { addressesOf, hasAddress, type Node } from "./node.ts";
import type { Documented, Resources } from "./resource.ts";
import { allRanges } from "./service.ts";
import { checkWorkloads } from "./workload-reference.ts";

/** Of one link alone, and 169.254.1.1 is every pod's gateway. */
const LINK_LOCAL = ["169.254.0.0/16", "fe80::/10"].map(parsePrefix);

/** Whether a document of this kind and name is there, be it faulty. */
export type IsDeclared = (kind: Kind, name: string) => boolean;

/** Every fault between documents, and within one where fields contradict each other. */
export function checkReferences(resources: Resources, isDeclared: IsDeclared): Fault[] {
  return [
    ...checkTimers(resources),
    ...checkPeers(resources, isDeclared),
    ...checkNodeConfigurations(resources, isDeclared),
    ...checkAggregates(resources),
    ...checkListening(resources),
    ...checkAddresses(resources),
    ...checkBlocks(resources),
    ...checkPools(resources),
    ...checkServices(resources),
    ...checkWorkloads(resources),
  ];
}

/** A hold time of zero switches both timers off (RFC 4271 section 4.4). */
function checkTimers({ configuration, nodeConfigurations, ...sessions }: Resources): Fault[] {
  const cluster = configuration === undefined ? [] : [configuration];
  const documents = [...cluster, ...nodeConfigurations, ...allPeers(sessions)];
  return documents.flatMap(({ resource: { timers }, complain }) => {
    const { keepaliveTime } = timers;
    const hold = timers.holdTime ?? configuration?.resource.timers.holdTime;
    const wrong = (message: string): Fault[] => [complain(["spec", "keepaliveTime"], message)];
    if (keepaliveTime === undefined) return [];
    if (keepaliveTime === 0) {
      return hold === 0 ? [] : wrong("expected 1 s or more; only a holdTime of 0 does without");
    }
    if (hold === 0) return wrong("expected 0, or none: with a holdTime of 0 nothing is sent");
    if (hold === undefined || keepaliveTime < hold) return [];
    return wrong(`expected less than the hold time of ${hold} s, best a third of it`);
  });
}

/** The BGPPeers of every sort. */
function allPeers({
  peers,
  ranges,
  unnumbered,
  workloads,
}: Pick<
  Resources,
  "peers" | "ranges" | "unnumbered" | "workloads"
>): readonly Documented<AnyBgpPeer>[] {
  return [...peers, ...ranges, ...unnumbered, ...workloads];
}

function checkPeers({ nodes, filters, ...sessions }: Resources, isDeclared: IsDeclared): Fault[] {
  const nodeNames = nodes.map(({ resource }) => resource.name);
  const filterNames = filters.map(({ resource }) => resource.name);
  return allPeers(sessions).flatMap(({ resource, complain }) => {
    const faults: Fault[] = [];
    const { node, nodeSelector } = resource;
    if (node !== undefined && !isDeclared("Node", node)) {
      faults.push(complain(["spec", "node"], `no such Node: there are ${listOf(nodeNames)}`));
    }
    if (node !== undefined && nodeSelector !== undefined) {
      const message = "expected either node or nodeSelector, not both";
      faults.push(complain(["spec", "nodeSelector"], message));
    }
    const message = gatewayFault(resource);
    if (message !== undefined) faults.push(complain(["spec", "reachableBy"], message));
    if (resource.strictRole && resource.role === undefined) {
      faults.push(complain(["spec", "strictRole"], "goes with a role, and there is none"));
    }
    for (const [index, name] of resource.filters.entries()) {
      if (isDeclared("BGPFilter", name)) continue;
      const message = `no such BGPFilter: there are ${listOf(filterNames)}`;
      faults.push(complain(["spec", "filters", index], message));
    }
    return faults;
  });
}

function gatewayFault(peer: AnyBgpPeer): string | undefined {
  if (!("remote" in peer)) return undefined;
  const { remote, reachableBy } = peer;
  if (remote.type !== "address" || reachableBy === undefined) return undefined;
  if (equalAddress(remote.address, reachableBy)) {
    return "expected the gateway to the peer, not the peer itself";
  }
  const { family } = remote.address;
  return family === reachableBy.family
    ? undefined
    : `expected an IPv${family} address, like the peer's`;
}

function checkNodeConfigurations(
  { nodeConfigurations, nodes }: Resources,
  isDeclared: IsDeclared,
): Fault[] {
  const names = nodes.map(({ resource }) => resource.name);
  return nodeConfigurations
    .filter(({ resource }) => !isDeclared("Node", resource.node))
    .map(({ complain }) =>
      complain(["metadata", "name"], `no such Node: there are ${listOf(names)}`),
    );
}

/** Who is to wait for calls must be able to hear them. */
function checkListening({
  configuration,
  nodes,
  peers,
  ranges,
  unnumbered,
  workloads,
}: Resources): Fault[] {
  if (configuration?.resource.listen !== false) return [];
  const message = "expected no such field: BGPConfiguration says listen: false";
  return [
    ...[...peers, ...unnumbered, ...workloads]
      .filter(({ resource }) => resource.passive)
      .map(({ complain }) => complain(["spec", "passive"], message)),
    ...ranges.map(({ complain }) => complain(["spec", "listenRange"], message)),
    ...nodes
      .filter(({ resource }) => resource.listenAddresses !== undefined)
      .map(({ complain }) => complain(["spec", "bgp", "listenAddresses"], message)),
  ];
}

function checkAddresses({ nodes }: Resources): Fault[] {
  return nodes.flatMap(({ resource, complain }, index) => {
    const earlier = nodes.slice(0, index);
    return addressesOf(resource).flatMap((address) => {
      const twin = earlier.find(({ resource: other }) => hasAddress(other, address));
      if (twin === undefined) return [];
      const message = `Node ${twin.resource.name} has the address ${formatAddress(address)} too`;
      return [complain(["spec", "bgp", `ipv${address.family}Address`], message)];
    });
  });
}

function checkBlocks({ nodes, pools }: Resources): Fault[] {
  const faults: Fault[] = [];
  const earlier: { readonly node: string; readonly block: Prefix }[] = [];
  for (const { resource, complain } of nodes) {
    for (const [index, block] of resource.blocks.entries()) {
      const wrong = (message: string): number =>
        faults.push(complain(["spec", "blocks", index], message));
      const rival = earlier.find((other) => overlaps(other.block, block));
      if (rival !== undefined) {
        wrong(`overlaps ${formatPrefix(rival.block)} of Node ${rival.node}`);
      }
      const inside = nodes.find((node) =>
        addressesOf(node.resource).some((address) => containsAddress(block, address)),
      );
      if (inside !== undefined) wrong(`has the address of Node ${inside.resource.name} in it`);
      const { shortest, longest } = BLOCK_SIZES[block.family];
      if (block.length < shortest) wrong(`expected a block of /${shortest} to /${longest}`);
      if (block.family === 6 && resource.ipv6 === undefined) {
        wrong("the node has no bgp.ipv6Address, without which nobody is told of IPv6 blocks");
      }
      for (const message of poolFaults(block, resource, pools)) wrong(message);
      earlier.push({ node: resource.name, block });
    }
  }
  return faults;
}

/** What keeps a Node from having a block, as far as the pools are concerned. */
function poolFaults(block: Prefix, node: Node, pools: Resources["pools"]): string[] {
  const candidates = pools
    .map(({ resource }) => resource)
    .filter(({ prefix }) => prefix.family === block.family);
  const pool = candidates.find(({ prefix }) => containsPrefix(prefix, block));
  if (pool === undefined) {
    const names = listOf(candidates.map(({ prefix }) => formatPrefix(prefix)));
    return candidates.length === 0 ? [] : [`inside no IPPool: there are ${names}`];
  }
  const { name, blockSize = block.length, nodeSelector, allowedUses, skipFirstAndLast } = pool;
  const faults: string[] = [];
  if (blockSize !== block.length)
    faults.push(`expected a /${blockSize}, the blockSize of IPPool ${name}`);
  if (!nodeSelector(node.labels))
    faults.push(`the nodeSelector of IPPool ${name} does not select this Node`);
  if (!allowedUses.includes("Workload"))
    faults.push(`IPPool ${name} is not for pods: its allowedUses have no Workload`);
  if (skipFirstAndLast && sizeOf(block) <= 2)
    faults.push(`skipFirstAndLast of IPPool ${name} leaves no address in it`);
  return faults;
}

function checkPools({ pools }: Resources): Fault[] {
  return pools.flatMap(({ resource, complain }, index) => {
    const { prefix, blockSize } = resource;
    const faults: Fault[] = [];
    const rival = pools.slice(0, index).find(({ resource }) => overlaps(resource.prefix, prefix));
    if (rival !== undefined) {
      const { name, prefix: other } = rival.resource;
      faults.push(complain(["spec", "cidr"], `overlaps ${formatPrefix(other)} of IPPool ${name}`));
    }
    const special = LINK_LOCAL.find((other) => overlaps(other, prefix));
    if (special !== undefined) {
      const message = `overlaps the link-local ${formatPrefix(special)}, which nobody can route`;
      faults.push(complain(["spec", "cidr"], message));
    }
    const message = blockSize === undefined ? undefined : blockSizeFault(prefix, blockSize);
    if (message !== undefined) faults.push(complain(["spec", "blockSize"], message));
    if (isAllSkipped(resource)) {
      const text = `leaves no address in a /${blockSizeOf(resource)}: expected a shorter blockSize, or false`;
      faults.push(complain(["spec", "skipFirstAndLast"], text));
    }
    return faults;
  });
}

function blockSizeFault({ family, length }: Prefix, blockSize: number): string | undefined {
  const { shortest, longest } = BLOCK_SIZES[family];
  if (blockSize < shortest || blockSize > longest) {
    return `expected a prefix length from ${shortest} to ${longest}`;
  }
  return blockSize < length ? `expected at least the pool's own length, ${length}` : undefined;
}

function isAllSkipped(pool: IpPool): boolean {
  const { longest } = BLOCK_SIZES[pool.prefix.family];
  return pool.skipFirstAndLast && blockSizeOf(pool) >= longest - 1;
}

/** Every node announces them: no node could have a block there. */
function checkServices({ configuration, nodes, pools }: Resources): Fault[] {
  if (configuration === undefined) return [];
  const { resource, complain } = configuration;
  const taken = [
    // Load balancers may have a pool of their own.
    ...pools
      .filter(({ resource: { allowedUses } }) => allowedUses.includes("Workload"))
      .map(({ resource: { name, prefix } }) => ({ prefix, owner: `IPPool ${name}` })),
    ...nodes.flatMap(({ resource: { name, blocks } }) =>
      blocks.map((prefix) => ({ prefix, owner: `Node ${name}` })),
    ),
  ];
  return allRanges(resource.serviceRanges).flatMap((range) => {
    const rival = taken.find(({ prefix }) => overlaps(prefix, range));
    if (rival === undefined) return [];
    const text = `service range ${formatPrefix(range)} overlaps ${formatPrefix(rival.prefix)}`;
    return [complain(["spec"], `${text} of ${rival.owner}`)];
  });
}

function listOf(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.join(", ");
}
