/**
 * The metadata of a document: its name, and labels for selectors.
 */

import * as v from "valibot";
import { mapOf, nameSchema } from "./scalar.ts";
import type { Labels } from "./selector.ts";

/** What a cluster's store writes there; it says nothing to us. */
const storeFields = {
  annotations: v.optional(v.unknown()),
  creationTimestamp: v.optional(v.unknown()),
  generation: v.optional(v.unknown()),
  managedFields: v.optional(v.unknown()),
  resourceVersion: v.optional(v.unknown()),
  uid: v.optional(v.unknown()),
};

export const metadataSchema = v.pipe(
  mapOf({
    name: nameSchema,
    labels: v.optional(
      v.record(
        v.string(),
        v.string('expected text: put it in quotes, such as "1"'),
        "expected a map of labels",
      ),
      {},
    ),
    ...storeFields,
  }),
  v.transform(({ name, labels }): { readonly name: string; readonly labels: Labels } => ({
    name,
    labels,
  })),
);
