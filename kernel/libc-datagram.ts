/**
 * What a thread needs of libc that lives on datagrams: recvmsg(2) with its control messages, ppoll(2) to wait for
 * them, eventfd(2) to be woken. Opened when first imported, so that other processes do not pay for it.
 */

import { fail, lastErrno, nativeFfi } from "./libc.ts";

const { dlopen, ptr } = nativeFfi();

const [i32, u32, u64, pointer] = ["i32", "u32", "u64", "ptr"] as const;

const libc = dlopen("libc.so.6", {
  recvmsg: { args: [i32, pointer, i32], returns: i32 },
  ppoll: { args: [pointer, u64, pointer, pointer], returns: i32 },
  eventfd: { args: [u32, i32], returns: i32 },
}).symbols;

const EINTR = 4;
/** poll.h */
const POLLIN = 1;
/** sys/eventfd.h */
const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;

/** struct msghdr, struct iovec and struct cmsghdr of 64-bit machines (bits/socket.h). */
const MESSAGE_LENGTH = 56;
const CONTROL_HEADER = 16;
const CONTROL_ALIGN = 8;

/** One control message (cmsg(3)); `data` is valid until the next datagram is read. */
export type ControlMessage = {
  readonly level: number;
  readonly type: number;
  readonly data: DataView;
};

/** Room for one datagram with its source and control messages, used again and again. */
export class MessageBuffer {
  /** The sockaddr of the source. */
  readonly name = new Uint8Array(new ArrayBuffer(28));
  readonly #bytes: Uint8Array;
  readonly #vector = new BigUint64Array(new ArrayBuffer(16));
  readonly #control = new DataView(new ArrayBuffer(256));
  readonly #header = new DataView(new ArrayBuffer(MESSAGE_LENGTH));

  /** For datagrams of up to `room` octets; longer ones are cut. */
  constructor(room: number) {
    this.#bytes = new Uint8Array(new ArrayBuffer(room));
    this.#vector.set([BigInt(ptr(this.#bytes)), BigInt(room)]);
    this.#header.setBigUint64(0, BigInt(ptr(this.name)), true);
    this.#header.setBigUint64(16, BigInt(ptr(this.#vector)), true);
    this.#header.setBigUint64(24, 1n, true);
    this.#header.setBigUint64(32, BigInt(ptr(this.#control)), true);
  }

  /** recvmsg(2) without waiting: the octets, valid until the next call, or the negative errno. */
  receive(fd: number): Uint8Array | number {
    this.#header.setUint32(8, this.name.length, true);
    this.#header.setBigUint64(40, BigInt(this.#control.byteLength), true);
    const count = libc.recvmsg(fd, ptr(this.#header), 0);
    return count < 0 ? -lastErrno() : this.#bytes.subarray(0, count);
  }

  /** The control messages of the datagram read last. */
  *controls(): Generator<ControlMessage> {
    const end = Number(this.#header.getBigUint64(40, true));
    for (let at = 0; at + CONTROL_HEADER <= end; ) {
      const length = Number(this.#control.getBigUint64(at, true));
      if (length < CONTROL_HEADER || at + length > end) return;
      const data = new DataView(this.#control.buffer, at + CONTROL_HEADER, length - CONTROL_HEADER);
      const level = this.#control.getInt32(at + 8, true);
      yield { level, type: this.#control.getInt32(at + 12, true), data };
      at += Math.ceil(length / CONTROL_ALIGN) * CONTROL_ALIGN;
    }
  }
}

/**
 * ppoll(2) until one of the descriptors can be read, a signal comes, or `timeout` ms have passed: those that can.
 * Blocks the thread.
 */
export function waitReadable(fds: readonly number[], timeout: number): Set<number> {
  const records = new DataView(new ArrayBuffer(8 * fds.length));
  for (const [index, fd] of fds.entries()) {
    records.setInt32(8 * index, fd, true);
    records.setInt16(8 * index + 4, POLLIN, true);
  }
  const nanoseconds = Math.max(0, Math.ceil(timeout * 1e6));
  const seconds = Math.floor(nanoseconds / 1e9);
  const span = BigInt64Array.of(BigInt(seconds), BigInt(nanoseconds - seconds * 1e9));
  const count = libc.ppoll(ptr(records), fds.length, ptr(span), null);
  if (count < 0 && lastErrno() !== EINTR) fail("ppoll");
  const isReadable = (_: number, index: number): boolean =>
    records.getInt16(8 * index + 6, true) !== 0;
  return new Set(count > 0 ? fds.filter(isReadable) : []);
}

/** eventfd(2), non-blocking: eight octets written to it make it readable, reading takes them away. */
export function eventfd(): number {
  const fd = libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return fd < 0 ? fail("eventfd") : fd;
}
