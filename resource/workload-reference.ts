/**
 * Sessions of nodes with their own pods: the address at which pods reach their node, and nobody else's.
 */

import { formatAddress } from "../lib/address.ts";
import { containsAddress, formatPrefix } from "../lib/prefix.ts";
import type { Fault } from "./fault.ts";
import { hasAddress } from "./node.ts";
import type { Resources } from "./resource.ts";
import { allRanges } from "./service.ts";

/** Every fault of peering addresses, and of documents that have need of one. */
export function checkWorkloads(resources: Resources): Fault[] {
  return [...unreachable(resources), ...takenAddresses(resources)];
}

/** Without an address there is nothing for a pod to call. */
function unreachable({ workloads, configuration }: Resources): Fault[] {
  if ((configuration?.resource.localWorkloadPeering ?? []).length > 0) return [];
  const message =
    "goes with localWorkloadPeeringIPV4 or localWorkloadPeeringIPV6 of the BGPConfiguration default, and there is neither";
  return workloads.map(({ complain }) => complain(["spec", "localWorkloadSelector"], message));
}

/** Every node has it: it must be nobody's whom others have to tell from us. */
function takenAddresses(resources: Resources): Fault[] {
  const { configuration } = resources;
  if (configuration === undefined) return [];
  const { resource, complain } = configuration;
  return resource.localWorkloadPeering.flatMap((address) => {
    const owner = ownerOf(address, resources);
    if (owner === undefined) return [];
    const message = `${formatAddress(address)} is ${owner}: expected an address that nobody else has, for every node has it`;
    return [complain(["spec", `localWorkloadPeeringIPV${address.family}`], message)];
  });
}

function ownerOf(
  address: Parameters<typeof hasAddress>[1],
  { nodes, pools, peers, configuration }: Resources,
): string | undefined {
  const node = nodes.find(({ resource }) => hasAddress(resource, address));
  if (node !== undefined) return `the address of Node ${node.resource.name}`;
  const pool = pools.find(({ resource }) => containsAddress(resource.prefix, address));
  if (pool !== undefined) return `in IPPool ${pool.resource.name}`;
  const blocked = nodes.find(({ resource }) =>
    resource.blocks.some((block) => containsAddress(block, address)),
  );
  if (blocked !== undefined) return `in a block of Node ${blocked.resource.name}`;
  const ranges = configuration === undefined ? [] : allRanges(configuration.resource.serviceRanges);
  const service = ranges.find((range) => containsAddress(range, address));
  if (service !== undefined) return `in the service range ${formatPrefix(service)}`;
  const text = formatAddress(address);
  const peer = peers.find(
    ({ resource: { remote } }) =>
      remote.type === "address" && formatAddress(remote.address) === text,
  );
  return peer === undefined ? undefined : `the peerIP of BGPPeer ${peer.resource.name}`;
}
