/**
 * Files to what stands in them: documents of their own, and members of lists.
 *
 * A cluster's Services and EndpointSlices are many, and a reading finds most of them as they were: `Memory` keeps
 * what became of them by their text. Others of Kubernetes are read by Bun's own parser, our own kinds, and whatever
 * that does not understand, by the one that knows lines and finds every fault.
 */

import { type KubernetesObject, kubernetesKindOf } from "./kubernetes.ts";
import { type Piece, piecesOf } from "./pieces.ts";
import { type Path, readYaml, type YamlDocument, type YamlFile } from "./yaml.ts";

export type Source = {
  readonly file: string;
  readonly text: string;
  /** Its permissions; absent where nobody has looked. */
  readonly mode?: number;
};

/** A document or a member of a list. */
export type Entry = YamlDocument & {
  /** What it was read as before. */
  readonly known?: KubernetesObject;
  /** Its own text, by which it will be known. */
  readonly text?: string;
};

/** Objects of the reading before, by their text. */
export class Memory {
  #before: ReadonlyMap<string, KubernetesObject> = new Map();
  #now = new Map<string, KubernetesObject>();

  recall(text: string): KubernetesObject | undefined {
    const known = this.#before.get(text);
    if (known !== undefined) this.#now.set(text, known);
    return known;
  }

  /** Secrets are not kept in the text that they came in. */
  remember(text: string, object: KubernetesObject): void {
    if (object.kind !== "Secret") this.#now.set(text, object);
  }

  /** A reading is over: what was not in it is forgotten. */
  turn(): void {
    this.#before = this.#now;
    this.#now = new Map();
  }
}

type Read = { readonly entries: readonly Entry[]; readonly errors: YamlFile["errors"] };

/** What stands in a file. Never throws. */
export function entriesOf({ text }: Source, memory: Memory): Read {
  const quick = quickEntries(text, memory);
  if (quick !== undefined) return quick;
  const { documents, errors } = readYaml(text);
  return { entries: documents.flatMap(membersOf), errors };
}

/** Files with many objects have such; all others are read as a whole. */
const MANY = /^[- ]*kind: (Service|EndpointSlice)\b/m;
const MANY_IN_JSON = /"kind": ?"(Service|EndpointSlice)"/;
const OF_KUBERNETES = /\bapiVersion: (v1|discovery\.k8s\.io\/v1)\s/;

/** The strict parser takes a second for such a file, in which a daemon stands still. */
const LARGE = 1 << 19;
/** What may stand for something of another piece. */
const ALIAS = /[&*]\w/;

function quickEntries(text: string, memory: Memory): Read | undefined {
  if (text.startsWith("{")) return MANY_IN_JSON.test(text) ? entriesOfJson(text) : undefined;
  return MANY.test(text) ? entriesOfPieces(text, memory) : undefined;
}

/** Objects of Kubernetes alone; undefined for anything else. */
function entriesOfJson(text: string): Read | undefined {
  try {
    const value: unknown = JSON.parse(text);
    let file: YamlFile | undefined;
    const lineOf: Entry["lineOf"] = (path) => {
      file ??= readYaml(text);
      return file.documents[0]?.lineOf(path) ?? 1;
    };
    const members = membersOf({ value, lineOf });
    if (!members.every(({ value: member }) => isOfKubernetes(member))) return undefined;
    return { entries: members, errors: [] };
  } catch {
    return undefined;
  }
}

/** Piece by piece; undefined where one of them cannot be understood alone. Of a large file that is its own fault. */
function entriesOfPieces(text: string, memory: Memory): Read | undefined {
  const entries: Entry[] = [];
  const errors: YamlFile["errors"][number][] = [];
  for (const piece of piecesOf(text) ?? []) {
    if (piece.type === "list") {
      const [head] = strictly(piece) ?? [];
      // Members of other lists may leave away what they are; and one that is left in the head was not cut out.
      if (!isRecord(head?.value) || head.value.kind !== "List") return undefined;
      if (Array.isArray(head.value.items)) return undefined;
      continue;
    }
    const known = memory.recall(piece.text);
    const read =
      known === undefined
        ? (quickly(piece) ?? strictly(piece))
        : [{ value: undefined, lineOf: lazily(piece), known }];
    if (read !== undefined) {
      entries.push(...(piece.type === "item" ? read : read.flatMap(membersOf)));
      continue;
    }
    if (text.length < LARGE || ALIAS.test(piece.text)) return undefined;
    for (const { line, message } of readYaml(piece.text).errors) {
      errors.push({ line: piece.before + line, message });
    }
  }
  return entries.length + errors.length === 0 ? undefined : { entries, errors };
}

/** An object of Kubernetes by Bun's parser; undefined for what is none, or not understood. */
function quickly(piece: Piece): Entry[] | undefined {
  const { text, type } = piece;
  if (!OF_KUBERNETES.test(text)) return undefined;
  try {
    const parsed: unknown = Bun.YAML.parse(text);
    const [value, ...others] = type === "item" && Array.isArray(parsed) ? parsed : [parsed];
    if (others.length > 0 || !isOfKubernetes(value)) return undefined;
    return [{ value, lineOf: lazily(piece), text }];
  } catch {
    return undefined;
  }
}

function isOfKubernetes(value: unknown): boolean {
  return isRecord(value) && kubernetesKindOf(value.apiVersion, value.kind) !== undefined;
}

/** By the parser that knows lines; undefined where there is something wrong, which the whole file tells better. */
function strictly(piece: Piece): YamlDocument[] | undefined {
  const { documents, errors } = readYaml(piece.text);
  if (errors.length > 0) return undefined;
  return documents.map(({ value, lineOf }) => {
    const root: Path = piece.type === "item" ? [0] : [];
    return {
      value: piece.type === "item" && Array.isArray(value) ? value[0] : value,
      lineOf: (path) => piece.before + lineOf([...root, ...path]),
    };
  });
}

/** Lines are asked for where something is wrong. */
function lazily(piece: Piece): Entry["lineOf"] {
  return (path) => strictly(piece)?.[0]?.lineOf(path) ?? piece.before + 1;
}

/** Of a list, as tools print several documents (`kind: BGPPeerList`), its items; else the document itself. */
function membersOf(document: YamlDocument): YamlDocument[] {
  const { value, lineOf } = document;
  if (!isRecord(value) || !Array.isArray(value.items)) return [document];
  const { kind, apiVersion } = value;
  if (typeof kind !== "string" || !kind.endsWith("List")) return [document];
  // The API leaves away in its items what the list's kind says.
  const common = kind === "List" ? {} : { apiVersion, kind: kind.slice(0, -"List".length) };
  return value.items.map((item: unknown, index) => ({
    value: isRecord(item) ? { ...common, ...item } : item,
    lineOf: (path) => lineOf(["items", index, ...path]),
  }));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
