/**
 * libc through Bun's FFI: the only file that reaches for it.
 *
 * Each function is the C function of its name. A failure throws `SystemError` with errno's name and
 * the call. What every process needs is opened at once, the rest when first used. Files are among it, for
 * loading `node:fs` costs a process 1 ms, which is a seventh of an ADD.
 */

import type * as BunFfi from "bun:ffi";
import { errnoName } from "./errno.ts";

/**
 * What `bun:ffi` wraps. The wrapper takes arrays for pointers and names for types, which nobody here needs, and
 * costs a process 0.3 ms; it stands in where a Bun has the functions elsewhere.
 */
const { dlopen, ptr, read } = nativeFfi();

export function nativeFfi(): Pick<typeof BunFfi, "dlopen" | "ptr" | "read"> {
  const { FFI } = Bun as typeof Bun & { readonly FFI?: typeof BunFfi };
  return FFI ?? (process.getBuiltinModule("bun:ffi") as typeof BunFfi);
}

const [i32, i64, u64, pointer] = ["i32", "i64", "u64", "ptr"] as const;

/**
 * What every process needs is called by number (asm/unistd_64.h; asm-generic/unistd.h): each symbol that is opened
 * costs it 10 µs and twelve pages, so one stands for all.
 */
const common = dlopen("libc.so.6", {
  __errno_location: { args: [], returns: pointer },
  syscall: { args: [i64, i64, i64, i64, i64, i64], returns: i32 },
}).symbols;

const NUMBERS = {
  x64: {
    read: 0,
    write: 1,
    close: 3,
    pwrite: 18,
    socket: 41,
    bind: 49,
    setsockopt: 54,
    openat: 257,
    unlinkat: 263,
    linkat: 265,
    setns: 308,
    statx: 332,
  },
  arm64: {
    unlinkat: 35,
    linkat: 37,
    openat: 56,
    close: 57,
    read: 63,
    write: 64,
    pwrite: 68,
    socket: 198,
    bind: 200,
    setsockopt: 208,
    setns: 268,
    statx: 291,
  },
} as const;

const NR = numbersOf(process.arch);

function numbersOf(arch: string): Record<keyof typeof NUMBERS.x64, number> {
  if (arch === "x64" || arch === "arm64") return NUMBERS[arch];
  throw new Error(`system call numbers of ${arch} are not known: expected x64 or arm64`);
}

/** syscall(2); a pointer is its address. */
function call(number: number, a: number, b = 0, c = 0, d = 0, e = 0): number {
  return common.syscall(number, a, b, c, d, e);
}

const ENOENT = 2;
const EINTR = 4;
const EAGAIN = 11;
const EINVAL = 22;
/** sys/socket.h, asm-generic/socket.h */
const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
/** fcntl.h: paths are relative to the current folder. */
const AT_FDCWD = -100;

function openRare() {
  return dlopen("libc.so.6", {
    connect: { args: [i32, pointer, i32], returns: i32 },
    listen: { args: [i32, i32], returns: i32 },
    getsockname: { args: [i32, pointer, pointer], returns: i32 },
    getpeername: { args: [i32, pointer, pointer], returns: i32 },
    getsockopt: { args: [i32, i32, i32, pointer, pointer], returns: i32 },
    sendto: { args: [i32, pointer, u64, i32, pointer, i32], returns: i32 },
    recvfrom: { args: [i32, pointer, u64, i32, pointer, pointer], returns: i32 },
    poll: { args: [pointer, u64, i32], returns: i32 },
    unshare: { args: [i32], returns: i32 },
    mount: { args: [pointer, pointer, pointer, u64, pointer], returns: i32 },
    umount2: { args: [pointer, i32], returns: i32 },
    flock: { args: [i32, i32], returns: i32 },
    execve: { args: [pointer, pointer, pointer], returns: i32 },
  }).symbols;
}

let opened: ReturnType<typeof openRare> | undefined;

function rare(): ReturnType<typeof openRare> {
  opened ??= openRare();
  return opened;
}

/** A failed call; `code` is errno's name, `errno` its number. */
export class SystemError extends Error {
  override readonly name = "SystemError";
  readonly code: string;
  readonly errno: number;

  constructor(call: string, errno: number) {
    super(`${call}: ${errnoName(errno)}`);
    this.code = errnoName(errno);
    this.errno = errno;
  }
}

/** Throw what errno says of the call just made. */
export function fail(call: string): never {
  throw new SystemError(call, lastErrno());
}

/** errno of the last failed call on this thread. */
export function lastErrno(): number {
  return read.i32(common.__errno_location() as never, 0);
}

