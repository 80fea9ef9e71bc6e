/**
 * `addPath` in BGPPeer, an addition of ours: several paths of one prefix on a session (RFC 7911).
 */

import * as v from "valibot";
import { booleanSchema, inMap, mapOf, oneOf, wholeNumber } from "./scalar.ts";

export type AddPath = {
  /** Take several paths of a prefix, where the peer tells them. */
  readonly receive: boolean;
  /** Which paths the peer is told, where it takes several; undefined: the best alone. */
  readonly send: SentPaths | undefined;
};

/** All that can be used, the best so many, or those that are equal to the best up to the cost to NEXT_HOP. */
export type SentPaths =
  | { readonly send: "All" }
  | { readonly send: "ECMP" }
  | { readonly send: "BestN"; readonly count: number };

const fields = mapOf({
  receive: v.optional(booleanSchema, false),
  send: v.optional(oneOf("All", "BestN", "ECMP")),
  count: v.optional(wholeNumber(1, 255, "a number of paths")),
});

export const addPathSchema = v.optional(
  v.pipe(
    fields,
    v.rawTransform<v.InferOutput<typeof fields>, AddPath>(
      ({ dataset: { value }, addIssue, NEVER }) => {
        const { receive, send, count } = value;
        if (send !== "BestN" && count !== undefined) {
          addIssue({
            message: "expected only with send: BestN",
            path: [inMap(value, "count")],
          });
          return NEVER;
        }
        if (send !== "BestN") {
          return { receive, send: send === undefined ? undefined : { send } };
        }
        if (count !== undefined) return { receive, send: { send, count } };
        const message = "missing: with send: BestN expected a number of paths from 1 to 255";
        addIssue({ message, path: [inMap(value, "count")] });
        return NEVER;
      },
    ),
  ),
);
