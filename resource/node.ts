/**
 * Node (projectcalico.org/v3): one member of the cluster.
 */

import * as v from "valibot";
import {
  type Address,
  AddressError,
  addToAddress,
  equalAddress,
  tryParseAddress,
} from "../lib/address.ts";
import { type Prefix, parseInterfaceAddress, prefixOf, sizeOf } from "../lib/prefix.ts";
import type { NotHonoured, NotHonouredFields } from "./not-honoured.ts";
import { asNumberSchema, booleanSchema, isUnicast, mapOf, prefixSchema, textOf } from "./scalar.ts";
import type { Labels } from "./selector.ts";

export type Node = {
  readonly name: string;
  readonly labels: Labels;
  /** BGP address and identifier. */
  readonly address: Address;
  /** Prefix length of its network; 32 when the document has none. */
  readonly addressLength: number;
  /** Its own, where it differs from the cluster's. */
  readonly asNumber: number | undefined;
  /** It reflects routes (RFC 4456) within the cluster of this CLUSTER_ID, and leaves the mesh. */
  readonly clusterId: Address | undefined;
  /** An addition of ours: the blocks that this node's pods get their addresses from. */
  readonly blocks: readonly Prefix[];
  /** An addition of ours: everything that the node tells is about to go away (RFC 8326). */
  readonly gracefulShutdown: boolean;
};

const interfaceAddressSchema = textOf(
  "expected the node's IPv4 address such as 172.30.0.11, or with its network's length such as 172.30.0.11/24",
  (text) => {
    const bare = tryParseAddress(text);
    const found = bare === undefined ? interfaceAddressFrom(text) : { address: bare, length: 32 };
    return found !== undefined && isHost(found.address, found.length) ? found : undefined;
  },
);

/** RFC 4456 section 7: four octets, which need not be anybody's address. */
const clusterIdSchema = textOf(
  "expected a cluster ID of four octets such as 244.0.0.1, not 0.0.0.0",
  (text) => {
    const id = tryParseAddress(text);
    return id?.family === 4 && id.w0 !== 0 ? id : undefined;
  },
);

export const nodeSpec = mapOf({
  bgp: mapOf({
    ipv4Address: interfaceAddressSchema,
    asNumber: v.optional(asNumberSchema),
    routeReflectorClusterID: v.optional(clusterIdSchema),
  }),
  blocks: v.optional(v.array(prefixSchema, 'expected a list such as ["10.244.1.0/24"]'), []),
  gracefulShutdown: v.optional(booleanSchema, false),
});

/** What Calico's own node writes into its document. */
const TUNNEL: NotHonoured = { idle: [], why: "packets travel without tunnels", noted: true };
const INVENTORY: NotHonoured = {
  idle: [[]],
  why: "the node's address is spec.bgp.ipv4Address, and no other is used",
  noted: true,
};

/** Fields of Calico's that this version does not honour. */
export const NODE_NOT_HONOURED: NotHonouredFields = {
  "spec.bgp.ipv6Address": { idle: [], why: "BGP is IPv4 only" },
  "spec.bgp.ipv4IPIPTunnelAddr": TUNNEL,
  "spec.ipv4VXLANTunnelAddr": TUNNEL,
  "spec.ipv6VXLANTunnelAddr": TUNNEL,
  "spec.vxlanTunnelMACAddr": TUNNEL,
  "spec.vxlanTunnelMACAddrV6": TUNNEL,
  "spec.wireguard": { idle: [], why: "nothing is encrypted between nodes", noted: true },
  "spec.orchRefs": { idle: [[]], why: "a Node has the name that bgpd --node says", noted: true },
  "spec.addresses": INVENTORY,
  "spec.interfaces": INVENTORY,
};

/** The record of a checked document. */
export function nodeFrom(
  name: string,
  labels: Labels,
  { bgp, blocks, gracefulShutdown }: v.InferOutput<typeof nodeSpec>,
): Node {
  const { address, length } = bgp.ipv4Address;
  return {
    name,
    labels,
    address,
    addressLength: length,
    asNumber: bgp.asNumber,
    clusterId: bgp.routeReflectorClusterID,
    blocks,
    gracefulShutdown,
  };
}

/** Neither special nor the network's own or its broadcast address. */
function isHost(address: Address, length: number): boolean {
  if (!isUnicast(address)) return false;
  const network = prefixOf(address, length);
  const last = addToAddress(network, sizeOf(network) - 1);
  return length >= 31 || !(equalAddress(address, network) || equalAddress(address, last));
}

function interfaceAddressFrom(text: string): ReturnType<typeof parseInterfaceAddress> | undefined {
  try {
    return parseInterfaceAddress(text);
  } catch (error) {
    if (error instanceof AddressError) return undefined;
    throw error;
  }
}
