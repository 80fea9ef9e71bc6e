/**
 * What the address records ask of a file system.
 *
 * An interface, because there are three of them: `files-node.ts`; the plugin's own, which does without
 * the 1 ms that loading `node:fs` costs; and the twin that tests stop at every single operation.
 * Failures are `Error`s with a `code` ("EEXIST").
 */

export type Files = {
  /** The whole text. */
  read(path: string): string;
  /** Fill `bytes` from the file's start; how many there were, undefined when there is no file. */
  readInto(path: string, bytes: Uint8Array): number | undefined;
  /** A new file with this text. EEXIST when there is one. */
  create(path: string, text: string): void;
  /** Overwrite a part of a file, which is made when it is not there. */
  writeAt(path: string, bytes: Uint8Array, position: number): void;
  /** A second name for a file. EEXIST when the name is taken. */
  link(existing: string, path: string): void;
  /** Give a file another name, in one instant; whoever had that name loses it. */
  rename(path: string, other: string): void;
  /** Remove one name. */
  unlink(path: string): void;
  /** Number of names that the file has; undefined where there is none. */
  links(path: string): number | undefined;
  /** Whether two names are one file's. */
  isSame(path: string, other: string): boolean;
  /** Names in a folder; none when there is no folder. */
  list(path: string): string[];
  /** Make a folder and those above it, where they are missing. */
  makeFolder(path: string): void;
  /** Remove a folder with everything in it; one that is not there is no fault. */
  removeTree(path: string): void;
};

/** The `code` of a failure, if it has one. */
export function codeOf(fault: unknown): string | undefined {
  return fault instanceof Error && "code" in fault ? String(fault.code) : undefined;
}
