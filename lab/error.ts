/** The lab's one error: which step failed and what was seen, for people. */

/** A step that could not be done. `exitCode` is 2 when the options are at fault, else 1. */
export class LabError extends Error {
  override readonly name = "LabError";
  readonly exitCode: 1 | 2;

  constructor(message: string, options: ErrorOptions & { readonly exitCode?: 1 | 2 } = {}) {
    super(message, options);
    this.exitCode = options.exitCode ?? 1;
  }
}

/** The words of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
