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
  const lineAt = (offset: number): number => Math.max(1, lines.linePos(offset).line);
  const files = parse(text, lines).map((document): YamlFile => {
    const problems = [...document.errors, ...document.warnings];
    if (problems.length > 0) {
      return {
        documents: [],
        errors: problems.map(({ pos: [offset], message }) => ({ line: lineAt(offset), message })),
      };
    }
    const lineOf = (path: Path): number => lineAt(offsetOf(document, path));
    try {
      const value: unknown = document.toJS();
      return { documents: value === null ? [] : [{ value, lineOf }], errors: [] };
    } catch (error) {
      // More aliases than anybody writes by hand, or one of something that is not there.
      return { documents: [], errors: [{ line: lineOf([]), message: wordsOf(error) }] };
    }
  });
  return {
    documents: files.flatMap(({ documents }) => documents),
    errors: files.flatMap(({ errors }) => errors),
  };
}

function parse(text: string, lineCounter: LineCounter): Document[] {
  const documents = parseAllDocuments(text, { lineCounter, prettyErrors: false });
  return "empty" in documents ? [] : documents;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
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
