/**
 * Service (v1 of Kubernetes): which addresses clients use, and whether they must be taken to a node with an endpoint.
 */

import * as v from "valibot";
import { type Address, formatAddress, tryParseAddress } from "../lib/address.ts";
import type { Prefix } from "../lib/prefix.ts";
import { type ObjectName, objectFields } from "./object-name.ts";
import { partOf } from "./scalar.ts";

/** By what of a Service an address is its own. */
export type ServiceAddressKind = "ClusterIP" | "external IP" | "load balancer's address";

export type ServiceAddress = { readonly kind: ServiceAddressKind; readonly address: Address };

export type ServiceObject = ObjectName & {
  /** Clients from outside must come to a node with an endpoint (`externalTrafficPolicy: Local`). */
  readonly isLocal: boolean;
  /** Each once for each kind; none where there is no ClusterIP, as nobody serves the others then. */
  readonly addresses: readonly ServiceAddress[];
};

/** Whose addresses kube-proxy serves; an ExternalName has none. */
const TYPES = ["ClusterIP", "NodePort", "LoadBalancer"];

const textList = v.optional(v.nullable(v.array(v.string())));
const text = v.optional(v.nullable(v.string()));

export const serviceSchema = partOf({
  ...objectFields,
  spec: partOf({
    type: text,
    clusterIP: text,
    clusterIPs: textList,
    externalIPs: textList,
    externalTrafficPolicy: text,
  }),
  status: v.optional(
    v.nullable(
      partOf({
        loadBalancer: v.optional(
          v.nullable(partOf({ ingress: v.optional(v.nullable(v.array(partOf({ ip: text })))) })),
        ),
      }),
    ),
  ),
});

/** The record of a checked object. What is no address, such as `None`, is nobody's. */
export function serviceFrom({
  metadata: { name, namespace },
  spec,
  status,
}: v.InferOutput<typeof serviceSchema>): ServiceObject {
  const { type, clusterIP, clusterIPs, externalIPs, externalTrafficPolicy } = spec;
  // What was given: anybody may ask for another Service's address (`loadBalancerIP`).
  const balanced = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);
  const cluster = addressesOf("ClusterIP", clusterIPs ?? [clusterIP ?? ""]);
  const isServed = TYPES.includes(type ?? "ClusterIP") && cluster.length > 0;
  const addresses = [
    ...cluster,
    ...addressesOf("external IP", externalIPs ?? []),
    ...addressesOf("load balancer's address", balanced),
  ];
  return {
    name,
    namespace,
    isLocal: externalTrafficPolicy === "Local",
    addresses: isServed ? addresses : [],
  };
}

function addressesOf(kind: ServiceAddressKind, texts: readonly string[]): ServiceAddress[] {
  const found = texts.flatMap((text) => tryParseAddress(text) ?? []);
  const unique = new Map(found.map((address) => [formatAddress(address), address]));
  return [...unique.values()].map((address) => ({ kind, address }));
}

/** The ranges of a cluster's services, by what has its addresses there. */
export type ServiceRanges = Readonly<Record<ServiceAddressKind, readonly Prefix[]>>;

/** All of them, in the order of the fields. */
export function allRanges(ranges: ServiceRanges): readonly Prefix[] {
  return [...ranges.ClusterIP, ...ranges["external IP"], ...ranges["load balancer's address"]];
}
