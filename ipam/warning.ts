/** Warnings of the plugins: a line on stderr, where the runtime's log takes it from. */

/** Say it. Nobody listening is no fault: a warning must never be what stops a call. */
export function warn(message: string): void {
  try {
    process.getBuiltinModule("node:fs").writeSync(2, `manx: ${message}\n`);
  } catch {
    return;
  }
}
