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
import {
  asNumberSchema,
  hostAddressSchema,
  isUnicast,
  mapOf,
  prefixSchema,
  textOf,
} from "./scalar.ts";
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
  /** An addition of ours: where it listens instead of at its address. */
  readonly listenAddresses: readonly Address[] | undefined;
  /** An addition of ours: the blocks that this node's pods get their addresses from. */
  readonly blocks: readonly Prefix[];
};

const interfaceAddressSchema = textOf(
  "expected the node's IPv4 address such as 172.30.0.11, or with its network's length such as 172.30.0.11/24",
  (text) => {
    const bare = tryParseAddress(text);
    const found = bare === undefined ? interfaceAddressFrom(text) : { address: bare, length: 32 };
    return found !== undefined && isHost(found.address, found.length) ? found : undefined;
  },
);

const ADDRESSES = 'expected a list of addresses, such as ["172.30.0.11", "10.0.0.11"]';

export const nodeSpec = mapOf({
  bgp: mapOf({
    ipv4Address: interfaceAddressSchema,
    asNumber: v.optional(asNumberSchema),
    listenAddresses: v.optional(
      v.pipe(v.array(hostAddressSchema, ADDRESSES), v.minLength(1, ADDRESSES)),
    ),
  }),
  blocks: v.optional(v.array(prefixSchema, 'expected a list such as ["10.244.1.0/24"]'), []),
});

/** Fields of Calico's that this version does not honour. */
export const NODE_NOT_HONOURED: Readonly<Record<string, readonly unknown[]>> = {
  "spec.bgp.ipv6Address": [],
  "spec.bgp.ipv4IPIPTunnelAddr": [],
  "spec.bgp.routeReflectorClusterID": [],
  "spec.ipv4VXLANTunnelAddr": [],
  "spec.ipv6VXLANTunnelAddr": [],
  "spec.vxlanTunnelMACAddr": [],
  "spec.vxlanTunnelMACAddrV6": [],
  "spec.orchRefs": [],
  "spec.addresses": [],
  "spec.wireguard": [],
};

/** The record of a checked document. */
export function nodeFrom(
  name: string,
  labels: Labels,
  { bgp, blocks }: v.InferOutput<typeof nodeSpec>,
): Node {
  const { address, length } = bgp.ipv4Address;
  const { asNumber, listenAddresses } = bgp;
  return { name, labels, address, addressLength: length, asNumber, listenAddresses, blocks };
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
