/**
 * Documents to resources: every fault of every document is found in one reading.
 */

import * as v from "valibot";
import { bgpConfigurationFrom, bgpConfigurationSpec } from "./bgp-configuration.ts";
import { bgpFilterFrom, bgpFilterSpec } from "./bgp-filter.ts";
import { bgpPeerFrom, bgpPeerSpec } from "./bgp-peer.ts";
import { compareFault, type Fault } from "./fault.ts";
import { ipPoolFrom, ipPoolSpec } from "./ip-pool.ts";
import { isKind, KINDS, type Kind } from "./kind.ts";
import { nodeFrom, nodeSpec } from "./node.ts";
import { checkReferences } from "./reference.ts";
import type { Complain, Documented, Resources } from "./resource.ts";
import { nameSchema } from "./scalar.ts";
import type { Labels } from "./selector.ts";
import { type Path, readYaml, type YamlDocument } from "./yaml.ts";

export type Source = { readonly file: string; readonly text: string };

const API_VERSION = "projectcalico.org/v3";
const TOP_LEVEL = ["apiVersion", "kind", "metadata", "spec"];

/** A document whose shape is right. */
type Checked = {
  readonly kind: Kind;
  readonly name: string;
  readonly labels: Labels;
  readonly spec: unknown;
  readonly complain: Complain;
};

/** Read all documents of all files. `resources` are to be used only where there is no fault. */
export function readDocuments(sources: readonly Source[]): {
  readonly resources: Resources;
  readonly faults: readonly Fault[];
} {
  const faults: Fault[] = [];
  const checked: Checked[] = [];
  const declared = new Set<string>();
  for (const { file, text } of sources) {
    const { documents, errors } = readYaml(text);
    for (const { line, message } of errors) {
      faults.push({
        file,
        line,
        subject: "",
        field: "",
        value: undefined,
        message: `not YAML: ${message}`,
      });
    }
    for (const document of documents) {
      const found = checkDocument(file, document, { faults, declared });
      if (found !== undefined) checked.push(found);
    }
  }
  checkNames(checked, faults);
  const resources = resourcesFrom(checked);
  faults.push(...checkReferences(resources, (kind, name) => declared.has(`${kind} ${name}`)));
  return { resources, faults: faults.toSorted(compareFault) };
}

function checkDocument(
  file: string,
  document: YamlDocument,
  { faults, declared }: { readonly faults: Fault[]; readonly declared: Set<string> },
): Checked | undefined {
  const { value } = document;
  const before = faults.length;
  const fault = (subject: string, path: Path, message: string): Fault => ({
    file,
    line: document.lineOf(path),
    subject,
    field: path.join(".").replace(/\.(\d+)(?=\.|$)/g, "[$1]"),
    value: textOfValue(valueAt(value, path)),
    message,
  });
  if (!isRecord(value)) {
    faults.push(fault("", [], "expected a document with apiVersion, kind, metadata and spec"));
    return undefined;
  }
  const { apiVersion, kind, metadata } = value;
  if (apiVersion !== API_VERSION) faults.push(fault("", ["apiVersion"], `expected ${API_VERSION}`));
  if (!isKind(kind)) {
    faults.push(fault("", ["kind"], `expected one of ${Object.keys(KINDS).join(", ")}`));
    return undefined;
  }
  const name = isRecord(metadata) ? metadata.name : undefined;
  const subject = typeof name === "string" ? `${kind} ${name}` : kind;
  // Faulty or not, others may refer to it without a fault of their own.
  declared.add(subject);
  const complain: Complain = (path, message) => fault(subject, path, message);
  const nameIssue = v.safeParse(nameSchema, name).issues?.[0].message;
  if (nameIssue !== undefined) faults.push(complain(["metadata", "name"], nameIssue));
  for (const key of Object.keys(value).filter((key) => !TOP_LEVEL.includes(key))) {
    faults.push(complain([key], `no field of a document: expected ${TOP_LEVEL.join(", ")}`));
  }
  const labels = labelsOf(metadata);
  if (labels === undefined) faults.push(complain(["metadata", "labels"], "expected text values"));
  const spec = checkSpec(kind, value.spec, complain, faults);
  if (faults.length > before || typeof name !== "string" || labels === undefined) return undefined;
  return { kind, name, labels, spec, complain };
}

/** The spec as its schema gives it; `undefined` when there are faults. */
function checkSpec(kind: Kind, value: unknown, complain: Complain, faults: Fault[]): unknown {
  const { spec: schema, notHonoured } = KINDS[kind];
  const given = value ?? {};
  const { spec, refused } = withoutIdle(given, notHonoured);
  for (const path of refused) {
    const off = notHonoured[patternOf(path)] ?? [];
    const hint = off.length === 0 ? "remove it" : `remove it, or say ${JSON.stringify(off[0])}`;
    faults.push(complain(path, `not honoured by this version of Manx: ${hint}`));
  }
  const result = v.safeParse(schema, spec);
  for (const issue of result.issues ?? []) {
    const path: Path = ["spec", ...keysOf(issue.path)];
    faults.push(complain(path, wordsFor(issue, complain, path)));
  }
  return result.success ? result.output : undefined;
}

