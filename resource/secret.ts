/**
 * Secret (v1 of Kubernetes): keys of sessions, in the folder of documents. No fault and no note shows a value.
 */

import * as v from "valibot";
import { exposure, keyFrom, Secret } from "../lib/secret.ts";
import type { Fault } from "./fault.ts";
import { type ObjectName, objectFields } from "./object-name.ts";
import type { SecretReference } from "./password.ts";
import type { Complain, Documented } from "./resource.ts";
import { partOf } from "./scalar.ts";

export type SecretObject = ObjectName & {
  /** What it holds; text where that is no value, saying why. */
  readonly values: ReadonlyMap<string, Value>;
};

type Value = { readonly field: "data" | "stringData"; readonly value: Secret | string };

const MAP = "expected a map of keys";

/** Values are looked at where somebody asks for them: most Secrets of a cluster are not ours. */
export const secretSchema = partOf({
  ...objectFields,
  data: v.optional(v.nullable(v.record(v.string(), v.unknown(), MAP))),
  stringData: v.optional(v.nullable(v.record(v.string(), v.unknown(), MAP))),
});

/** The record of a checked object; `stringData` comes before `data`, as Kubernetes has it. */
export function secretFrom({
  metadata: { name, namespace },
  data,
  stringData,
}: v.InferOutput<typeof secretSchema>): SecretObject {
  const encoded = Object.entries(data ?? {}).map(
    ([key, value]) => [key, { field: "data", value: decoded(value) }] as const,
  );
  const plain = Object.entries(stringData ?? {}).map(
    ([key, value]) => [key, { field: "stringData", value: written(value) }] as const,
  );
  return { name, namespace, values: new Map<string, Value>([...encoded, ...plain]) };
}

function decoded(value: unknown): Secret | string {
  const expected = "expected base64; a text as it is goes into stringData";
  if (typeof value !== "string") return expected;
  const text = value.replaceAll(/\s/g, "");
  const isBase64 = /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0;
  return isBase64 ? new Secret(Uint8Array.from(Buffer.from(text, "base64"))) : expected;
}

function written(value: unknown): Secret | string {
  return typeof value === "string"
    ? new Secret(new TextEncoder().encode(value))
    : 'expected text: put it in quotes, such as "1234"';
}

/** What a reference has led to. */
export type FoundKey =
  | { readonly key: Secret }
  /** It is not there yet, or no more. */
  | { readonly missing: string }
  /** What is there cannot be used; `refer` complains of the reference. */
  | { readonly fault: (refer: (message: string) => Fault) => Fault };

/** The key that a document refers to. A Secret's namespace is not asked for: its name must be of one alone. */
export function findKey(
  secrets: readonly Documented<SecretObject>[],
  { name, key }: SecretReference,
): FoundKey {
  const [found, ...others] = secrets.filter(({ resource }) => resource.name === name);
  if (found === undefined) return { missing: `no Secret is called ${name}` };
  if (others.length > 0) {
    const namespaces = [found, ...others].map(({ resource }) => resource.namespace || "none");
    const message = `Secrets of this name are in the namespaces ${namespaces.join(", ")}: expected one`;
    return { fault: (refer) => refer(message) };
  }
  const entry = found.resource.values.get(key);
  if (entry === undefined) return { missing: `Secret ${name} has no key ${key}` };
  const usable = typeof entry.value === "string" ? entry.value : keyFrom(entry.value.reveal());
  if (typeof usable !== "string") return { key: usable };
  return { fault: () => found.complain([entry.field, key], usable) };
}

/** A note where others than its owner may use the file that a Secret is in; `mode` is the file's. */
export function exposedSecret(mode: number | undefined, complain: Complain): Fault[] {
  const message = mode === undefined ? undefined : exposure(mode);
  return message === undefined ? [] : [complain([], `its file: ${message}`)];
}
