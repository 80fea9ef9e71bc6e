/**
 * A YAML file cut where each part can be read alone: its documents, and of lists as `kubectl get -o yaml` prints them
 * the items. What is cut at is never within a value: YAML wants those indented.
 */

/** A part of a file. */
export type Piece = {
  readonly text: string;
  /** Lines before it in the file. */
  readonly before: number;
  readonly type: "document" | "item" | "list";
};

type Line = { readonly text: string; readonly start: number; readonly number: number };

/**
 * The parts, each list before its items; undefined where the file is not written so plainly that they are sure to
 * be those that YAML has.
 */
export function piecesOf(text: string): Piece[] | undefined {
  const pieces: Piece[] = [];
  let document: Line[] = [];
  const end = (at: number): boolean => {
    const cut = cutDocument(text, document, at);
    document = [];
    if (cut === undefined) return false;
    pieces.push(...cut);
    return true;
  };
  for (const line of landmarks(text)) {
    // Directives and marks with something behind them.
    if (/^(%|\.\.\.|---.)/.test(line.text)) return undefined;
    if (line.text !== "---") document.push(line);
    else if (!end(line.start)) return undefined;
  }
  return end(text.length) ? pieces : undefined;
}

/** Lines that begin a mark, a field of the document itself or an item of a list; others are left out. */
function* landmarks(text: string): Generator<Line> {
  let number = 0;
  for (let start = 0; start < text.length; number++) {
    const found = text.indexOf("\n", start);
    const end = found < 0 ? text.length : found;
    const first = text.charCodeAt(start);
    const isIndented = first === SPACE && !isItem(text, start);
    if (end > start && !isIndented && first !== COMMENT) {
      const line = text.slice(start, end).trimEnd();
      if (line !== "") yield { text: line, start, number };
    }
    start = end + 1;
  }
}

const SPACE = 0x20;
const COMMENT = 0x23;

/** A dash after no more than two spaces: deeper ones are within an item. */
function isItem(text: string, start: number): boolean {
  return text.startsWith("  - ", start);
}

/** One document, whose lines begin in `lines`; nothing for one that is empty. */
function cutDocument(text: string, lines: readonly Line[], end: number): Piece[] | undefined {
  const [first] = lines;
  if (first === undefined) return [];
  const start = lines.findIndex((line) => line.text === "items:");
  const whole = (type: Piece["type"]): Piece => {
    return { text: text.slice(first.start, end), before: first.number, type };
  };
  if (start < 0) return [whole("document")];
  const rest = lines.slice(start + 1);
  const stop = rest.findIndex((line) => !/^ *- /.test(line.text));
  const dashes = stop < 0 ? rest : rest.slice(0, stop);
  const indent = dashes[0]?.text.indexOf("-") ?? 0;
  const after = stop < 0 ? end : (rest[stop]?.start ?? end);
  const own = dashes.filter((line) => line.text.indexOf("-") === indent);
  // Dashes that are less indented than the first belong to no list that we know of.
  if (own.length === 0 || dashes.some((line) => line.text.indexOf("-") < indent)) return undefined;
  const items = own.map((line, index): Piece => {
    const next = own[index + 1]?.start ?? after;
    return { text: text.slice(line.start, next), before: line.number, type: "item" };
  });
  const head = text.slice(first.start, own[0]?.start) + text.slice(after, end);
  return [{ text: head, before: first.number, type: "list" }, ...items];
}
