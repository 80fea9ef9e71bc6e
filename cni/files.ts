/**
 * The plugin's `Files`: system calls for what every ADD does, `node:fs` for what is rare.
 */

import { codeOf, type Files } from "../ipam/files.ts";
import { nodeFiles } from "../ipam/files-node.ts";
import { createFile, readStart, readText, writeAt } from "../kernel/file.ts";
import { link, statx, unlink } from "../kernel/libc.ts";

export const systemFiles: Files = {
  ...nodeFiles,
  read: readText,
  readInto: (path, bytes) => unlessMissing(() => readStart(path, bytes)),
  create: createFile,
  writeAt,
  link,
  unlink,
  status: statx,
};

function unlessMissing<Value>(access: () => Value): Value | undefined {
  try {
    return access();
  } catch (fault) {
    if (codeOf(fault) === "ENOENT") return undefined;
    throw fault;
  }
}
