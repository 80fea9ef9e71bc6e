/**
 * EndpointSlice (discovery.k8s.io/v1): on which nodes a Service has endpoints that are ready.
 */

import * as v from "valibot";
import type { Family } from "../lib/address.ts";
import { formatObjectName, type ObjectName } from "./object-name.ts";
import { partOf } from "./scalar.ts";

export type EndpointSliceObject = ObjectName & {
  /** The Service's name; undefined where the slice is of none. */
  readonly service: string | undefined;
  /** Undefined for endpoints that are no addresses. */
  readonly family: Family | undefined;
  /** Names of nodes with a ready endpoint; empty for one whose node is not said. Each once. */
  readonly ready: readonly string[];
};

const SERVICE = "kubernetes.io/service-name";
const FAMILIES: ReadonlyMap<string, Family> = new Map([
  ["IPv4", 4],
  ["IPv6", 6],
]);

const label = v.optional(v.string("expected the name of a Service"));

export const endpointSliceSchema = partOf({
  metadata: partOf({
    name: v.string("expected a name"),
    namespace: v.optional(v.string("expected a name"), ""),
    labels: v.optional(v.nullable(partOf({ [SERVICE]: label }))),
  }),
  addressType: v.string("expected IPv4, IPv6 or FQDN"),
  endpoints: v.optional(
    v.nullable(
      v.array(
        partOf({
          nodeName: v.optional(v.nullable(v.string("expected the name of a node"))),
          conditions: v.optional(
            v.nullable(
              partOf({ ready: v.optional(v.nullable(v.boolean("expected true or false"))) }),
            ),
          ),
        }),
        "expected a list of endpoints",
      ),
    ),
  ),
});

/** The record of a checked object. Whoever does not say that it is not ready counts as ready, as the API has it. */
export function endpointSliceFrom({
  metadata: { name, namespace, labels },
  addressType,
  endpoints,
}: v.InferOutput<typeof endpointSliceSchema>): EndpointSliceObject {
  const ready = (endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
    .map(({ nodeName }) => nodeName ?? "");
  return {
    name,
    namespace,
    service: labels?.[SERVICE],
    family: FAMILIES.get(addressType),
    ready: [...new Set(ready)],
  };
}

/** The nodes with ready endpoints of a Service, by family. */
export type Endpoints = Readonly<Record<Family, ReadonlySet<string>>>;

const NOBODY: Endpoints = { 4: new Set(), 6: new Set() };

/** All slices together, by the Services' names. */
export class EndpointIndex {
  readonly #services = new Map<string, Record<Family, Set<string>>>();

  constructor(slices: Iterable<EndpointSliceObject>) {
    for (const { namespace, service, family, ready } of slices) {
      if (service === undefined || family === undefined) continue;
      const key = formatObjectName({ namespace, name: service });
      const known = this.#services.get(key) ?? { 4: new Set(), 6: new Set() };
      this.#services.set(key, known);
      for (const node of ready) known[family].add(node);
    }
  }

  of(service: ObjectName): Endpoints {
    return this.#services.get(formatObjectName(service)) ?? NOBODY;
  }
}
