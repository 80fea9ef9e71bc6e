/**
 * `addPath` in BGPPeer and `nodeMeshAddPath` in BGPConfiguration, additions of ours: several paths of one prefix on a
 * session (RFC 7911).
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

const MOST = 255;

const fields = mapOf({
  receive: v.optional(booleanSchema, false),
  send: v.optional(oneOf("All", "BestN", "ECMP")),
  count: v.optional(wholeNumber(1, MOST, "a number of paths")),
});

type Fields = v.InferOutput<typeof fields>;

export const addPathSchema = v.optional(
  v.pipe(
    fields,
    v.rawTransform<Fields, AddPath>(({ dataset: { value }, addIssue, NEVER }) => {
      const checked = addPathOf(value);
      if (!Array.isArray(checked)) return checked;
      const [field, message] = checked;
      addIssue({ message, path: [inMap(value, field)] });
      return NEVER;
    }),
  ),
);

/** The settings, or a field and what is wrong with it. */
function addPathOf({ receive, send, count }: Fields): AddPath | [keyof Fields, string] {
  if (send === "BestN") {
    return count === undefined
      ? ["count", `missing: with send: BestN expected a number of paths from 1 to ${MOST}`]
      : { receive, send: { send, count } };
  }
  if (count !== undefined) return ["count", "expected only with send: BestN"];
  if (send !== undefined) return { receive, send: { send } };
  return receive
    ? { receive, send: undefined }
    : ["receive", "expected receive: true, or send, or both; for neither remove the field"];
}