/** The spec without fields that are not honoured; `refused` are those that ask for something. */
function withoutIdle(
  spec: unknown,
  notHonoured: Readonly<Record<string, readonly unknown[]>>,
): { readonly spec: unknown; readonly refused: readonly Path[] } {
  const refused: Path[] = [];
  const visit = (value: unknown, path: Path): unknown => {
    if (Array.isArray(value)) return value.map((entry, index) => visit(entry, [...path, index]));
    if (!isRecord(value)) return value;
    const kept = Object.entries(value).filter(([key, field]) => {
      const off = notHonoured[patternOf([...path, key])];
      if (off === undefined) return true;
      if (!off.includes(field)) refused.push([...path, key]);
      return false;
    });
    return Object.fromEntries(kept.map(([key, field]) => [key, visit(field, [...path, key])]));
  };
  return { spec: visit(spec, ["spec"]), refused };
}

/** Two of one kind and name, and more than the one BGPConfiguration that there is. */
function checkNames(checked: readonly Checked[], faults: Fault[]): void {
  const first = new Map<string, Fault>();
  for (const { kind, name, complain } of checked) {
    const here = complain(["metadata", "name"], "");
    const earlier = first.get(`${kind} ${name}`);
    if (earlier === undefined) {
      first.set(`${kind} ${name}`, here);
    } else {
      const where = `${earlier.file}:${earlier.line}`;
      faults.push({ ...here, message: `there is another ${kind} of this name at ${where}` });
    }
    if (kind === "BGPConfiguration" && name !== "default") {
      const message = 'expected "default", the only BGPConfiguration that there is';
      faults.push({ ...here, message });
    }
  }
}

function resourcesFrom(checked: readonly Checked[]): Resources {
  function all<Spec extends v.GenericSchema, Resource>(
    kind: Kind,
    schema: Spec,
    make: (document: Checked, spec: v.InferOutput<Spec>) => Resource,
  ): Documented<Resource>[] {
    return checked
      .filter((document) => document.kind === kind)
      .map((document) => ({
        resource: make(document, document.spec as v.InferOutput<typeof schema>),
        complain: document.complain,
      }));
  }
  const [configuration] = all("BGPConfiguration", bgpConfigurationSpec, (_, spec) =>
    bgpConfigurationFrom(spec),
  );
  return {
    configuration,
    nodes: all("Node", nodeSpec, ({ name, labels }, spec) => nodeFrom(name, labels, spec)),
    peers: all("BGPPeer", bgpPeerSpec, ({ name }, spec) => bgpPeerFrom(name, spec)),
    filters: all("BGPFilter", bgpFilterSpec, ({ name }, spec) => bgpFilterFrom(name, spec)),
    pools: all("IPPool", ipPoolSpec, ({ name }, spec) => ipPoolFrom(name, spec)),
  };
}

/** Valibot's own words for what a schema of ours leaves to it: missing and unknown fields. */
function wordsFor(issue: v.BaseIssue<unknown>, complain: Complain, path: Path): string {
  if (issue.type !== "strict_object") return issue.message;
  if (issue.expected === "never") return "no such field: remove it, or look for a typing error";
  const missing = complain(path, "").value === undefined;
  return missing ? "missing: this field is required" : "expected an object";
}

function keysOf(path: v.BaseIssue<unknown>["path"]): (string | number)[] {
  return (path ?? []).map(({ key }) => (typeof key === "number" ? key : String(key)));
}

function patternOf(path: Path): string {
  return path.map((key) => (typeof key === "number" ? "*" : key)).join(".");
}

function labelsOf(metadata: unknown): Labels | undefined {
  const labels = isRecord(metadata) ? (metadata.labels ?? {}) : {};
  if (!isRecord(labels)) return undefined;
  const entries = Object.entries(labels).map(([key, value]) => [key, value] as const);
  const isText = (entry: readonly [string, unknown]): entry is readonly [string, string] =>
    typeof entry[1] === "string";
  return entries.every(isText) ? Object.fromEntries(entries) : undefined;
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, key) => {
    if (Array.isArray(inner)) return inner[Number(key)];
    return isRecord(inner) ? inner[key] : undefined;
  }, value);
}

/** Short enough for one line; an object says nothing that its field does not. */
function textOfValue(value: unknown): string | undefined {
  return typeof value === "object" ? undefined : JSON.stringify(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
