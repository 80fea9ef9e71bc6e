/**
 * Documents to resources: every fault of every document is found in one reading.
 */

import { isDeepStrictEqual } from "node:util";
import * as v from "valibot";
import {
  bgpConfigurationFrom,
  bgpConfigurationSpec,
  CLUSTER_NAME,
  NODE_PREFIX,
  nodeConfigurationFrom,
  nodeConfigurationSpec,
} from "./bgp-configuration.ts";
import { bgpFilterFrom, bgpFilterSpec } from "./bgp-filter.ts";
import { bgpPeerFrom, bgpPeerSpec } from "./bgp-peer.ts";
import { Declared } from "./declared.ts";
import { EndpointIndex } from "./endpoint-slice.ts";
import { type Entry, entriesOf, Memory, type Source } from "./entry.ts";
import { compareFault, type Fault, placeOf } from "./fault.ts";
import { ipPoolFrom, ipPoolSpec } from "./ip-pool.ts";
import { ipReservationFrom, ipReservationSpec } from "./ip-reservation.ts";
import { isKind, KINDS, type Kind, specSchemaOf } from "./kind.ts";
import {
  KUBERNETES_KIND_NAMES,
  type KubernetesKind,
  type KubernetesObject,
  kubernetesKindOf,
  kubernetesObjectFrom,
  subjectOfObject,
} from "./kubernetes.ts";
import { type Metadata, metadataSchema, NODE_ANNOTATIONS } from "./metadata.ts";
import { nodeFrom, nodeSpec } from "./node.ts";
import { describeNotHonoured, type NotHonouredFields } from "./not-honoured.ts";
import { formatObjectName } from "./object-name.ts";
import { checkReferences } from "./reference.ts";
import type { Complain, Documented, Resources } from "./resource.ts";
import { exposedSecret } from "./secret.ts";
import type { Path } from "./yaml.ts";

const API_VERSION = "projectcalico.org/v3";
const TOP_LEVEL = ["apiVersion", "kind", "metadata", "spec"];
/** What a cluster's store writes beside them; it says nothing to us. */
const STATUS = "status";

/** A document whose shape is right. */
type Checked = Metadata & {
  readonly kind: Kind;
  readonly spec: unknown;
  readonly complain: Complain;
};

/**
 * Read all documents of all files. `resources` are to be used only where there is no fault. `notes` are of what
 * stands there and means nothing.
 */
export function readDocuments(
  sources: readonly Source[],
  memory: Memory = new Memory(),
): {
  readonly resources: Resources;
  readonly faults: readonly Fault[];
  readonly notes: readonly Fault[];
} {
  const faults: Fault[] = [];
  const notes: Fault[] = [];
  const checked: Checked[] = [];
  const objects: Documented<KubernetesObject>[] = [];
  const declared = new Declared();
  let isComplete = true;
  for (const source of sources) {
    const { file, text } = source;
    const { entries, errors } = entriesOf(source, memory);
    for (const { line, message } of errors) {
      isComplete = false;
      const rest = { subject: "", field: "", value: undefined };
      const detail = mayHoldSecret(text)
        ? "what is wrong is not shown, for a Secret is in it"
        : message;
      faults.push({ file, line, ...rest, message: `not YAML: ${detail}` });
    }
    for (const entry of entries) {
      const found = checkDocument(source, entry, memory, { faults, notes, declared });
      if (found === undefined) continue;
      if ("resource" in found) objects.push(found);
      else checked.push(found);
    }
  }
  memory.turn();
  const resources = resourcesFrom(checked, objects);
  // What cannot be read may have what others refer to.
  const isDeclared = (kind: Kind, name: string): boolean => !isComplete || declared.has(kind, name);
  faults.push(...checkReferences(resources, isDeclared));
  const inOrder = (list: readonly Fault[]): Fault[] => list.toSorted(compareFault);
  return { resources, faults: inOrder(faults), notes: inOrder(notes) };
}

/** How an object is read, besides what it says itself. */
type Reader = {
  readonly mode: number | undefined;
  readonly complain: Complain;
  readonly memory: Memory;
};

/** What has been found so far. */
type Findings = { readonly faults: Fault[]; readonly notes: Fault[]; readonly declared: Declared };

