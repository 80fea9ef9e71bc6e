/** Keys that documents name by the path of a file, so that they are in no document. */

import { readFileSync } from "node:fs";
import type { KeyReader } from "./cluster/bfd.ts";

const LINE_FEED = 10;

/** The octets of the file, without the line break at their end. */
export const readKeyFile: KeyReader = (file) => {
  try {
    const bytes = new Uint8Array(readFileSync(file));
    return { key: bytes.at(-1) === LINE_FEED ? bytes.slice(0, -1) : bytes };
  } catch (error) {
    return { error: `${error instanceof Error ? error.message : error}: expected a file to read` };
  }
};
