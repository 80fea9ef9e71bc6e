/**
 * `Files` on `node:fs`, which is loaded when it is first used: that alone costs a millisecond.
 */

import { codeOf, type Files } from "./files.ts";

const fs = () => process.getBuiltinModule("node:fs");

export const nodeFiles: Files = {
  read: (path) => fs().readFileSync(path, "utf8"),

  readInto: (path, bytes) =>
    unlessMissing(() => {
      const file = fs().openSync(path, "r");
      try {
        return fs().readSync(file, bytes, 0, bytes.length, 0);
      } finally {
        fs().closeSync(file);
      }
    }),

  create: (path, text) => fs().writeFileSync(path, text, { flag: "wx" }),

  writeAt(path, bytes, position) {
    const { O_CREAT, O_WRONLY } = fs().constants;
    const file = fs().openSync(path, O_WRONLY | O_CREAT);
    try {
      fs().writeSync(file, bytes, 0, bytes.length, position);
    } finally {
      fs().closeSync(file);
    }
  },

  link: (existing, path) => fs().linkSync(existing, path),
  rename: (path, other) => fs().renameSync(path, other),
  unlink: (path) => fs().unlinkSync(path),

  links: (path) => fs().statSync(path, { throwIfNoEntry: false })?.nlink,

  isSame(path, other) {
    const one = fs().statSync(path, { throwIfNoEntry: false });
    const two = fs().statSync(other, { throwIfNoEntry: false });
    return one !== undefined && one.dev === two?.dev && one.ino === two.ino;
  },

  list: (path) => unlessMissing(() => fs().readdirSync(path)) ?? [],
  makeFolder: (path) => void fs().mkdirSync(path, { recursive: true }),
  removeTree: (path) => fs().rmSync(path, { recursive: true, force: true }),
};

function unlessMissing<Value>(access: () => Value): Value | undefined {
  try {
    return access();
  } catch (fault) {
    if (codeOf(fault) === "ENOENT") return undefined;
    throw fault;
  }
}
