/**
 * Aggregates: prefixes that nodes announce in place of the blocks in them. An addition of ours.
 */

import * as v from "valibot";
import type { Prefix } from "../lib/prefix.ts";
import { booleanSchema, eitherPrefixSchema, mapOf, oneOf, selectorSchema } from "./scalar.ts";
import type { Selector } from "./selector.ts";

export type Aggregate = {
  readonly prefix: Prefix;
  /** The nodes that announce it. */
  readonly nodeSelector: Selector;
  readonly audience: AggregateAudience;
  /** Who is told of it is told nothing that lies in it. */
  readonly summaryOnly: boolean;
};

/** Peers that are no Node of the cluster, or all peers. */
export type AggregateAudience = "Routers" | "All";

export const aggregatesSchema = v.optional(
  v.array(
    mapOf({
      cidr: eitherPrefixSchema,
      nodeSelector: v.optional(selectorSchema, "all()"),
      audience: v.optional(oneOf("Routers", "All"), "Routers"),
      summaryOnly: v.optional(booleanSchema, true),
    }),
    "expected a list such as [{cidr: \"10.244.0.0/20\", nodeSelector: rack == 'a'}]",
  ),
  [],
);

/** The records of a checked field. */
export function aggregatesFrom(fields: v.InferOutput<typeof aggregatesSchema>): Aggregate[] {
  return fields.map(({ cidr, ...rest }) => ({ prefix: cidr, ...rest }));
}
