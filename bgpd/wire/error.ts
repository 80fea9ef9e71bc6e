/**
 * The one error a decoder may throw: it carries the NOTIFICATION that answers it (RFC 4271 section 6).
 */

export class BgpError extends Error {
  override readonly name = "BgpError";
  /** Error code, RFC 4271 section 4.5. */
  readonly code: number;
  readonly subcode: number;
  /** The Data field. */
  readonly data: Uint8Array;

  constructor(code: number, subcode: number, message: string, data: Uint8Array = new Uint8Array()) {
    super(message);
    this.code = code;
    this.subcode = subcode;
    this.data = data;
  }
}
