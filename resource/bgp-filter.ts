/**
 * BGPFilter (projectcalico.org/v3): ordered rules per direction and family that accept or reject.
 */

import * as v from "valibot";
import type { Prefix } from "../lib/prefix.ts";
import { type Community, communitySchema } from "./community.ts";
import {
  asNumberSchema,
  mapOf,
  oneOf,
  prefix6Schema,
  prefixSchema,
  prioritySchema,
  textOf,
  wholeNumber,
} from "./scalar.ts";

/** What an accepting rule does to the routes it matches, in order. */
export type FilterOperation =
  | { readonly type: "addCommunity"; readonly community: Community }
  /** The path begins with these afterwards. */
  | { readonly type: "prependASPath"; readonly asNumbers: readonly number[] }
  | { readonly type: "setPriority"; readonly priority: number };

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
  /** Only routes that a peer told us. */
  readonly source?: "RemotePeers" | undefined;
  /** Name of the outgoing link; `*` stands for any text. */
  readonly interface?: string | undefined;
  readonly peerType?: "eBGP" | "iBGP" | undefined;
  readonly community?: Community | undefined;
  /** The path begins with these. */
  readonly asPathPrefix?: readonly number[] | undefined;
  readonly priority?: number | undefined;
  readonly operations: readonly FilterOperation[];
  /** Where it is written, such as `cluster.yaml:12`. */
  readonly place: string;
};

export type BgpFilter = {
  readonly name: string;
  readonly importV4: readonly FilterRule[];
  readonly exportV4: readonly FilterRule[];
  readonly importV6: readonly FilterRule[];
  readonly exportV6: readonly FilterRule[];
};

/** The lists of rules. */
export const FILTER_LISTS = ["importV4", "exportV4", "importV6", "exportV6"] as const;

/** Calico's bounds. */
const MOST_OPERATIONS = 10;
const MOST_PREPENDED = 10;
/** IFNAMSIZ leaves 15 characters; `*` may stand anywhere. */
const interfaceSchema = textOf(
  "expected the name of an interface such as eth0, or a pattern such as eth*",
  (text) => (/^[^\s/:"]{1,15}$/.test(text) ? text : undefined),
);

const asNumbersSchema = v.pipe(
  v.array(asNumberSchema, "expected a list of AS numbers such as [65000, 65001]"),
  v.minLength(1, "expected at least one AS number"),
);

const operationSchema = v.pipe(
  mapOf({
    addCommunity: v.optional(mapOf({ value: communitySchema })),
    prependASPath: v.optional(
      mapOf({
        prefix: v.pipe(
          asNumbersSchema,
          v.maxLength(MOST_PREPENDED, `expected at most ${MOST_PREPENDED} AS numbers`),
        ),
      }),
    ),
    setPriority: v.optional(mapOf({ value: prioritySchema })),
  }),
  v.check(
    (operation) => Object.values(operation).filter((one) => one !== undefined).length === 1,
    "expected exactly one of addCommunity, prependASPath, setPriority",
  ),
  v.transform(({ addCommunity, prependASPath, setPriority }): FilterOperation => {
    if (addCommunity !== undefined) return { type: "addCommunity", community: addCommunity.value };
    if (prependASPath !== undefined) {
      return { type: "prependASPath", asNumbers: prependASPath.prefix };
    }
    return { type: "setPriority", priority: setPriority?.value ?? 0 };
  }),
);

function rulesSchema(cidrSchema: typeof prefixSchema, longest: number) {
  return v.optional(v.array(ruleSchema(cidrSchema, longest), "expected a list of rules"), []);
}

function ruleSchema(cidrSchema: typeof prefixSchema, longest: number) {
  const lengthSchema = wholeNumber(0, longest, "a prefix length");
  return v.pipe(
    mapOf({
      action: oneOf("Accept", "Reject"),
      cidr: v.optional(cidrSchema),
      matchOperator: v.optional(oneOf("Equal", "NotEqual", "In", "NotIn")),
      prefixLength: v.optional(
        v.pipe(
          mapOf({ min: v.optional(lengthSchema), max: v.optional(lengthSchema) }),
          v.check(({ min = 0, max = longest }) => min <= max, "expected min to be at most max"),
        ),
      ),
      source: v.optional(oneOf("RemotePeers")),
      interface: v.optional(interfaceSchema),
      peerType: v.optional(oneOf("eBGP", "iBGP")),
      communities: v.optional(
        mapOf({
          values: v.pipe(
            v.array(communitySchema, "expected a list with one community"),
            v.length(1, "expected exactly one community, as Calico has it"),
          ),
        }),
      ),
      asPathPrefix: v.optional(asNumbersSchema),
      priority: v.optional(prioritySchema),
      operations: v.optional(
        v.pipe(
          v.array(operationSchema, "expected a list of operations"),
          v.minLength(1, "expected at least one operation, or no such field"),
          v.maxLength(MOST_OPERATIONS, `expected at most ${MOST_OPERATIONS} operations`),
        ),
        undefined,
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
    v.check(
      ({ action, operations }) => operations === undefined || action === "Accept",
      "operations go with the action Accept: what is rejected is not changed",
    ),
  );
}

export const bgpFilterSpec = mapOf({
  importV4: rulesSchema(prefixSchema, 32),
  exportV4: rulesSchema(prefixSchema, 32),
  importV6: rulesSchema(prefix6Schema, 128),
  exportV6: rulesSchema(prefix6Schema, 128),
});

/** The record of a checked document; `placeOf` says where a field is written. */
export function bgpFilterFrom(
  name: string,
  lists: v.InferOutput<typeof bgpFilterSpec>,
  placeOf: (path: readonly (string | number)[]) => string,
): BgpFilter {
  const rulesOf = (list: (typeof FILTER_LISTS)[number]): FilterRule[] =>
    lists[list].map(({ communities, operations = [], ...rest }, index) => ({
      ...rest,
      community: communities?.values[0],
      operations,
      place: placeOf(["spec", list, index]),
    }));
  return {
    name,
    importV4: rulesOf("importV4"),
    exportV4: rulesOf("exportV4"),
    importV6: rulesOf("importV6"),
    exportV6: rulesOf("exportV6"),
  };
}
