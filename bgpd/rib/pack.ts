/**
 * UPDATE messages full of prefixes: one attribute set, as many prefixes as fit, many messages to a buffer.
 */

import { HEADER_LENGTH, UPDATE } from "../wire/const.ts";
import { writeHeader } from "../wire/header.ts";
import { createScratch, prefixOctets, writePrefix } from "../wire/nlri.ts";
import type { PrefixTable } from "./prefix-table.ts";

/** Messages are handed over in buffers of about this size, one write each. */
const CHUNK = 1 << 18;

/** Collects messages for one audience; `emit` gets whole messages and keeps the bytes. */
export class Packer {
  readonly #maxLength: number;
  readonly #emit: (bytes: Uint8Array) => void;
  #buffer = new Uint8Array(0);
  #end = 0;

  constructor(maxLength: number, emit: (bytes: Uint8Array) => void) {
    this.#maxLength = maxLength;
    this.#emit = emit;
  }

  /** Announce the prefixes with the encoded attributes. */
  announce(attributes: Uint8Array, prefixes: readonly number[], table: PrefixTable): void {
    this.#fill(prefixes, table, attributes);
  }

  withdraw(prefixes: readonly number[], table: PrefixTable): void {
    this.#fill(prefixes, table, undefined);
  }

  /** The End-of-RIB marker of IPv4 unicast: an UPDATE with nothing in it (RFC 4724 section 2). */
  endOfRib(): void {
    this.#reserve();
    const end = writeHeader(this.#buffer, this.#end, HEADER_LENGTH + 4, UPDATE);
    this.#buffer.fill(0, end, end + 4);
    this.#end = end + 4;
  }

  /** Hand over what is left. */
  flush(): void {
    // Who keeps a small message must not keep the room for the longest one.
    const isSmall = 2 * this.#end < this.#buffer.length;
    const bytes = isSmall ? this.#buffer.slice(0, this.#end) : this.#buffer.subarray(0, this.#end);
    if (this.#end > 0) this.#emit(bytes);
    this.#buffer = new Uint8Array(0);
    this.#end = 0;
  }

  #fill(prefixes: readonly number[], table: PrefixTable, attributes: Uint8Array | undefined): void {
    const scratch = createScratch(table.family);
    for (let next = 0; next < prefixes.length; ) {
      this.#reserve();
      const start = this.#end;
      const limit = start + this.#maxLength - (attributes === undefined ? 2 : 0);
      let at = start + HEADER_LENGTH + 2;
      if (attributes !== undefined) {
        writeU16(this.#buffer, start + HEADER_LENGTH, 0);
        writeU16(this.#buffer, at, attributes.length);
        this.#buffer.set(attributes, at + 2);
        at += 2 + attributes.length;
      }
      const first = at;
      while (next < prefixes.length) {
        table.read(prefixes[next] ?? 0, scratch);
        if (at + prefixOctets(scratch) > limit) break;
        at = writePrefix(this.#buffer, at, scratch);
        next++;
      }
      if (at === first) throw new RangeError("the attributes leave no room for a prefix");
      if (attributes === undefined) {
        writeU16(this.#buffer, start + HEADER_LENGTH, at - first);
        writeU16(this.#buffer, at, 0);
        at += 2;
      }
      writeHeader(this.#buffer, start, at - start, UPDATE);
      this.#end = at;
    }
  }

  /** Room for the longest message. */
  #reserve(): void {
    if (this.#end + this.#maxLength <= this.#buffer.length) return;
    // A single small message does not deserve a large buffer; the second one tells that more come.
    const isFirst = this.#buffer.length === 0;
    this.flush();
    this.#buffer = new Uint8Array(isFirst ? this.#maxLength : Math.max(CHUNK, this.#maxLength));
  }
}

function writeU16(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = value >>> 8;
  buffer[offset + 1] = value & 0xff;
}
