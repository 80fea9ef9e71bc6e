/**
 * Objects of Kubernetes beside our own kinds, as `kubectl get -o yaml` prints them: of each a few fields mean
 * something to us, and all others may stand.
 */

import * as v from "valibot";
import type { Fault } from "./fault.ts";
import type { Complain } from "./resource.ts";
import { type SecretObject, secretFrom, secretSchema } from "./secret.ts";

export type KubernetesObject = { readonly kind: "Secret"; readonly object: SecretObject };

export type KubernetesKind = KubernetesObject["kind"];

/** The apiVersion of each kind. */
const VERSIONS: Readonly<Record<KubernetesKind, string>> = { Secret: "v1" };

export const KUBERNETES_KIND_NAMES = Object.keys(VERSIONS) as readonly KubernetesKind[];

/** The kind of an object of Kubernetes that we know; undefined for any other. */
export function kubernetesKindOf(apiVersion: unknown, kind: unknown): KubernetesKind | undefined {
  return KUBERNETES_KIND_NAMES.find((name) => name === kind && VERSIONS[name] === apiVersion);
}

/** The object, or what is wrong with it. */
export function kubernetesObjectFrom(
  kind: KubernetesKind,
  value: unknown,
  complain: Complain,
): { readonly object: KubernetesObject } | { readonly faults: readonly Fault[] } {
  const result = v.safeParse(SCHEMAS[kind], value);
  if (!result.success) {
    const keys = (issue: (typeof result.issues)[number]) =>
      (issue.path ?? []).map(({ key }) => (typeof key === "number" ? key : String(key)));
    return { faults: result.issues.map((issue) => complain(keys(issue), issue.message)) };
  }
  return { object: { kind, object: secretFrom(result.output) } };
}

const SCHEMAS = { Secret: secretSchema } as const;