function checkDocument(
  source: Source,
  entry: Entry,
  memory: Memory,
  findings: Findings,
): Checked | Documented<KubernetesObject> | undefined {
  const { faults, notes, declared } = findings;
  const { file } = source;
  const { value, known } = entry;
  const before = faults.length;
  const fault = (subject: string, path: Path, message: string): Fault => ({
    file,
    line: entry.lineOf(path),
    subject,
    field: path.join(".").replace(/\.(\d+)(?=\.|$)/g, "[$1]"),
    value: isConfidential(value, path) ? undefined : textOfValue(valueAt(value, path)),
    message,
  });
  const { mode } = source;
  if (known !== undefined) {
    const subject = `${known.kind} ${formatObjectName(known.object)}`;
    const complain: Complain = (path, message) => fault(subject, path, message);
    return checkObject(known.kind, entry, { mode, complain, memory }, findings);
  }
  if (!isRecord(value)) {
    faults.push(fault("", [], "expected a document with apiVersion, kind, metadata and spec"));
    return undefined;
  }
  const { apiVersion, kind, metadata } = value;
  const name = isRecord(metadata) ? metadata.name : undefined;
  const foreign = kubernetesKindOf(apiVersion, kind);
  if (foreign !== undefined) {
    const subject = subjectOfObject(foreign, metadata);
    const complain: Complain = (path, message) => fault(subject, path, message);
    return checkObject(foreign, entry, { mode, complain, memory }, findings);
  }
  const subject = subjectOf(kind, name);
  const complain: Complain = (path, message) => fault(subject, path, message);
  if (apiVersion !== API_VERSION) faults.push(complain(["apiVersion"], `expected ${API_VERSION}`));
  if (!isKind(kind)) {
    const known = `expected one of ${[...Object.keys(KINDS), ...KUBERNETES_KIND_NAMES].join(", ")}`;
    faults.push(complain(["kind"], `not a kind of this version of Manx: ${known}`));
    return undefined;
  }
  for (const key of Object.keys(value).filter((key) => ![...TOP_LEVEL, STATUS].includes(key))) {
    faults.push(complain([key], `no such field: expected ${TOP_LEVEL.join(", ")}`));
  }
  const checkedMetadata = checkMetadata(metadata, complain, faults);
  if (typeof name === "string") faults.push(...checkName(kind, name, { complain, declared }));
  const checked = checkSpec(kind, name, value.spec, complain);
  faults.push(...checked.faults);
  if (faults.length > before || checkedMetadata === undefined) return undefined;
  notes.push(...checked.notes, ...noteAnnotations(kind, checkedMetadata, complain));
  const { spec } = checked;
  return { kind, ...checkedMetadata, spec, complain };
}

/** Of objects of Kubernetes, whose fields are many and not ours, only what we use is looked at. */
function checkObject(
  kind: KubernetesKind,
  { value, known, text }: Entry,
  { mode, complain, memory }: Reader,
  { faults, notes, declared }: Findings,
): Documented<KubernetesObject> | undefined {
  const result =
    known === undefined ? kubernetesObjectFrom(kind, value, complain) : { object: known };
  if ("faults" in result) {
    faults.push(...result.faults);
    return undefined;
  }
  const { object } = result;
  if (text !== undefined) memory.remember(text, object);
  if (kind === "Secret") notes.push(...exposedSecret(mode, complain));
  const twins = declared.declare(kind, formatObjectName(object.object), complain);
  faults.push(...twins);
  return twins.length > 0 ? undefined : { resource: object, complain };
}

function checkMetadata(value: unknown, complain: Complain, faults: Fault[]): Metadata | undefined {
  const result = checkAgainst(metadataSchema, value, ["metadata"], complain);
  faults.push(...result.faults);
  return result.value;
}

/** A Node of Kubernetes says in annotations what others have in their specs. */
function noteAnnotations(kind: Kind, { annotations }: Metadata, complain: Complain): Fault[] {
  if (kind !== "Node") return [];
  return annotations.flatMap((name) => {
    const field = Object.hasOwn(NODE_ANNOTATIONS, name) ? NODE_ANNOTATIONS[name] : undefined;
    const message = `is for Nodes of Kubernetes and means nothing here: this one has ${field}`;
    return field === undefined ? [] : [complain(["metadata", "annotations", name], message)];
  });
}

