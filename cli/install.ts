/**
 * `manx install`: this executable, its link `manx-ipam` and, when asked for, the network configuration, put where a
 * container runtime looks for them.
 *
 * Each file appears whole, under a temporary name first, so that a plugin that is called meanwhile is the old one or
 * the new one. The configuration comes last: kubelet calls a node ready when it finds one.
 */

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import CONFLIST from "../conf/10-manx.conflist" with { type: "text" };
import type { InstallOptions } from "./options.ts";
import { CommandError, EXIT, type ExitCode, type Output, writeJson } from "./output.ts";

const CONFLIST_NAME = "10-manx.conflist";

/** What became of one file. */
export type Installed = {
  readonly path: string;
  /** "kept": one is there, and it may have been adapted. */
  readonly state: "written" | "kept";
};

/** Path of the executable that runs this. Throws when that is Bun with the sources. */
export function ownExecutable(): string {
  if (Bun.main.startsWith("/$bunfs/")) return process.execPath;
  const advice = "run `npm run build`, then `dist/manx install`";
  throw new CommandError(
    `cannot install: this is no executable but its sources: ${advice}`,
    EXIT.usage,
  );
}

/** Install `executable` as `options` say and tell what was written. */
export function install(executable: string, options: InstallOptions, output: Output): ExitCode {
  const installed: Installed[] = [];
  try {
    installed.push(...installPrograms(executable, options.binDir));
    if (options.netDir !== undefined) installed.push(installConfiguration(options.netDir));
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    throw new CommandError(`cannot install: ${error.message}`, EXIT.failed, { cause: error });
  }
  if (options.json) writeJson(output, { installed });
  else for (const { path, state } of installed) output.out(`${path}: ${state}\n`);
  return EXIT.ok;
}

function installPrograms(executable: string, folder: string): Installed[] {
  mkdirSync(folder, { recursive: true });
  const program = join(folder, "manx");
  const link = join(folder, "manx-ipam");
  replace(program, (temporary) => writeWhole(temporary, readFileSync(executable), 0o755));
  replace(link, (temporary) => symlinkSync("manx", temporary));
  return [
    { path: program, state: "written" },
    { path: link, state: "written" },
  ];
}

function installConfiguration(folder: string): Installed {
  const path = join(folder, CONFLIST_NAME);
  if (existsSync(path)) return { path, state: "kept" };
  mkdirSync(folder, { recursive: true });
  replace(path, (temporary) => writeWhole(temporary, Buffer.from(CONFLIST), 0o644));
  return { path, state: "written" };
}

/** Make something under a name that nobody uses, then give it its own. A hidden name: runtimes read no such ones. */
function replace(path: string, make: (temporary: string) => void): void {
  const temporary = join(path, "..", `.manx-install.${process.pid}`);
  try {
    make(temporary);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/**
 * Write a new file by as few calls as the kernel allows, and wait until it is on the disk.
 *
 * The kernel keeps what one call writes in pieces as large as it can, and maps a piece at a time when the file is
 * executed: the executable of 110 MB starts sooner than after a copy in small ones.
 */
function writeWhole(path: string, bytes: Uint8Array, mode: number): void {
  const fd = openSync(path, "wx", mode);
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
