/**
 * Objects of Kubernetes beside our own kinds, as `kubectl get -o yaml` prints them: of each a few fields mean
 * something to us, and all others may stand.
 */

import * as v from "valibot";
import { unreachable } from "../lib/unreachable.ts";
import {
  type EndpointSliceObject,
  endpointSliceFrom,
  endpointSliceSchema,
} from "./endpoint-slice.ts";
import type { Fault } from "./fault.ts";
import { formatObjectName, objectFields } from "./object-name.ts";
import type { Complain } from "./resource.ts";
import { type SecretObject, secretFrom, secretSchema } from "./secret.ts";
import { type ServiceObject, serviceFrom, serviceSchema } from "./service.ts";

export type KubernetesObject =
  | { readonly kind: "Secret"; readonly object: SecretObject }
  | { readonly kind: "Service"; readonly object: ServiceObject }
  | { readonly kind: "EndpointSlice"; readonly object: EndpointSliceObject };

export type KubernetesKind = KubernetesObject["kind"];

/** The apiVersion of each kind. */
const VERSIONS: Readonly<Record<KubernetesKind, string>> = {
  Secret: "v1",
  Service: "v1",
  EndpointSlice: "discovery.k8s.io/v1",
};

export const KUBERNETES_KIND_NAMES = Object.keys(VERSIONS) as readonly KubernetesKind[];

/** The kind of an object of Kubernetes that we know; undefined for any other. */
export function kubernetesKindOf(apiVersion: unknown, kind: unknown): KubernetesKind | undefined {
  return KUBERNETES_KIND_NAMES.find((name) => name === kind && VERSIONS[name] === apiVersion);
}

/** `Secret bgp/keys`; as much of it as there is. */
export function subjectOfObject(kind: KubernetesKind, metadata: unknown): string {
  const result = v.safeParse(objectFields.metadata, metadata);
  return result.success ? `${kind} ${formatObjectName(result.output)}` : kind;
}

/** The object, or what is wrong with it. */
export function kubernetesObjectFrom(
  kind: KubernetesKind,
  value: unknown,
  complain: Complain,
): { readonly object: KubernetesObject } | { readonly faults: readonly Fault[] } {
  switch (kind) {
    case "Secret": {
      const read = checked(secretSchema, value, complain);
      return "faults" in read ? read : { object: { kind, object: secretFrom(read.output) } };
    }
    case "Service": {
      const read = checked(serviceSchema, value, complain);
      return "faults" in read ? read : { object: { kind, object: serviceFrom(read.output) } };
    }
    case "EndpointSlice": {
      const read = checked(endpointSliceSchema, value, complain);
      return "faults" in read ? read : { object: { kind, object: endpointSliceFrom(read.output) } };
    }
    default:
      return unreachable(kind);
  }
}

function checked<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  complain: Complain,
): { readonly output: v.InferOutput<Schema> } | { readonly faults: readonly Fault[] } {
  const result = v.safeParse(schema, value);
  if (result.success) return { output: result.output };
  return { faults: result.issues.map(({ path, message }) => complain(keysOf(path), message)) };
}

function keysOf(path: v.BaseIssue<unknown>["path"]): (string | number)[] {
  return (path ?? []).map(({ key }) => (typeof key === "number" ? key : String(key)));
}
