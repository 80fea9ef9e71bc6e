/**
 * write(2) by a thread of libc's own: POSIX's asynchronous I/O (aio(7)), which glibc does with threads. One is started with
 * the first write and goes when none has come for a second. Opened when first used, so that others do not pay for it.
 */

import { nativeFfi, SystemError, write } from "./libc.ts";

const { dlopen, ptr } = nativeFfi();

const [i32, i64, pointer] = ["i32", "i64", "ptr"] as const;

/** struct aiocb of 64-bit machines (aio.h): where its fields are, and its length. */
const AIOCB = { FD: 0, BUFFER: 16, LENGTH: 24, NOTIFY: 44, SIZE: 168 } as const;
/** signal.h: nobody is told. */
const SIGEV_NONE = 1;
const EINPROGRESS = 115;

function openAio() {
  return dlopen("libc.so.6", {
    aio_write: { args: [pointer], returns: i32 },
    aio_error: { args: [pointer], returns: i32 },
    aio_return: { args: [pointer], returns: i64 },
    aio_suspend: { args: [pointer, i32, pointer], returns: i32 },
  }).symbols;
}

let opened: ReturnType<typeof openAio> | "missing" | undefined;

/** Undefined where libc keeps it in a library of its own (glibc before 2.34). */
function aio(): ReturnType<typeof openAio> | undefined {
  try {
    opened ??= openAio();
  } catch {
    opened = "missing";
  }
  return opened === "missing" ? undefined : opened;
}

/** A write that may be under way. */
export type LaterWrite = {
  /** Whether it is done, waited for so many ms at most. Throws `SystemError` when it has failed. */
  isDone(patience: number): boolean;
};

/** What libc's threads read and write, kept from the garbage collector. */
const underWay = new Set<AioWrite>();

/** Begin to write; the octets stay as they are until it is done. Where libc cannot, or has no thread, it is done at once. */
export function writeLater(fd: number, bytes: Uint8Array): LaterWrite {
  const later = new AioWrite(fd, bytes);
  return later.begin() ? later : writeNow(fd, bytes);
}

function writeNow(fd: number, bytes: Uint8Array): LaterWrite {
  let failure: unknown;
  try {
    write(fd, bytes);
  } catch (error) {
    failure = error;
  }
  return {
    isDone: () => {
      if (failure !== undefined) throw failure;
      return true;
    },
  };
}

class AioWrite implements LaterWrite {
  readonly #control = new Uint8Array(AIOCB.SIZE);
  /** What the control block only has the address of. */
  readonly bytes: Uint8Array;

  constructor(fd: number, bytes: Uint8Array) {
    this.bytes = bytes;
    const view = new DataView(this.#control.buffer);
    view.setInt32(AIOCB.FD, fd, true);
    view.setBigUint64(AIOCB.BUFFER, BigInt(ptr(bytes)), true);
    view.setBigUint64(AIOCB.LENGTH, BigInt(bytes.length), true);
    view.setInt32(AIOCB.NOTIFY, SIGEV_NONE, true);
  }

  /** False where nobody is going to write: libc has no such function, or may start no thread (EAGAIN). */
  begin(): boolean {
    if (aio()?.aio_write(ptr(this.#control)) !== 0) return false;
    underWay.add(this);
    return true;
  }

  isDone(patience: number): boolean {
    if (!underWay.has(this)) return true;
    const control = ptr(this.#control);
    let errno = aio()?.aio_error(control) ?? 0;
    if (errno === EINPROGRESS && patience > 0) {
      this.#wait(patience);
      errno = aio()?.aio_error(control) ?? 0;
    }
    if (errno === EINPROGRESS) return false;
    aio()?.aio_return(control);
    underWay.delete(this);
    if (errno !== 0) throw new SystemError("write", errno);
    return true;
  }

  /** Until it is done, the time is over, or a signal comes. */
  #wait(patience: number): void {
    const list = new BigUint64Array([BigInt(ptr(this.#control))]);
    const seconds = Math.floor(patience / 1000);
    const nanoseconds = Math.round((patience - seconds * 1000) * 1e6);
    const time = new BigInt64Array([BigInt(seconds), BigInt(nanoseconds)]);
    aio()?.aio_suspend(ptr(list), 1, ptr(time));
  }
}
