/**
 * nlmsghdr and rtattr: netlink messages as bytes (linux/netlink.h). Host order is little-endian on every
 * machine that Manx runs on.
 */

import { type Address, addressToBytes } from "../lib/address.ts";

const HEADER = 16;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * A growing buffer of messages. A message ends where the next one begins; offsets are kept, nothing is copied twice.
 */
export class MessageWriter {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  #end = 0;
  /** Where the open message begins. */
  #message = 0;

  get length(): number {
    return this.#end;
  }

  /** The messages so far; valid until the next write. */
  get bytes(): Uint8Array {
    this.#finish();
    return new Uint8Array(this.#bytes.buffer, 0, this.#end);
  }

  reset(): void {
    // What is reserved is zero, so that padding is.
    this.#bytes.fill(0, 0, this.#end);
    this.#end = 0;
    this.#message = 0;
  }

  /** Open a message. */
  begin(type: number, flags: number, sequence: number): this {
    this.#finish();
    const at = this.#reserve(HEADER);
    this.#message = at;
    this.#view.setUint16(at + 4, type, true);
    this.#view.setUint16(at + 6, flags, true);
    this.#view.setUint32(at + 8, sequence, true);
    return this;
  }

  /** Further flags for the open message. */
  addFlags(flags: number): void {
    const at = this.#message + 6;
    this.#view.setUint16(at, this.#view.getUint16(at, true) | flags, true);
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  attribute(type: number, value: Uint8Array): this {
    const at = this.#attribute(type, value.length);
    this.#bytes.set(value, at);
    return this;
  }

  attributeU32(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  /** The octets of an address, in network order. */
  attributeAddress(type: number, address: Address): this {
    if (address.family === 6) return this.attribute(type, addressToBytes(address));
    const at = this.#attribute(type, 4);
    this.#view.setUint32(at, address.w0);
    return this;
  }

  /** A NUL-terminated string. */
  attributeText(type: number, value: string): this {
    return this.attribute(type, encoder.encode(`${value}\0`));
  }

  /** Open an attribute that has others in it, until `close` of what is returned. */
  open(type: number): number {
    const start = this.#end;
    this.u16(0).u16(type);
    return start;
  }

  /** What was written since `open` is the attribute's value. */
  close(start: number): void {
    this.#view.setUint16(start, this.#end - start, true);
    this.#reserve(-this.#end & 3);
  }

  /** Overwrite 16 bits, for a length known only afterwards (struct rtnexthop). */
  u16At(offset: number, value: number): void {
    this.#view.setUint16(offset, value, true);
  }

  /** The open message's length goes into its header. */
  #finish(): void {
    this.#view.setUint32(this.#message, this.#end - this.#message, true);
  }

  /** An attribute of `length` octets and its padding; where the octets go. */
  #attribute(type: number, length: number): number {
    const at = this.#reserve((4 + length + 3) & ~3);
    this.#view.setUint16(at, 4 + length, true);
    this.#view.setUint16(at + 2, type, true);
    return at + 4;
  }

  #reserve(count: number): number {
    const at = this.#end;
    this.#end += count;
    if (this.#end > this.#bytes.length) this.#grow();
    return at;
  }

  #grow(): void {
    const larger = new Uint8Array(Math.max(this.#end, 2 * this.#bytes.length));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** One received message; the body is a view into the receive buffer. */
export type Message = {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** nlmsg_pid: the socket whose request it answers, or tells the others of; 0 for none. */
  readonly port: number;
  readonly body: DataView;
};

/** Split received bytes into messages. A length that lies ends the walk. */
export function messagesOf(bytes: Uint8Array): Message[] {
  const messages: Message[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + HEADER <= view.byteLength; ) {
    const length = view.getUint32(at, true);
    if (length < HEADER || at + length > view.byteLength) break;
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      port: view.getUint32(at + 12, true),
      body: new DataView(bytes.buffer, bytes.byteOffset + at + HEADER, length - HEADER),
    });
    at += (length + 3) & ~3;
  }
  return messages;
}

/**
 * Attributes of a message body from `offset`, by type (NLA_F_NESTED stripped); the last of a type wins. Where few of many
 * are read, `isWanted` says which.
 */
export function attributesOf(
  view: DataView,
  offset: number,
  isWanted?: (type: number) => boolean,
): Map<number, DataView> {
  const attributes = new Map<number, DataView>();
  for (let at = offset; at + 4 <= view.byteLength; ) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > view.byteLength) break;
    const type = view.getUint16(at + 2, true) & 0x3fff;
    if (isWanted === undefined || isWanted(type)) {
      attributes.set(type, new DataView(view.buffer, view.byteOffset + at + 4, length - 4));
    }
    at += (length + 3) & ~3;
  }
  return attributes;
}

/** The bytes of an attribute, not copied. */
export function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** A NUL-terminated string. */
export function textOf(view: DataView): string {
  const bytes = bytesOf(view);
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}
