/**
 * Results of a report that are kept while it is made, a file for each job, so that a report that was interrupted goes on
 * where it was.
 */

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Job, Result } from "./job.ts";

export type Keep = {
  /** What is kept of this very job; a failure is not. */
  find(job: Job): Result | undefined;
  put(result: Result): void;
};

/** In a folder of its own, emptied unless `resume`. Results of another executable are none. */
export function openKeep(
  folder: string,
  { executable, resume }: { readonly executable: string; readonly resume: boolean },
): Keep {
  const digest = new Bun.CryptoHasher("sha256").update(readFileSync(executable)).digest("hex");
  const note = join(folder, "executable");
  const isSame = existsSync(note) && readFileSync(note, "utf8") === digest;
  if (!resume || !isSame) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(note, digest);
  const fileOf = ({ id }: Job): string => join(folder, `${id}.json`);
  return {
    find(job) {
      if (!existsSync(fileOf(job))) return undefined;
      const result: Result = JSON.parse(readFileSync(fileOf(job), "utf8"));
      return isDeepStrictEqual(result.job, job) && result.error === undefined ? result : undefined;
    },
    put(result) {
      const file = fileOf(result.job);
      writeFileSync(`${file}.new`, JSON.stringify(result));
      renameSync(`${file}.new`, file);
    },
  };
}