/** socket(2): a descriptor. */
export function socket(domain: number, type: number, protocol: number): number {
  const fd = call(NR.socket, domain, type, protocol);
  return fd < 0 ? fail("socket") : fd;
}

/** bind(2) to the bytes of a sockaddr. */
export function bind(fd: number, address: Uint8Array): void {
  if (call(NR.bind, fd, ptr(address), address.length) !== 0) fail("bind");
}

/** setsockopt(2) with an int. */
export function setSocketOption(fd: number, level: number, name: number, value: number): void {
  setsockopt(fd, level, name, new Uint8Array(new Int32Array([value]).buffer));
}

/** setsockopt(2) with the bytes of a structure. */
export function setsockopt(fd: number, level: number, name: number, value: Uint8Array): void {
  if (call(NR.setsockopt, fd, level, name, ptr(value), value.length) !== 0) {
    fail(`setsockopt ${level}/${name}`);
  }
}

/** SO_ATTACH_FILTER (socket(7)) with the octets of classic BPF instructions. */
export function attachFilter(fd: number, instructions: Uint8Array): void {
  // struct sock_fprog: how many, padding, where.
  const program = new DataView(new ArrayBuffer(16));
  program.setUint16(0, instructions.length / 8, true);
  program.setBigUint64(8, BigInt(ptr(instructions)), true);
  setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, new Uint8Array(program.buffer));
}

/** getsockopt(2) of an int. */
export function getsockoptInt(fd: number, level: number, name: number): number {
  const value = new Int32Array(1);
  const length = new Int32Array([4]);
  if (rare().getsockopt(fd, level, name, ptr(value), ptr(length)) !== 0) {
    fail(`getsockopt ${level}/${name}`);
  }
  return value[0] ?? 0;
}

/** getsockname(2): the bytes of the sockaddr that the socket is bound to. */
export function getsockname(fd: number): Uint8Array {
  const address = new Uint8Array(28);
  const length = new Int32Array([address.length]);
  if (rare().getsockname(fd, ptr(address), ptr(length)) !== 0) fail("getsockname");
  return address.subarray(0, length[0]);
}

/** getpeername(2): the bytes of the sockaddr that the socket is connected to. */
export function getpeername(fd: number): Uint8Array {
  const address = new Uint8Array(28);
  const length = new Int32Array([address.length]);
  if (rare().getpeername(fd, ptr(address), ptr(length)) !== 0) fail("getpeername");
  return address.subarray(0, length[0]);
}

/** sendto(2): octets sent, or the negative errno, for callers that go on after one. */
export function sendto(fd: number, bytes: Uint8Array, address: Uint8Array): number {
  const sent = rare().sendto(fd, ptr(bytes), bytes.length, 0, ptr(address), address.length);
  return sent < 0 ? -lastErrno() : sent;
}

/** recv(2) without a source address: octets received, or the negative errno. */
export function recv(fd: number, buffer: Uint8Array): number {
  const count = rare().recvfrom(fd, ptr(buffer), buffer.length, 0, null, null);
  return count < 0 ? -lastErrno() : count;
}

/** poll(2) of one descriptor without waiting: the events that are there. */
export function pollOne(fd: number, events: number): number {
  const record = new DataView(new ArrayBuffer(8));
  record.setInt32(0, fd, true);
  record.setInt16(4, events, true);
  if (rare().poll(ptr(record), 1, 0) < 0) fail("poll");
  return record.getInt16(6, true);
}

/** asm-generic/fcntl.h */
export const O = { RDONLY: 0, WRONLY: 1, CREAT: 0o100, EXCL: 0o200, CLOEXEC: 0o2000000 } as const;

/** open(2), close-on-exec: a descriptor. */
export function open(path: string, flags: number, mode = 0): number {
  const fd = call(NR.openat, AT_FDCWD, ptr(text(path)), flags | O.CLOEXEC, mode);
  return fd < 0 ? fail(`open ${path}`) : fd;
}

/** close(2). */
export function close(fd: number): void {
  if (call(NR.close, fd) !== 0) fail("close");
}

/** read(2), again when a signal interrupts it: octets read. */
export function readInto(fd: number, buffer: Uint8Array): number {
  for (;;) {
    const count = call(NR.read, fd, ptr(buffer), buffer.length);
    if (count >= 0) return count;
    if (lastErrno() !== EINTR) return fail("read");
  }
}

/** write(2), again when a signal interrupts it: octets written. */
export function write(fd: number, bytes: Uint8Array): number {
  for (;;) {
    const count = call(NR.write, fd, ptr(bytes), bytes.length);
    if (count >= 0) return count;
    if (lastErrno() !== EINTR) return fail("write");
  }
}

