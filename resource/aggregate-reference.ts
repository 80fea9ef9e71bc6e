/**
 * What is wrong with an aggregate in the light of the other documents: it stands for blocks and for nothing else,
 * since a discard route lies below it.
 */

import { formatAddress } from "../lib/address.ts";
import {
  containsAddress,
  containsPrefix,
  formatPrefix,
  overlaps,
  type Prefix,
} from "../lib/prefix.ts";
import type { Fault } from "./fault.ts";
import { blockSizeOf } from "./ip-pool.ts";
import { addressesOf } from "./node.ts";
import type { Resources } from "./resource.ts";
import { allRanges } from "./service.ts";

/** Every fault of every aggregate. */
export function checkAggregates(resources: Resources): Fault[] {
  const { configuration } = resources;
  if (configuration === undefined) return [];
  const { resource, complain } = configuration;
  return resource.aggregates.flatMap(({ prefix }, index) => {
    const earlier = resource.aggregates.slice(0, index).map((other) => other.prefix);
    const messages = [
      ...twins(prefix, earlier),
      ...lengths(prefix, resources),
      ...strangers(prefix, resources),
    ];
    return messages.map((message) => complain(["spec", "aggregates", index, "cidr"], message));
  });
}

function twins(prefix: Prefix, earlier: readonly Prefix[]): string[] {
  const twin = earlier.find((other) => overlaps(other, prefix));
  if (twin === undefined) return [];
  return [`overlaps the aggregate ${formatPrefix(twin)}: of two, neither has all its parts`];
}

/** It lies in a pool, and is shorter than every block. */
function lengths(prefix: Prefix, { nodes, pools }: Resources): string[] {
  const holds = "expected a prefix that holds blocks";
  const messages: string[] = [];
  const pool = pools.find(({ resource }) => containsPrefix(resource.prefix, prefix))?.resource;
  if (pools.length > 0 && pool === undefined) {
    const list = pools.map(({ resource }) => formatPrefix(resource.prefix)).join(", ");
    messages.push(`inside no IPPool: there are ${list}`);
  }
  if (pool !== undefined && blockSizeOf(pool) <= prefix.length) {
    messages.push(`${holds}: those of IPPool ${pool.name} are /${blockSizeOf(pool)}`);
  }
  for (const { resource } of nodes) {
    const block = resource.blocks.find((one) => containsPrefix(one, prefix));
    if (block === undefined) continue;
    messages.push(
      `${holds}: ${formatPrefix(block)} of Node ${resource.name} is as long or shorter`,
    );
  }
  return messages;
}

/** What its discard route would cut off. */
function strangers(prefix: Prefix, { configuration, nodes, peers }: Resources): string[] {
  const node = nodes.find(({ resource }) =>
    addressesOf(resource).some((address) => containsAddress(prefix, address)),
  )?.resource;
  const ranges = configuration === undefined ? [] : allRanges(configuration.resource.serviceRanges);
  const range = ranges.find((one) => overlaps(one, prefix));
  const [peer] = peers.flatMap(({ resource: { name, remote } }) =>
    remote.type === "address" && containsAddress(prefix, remote.address)
      ? [{ name, address: remote.address }]
      : [],
  );
  return [
    ...(node === undefined ? [] : [`the address of Node ${node.name}`]),
    ...(peer === undefined ? [] : [`${formatAddress(peer.address)} of BGPPeer ${peer.name}`]),
    ...(range === undefined ? [] : [`the service range ${formatPrefix(range)}`]),
  ].map((what) => `has ${what} in it, to which its discard route would lead`);
}
