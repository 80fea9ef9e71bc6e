/**
 * Colours of the terminal, by meaning and not by hue; nothing when stdout is no terminal.
 */

/** How results may look: what the place they are written to can show. */
export type Look = {
  readonly colour: boolean;
  /** Columns of the terminal; undefined where lines may be of any length (a file, a pipe). */
  readonly width: number | undefined;
};

/** What a piece of text means to its reader. */
export type Style = "plain" | "heading" | "strong" | "faint" | "good" | "warning" | "bad";

/** Text with its meaning; a bare string is plain. */
export type Styled = string | { readonly text: string; readonly style: Style };

/** For files, pipes and tests. */
export const PLAIN_LOOK: Look = { colour: false, width: undefined };

/** ECMA-48 SGR parameters. */
const PARAMETERS: Record<Style, string> = {
  plain: "",
  heading: "1",
  strong: "1",
  faint: "2",
  good: "32",
  warning: "33",
  bad: "31",
};

/** Text and meaning in one record. */
export function styled(text: string, style: Style): Styled {
  return { text, style };
}

/** The characters alone. */
export function textOf(piece: Styled): string {
  return typeof piece === "string" ? piece : piece.text;
}

/** The same text, or its parts, with the meaning of `piece`. */
export function restyle(piece: Styled, text: string): Styled {
  return typeof piece === "string" ? text : { text, style: piece.style };
}

/** The piece as it is written: with SGR sequences around it where colours are wanted. */
export function paint(piece: Styled, look: Look): string {
  if (typeof piece === "string") return piece;
  const parameters = PARAMETERS[piece.style];
  if (!look.colour || parameters === "" || piece.text === "") return piece.text;
  return `\u001b[${parameters}m${piece.text}\u001b[0m`;
}
