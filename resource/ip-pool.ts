/**
 * IPPool (projectcalico.org/v3): addresses that are the cluster's, and how nodes get blocks of them.
 */

import * as v from "valibot";
import type { Family } from "../lib/address.ts";
import type { Prefix } from "../lib/prefix.ts";
import type { NotHonouredFields } from "./not-honoured.ts";
import {
  booleanSchema,
  eitherPrefixSchema,
  mapOf,
  secondsSchema,
  selectorSchema,
  wholeNumber,
} from "./scalar.ts";
import type { Selector } from "./selector.ts";

export type IpPool = {
  readonly name: string;
  readonly prefix: Prefix;
  /** Prefix length of the blocks in it; undefined: the usual one where nodes claim, any where Nodes name theirs. */
  readonly blockSize: number | undefined;
  /** Nothing new is taken from it; what is in use stays the cluster's. */
  readonly disabled: boolean;
  /** The nodes that may have blocks of it. */
  readonly nodeSelector: Selector;
  /** Pods get addresses of it only where "Workload" is among them. */
  readonly allowedUses: readonly PoolUse[];
  /** Manual: nobody claims blocks of it, and a pod gets an address only by asking for it. */
  readonly assignmentMode: AssignmentMode;
  /** Connections from it to beyond all pools leave their node with the node's address. */
  readonly natOutgoing: boolean;
  /** Additions of ours from here on. The first and the last address of each block go to nobody. */
  readonly skipFirstAndLast: boolean;
  /** Undefined: as many as there are. */
  readonly maxBlocksPerNode: number | undefined;
  /** A node claims another block while fewer of its addresses are free; undefined: an eighth of a block. */
  readonly spareAddresses: number | undefined;
  /** Seconds for which a block must have been empty until its node gives it back. */
  readonly idleTime: number;
  /** Nothing of it is told to any peer, unless a filter accepts it. */
  readonly disableBGPExport: boolean;
};

export type PoolUse = (typeof POOL_USES)[number];
export type AssignmentMode = (typeof ASSIGNMENT_MODES)[number];

const POOL_USES = ["Workload", "Tunnel", "LoadBalancer"] as const;
const ASSIGNMENT_MODES = ["Automatic", "Manual"] as const;

/** Prefix lengths of blocks. Calico's bounds; its usual ones are 26 and 122. */
export const BLOCK_SIZES = {
  4: { shortest: 20, longest: 32, usual: 24 },
  6: { shortest: 116, longest: 128, usual: 120 },
} as const satisfies Record<Family, object>;

/** Of `spareAddresses`: as many as the largest block has. */
const MOST_SPARE = 4096;
/** Seconds. Long enough for a node that is drained and filled again to keep its blocks. */
const IDLE_TIME = 600;

export const ipPoolSpec = mapOf({
  cidr: eitherPrefixSchema,
  blockSize: v.optional(wholeNumber(0, BLOCK_SIZES[6].longest, "a prefix length")),
  disabled: v.optional(booleanSchema, false),
  nodeSelector: v.optional(selectorSchema, "all()"),
  allowedUses: v.optional(
    v.array(
      v.picklist(POOL_USES, `expected ${POOL_USES.join(", ")}`),
      "expected a list such as [Workload, Tunnel]",
    ),
    ["Workload", "Tunnel"],
  ),
  assignmentMode: v.optional(
    v.picklist(ASSIGNMENT_MODES, `expected ${ASSIGNMENT_MODES.join(" or ")}`),
    "Automatic",
  ),
  natOutgoing: v.optional(booleanSchema, false),
  skipFirstAndLast: v.optional(booleanSchema, false),
  maxBlocksPerNode: v.optional(wholeNumber(1, 65_535, "a number of blocks")),
  spareAddresses: v.optional(wholeNumber(1, MOST_SPARE, "a number of addresses")),
  idleTime: v.optional(secondsSchema(1), IDLE_TIME),
  disableBGPExport: v.optional(booleanSchema, false),
});

/** Fields of Calico's that this version does not honour, with the values that mean the same as absence. */
export const IP_POOL_NOT_HONOURED: NotHonouredFields = {
  "spec.ipipMode": { idle: ["Never"], why: "packets travel without tunnels" },
  "spec.vxlanMode": { idle: ["Never"], why: "packets travel without tunnels" },
  "spec.namespaceSelector": { idle: [], why: "a node does not know the labels of namespaces" },
};

/** The record of a checked document. */
export function ipPoolFrom(
  name: string,
  { cidr, blockSize, maxBlocksPerNode, spareAddresses, ...rest }: v.InferOutput<typeof ipPoolSpec>,
): IpPool {
  return { name, prefix: cidr, blockSize, maxBlocksPerNode, spareAddresses, ...rest };
}

/** Prefix length of the blocks that nodes claim in the pool. */
export function blockSizeOf({ prefix, blockSize }: IpPool): number {
  return blockSize ?? Math.max(BLOCK_SIZES[prefix.family].usual, prefix.length);
}
