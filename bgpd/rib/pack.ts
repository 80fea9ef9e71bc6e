/**
 * UPDATE messages full of prefixes: one attribute set, as many prefixes as fit, many messages to a buffer. With
 * ADD-PATH (RFC 7911) each has its identifier in front.
 *
 * A message has prefixes in one place only, and MP_REACH_NLRI or MP_UNREACH_NLRI is its first attribute
 * (RFC 7606 section 5.1).
 */

import type { Family } from "../../lib/address.ts";
import { HEADER_LENGTH, UPDATE } from "../wire/const.ts";
import { writeHeader } from "../wire/header.ts";
import { beginReach, beginUnreach, endMultiprotocol } from "../wire/multiprotocol.ts";
import { createScratch, PATH_ID_OCTETS, prefixOctets, writePrefix } from "../wire/nlri.ts";
import { copyOctets, type Octets, writeU16, writeU32 } from "../wire/octets.ts";
import { type NlriTable, pathIdOf } from "./nlri-table.ts";

/** Messages are handed over in buffers of about this size, one write each. */
const CHUNK = 1 << 18;

/** What is around the prefixes of a message; offsets are into the buffer, `body` is where the body is. */
type Form = {
  /** Octets behind the prefixes. */
  readonly tail: number;
  /** Write what is in front of them; where the first one goes. */
  begin(buffer: Uint8Array, body: number): number;
  /** The last one ends at `end`: write the rest; where the message ends. */
  finish(buffer: Uint8Array, body: number, end: number): number;
};

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

  /** Octets that wait to be handed over. */
  get length(): number {
    return this.#end;
  }

  /**
   * Announce the prefixes with the encoded attributes. With the `nextHop` field of MP_REACH_NLRI they go
   * there, without it (IPv4 alone) behind the attributes.
   */
  announce(
    attributes: Octets,
    nextHop: Uint8Array | undefined,
    numbers: readonly number[],
    nlri: NlriTable,
  ): void {
    const form = nextHop === undefined ? inBody(attributes) : inReach(nlri, nextHop, attributes);
    this.#fill(numbers, nlri, form);
  }

  /** IPv4 is withdrawn in the body, whatever next hop it had. */
  withdraw(numbers: readonly number[], nlri: NlriTable): void {
    this.#fill(numbers, nlri, nlri.family === 4 ? WITHDRAWN : inUnreach(nlri.family));
  }

  /** A family's End-of-RIB marker: an UPDATE that withdraws nothing (RFC 4724 section 2). */
  endOfRib(family: Family): void {
    const form = family === 4 ? WITHDRAWN : inUnreach(family);
    this.#reserve();
    const body = this.#end + HEADER_LENGTH;
    this.#conclude(form.finish(this.#buffer, body, form.begin(this.#buffer, body)));
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

  #fill(numbers: readonly number[], nlri: NlriTable, form: Form): void {
    const scratch = createScratch(nlri.family);
    const ahead = nlri.identified === true ? PATH_ID_OCTETS : 0;
    for (let next = 0; next < numbers.length; ) {
      this.#reserve();
      const body = this.#end + HEADER_LENGTH;
      const limit = this.#end + this.#maxLength - form.tail;
      const first = form.begin(this.#buffer, body);
      let at = first;
      while (next < numbers.length) {
        const number = numbers[next] ?? 0;
        nlri.read(number, scratch);
        if (at + ahead + prefixOctets(scratch) > limit) break;
        if (ahead > 0) at = writeU32(this.#buffer, at, pathIdOf(number));
        at = writePrefix(this.#buffer, at, scratch);
        next++;
      }
      if (at === first) throw new RangeError("the attributes leave no room for a prefix");
      this.#conclude(form.finish(this.#buffer, body, at));
    }
  }

  /** The message that was begun ends here. */
  #conclude(end: number): void {
    writeHeader(this.#buffer, this.#end, end - this.#end, UPDATE);
    this.#end = end;
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

/** Withdrawn Routes and no attributes. */
const WITHDRAWN: Form = {
  tail: 2,
  begin: (_buffer, body) => body + 2,
  finish(buffer, body, end) {
    writeU16(buffer, body, end - body - 2);
    writeU16(buffer, end, 0);
    return end + 2;
  },
};

/** NLRI behind the attributes. */
function inBody({ buffer: octets, start, end }: Octets): Form {
  return {
    tail: 0,
    begin(buffer, body) {
      writeU16(buffer, body, 0);
      writeU16(buffer, body + 2, end - start);
      return copyOctets(octets, start, end, buffer, body + 4);
    },
    finish: (_buffer, _body, end) => end,
  };
}

function inReach({ family }: NlriTable, nextHop: Uint8Array, attributes: Octets): Form {
  const length = attributes.end - attributes.start;
  return {
    tail: length,
    begin(buffer, body) {
      writeU16(buffer, body, 0);
      return beginReach(buffer, body + 4, family, nextHop);
    },
    finish(buffer, body, end) {
      endMultiprotocol(buffer, body + 4, end);
      writeU16(buffer, body + 2, end + length - body - 4);
      return copyOctets(attributes.buffer, attributes.start, attributes.end, buffer, end);
    },
  };
}

function inUnreach(family: Family): Form {
  return {
    tail: 0,
    begin(buffer, body) {
      writeU16(buffer, body, 0);
      return beginUnreach(buffer, body + 4, family);
    },
    finish(buffer, body, end) {
      endMultiprotocol(buffer, body + 4, end);
      writeU16(buffer, body + 2, end - body - 4);
      return end;
    },
  };
}
