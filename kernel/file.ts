/** Files by system calls alone, for processes that must not pay for loading `node:fs`. */

import { close, O, open, pwrite, readInto, write } from "./libc.ts";

const CHUNK = 4096;

/** Permissions of what is made. */
const MODE = 0o644;

/** A file's whole text. Throws `SystemError`. */
export function readText(path: string): string {
  const fd = open(path, O.RDONLY);
  try {
    const decoder = new TextDecoder();
    const bytes = new Uint8Array(CHUNK);
    for (let text = ""; ; ) {
      const count = readInto(fd, bytes);
      if (count === 0) return text + decoder.decode();
      text += decoder.decode(bytes.subarray(0, count), { stream: true });
    }
  } finally {
    close(fd);
  }
}

/** Fill `bytes` from the file's start; how many octets there were. */
export function readStart(path: string, bytes: Uint8Array): number {
  const fd = open(path, O.RDONLY);
  try {
    return readInto(fd, bytes);
  } finally {
    close(fd);
  }
}

/** Make a new file with this text. EEXIST when there is one. */
export function createFile(path: string, text: string): void {
  let rest = new TextEncoder().encode(text);
  const fd = open(path, O.WRONLY | O.CREAT | O.EXCL, MODE);
  try {
    while (rest.length > 0) rest = rest.subarray(write(fd, rest));
  } finally {
    close(fd);
  }
}

/** Overwrite a part of a file, which is made when it is not there. */
export function writeAt(path: string, bytes: Uint8Array, position: number): void {
  const fd = open(path, O.WRONLY | O.CREAT, MODE);
  try {
    pwrite(fd, bytes, position);
  } finally {
    close(fd);
  }
}
