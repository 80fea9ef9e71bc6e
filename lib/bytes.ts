/**
 * Writing and reading network-order bytes, on `smart-buffer`, for codecs outside measured hot loops.
 */

import { SmartBuffer } from "smart-buffer";
import { type Address, addressFromBytes, addressToBytes } from "./address.ts";

/** Thrown by `Reader` when fewer bytes are left than asked for. */
export class Truncated extends Error {
  override readonly name = "Truncated";
}

/** A growing big-endian writer. Every method returns the writer. */
export class Writer {
  readonly #buffer = new SmartBuffer();

  u8(value: number): this {
    this.#buffer.writeUInt8(value);
    return this;
  }

  u16(value: number): this {
    this.#buffer.writeUInt16BE(value);
    return this;
  }

  u32(value: number): this {
    this.#buffer.writeUInt32BE(value);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#buffer.writeBuffer(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
    return this;
  }

  address(value: Address): this {
    return this.bytes(addressToBytes(value));
  }

  /** Overwrite the 16 bits at `offset`, for lengths known only afterwards. */
  u16At(offset: number, value: number): this {
    const end = this.#buffer.writeOffset;
    this.#buffer.writeUInt16BE(value, offset);
    this.#buffer.writeOffset = end;
    return this;
  }

  get length(): number {
    return this.#buffer.writeOffset;
  }

  toBytes(): Uint8Array {
    return new Uint8Array(this.#buffer.toBuffer());
  }
}

/** A big-endian reader over bytes that it does not copy. Overruns throw `Truncated`. */
export class Reader {
  readonly #buffer: SmartBuffer;

  constructor(bytes: Uint8Array) {
    this.#buffer = SmartBuffer.fromBuffer(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    );
  }

  get left(): number {
    return this.#buffer.remaining();
  }

  get offset(): number {
    return this.#buffer.readOffset;
  }

  u8(): number {
    this.#need(1);
    return this.#buffer.readUInt8();
  }

  u16(): number {
    this.#need(2);
    return this.#buffer.readUInt16BE();
  }

  u32(): number {
    this.#need(4);
    return this.#buffer.readUInt32BE();
  }

  /** The next `count` bytes, copied. */
  bytes(count: number): Uint8Array {
    this.#need(count);
    return new Uint8Array(this.#buffer.readBuffer(count));
  }

  /** The next 4 or 16 bytes as an address. */
  address(octets: 4 | 16): Address {
    return addressFromBytes(this.bytes(octets));
  }

  #need(count: number): void {
    if (this.left < count) throw new Truncated(`${count} bytes expected, ${this.left} left`);
  }
}
