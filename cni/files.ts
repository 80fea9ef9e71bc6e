/**
 * The plugin's `Files`: system calls for what every ADD does, `node:fs` for what is rare.
 */

import { codeOf, type Files } from "../ipam/files.ts";
import { nodeFiles } from "../ipam/files-node.ts";
import { createFile, readStart, readText, writeAt } from "../kernel/file.ts";
import { isSameFile, link, linksOf, unlink } from "../kernel/libc.ts";

export const systemFiles: Files = {
  ...nodeFiles,
  read: readText,
  readInto,
  create: createFile,
  writeAt,
  link,
  unlink,
  links: linksOf,
  isSame: isSameFile,
};

function readInto(path: string, bytes: Uint8Array): number | undefined {
  try {
    return readStart(path, bytes);
  } catch (fault) {
    if (codeOf(fault) === "ENOENT") return undefined;
    throw fault;
  }
}
