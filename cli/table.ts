/**
 * Aligned columns from records, and lists of labelled facts.
 *
 * Pure: records in, text out. The last column is wrapped below itself when the width is known, so
 * that a long reason does not break the table; without a width each record is one line (for grep).
 */

import { type Look, paint, restyle, type Styled, styled, textOf } from "./style.ts";

/** One column of a table of `Row`s. */
export type Column<Row> = {
  readonly title: string;
  readonly cell: (row: Row) => Styled;
  /** Numbers stand right. */
  readonly align?: "left" | "right";
  /** Leave the column out when it is empty in every row. */
  readonly optional?: true;
};

const GAP = "  ";
/** The narrowest last column worth wrapping; below it the terminal may break the line as it likes. */
const NARROWEST = 24;

/** The table, a heading line first, each line ended; no rows give no text at all. */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  look: Look,
): string {
  if (rows.length === 0) return "";
  const shown = columns
    .map((column) => ({ ...column, cells: rows.map(column.cell) }))
    .filter(({ optional, cells }) => !optional || cells.some((cell) => textOf(cell) !== ""));
  const widths = shown.map(({ title, cells }) =>
    cells.reduce((width, cell) => Math.max(width, Bun.stringWidth(textOf(cell))), title.length),
  );
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + GAP.length, 0);
  const lines = [shown.map(({ title }) => styled(title, "heading"))];
  for (const index of rows.keys()) {
    const cells = shown.map(({ cells }) => cells[index] ?? "");
    const last = cells.pop() ?? "";
    const [first = "", ...more] = wrapText(textOf(last), roomIn(look, before));
    lines.push([...cells, restyle(last, first)]);
    for (const part of more) lines.push([...cells.map(() => ""), restyle(last, part)]);
  }
  const aligned = lines.map((cells) =>
    cells.map((cell, index) => {
      const padding = " ".repeat((widths[index] ?? 0) - Bun.stringWidth(textOf(cell)));
      const text = paint(cell, look);
      return shown[index]?.align === "right" ? padding + text : text + padding;
    }),
  );
  return aligned.map((cells) => `${cells.join(GAP).trimEnd()}\n`).join("");
}

/** A label and its value, or several values below each other; no values leave the label out. */
export type Fact = readonly [label: string, value: Styled | readonly Styled[]];

/** Labelled facts, one a line, the values aligned and wrapped below themselves. */
export function formatFacts(facts: readonly Fact[], look: Look): string {
  const width = Math.max(0, ...facts.map(([label]) => Bun.stringWidth(label)));
  let text = "";
  for (const [label, value] of facts) {
    const pieces = (isList(value) ? value : [value]).flatMap((piece) =>
      wrapText(textOf(piece), roomIn(look, width + GAP.length)).map((part) => restyle(piece, part)),
    );
    pieces.forEach((piece, index) => {
      const shown = index === 0 ? label : "";
      const padding = " ".repeat(width - Bun.stringWidth(shown));
      text += `${paint(styled(shown, "faint"), look)}${padding}${GAP}${paint(piece, look)}\n`;
    });
  }
  return text;
}

/** Split at spaces into lines of at most `width`; longer words stand alone, undefined never splits. */
export function wrapText(text: string, width: number | undefined): string[] {
  if (width === undefined || Bun.stringWidth(text) <= width) return [text];
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && Bun.stringWidth(line) + 1 + Bun.stringWidth(word) <= width) {
      lines[lines.length - 1] = `${line} ${word}`;
    } else {
      lines.push(word);
    }
  }
  return lines;
}

function roomIn({ width }: Look, before: number): number | undefined {
  return width === undefined || width - before < NARROWEST ? undefined : width - before;
}

function isList(value: Styled | readonly Styled[]): value is readonly Styled[] {
  return Array.isArray(value);
}