/** Two of one kind and name, and BGPConfigurations of neither the cluster nor a node. */
function checkName(
  kind: Kind,
  name: string,
  { complain, declared }: { readonly complain: Complain; readonly declared: Declared },
): Fault[] {
  const path = ["metadata", "name"];
  const faults = declared.declare(kind, name, complain);
  if (kind === "BGPConfiguration" && name !== CLUSTER_NAME && !name.startsWith(NODE_PREFIX)) {
    const known =
      '"default" for the cluster, or "node." and a Node\'s name for what that has otherwise';
    faults.push(complain(path, `expected ${known}`));
  }
  return faults;
}

/** The spec as its schema gives it; `undefined` when there are faults. */
function checkSpec(
  kind: Kind,
  name: unknown,
  value: unknown,
  complain: Complain,
): {
  readonly spec: unknown;
  readonly faults: readonly Fault[];
  readonly notes: readonly Fault[];
} {
  const { spec, asked } = withoutIdle(value ?? {}, KINDS[kind].notHonoured);
  const told = asked.map(({ path, field }) => ({
    isNote: field.noted === true,
    fault: complain(path, describeNotHonoured(field)),
  }));
  const result = checkAgainst(specSchemaOf(kind, name), spec, ["spec"], complain);
  const of = (isNote: boolean): Fault[] =>
    told.filter((one) => one.isNote === isNote).map(({ fault }) => fault);
  return { spec: result.value, faults: [...of(false), ...result.faults], notes: of(true) };
}

/** Valibot names one unknown field of a map at a time: each is told, taken away, and the rest tried again. */
function checkAgainst<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  root: Path,
  complain: Complain,
): { readonly value: v.InferOutput<Schema> | undefined; readonly faults: readonly Fault[] } {
  const unknown: Fault[] = [];
  let rest = value;
  for (;;) {
    const result = v.safeParse(schema, rest);
    const issues = result.issues ?? [];
    const strangers = issues.filter(({ expected }) => expected === "never");
    if (strangers.length === 0) {
      const told = issues.map((issue) => complain([...root, ...keysOf(issue.path)], issue.message));
      const faults = [...unknown, ...told];
      return { value: result.success && faults.length === 0 ? result.output : undefined, faults };
    }
    for (const { path, message } of strangers) {
      unknown.push(complain([...root, ...keysOf(path)], message));
      rest = without(rest, keysOf(path));
    }
  }
}

function without(value: unknown, [key, ...deeper]: Path): unknown {
  const change = (entry: unknown): unknown => without(entry, deeper);
  if (Array.isArray(value)) return value.map((entry, at) => (at === key ? change(entry) : entry));
  if (!isRecord(value)) return value;
  const entries = Object.entries(value);
  return Object.fromEntries(
    deeper.length === 0
      ? entries.filter(([name]) => name !== key)
      : entries.map(([name, entry]) => [name, name === key ? change(entry) : entry]),
  );
}

/** The spec without fields that are not honoured; `asked` are those that ask for something. */
function withoutIdle(
  spec: unknown,
  notHonoured: NotHonouredFields,
): {
  readonly spec: unknown;
  readonly asked: readonly { readonly path: Path; readonly field: NotHonouredFields[string] }[];
} {
  const asked: { path: Path; field: NotHonouredFields[string] }[] = [];
  const visit = (value: unknown, path: Path): unknown => {
    if (Array.isArray(value)) return value.map((entry, index) => visit(entry, [...path, index]));
    if (!isRecord(value)) return value;
    const kept = Object.entries(value).filter(([key, content]) => {
      const field = notHonoured[patternOf([...path, key])];
      if (field === undefined) return true;
      const isIdle = field.idle.some((idle) => isDeepStrictEqual(idle, content));
      if (!isIdle) asked.push({ path: [...path, key], field });
      return false;
    });
    return Object.fromEntries(kept.map(([key, field]) => [key, visit(field, [...path, key])]));
  };
  return { spec: visit(spec, ["spec"]), asked };
}

