/**
 * Failures of a CNI call, with the specification's codes.
 *
 * Every failure that a plugin reports is a `CniError`; `plugin.ts` prints it once, as the
 * specification's error object. Source: CNI specification 1.1.0, section "Error".
 */

/** Codes of the specification (1-99) and of this plugin (100 and above). */
export const CODE = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  io: 5,
  decode: 6,
  invalidConfig: 7,
  invalidNamespace: 8,
  tryAgainLater: 11,
  /** STATUS: an ADD would fail. */
  unavailable: 50,
  /** STATUS: an ADD would fail, and pods that run may be cut off. */
  limited: 51,
  /** The kernel refused; the message names the request. */
  kernel: 100,
  /** CHECK found something other than what ADD made. */
  deviation: 101,
  /** CNI_IFNAME, or the pod's address on this node, belongs to something else. */
  exists: 102,
  /** A plugin that we delegate to could not be run, or answered nonsense. */
  delegate: 103,
  internal: 999,
} as const;

/** What a failing plugin prints on stdout. */
export type ErrorObject = {
  readonly cniVersion: string;
  readonly code: number;
  readonly msg: string;
  readonly details?: string;
};

/** A failed call: `code` of `CODE` (or a delegate's own), one sentence, and what to do about it. */
export class CniError extends Error {
  override readonly name = "CniError";
  readonly code: number;
  readonly details: string | undefined;

  constructor(code: number, message: string, options?: { details?: string; cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options?.details;
  }
}

/**
 * The error object of any failure. What the system refused and nobody expected is an I/O failure; what is
 * neither that nor a `CniError` is an internal error, 999.
 */
export function errorObject(failure: unknown, cniVersion: string): ErrorObject {
  if (failure instanceof CniError) {
    const { code, message: msg, details } = failure;
    return { cniVersion, code, msg, ...(details === undefined ? {} : { details }) };
  }
  const message = failure instanceof Error ? failure.message : String(failure);
  if (isRefusal(failure)) return { cniVersion, code: CODE.io, msg: message };
  return { cniVersion, code: CODE.internal, msg: `internal error: ${message}` };
}

/** Whether a system call failed, which is no fault of ours: errors of libc and of `node:fs` have its number. */
export function isRefusal(failure: unknown): boolean {
  return failure instanceof Error && "errno" in failure && typeof failure.errno === "number";
}
