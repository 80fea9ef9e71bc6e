/**
 * From a stream of bytes to whole messages (RFC 4271 section 4.1). Knows headers, not messages.
 *
 * Messages that lie whole in a pushed chunk are handed out where they are, without a copy; only what
 * is cut by the end of a chunk is joined with the next one.
 */

import { HEADER_LENGTH, MARKER_LENGTH } from "./const.ts";
import { checkHeader } from "./header.ts";

/** A message: its body, after the header, is `buffer[start..end)`. Valid until the next `push`. */
export type Frame = {
  readonly type: number;
  readonly buffer: Uint8Array;
  readonly start: number;
  readonly end: number;
};

export class Framer {
  #buffer: Uint8Array = new Uint8Array();
  #offset = 0;
  readonly #maxLength: number;

  /** `maxLength` as negotiated: 4096, or 65535 with RFC 8654. */
  constructor(maxLength = 4096) {
    this.#maxLength = maxLength;
  }

  /** Take bytes as they came; they must not be changed afterwards. */
  push(bytes: Uint8Array): void {
    const left = this.#buffer.length - this.#offset;
    if (left === 0) {
      this.#buffer = bytes;
    } else {
      const joined = new Uint8Array(left + bytes.length);
      joined.set(this.#buffer.subarray(this.#offset));
      joined.set(bytes, left);
      this.#buffer = joined;
    }
    this.#offset = 0;
  }

  /** The next whole message. Throws `BgpError` 1/x for a bad header, as soon as it is there. */
  next(): Frame | undefined {
    const offset = this.#offset;
    if (this.#buffer.length - offset < HEADER_LENGTH) return undefined;
    const length = checkHeader(this.#buffer, offset, this.#maxLength);
    if (this.#buffer.length - offset < length) return undefined;
    this.#offset = offset + length;
    return {
      type: this.#buffer[offset + MARKER_LENGTH + 2] ?? 0,
      buffer: this.#buffer,
      start: offset + HEADER_LENGTH,
      end: offset + length,
    };
  }
}
