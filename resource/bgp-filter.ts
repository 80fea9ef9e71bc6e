/**
 * BGPFilter (projectcalico.org/v3): ordered rules per direction and family that accept or reject.
 */

import type { Prefix } from "../lib/prefix.ts";

export type FilterRule = {
  readonly action: "Accept" | "Reject";
  /** Absent: matches every route. */
  readonly cidr?: Prefix;
  /** Required with `cidr`. */
  readonly matchOperator?: "Equal" | "NotEqual" | "In" | "NotIn";
  /** Absent bounds are open. */
  readonly prefixLength?: { readonly min?: number; readonly max?: number };
};

export type BgpFilter = {
  readonly name: string;
  readonly importV4: readonly FilterRule[];
  readonly exportV4: readonly FilterRule[];
  readonly importV6: readonly FilterRule[];
  readonly exportV6: readonly FilterRule[];
};