/** unlink(2). */
export function unlink(path: string): void {
  if (call(NR.unlinkat, AT_FDCWD, ptr(text(path))) !== 0) fail(`unlink ${path}`);
}

/** link(2). */
export function link(existing: string, path: string): void {
  if (call(NR.linkat, AT_FDCWD, ptr(text(existing)), AT_FDCWD, ptr(text(path))) !== 0)
    fail(`link ${path}`);
}

/** pwrite(2): octets written. */
export function pwrite(fd: number, bytes: Uint8Array, position: number): number {
  const count = call(NR.pwrite, fd, ptr(bytes), bytes.length, position);
  return count < 0 ? fail("pwrite") : count;
}

/** fcntl.h, linux/stat.h */
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
const STATX_LENGTH = 256;

/** Number of names that the file has; undefined where there is no file. */
export function linksOf(path: string): number | undefined {
  return statx(path)?.getUint32(16, true);
}

/** Whether both, names or open descriptors, are there and are one file. */
export function isSameFile(one: string | number, other: string | number): boolean {
  const [a, b] = [statx(one), statx(other)];
  if (a === undefined || b === undefined) return false;
  // Compared in halves: a number beyond 32 bits made text costs a process 26 pages (50 µs).
  for (const at of [INODE, INODE + 4, DEVICE, DEVICE + 4]) {
    if (a.getUint32(at, true) !== b.getUint32(at, true)) return false;
  }
  return true;
}

/** stx_ino, stx_dev_major. */
const INODE = 32;
const DEVICE = 136;

/** statx(2): struct statx, or undefined where there is no file. */
function statx(file: string | number): DataView | undefined {
  const record = new DataView(new ArrayBuffer(STATX_LENGTH));
  const isOpen = typeof file === "number";
  const path = ptr(text(isOpen ? "" : file));
  const directory = isOpen ? file : AT_FDCWD;
  const flags = isOpen ? AT_EMPTY_PATH : 0;
  if (call(NR.statx, directory, path, flags, STATX_BASIC_STATS, ptr(record)) === 0) return record;
  return lastErrno() === ENOENT ? undefined : fail(`statx ${file}`);
}

/** setns(2): the calling thread enters the namespace of the descriptor. */
export function setns(fd: number, type: number): void {
  if (call(NR.setns, fd, type) !== 0) fail("setns");
}

/** unshare(2) for the calling thread. */
export function unshare(flags: number): void {
  if (rare().unshare(flags) !== 0) fail("unshare");
}

/** mount(2). */
export function mount(source: string, target: string, type: string, flags: number): void {
  const result = rare().mount(ptr(text(source)), ptr(text(target)), ptr(text(type)), flags, null);
  if (result !== 0) fail(`mount ${source} on ${target}`);
}

/** umount2(2). */
export function unmount(target: string, flags: number): void {
  if (rare().umount2(ptr(text(target)), flags) !== 0) fail(`umount ${target}`);
}

/** flock(2), again when a signal interrupts it; false when another holds it (EWOULDBLOCK). */
export function flock(fd: number, operation: number): boolean {
  while (rare().flock(fd, operation) !== 0) {
    const errno = lastErrno();
    if (errno === EAGAIN) return false;
    if (errno !== EINTR) return fail("flock");
  }
  return true;
}

/** execve(2): does not return. */
export function execve(path: string, args: readonly string[], env: readonly string[]): never {
  const strings = [...args, ...env].map(text);
  const table = (from: number, to: number): BigUint64Array =>
    new BigUint64Array([...strings.slice(from, to).map((bytes) => BigInt(ptr(bytes))), 0n]);
  const argv = table(0, args.length);
  const envp = table(args.length, strings.length);
  rare().execve(ptr(text(path)), ptr(argv), ptr(envp));
  return fail(`execve ${path}`);
}

/** connect(2); "progress" for a non-blocking socket that has begun. */
export function connect(fd: number, address: Uint8Array): "done" | "progress" {
  if (rare().connect(fd, ptr(address), address.length) === 0) return "done";
  const errno = lastErrno();
  return errno === 115 ? "progress" : fail("connect");
}

/** listen(2). */
export function listen(fd: number, backlog: number): void {
  if (rare().listen(fd, backlog) !== 0) fail("listen");
}

/** Throws EINVAL for a zero inside, which would make it another, shorter path. */
function text(value: string): Uint8Array {
  if (value.includes("\0")) throw new SystemError(JSON.stringify(value), EINVAL);
  return new TextEncoder().encode(`${value}\0`);
}
