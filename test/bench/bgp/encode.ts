/**
 * What a neighbour says, as bytes. It knows nothing of Manx's own codec: that is what is measured and judged.
 */

import type { AttributeSet, Workload } from "./workload.ts";

const MARKER = new Uint8Array(16).fill(0xff);
const OPEN = 1;
const UPDATE = 2;
const KEEPALIVE = 4;
const AS_TRANS = 23456;
/** Seconds, unless told otherwise. */
export const HOLD_TIME = 240;
const LARGEST = 4096;

/** Bytes that grow. */
class Writer {
  #bytes = new Uint8Array(1 << 16);
  length = 0;

  u8(value: number): this {
    if (this.length === this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#bytes.length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes[this.length++] = value;
    return this;
  }

  u16(value: number): this {
    return this.u8(value >>> 8).u8(value & 0xff);
  }

  u32(value: number): this {
    return this.u16(value >>> 16).u16(value & 0xffff);
  }

  bytes(values: Iterable<number>): this {
    for (const value of values) this.u8(value);
    return this;
  }

  /** Write a length now that it is known. */
  patch(at: number, value: number): void {
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value & 0xff;
  }

  done(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }
}

/** Receives several paths of a prefix (RFC 7911 section 4), of IPv4 unicast. */
const TAKES_PATHS = [2, 6, 69, 4, 0, 1, 1, 1];

export type OpenOptions = {
  /** Seconds. */
  readonly holdTime?: number | undefined;
  readonly takesPaths?: boolean | undefined;
};

/** OPEN of a speaker with four-octet AS numbers, IPv4 unicast and route refresh. */
export function encodeOpen(
  asNumber: number,
  identifier: number,
  { holdTime = HOLD_TIME, takesPaths = false }: OpenOptions = {},
): Uint8Array {
  const parameters = new Writer()
    .bytes([2, 6, 1, 4, 0, 1, 0, 1])
    .bytes([2, 2, 2, 0])
    .bytes([2, 6, 65, 4])
    .u32(asNumber)
    .bytes(takesPaths ? TAKES_PATHS : [])
    .done();
  const writer = begin(new Writer(), OPEN)
    .u8(4)
    .u16(asNumber > 0xffff ? AS_TRANS : asNumber)
    .u16(holdTime)
    .u32(identifier)
    .u8(parameters.length)
    .bytes(parameters);
  return end(writer, 0).done();
}

export const KEEPALIVE_BYTES = end(begin(new Writer(), KEEPALIVE), 0).done();

export type Announcer = {
  readonly asNumber: number;
  /** An internal neighbour sends LOCAL_PREF and leaves its own AS out. */
  readonly internal: boolean;
  readonly nextHop: number;
};

/** UPDATEs that announce the prefixes of a workload, from UPDATE `from` to before `to`. */
export function encodeTable(
  { network, length, setOf, sets, updates }: Workload,
  announcer: Announcer,
  setFor: (set: AttributeSet) => AttributeSet = (set) => set,
  from = 0,
  to = updates.length - 1,
): Uint8Array {
  const writer = new Writer();
  for (let update = from; update < to; update++) {
    const first = updates[update] ?? 0;
    const after = updates[update + 1] ?? 0;
    const start = writer.length;
    begin(writer, UPDATE).u16(0).u16(0);
    const attributes = writer.length;
    const set = sets[setOf[first] ?? 0] ?? { asPath: [], communities: [] };
    writeAttributes(writer, announcer, setFor(set));
    writer.patch(attributes - 2, writer.length - attributes);
    for (let prefix = first; prefix < after; prefix++) {
      writePrefix(writer, network[prefix] ?? 0, length[prefix] ?? 0);
    }
    end(writer, start);
  }
  return writer.done();
}

/** UPDATEs that withdraw the prefixes from `from` to before `to`, as many in each as fit. */
export function encodeWithdrawal({ network, length }: Workload, from: number, to: number) {
  const writer = new Writer();
  for (let prefix = from; prefix < to; ) {
    const start = writer.length;
    begin(writer, UPDATE).u16(0);
    const list = writer.length;
    while (prefix < to && writer.length - start < LARGEST - 8) {
      writePrefix(writer, network[prefix] ?? 0, length[prefix] ?? 0);
      prefix++;
    }
    writer.patch(list - 2, writer.length - list);
    writer.u16(0);
    end(writer, start);
  }
  return writer.done();
}

/** End-of-RIB (RFC 4724 section 2). */
export const END_OF_RIB = end(begin(new Writer(), UPDATE).u16(0).u16(0), 0).done();

function begin(writer: Writer, type: number): Writer {
  return writer.bytes(MARKER).u16(0).u8(type);
}

function end(writer: Writer, start: number): Writer {
  writer.patch(start + 16, writer.length - start);
  return writer;
}

function writeAttributes(writer: Writer, announcer: Announcer, set: AttributeSet): void {
  const { asNumber, internal, nextHop } = announcer;
  const path = internal ? set.asPath : [asNumber, ...set.asPath];
  writer.bytes([0x40, 1, 1, 0]);
  writer.bytes([0x40, 2, 2 + 4 * path.length, 2, path.length]);
  for (const hop of path) writer.u32(hop);
  writer.bytes([0x40, 3, 4]).u32(nextHop);
  if (internal) writer.bytes([0x40, 5, 4]).u32(100);
  if (set.communities.length === 0) return;
  writer.bytes([0xc0, 8, 4 * set.communities.length]);
  for (const community of set.communities) writer.u32(community);
}

function writePrefix(writer: Writer, network: number, length: number): void {
  writer.u8(length);
  for (let bits = 0; bits < length; bits += 8) writer.u8((network >>> (24 - bits)) & 0xff);
}
