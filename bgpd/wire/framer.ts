/**
 * From a stream of bytes to whole messages (RFC 4271 section 4.1). Knows headers, not messages.
 *
 * Messages that lie whole in a pushed chunk are handed out where they are, without a copy; only what
 * is cut by the end of a chunk is joined with the next ones, in a buffer that grows as a message comes in
 * pieces, so that one that arrives octet by octet is copied a few times and not once per octet.
 */

import { HEADER_LENGTH, MARKER_LENGTH, MAX_LENGTH } from "./const.ts";
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
  /** What has come and was not handed out is `#buffer[#offset..#end)`. */
  #offset = 0;
  #end = 0;
  /** The buffer is ours to write behind `#end`. */
  #isOwn = false;
  #maxLength: number;

  /** `maxLength`: the longest message that may come. */
  constructor(maxLength = MAX_LENGTH) {
    this.#maxLength = maxLength;
  }

  /** From the next message on, another length is the longest (RFC 8654 has been negotiated). */
  allow(maxLength: number): void {
    this.#maxLength = maxLength;
  }

  /** Take bytes as they came; they must not be changed afterwards. */
  push(bytes: Uint8Array): void {
    const left = this.#end - this.#offset;
    if (left === 0) {
      this.#buffer = bytes;
      this.#offset = 0;
      this.#end = bytes.length;
      this.#isOwn = false;
      return;
    }
    if (!this.#isOwn || this.#buffer.length - this.#end < bytes.length) {
      const needed = left + bytes.length;
      const joined = new Uint8Array(bytes.length < left ? 2 * needed : needed);
      joined.set(this.#buffer.subarray(this.#offset, this.#end));
      this.#buffer = joined;
      this.#offset = 0;
      this.#end = left;
      this.#isOwn = true;
    }
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** The next whole message. Throws `BgpError` 1/x for a bad header, as soon as it is there. */
  next(): Frame | undefined {
    const offset = this.#offset;
    const left = this.#end - offset;
    if (left < HEADER_LENGTH) return undefined;
    const length = checkHeader(this.#buffer, offset, this.#maxLength);
    if (left < length) return undefined;
    this.#offset = offset + length;
    return {
      type: this.#buffer[offset + MARKER_LENGTH + 2] ?? 0,
      buffer: this.#buffer,
      start: offset + HEADER_LENGTH,
      end: offset + length,
    };
  }
}
