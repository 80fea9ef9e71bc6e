/**
 * Keys of sessions, TCP-MD5's and BFD's, from files of this node: a directory of documents names them instead of
 * Secrets, so that they are in no document.
 */

import { readFileSync, statSync } from "node:fs";
import { LONGEST_KEY } from "../kernel/socket.ts";
import { Secret } from "../lib/secret.ts";
import type { KeyReader } from "./cluster/context.ts";

/** Whoever but the owner may read or write the file. */
const OTHERS = 0o077;
const NEWLINE = 0x0a;

/** The key in a file, without the newline at its end; or what is wrong with it and what to do. */
export const readKeyFile: KeyReader = (file) => {
  try {
    const { mode, uid } = statSync(file);
    if ((mode & OTHERS) !== 0) {
      return `others can use it (mode ${(mode & 0o777).toString(8)}): chmod 600`;
    }
    const user = process.getuid?.() ?? 0;
    if (uid !== user && uid !== 0)
      return `it belongs to user ${uid}: expected root or user ${user}`;
    const bytes = new Uint8Array(readFileSync(file));
    const key = bytes.at(-1) === NEWLINE ? bytes.subarray(0, -1) : bytes;
    if (key.length === 0) return "it is empty: expected a key";
    if (key.length > LONGEST_KEY) {
      return `it has ${key.length} octets: expected a key of ${LONGEST_KEY} at most`;
    }
    return new Secret(key);
  } catch (error) {
    return `it cannot be read (${(error as NodeJS.ErrnoException).code}): expected the file of a key`;
  }
};