function resourcesFrom(
  checked: readonly Checked[],
  objects: readonly Documented<KubernetesObject>[],
): Resources {
  function all<Spec extends v.GenericSchema, Resource>(
    kind: Kind,
    schema: Spec,
    make: (document: Checked, spec: v.InferOutput<Spec>) => Resource,
    isOurs: (document: Checked) => boolean = () => true,
  ): Documented<Resource>[] {
    return checked
      .filter((document) => document.kind === kind && isOurs(document))
      .map((document) => ({
        resource: make(document, document.spec as v.InferOutput<typeof schema>),
        complain: document.complain,
      }));
  }
  const isOfCluster = ({ name }: Checked): boolean => name === CLUSTER_NAME;
  const [configuration] = all(
    "BGPConfiguration",
    bgpConfigurationSpec,
    (_, spec) => bgpConfigurationFrom(spec),
    isOfCluster,
  );
  const sessions = all("BGPPeer", bgpPeerSpec, ({ name }, spec) => bgpPeerFrom(name, spec));
  return {
    configuration,
    nodeConfigurations: all(
      "BGPConfiguration",
      nodeConfigurationSpec,
      ({ name }, spec) => nodeConfigurationFrom(name, spec),
      (document) => !isOfCluster(document),
    ),
    nodes: all("Node", nodeSpec, ({ name, labels }, spec) => nodeFrom(name, labels, spec)),
    peers: sessions.flatMap(({ resource, complain }) =>
      "remote" in resource ? [{ resource, complain }] : [],
    ),
    ranges: sessions.flatMap(({ resource, complain }) =>
      "remotes" in resource ? [{ resource, complain }] : [],
    ),
    unnumbered: sessions.flatMap(({ resource, complain }) =>
      "peerAs" in resource ? [{ resource, complain }] : [],
    ),
    workloads: sessions.flatMap(({ resource, complain }) =>
      "workloads" in resource ? [{ resource, complain }] : [],
    ),
    filters: all("BGPFilter", bgpFilterSpec, ({ name, complain }, spec) =>
      bgpFilterFrom(name, spec, (path) => placeOf(complain(path, ""))),
    ),
    pools: all("IPPool", ipPoolSpec, ({ name }, spec) => ipPoolFrom(name, spec)),
    reservations: all("IPReservation", ipReservationSpec, ({ name }, spec) =>
      ipReservationFrom(name, spec),
    ),
    secrets: objects.flatMap(({ resource: { kind, object }, complain }) =>
      kind === "Secret" ? [{ resource: object, complain }] : [],
    ),
    services: objects.flatMap(({ resource: { kind, object }, complain }) =>
      kind === "Service" ? [{ resource: object, complain }] : [],
    ),
    endpoints: new EndpointIndex(
      objects.flatMap(({ resource: { kind, object } }) =>
        kind === "EndpointSlice" ? [object] : [],
      ),
    ),
  };
}

/** `BGPPeer tor`; as much of it as there is. */
function subjectOf(kind: unknown, name: unknown): string {
  if (!isKind(kind)) return "";
  return typeof name === "string" ? `${kind} ${name}` : kind;
}

function keysOf(path: v.BaseIssue<unknown>["path"]): (string | number)[] {
  return (path ?? []).map(({ key }) => (typeof key === "number" ? key : String(key)));
}

function patternOf(path: Path): string {
  return path.map((key) => (typeof key === "number" ? "*" : key)).join(".");
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, key) => {
    if (Array.isArray(inner)) return inner[Number(key)];
    return isRecord(inner) ? inner[key] : undefined;
  }, value);
}

/** Whether words on what is wrong with the text could quote a key. */
function mayHoldSecret(text: string): boolean {
  return /\bkind["']?\s*:\s*["']?Secret/.test(text);
}

/** Fields of a password that are no password themselves. */
const POINTERS = ["file", "name", "key", "optional"];

/** Whether a value may be a key, or be one in the wrong place: it is not shown. */
function isConfidential(document: unknown, path: Path): boolean {
  if (isRecord(document) && document.kind === "Secret" && path[0] !== "apiVersion") return true;
  const isPassword = path.some((key) => key === "password" || key === "nodeMeshPassword");
  return isPassword && !POINTERS.includes(String(path.at(-1)));
}

/** Short enough for one line; a map or a list says nothing that its field does not. */
function textOfValue(value: unknown): string | undefined {
  if (typeof value === "object" && value !== null) return undefined;
  const text = JSON.stringify(value);
  return text === undefined || text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
