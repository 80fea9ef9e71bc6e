/** Files by system calls alone, for processes that must not pay for loading `node:fs`. */

import { close, O, open, pwrite, readInto, write } from "./libc.ts";

const CHUNK = 4096;

/** A file's whole text. Throws `SystemError`. */
export function readText(path: string): string {
  return withFile(path, O.RDONLY, (fd) => {
    const decoder = new TextDecoder();
    const bytes = new Uint8Array(CHUNK);
    for (let text = ""; ; ) {
      const count = readInto(fd, bytes);
      if (count === 0) return text + decoder.decode();
      text += decoder.decode(bytes.subarray(0, count), { stream: true });
    }
  });
}

/** Fill `bytes` from the file's start; how many octets there were. */
export function readStart(path: string, bytes: Uint8Array): number {
  return withFile(path, O.RDONLY, (fd) => readInto(fd, bytes));
}

/** Make a new file with this text. EEXIST when there is one. */
export function createFile(path: string, text: string): void {
  let rest = new TextEncoder().encode(text);
  withFile(path, O.WRONLY | O.CREAT | O.EXCL, (fd) => {
    while (rest.length > 0) rest = rest.subarray(write(fd, rest));
  });
}

/** Overwrite a part of a file, which is made when it is not there. */
export function writeAt(path: string, bytes: Uint8Array, position: number): void {
  withFile(path, O.WRONLY | O.CREAT, (fd) => pwrite(fd, bytes, position));
}

function withFile<Result>(path: string, flags: number, use: (fd: number) => Result): Result {
  const fd = open(path, flags, 0o644);
  try {
    return use(fd);
  } finally {
    close(fd);
  }
}
