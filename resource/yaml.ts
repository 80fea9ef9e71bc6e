/**
 * YAML files as plain values that still know their lines.
 */

import { type Document, isMap, isNode, isScalar, LineCounter, parseAllDocuments } from "yaml";

export type Path = readonly (string | number)[];

/** One document of a file. */
export type YamlDocument = {
  readonly value: unknown;
  /** Line of a field, or of the innermost one above it that is there. From 1. */
  readonly lineOf: (path: Path) => number;
};

export type YamlFile = {
  readonly documents: readonly YamlDocument[];
  readonly errors: readonly { readonly line: number; readonly message: string }[];
};

/** Read a file's documents. Never throws; empty documents are left out. */
export function readYaml(text: string): YamlFile {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  const parsed: Document[] = "empty" in documents ? [] : documents;
  const lineAt = (offset: number): number => Math.max(1, lines.linePos(offset).line);
  return {
    documents: parsed
      .filter(({ errors, contents }) => errors.length === 0 && contents !== null)
      .map((document) => ({
        value: document.toJS(),
        lineOf: (path) => lineAt(offsetOf(document, path)),
      })),
    errors: parsed.flatMap(({ errors }) =>
      errors.map(({ pos: [offset], message }) => ({ line: lineAt(offset), message })),
    ),
  };
}

/** Where a field's key is, which is where one looks for it; of a list's entry, the entry itself. */
function offsetOf(document: Document, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const parent =
      length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const last = path[length - 1];
    if (isMap(parent)) {
      const pair = parent.items.find(
        ({ key }) => isScalar(key) && String(key.value) === String(last),
      );
      const key: unknown = pair?.key;
      if (isNode(key) && key.range) return key.range[0];
    }
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}
