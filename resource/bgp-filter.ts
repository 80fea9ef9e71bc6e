/**
 * BGPFilter (projectcalico.org/v3): ordered rules per direction and family that accept or reject.
 */

import * as v from "valibot";
import type { Prefix } from "../lib/prefix.ts";
import { mapOf, prefix6Schema, prefixSchema, wholeNumber } from "./scalar.ts";

export type FilterRule = {
  readonly action: "Accept" | "Reject";
  /** Absent: matches every route. */
  readonly cidr?: Prefix | undefined;
  /** Required with `cidr`. */
  readonly matchOperator?: "Equal" | "NotEqual" | "In" | "NotIn" | undefined;
  /** Absent bounds are open. */
  readonly prefixLength?:
    | { readonly min?: number | undefined; readonly max?: number | undefined }
    | undefined;
};

export type BgpFilter = {
  readonly name: string;
  readonly importV4: readonly FilterRule[];
  readonly exportV4: readonly FilterRule[];
  readonly importV6: readonly FilterRule[];
  readonly exportV6: readonly FilterRule[];
};

const lengthSchema = wholeNumber(0, 128, "a prefix length");

function rulesSchema(cidrSchema: typeof prefixSchema) {
  return v.optional(v.array(ruleSchema(cidrSchema), "expected a list of rules"), []);
}

function ruleSchema(cidrSchema: typeof prefixSchema) {
  return v.pipe(
    mapOf({
      action: v.picklist(["Accept", "Reject"], "expected Accept or Reject"),
      cidr: v.optional(cidrSchema),
      matchOperator: v.optional(
        v.picklist(["Equal", "NotEqual", "In", "NotIn"], "expected Equal, NotEqual, In or NotIn"),
      ),
      prefixLength: v.optional(
        v.pipe(
          mapOf({ min: v.optional(lengthSchema), max: v.optional(lengthSchema) }),
          v.check(({ min = 0, max = 128 }) => min <= max, "expected min to be at most max"),
        ),
      ),
    }),
    v.check(
      ({ cidr, matchOperator }) => (cidr === undefined) === (matchOperator === undefined),
      "expected cidr and matchOperator together, or neither: a rule with neither matches every route",
    ),
    v.check(
      ({ prefixLength, matchOperator }) =>
        prefixLength === undefined || matchOperator === "In" || matchOperator === "NotIn",
      "prefixLength goes with cidr and the matchOperator In or NotIn",
    ),
  );
}

export const bgpFilterSpec = mapOf({
  importV4: rulesSchema(prefixSchema),
  exportV4: rulesSchema(prefixSchema),
  importV6: rulesSchema(prefix6Schema),
  exportV6: rulesSchema(prefix6Schema),
});

/** Fields of Calico's that this version does not honour; `*` stands for any index. */
export const BGP_FILTER_NOT_HONOURED: Readonly<Record<string, readonly unknown[]>> =
  Object.fromEntries(
    ["importV4", "exportV4", "importV6", "exportV6"].flatMap((list) =>
      [
        "source",
        "interface",
        "priority",
        "communities",
        "asPathPrefix",
        "operations",
        "peerType",
      ].map((field) => [`spec.${list}.*.${field}`, []]),
    ),
  );

/** The record of a checked document. */
export function bgpFilterFrom(name: string, rules: v.InferOutput<typeof bgpFilterSpec>): BgpFilter {
  return { name, ...rules };
}
