/**
 * The metadata of a document: its name, and labels for selectors.
 */

import * as v from "valibot";
import { mapOf, nameSchema } from "./scalar.ts";
import type { Labels } from "./selector.ts";

export type Metadata = {
  readonly name: string;
  readonly labels: Labels;
  /** The names of those there are. */
  readonly annotations: readonly string[];
};

/** What a cluster's store writes there; it says nothing to us. */
const storeFields = {
  creationTimestamp: v.optional(v.unknown()),
  finalizers: v.optional(v.unknown()),
  generation: v.optional(v.unknown()),
  managedFields: v.optional(v.unknown()),
  ownerReferences: v.optional(v.unknown()),
  resourceVersion: v.optional(v.unknown()),
  selfLink: v.optional(v.unknown()),
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
    annotations: v.optional(v.record(v.string(), v.unknown(), "expected a map of annotations"), {}),
    ...storeFields,
  }),
  v.transform(
    ({ name, labels, annotations }): Metadata => ({
      name,
      labels,
      annotations: Object.keys(annotations),
    }),
  ),
);

/** Annotations by which Calico reads of a Kubernetes Node what a Node of ours has in its spec. */
export const NODE_ANNOTATIONS: Readonly<Record<string, string>> = {
  "projectcalico.org/IPv4Address": "spec.bgp.ipv4Address",
  "projectcalico.org/IPv6Address": "spec.bgp.ipv6Address",
  "projectcalico.org/ASNumber": "spec.bgp.asNumber",
  "projectcalico.org/RouteReflectorClusterID": "spec.bgp.routeReflectorClusterID",
};
