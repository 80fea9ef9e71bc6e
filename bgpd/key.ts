/**
 * Keys of sessions, TCP-MD5's and BFD's, from files of this node, so that they are in no document.
 */

import { readFileSync, statSync } from "node:fs";
import { exposure, keyFrom } from "../lib/secret.ts";
import type { KeyReader } from "./cluster/context.ts";

/** The key in a file, without the newline at its end; or what is wrong with it and what to do. */
export const readKeyFile: KeyReader = (file) => {
  try {
    const { mode, uid } = statSync(file);
    const exposed = exposure(mode);
    if (exposed !== undefined) return exposed;
    const user = process.getuid?.() ?? 0;
    if (uid !== user && uid !== 0)
      return `it belongs to user ${uid}: expected root or user ${user}`;
    return keyFrom(new Uint8Array(readFileSync(file)));
  } catch (error) {
    return `it cannot be read (${(error as NodeJS.ErrnoException).code}): expected the file of a key`;
  }
};
