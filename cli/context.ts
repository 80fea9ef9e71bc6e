/** What every subcommand gets, and how its help ends. */

import type { ExitCode, Output } from "./output.ts";

/** Where an action leaves its exit code, and what it writes to. */
export type Context = {
  readonly output: Output;
  exit(code: ExitCode | number): void;
};

/** The block of examples below a help, its comments aligned. */
export function examples(...lines: readonly (readonly [command: string, what: string])[]): string {
  const width = Math.max(...lines.map(([command]) => command.length));
  const text = lines.map(([command, what]) => `  ${command.padEnd(width)}  ${what}`);
  return `\nExamples:\n${text.join("\n")}`;
}
