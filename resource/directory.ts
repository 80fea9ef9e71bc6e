/**
 * The files of a configuration: one file, or all documents of a directory.
 */

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Source } from "./entry.ts";
import type { Fault } from "./fault.ts";

const EXTENSION = /\.(ya?ml|json)$/;

/**
 * Read `path`; of a directory the files `*.yaml`, `*.yml` and `*.json`, by name. Names that begin with a dot
 * are left out: editors and Kubernetes' mounts keep things there.
 */
export function readDirectory(path: string): {
  readonly sources: readonly Source[];
  readonly faults: readonly Fault[];
} {
  const files = attempt(path, () => filesOf(path));
  if ("fault" in files) return { sources: [], faults: [files.fault] };
  if (files.value.length === 0) {
    return {
      sources: [],
      faults: [unreadable(path, "expected *.yaml files in it, there are none")],
    };
  }
  const read = files.value.map((file) =>
    attempt(file, () => ({ text: readFileSync(file, "utf8"), mode: statSync(file).mode & 0o777 })),
  );
  return {
    sources: read.flatMap((entry, index) =>
      "fault" in entry ? [] : [{ file: files.value[index] ?? path, ...entry.value }],
    ),
    faults: read.flatMap((entry) => ("fault" in entry ? [entry.fault] : [])),
  };
}

function filesOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => EXTENSION.test(name) && !name.startsWith("."))
    .sort()
    .map((name) => join(path, name));
}

function attempt<Value>(
  path: string,
  read: () => Value,
): { readonly value: Value } | { readonly fault: Fault } {
  try {
    return { value: read() };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { fault: unreadable(path, `cannot be read (${code ?? message})`) };
  }
}

function unreadable(file: string, message: string): Fault {
  return { file, line: 0, subject: "", field: "", value: undefined, message };
}
