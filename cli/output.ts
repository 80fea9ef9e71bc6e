/**
 * Where a command writes: results to stdout, what went wrong to stderr.
 *
 * The process's own streams are written by descriptor: touching `process.stdout` costs a start-up of
 * some milliseconds. A reader that has seen enough (`manx routes | head`) ends the command quietly.
 */

import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import type { Look } from "./style.ts";

export type Output = {
  /** Results. */
  out(text: string): void;
  /** Errors. */
  err(text: string): void;
  /** Of stdout. */
  readonly look: Look;
};

/** A failure to tell the user about, with the process's exit code. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** Done; could not be done; asked wrongly or with faulty input. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Thrown by `out` when nobody reads any more. */
export class ReaderGone extends Error {
  override readonly name = "ReaderGone";
}

/** The process's own streams; colours only on a terminal and unless NO_COLOR is set. */
export function processOutput(): Output {
  const terminal = isatty(1);
  return {
    out: (text) => writeAll(1, text),
    err: (text) => {
      try {
        writeAll(2, text);
      } catch (error) {
        // What nobody wants to hear is not worth another failure.
        if (!(error instanceof ReaderGone)) throw error;
      }
    },
    look: {
      colour: terminal && !process.env.NO_COLOR && process.env.TERM !== "dumb",
      width: terminal ? process.stdout.columns || undefined : undefined,
    },
  };
}

/** The answer as a script reads it. */
export function writeJson(output: Output, answer: unknown): void {
  output.out(`${JSON.stringify(answer, null, 2)}\n`);
}

function writeAll(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(descriptor, bytes, written);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") throw new ReaderGone("nobody reads the output", { cause: error });
      // A descriptor that someone else made non-blocking: the reader is slow, so wait for it.
      if (code !== "EAGAIN") throw error;
      Bun.sleepSync(1);
    }
  }
}
