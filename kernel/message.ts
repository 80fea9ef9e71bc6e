/**
 * nlmsghdr and rtattr: netlink messages as bytes (linux/netlink.h). Host order is little-endian on every
 * machine that Manx runs on.
 */

const HEADER = 16;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A growing buffer of messages; offsets are kept, nothing is copied twice. */
export class MessageWriter {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  #end = 0;
  #message = 0;

  get length(): number {
    return this.#end;
  }

  /** The messages so far; valid until the next write. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#end);
  }

  reset(): void {
    this.#end = 0;
  }

  /** Open a message. */
  begin(type: number, flags: number, sequence: number): this {
    this.#message = this.#end;
    this.#reserve(HEADER);
    this.#view.setUint16(this.#message + 4, type, true);
    this.#view.setUint16(this.#message + 6, flags, true);
    this.#view.setUint32(this.#message + 8, sequence, true);
    this.#view.setUint32(this.#message + 12, 0, true);
    return this;
  }

  /** Close it: its length goes into the header. */
  end(): void {
    this.#view.setUint32(this.#message, this.#end - this.#message, true);
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
    // Reserved bytes are zero, so the padding is.
    const at = this.#reserve((4 + value.length + 3) & ~3);
    this.#view.setUint16(at, 4 + value.length, true);
    this.#view.setUint16(at + 2, type, true);
    this.#bytes.set(value, at + 4);
    return this;
  }

  attributeU32(type: number, value: number): this {
    const at = this.#reserve(8);
    this.#view.setUint16(at, 8, true);
    this.#view.setUint16(at + 2, type, true);
    this.#view.setUint32(at + 4, value, true);
    return this;
  }

  /** A NUL-terminated string. */
  attributeText(type: number, value: string): this {
    return this.attribute(type, encoder.encode(`${value}\0`));
  }

  /** An attribute whose value is what `fill` writes. */
  nest(type: number, fill: () => void): this {
    const start = this.#end;
    this.#attributeHeader(type, 0);
    fill();
    this.#view.setUint16(start, this.#end - start, true);
    return this.#pad();
  }

  /** Overwrite 16 bits, for a length known only afterwards (struct rtnexthop). */
  u16At(offset: number, value: number): void {
    this.#view.setUint16(offset, value, true);
  }

  #attributeHeader(type: number, length: number): void {
    this.u16(4 + length).u16(type);
  }

  #pad(): this {
    this.#reserve(-this.#end & 3);
    return this;
  }

  #reserve(count: number): number {
    const at = this.#end;
    this.#end += count;
    if (this.#end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#end, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    } else {
      this.#bytes.fill(0, at, this.#end);
    }
    return at;
  }
}

/** One received message; the body is a view into the receive buffer. */
export type Message = {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
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
      body: new DataView(bytes.buffer, bytes.byteOffset + at + HEADER, length - HEADER),
    });
    at += (length + 3) & ~3;
  }
  return messages;
}

/** Attributes of a message body from `offset`, by type (NLA_F_NESTED stripped); the last of a type wins. */
export function attributesOf(view: DataView, offset: number): Map<number, DataView> {
  const attributes = new Map<number, DataView>();
  for (let at = offset; at + 4 <= view.byteLength; ) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > view.byteLength) break;
    const type = view.getUint16(at + 2, true) & 0x3fff;
    attributes.set(type, new DataView(view.buffer, view.byteOffset + at + 4, length - 4));
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
