/**
 * What the lab is doing, on stderr: one line that changes on a terminal, plain lines elsewhere.
 *
 * Never on stdout, which belongs to the report.
 */

import { writeSync } from "node:fs";
import { isatty } from "node:tty";

export type Progress = {
  /** The step that is going on. */
  readonly current: string;
  /** A step begins; the one before it is over. */
  step(name: string): void;
  /** How far the step is: only where a line can change. */
  detail(text: string): void;
  /** A line that stays: something to know, such as who plays the router. */
  note(text: string): void;
  /** Nothing is going on any more. */
  clear(): void;
};

/** Where lines go: a terminal can take a line back. */
export type ProgressSink = {
  readonly terminal: "terminal" | "file";
  /** Columns of the terminal now: a longer line would break, and only its end could be taken back. */
  width(): number;
  write(text: string): void;
};

/** ECMA-48: to the first column, erase the line. */
const ERASE = "\r\u001b[K";

/** Progress on `sink`, by default this process's stderr. */
export function createProgress(sink: ProgressSink = stderrSink()): Progress {
  const live = sink.terminal === "terminal";
  let current = "";
  return {
    get current() {
      return current;
    },
    step(name) {
      current = name;
      sink.write(live ? `${ERASE}» ${name} …` : `» ${name}\n`);
    },
    detail(text) {
      const line = `» ${current}: ${text}`;
      if (live) sink.write(`${ERASE}${line.slice(0, sink.width() - 1)}`);
    },
    note(text) {
      sink.write(live ? `${ERASE}» ${text}\n` : `» ${text}\n`);
    },
    clear() {
      if (live) sink.write(ERASE);
    },
  };
}

function stderrSink(): ProgressSink {
  return {
    terminal: isatty(2) ? "terminal" : "file",
    // A pseudo-terminal without a size says 0.
    width: () => process.stderr.columns || 80,
    write(text) {
      writeSync(2, text);
    },
  };
}
