/**
 * What no document can see alone: names that refer to nothing, addresses and blocks that collide.
 */

import { compareAddress, formatAddress } from "../lib/address.ts";
import { containsAddress, containsPrefix, formatPrefix, type Prefix } from "../lib/prefix.ts";
import type { Fault } from "./fault.ts";
import type { Kind } from "./kind.ts";
import type { Resources } from "./resource.ts";

/** Larger ones take too long to search (`ipam/block.ts`). */
const SHORTEST_BLOCK = 20;

/** Whether a document of this kind and name is there, be it faulty. */
export type IsDeclared = (kind: Kind, name: string) => boolean;

/** Every fault between documents, and within one where fields contradict each other. */
export function checkReferences(resources: Resources, isDeclared: IsDeclared): Fault[] {
  return [
    ...checkTimers(resources),
    ...checkPeers(resources, isDeclared),
    ...checkListening(resources),
    ...checkAddresses(resources),
    ...checkBlocks(resources),
    ...checkPools(resources),
  ];
}

/** A hold time of zero switches both timers off (RFC 4271 section 4.4). */
function checkTimers({ configuration, peers, ranges }: Resources): Fault[] {
  const documents = [...(configuration === undefined ? [] : [configuration]), ...peers, ...ranges];
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

function checkPeers({ peers, ranges, nodes, filters }: Resources, isDeclared: IsDeclared): Fault[] {
  const nodeNames = nodes.map(({ resource }) => resource.name);
  const filterNames = filters.map(({ resource }) => resource.name);
  return [...peers, ...ranges].flatMap(({ resource, complain }) => {
    const faults: Fault[] = [];
    const { node, nodeSelector } = resource;
    if (node !== undefined && !isDeclared("Node", node)) {
      faults.push(complain(["spec", "node"], `no such Node: there are ${listOf(nodeNames)}`));
    }
    if (node !== undefined && nodeSelector !== undefined) {
      const message = "expected either node or nodeSelector, not both";
      faults.push(complain(["spec", "nodeSelector"], message));
    }
    for (const [index, name] of resource.filters.entries()) {
      if (isDeclared("BGPFilter", name)) continue;
      const message = `no such BGPFilter: there are ${listOf(filterNames)}`;
      faults.push(complain(["spec", "filters", index], message));
    }
    return faults;
  });
}

/** Who is to wait for calls must be able to hear them. */
function checkListening({ configuration, nodes, peers, ranges }: Resources): Fault[] {
  if (configuration?.resource.listen !== false) return [];
  const message = "expected no such field: BGPConfiguration says listen: false";
  return [
    ...peers
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
    const twin = nodes
      .slice(0, index)
      .find(({ resource: other }) => compareAddress(other.address, resource.address) === 0);
    if (twin === undefined) return [];
    const message = `Node ${twin.resource.name} has the address ${formatAddress(resource.address)} too`;
    return [complain(["spec", "bgp", "ipv4Address"], message)];
  });
}

function checkBlocks({ nodes, pools }: Resources): Fault[] {
  const faults: Fault[] = [];
  const earlier: { readonly node: string; readonly block: Prefix }[] = [];
  for (const { resource, complain } of nodes) {
    for (const [index, block] of resource.blocks.entries()) {
      const wrong = (message: string): number =>
        faults.push(complain(["spec", "blocks", index], message));
      const rival = earlier.find((other) => overlap(other.block, block));
      if (rival !== undefined) {
        wrong(`overlaps ${formatPrefix(rival.block)} of Node ${rival.node}`);
      }
      const inside = nodes.find((node) => containsAddress(block, node.resource.address));
      if (inside !== undefined) wrong(`has the address of Node ${inside.resource.name} in it`);
      if (block.length < SHORTEST_BLOCK) wrong(`expected a block of /${SHORTEST_BLOCK} to /32`);
      const pool = pools.find((candidate) => containsPrefix(candidate.resource.prefix, block));
      if (pool === undefined && pools.length > 0) {
        const names = listOf(pools.map((candidate) => formatPrefix(candidate.resource.prefix)));
        wrong(`inside no IPPool: there are ${names}`);
      }
      const blockSize = pool?.resource.blockSize ?? block.length;
      if (blockSize !== block.length) {
        wrong(`expected a /${blockSize}, the blockSize of IPPool ${pool?.resource.name}`);
      }
      earlier.push({ node: resource.name, block });
    }
  }
  return faults;
}

function checkPools({ pools }: Resources): Fault[] {
  return pools.flatMap(({ resource: { prefix, blockSize }, complain }, index) => {
    const faults: Fault[] = [];
    const rival = pools.slice(0, index).find(({ resource }) => overlap(resource.prefix, prefix));
    if (rival !== undefined) {
      const { name, prefix: other } = rival.resource;
      faults.push(complain(["spec", "cidr"], `overlaps ${formatPrefix(other)} of IPPool ${name}`));
    }
    if (blockSize !== undefined && blockSize < prefix.length) {
      const message = `expected at least the pool's own length, ${prefix.length}`;
      faults.push(complain(["spec", "blockSize"], message));
    }
    return faults;
  });
}

function overlap(a: Prefix, b: Prefix): boolean {
  return containsPrefix(a, b) || containsPrefix(b, a);
}

function listOf(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.join(", ");
}
