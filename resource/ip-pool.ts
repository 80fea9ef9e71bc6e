/**
 * IPPool (projectcalico.org/v3): addresses that are the cluster's.
 */

import * as v from "valibot";
import type { Prefix } from "../lib/prefix.ts";
import { booleanSchema, mapOf, prefixSchema, wholeNumber } from "./scalar.ts";

export type IpPool = {
  readonly name: string;
  readonly prefix: Prefix;
  /** Prefix length of the blocks in it; undefined: any that a block may have. */
  readonly blockSize: number | undefined;
  /** Nothing new is taken from it; what is in use stays the cluster's. */
  readonly disabled: boolean;
};

export const ipPoolSpec = mapOf({
  cidr: prefixSchema,
  blockSize: v.optional(wholeNumber(20, 32, "a prefix length")),
  disabled: v.optional(booleanSchema, false),
});

/** Fields of Calico's that this version does not honour, with the values that mean the same as absence. */
export const IP_POOL_NOT_HONOURED: Readonly<Record<string, readonly unknown[]>> = {
  "spec.ipipMode": ["Never"],
  "spec.vxlanMode": ["Never"],
  "spec.natOutgoing": [false],
  "spec.nodeSelector": ["all()"],
  "spec.namespaceSelector": [],
  "spec.allowedUses": [["Workload"], ["Workload", "Tunnel"]],
  "spec.assignmentMode": ["Automatic"],
  "spec.disableBGPExport": [false],
};

/** The record of a checked document. */
export function ipPoolFrom(
  name: string,
  { cidr, blockSize, disabled }: v.InferOutput<typeof ipPoolSpec>,
): IpPool {
  return { name, prefix: cidr, blockSize, disabled };
}
