/**
 * Node (projectcalico.org/v3): one member of the cluster.
 */

import * as v from "valibot";
import {
  type Address,
  AddressError,
  addToAddress,
  bitsOf,
  equalAddress,
  type Family,
  tryParseAddress,
} from "../lib/address.ts";
import { type Prefix, parseInterfaceAddress, prefixOf, sizeOf } from "../lib/prefix.ts";
import type { NotHonoured, NotHonouredFields } from "./not-honoured.ts";
import {
  asNumberSchema,
  booleanSchema,
  eitherPrefixSchema,
  hostAddressSchema,
  isUnicast,
  mapOf,
  textOf,
} from "./scalar.ts";
import type { Labels } from "./selector.ts";

/** An address with the prefix length of its network. */
export type InterfaceAddress = { readonly address: Address; readonly length: number };

export type Node = {
  readonly name: string;
  /** What Kubernetes calls it. */
  readonly kubernetesName: string;
  readonly labels: Labels;
  /** BGP address and identifier. */
  readonly address: Address;
  /** Prefix length of its network; 32 when the document has none. */
  readonly addressLength: number;
  /** The IPv6 address of its sessions and next hops; without one the node routes IPv4 alone. */
  readonly ipv6: InterfaceAddress | undefined;
  /** Its own, where it differs from the cluster's. */
  readonly asNumber: number | undefined;
  /** It reflects routes (RFC 4456) within the cluster of this CLUSTER_ID, and leaves the mesh. */
  readonly clusterId: Address | undefined;
  /** An addition of ours: where it listens instead of at its address. */
  readonly listenAddresses: readonly Address[] | undefined;
  /** An addition of ours: the blocks that this node's pods get their addresses from. */
  readonly blocks: readonly Prefix[];
  /** An addition of ours: everything that the node tells is about to go away (RFC 8326). */
  readonly gracefulShutdown: boolean;
  /** An addition of ours; undefined: the cluster's. */
  readonly clientToClientReflection: boolean | undefined;
};

function interfaceAddressSchema(family: Family, example: string, length: number) {
  const expected = `expected the node's IPv${family} address such as ${example}, or with its network's length such as ${example}/${length}`;
  return textOf(expected, (text): InterfaceAddress | undefined => {
    const bare = tryParseAddress(text);
    const found =
      bare === undefined
        ? interfaceAddressFrom(text)
        : { address: bare, length: bitsOf(bare.family) };
    return found?.address.family === family && isHost(found) ? found : undefined;
  });
}

/** RFC 4456 section 7: four octets, which need not be anybody's address. */
const clusterIdSchema = textOf(
  "expected a cluster ID of four octets such as 244.0.0.1, not 0.0.0.0",
  (text) => {
    const id = tryParseAddress(text);
    return id?.family === 4 && id.w0 !== 0 ? id : undefined;
  },
);

const ADDRESSES = 'expected a list of addresses, such as ["172.30.0.11", "10.0.0.11"]';

export const nodeSpec = mapOf({
  bgp: mapOf({
    ipv4Address: interfaceAddressSchema(4, "172.30.0.11", 24),
    ipv6Address: v.optional(interfaceAddressSchema(6, "fd00::11", 64)),
    asNumber: v.optional(asNumberSchema),
    routeReflectorClusterID: v.optional(clusterIdSchema),
    listenAddresses: v.optional(
      v.pipe(v.array(hostAddressSchema, ADDRESSES), v.minLength(1, ADDRESSES)),
    ),
    clientToClientReflection: v.optional(booleanSchema),
  }),
  blocks: v.optional(v.array(eitherPrefixSchema, 'expected a list such as ["10.244.1.0/24"]'), []),
  gracefulShutdown: v.optional(booleanSchema, false),
  orchRefs: v.optional(
    v.array(
      mapOf({
        nodeName: v.optional(v.string("expected a name")),
        orchestrator: v.string("expected a name such as k8s"),
      }),
      "expected a list of orchestrators",
    ),
    [],
  ),
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
  "spec.bgp.ipv4IPIPTunnelAddr": TUNNEL,
  "spec.ipv4VXLANTunnelAddr": TUNNEL,
  "spec.ipv6VXLANTunnelAddr": TUNNEL,
  "spec.vxlanTunnelMACAddr": TUNNEL,
  "spec.vxlanTunnelMACAddrV6": TUNNEL,
  "spec.wireguard": { idle: [], why: "nothing is encrypted between nodes", noted: true },
  "spec.addresses": INVENTORY,
  "spec.interfaces": INVENTORY,
};

/** The record of a checked document. */
export function nodeFrom(
  name: string,
  labels: Labels,
  { bgp, blocks, gracefulShutdown, orchRefs }: v.InferOutput<typeof nodeSpec>,
): Node {
  const { ipv4Address, ipv6Address: ipv6, asNumber, listenAddresses } = bgp;
  const { address, length: addressLength } = ipv4Address;
  return {
    name,
    kubernetesName: orchRefs.find(isKubernetes)?.nodeName ?? name,
    labels,
    address,
    addressLength,
    ipv6,
    asNumber,
    clusterId: bgp.routeReflectorClusterID,
    listenAddresses,
    blocks,
    gracefulShutdown,
    clientToClientReflection: bgp.clientToClientReflection,
  };
}

function isKubernetes({ orchestrator }: { readonly orchestrator: string }): boolean {
  return orchestrator === "k8s";
}

/** What the node is known by: its next hops, IPv4 first. */
export function addressesOf({ address, ipv6 }: Node): readonly Address[] {
  return ipv6 === undefined ? [address] : [address, ipv6.address];
}

/** Whether the address is one of the node's. */
export function hasAddress(node: Node, address: Address): boolean {
  return addressesOf(node).some((own) => equalAddress(own, address));
}

/**
 * Neither special nor the network's own (with IPv6 any router's, RFC 4291 section 2.6.1) or its broadcast
 * address, which IPv6 has not.
 */
function isHost({ address, length }: InterfaceAddress): boolean {
  if (!isUnicast(address)) return false;
  const network = prefixOf(address, length);
  if (length >= bitsOf(address.family) - 1) return true;
  if (equalAddress(address, network)) return false;
  return address.family === 6 || !equalAddress(address, addToAddress(network, sizeOf(network) - 1));
}

function interfaceAddressFrom(text: string): InterfaceAddress | undefined {
  try {
    return parseInterfaceAddress(text);
  } catch (error) {
    if (error instanceof AddressError) return undefined;
    throw error;
  }
}
