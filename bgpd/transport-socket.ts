/**
 * One established TCP connection on a Bun socket: the queue in front of the kernel's buffer, and an
 * end that loses nothing.
 */

import type { Socket } from "bun";
import { endsOf, limitSocket, setKey } from "../kernel/socket.ts";
import { type Address, isLinkLocal, parseAddress } from "../lib/address.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Secret } from "../lib/secret.ts";
import {
  type Connection,
  type ConnectionHandlers,
  LINGER,
  type Restrictions,
} from "./transport.ts";
import { SendQueue } from "./transport-queue.ts";

/** Small messages are gathered up to this size before they are written. */
export const GATHER = 65_536;
/** From this backlog on a write does not wait for the end of the turn. */
const EAGER = 262_144;
/** How long the peer of a closed connection may take to close its side, in ms. */
const FAREWELL = 1000;

/** Why a connection ends that nobody has broken. */
export const CLOSED = "closed by the peer";

/** What hangs on a Bun socket: its connection, once there is one. */
export type SocketData = { connection: SocketConnection | undefined };

export type TcpSocket = Socket<SocketData>;

export class SocketConnection implements Connection {
  readonly remote: Address;
  readonly remotePort: number;
  readonly local: Address;
  readonly localPort: number;
  readonly #socket: TcpSocket;
  readonly #scratch: Uint8Array;
  readonly #clock: Clock;
  readonly #queue = new SendQueue();
  #handlers: ConnectionHandlers | undefined;
  #state: "open" | "closing" | "farewell" | "over" = "open";
  /** What came before `receive`, and an end that waits until it has been delivered. */
  #early: Uint8Array[] = [];
  #end: string | undefined;
  /** `flush` is due at the end of the turn. */
  #isDue = false;
  /** The kernel's buffer is full: `drain` will come. */
  #isBlocked = false;
  #timer: Timer | undefined;
  #done: (() => void) | undefined;
  #sentAt: number;

  /** `scratch` is for the duration of a write and may be shared. */
  constructor(socket: TcpSocket, scratch: Uint8Array, clock: Clock) {
    this.#socket = socket;
    this.#scratch = scratch;
    this.#clock = clock;
    this.#sentAt = clock.now();
    const { local, remote } = this.#ends();
    this.remote = remote;
    this.remotePort = socket.remotePort;
    this.local = local;
    this.localPort = socket.localPort;
    // KEEPALIVEs must not wait for the acknowledgement of what went before.
    socket.setNoDelay(true);
  }

  get backlog(): number {
    return this.#queue.length;
  }

  get sentAt(): number {
    return this.#sentAt;
  }

  receive(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
    if (this.#early.length > 0 || this.#end !== undefined) setImmediate(() => this.#catchUp());
  }

  write(bytes: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#queue.push(bytes);
    if (this.#queue.length >= EAGER) this.flush();
    else this.#flushSoon();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  restrict(restrictions: Restrictions): void {
    const fd = this.#descriptor();
    if (fd >= 0) limitSocket(fd, restrictions);
  }

  setKey(key: Secret): void {
    const fd = this.#descriptor();
    if (fd >= 0) setKey(fd, this.remote, key);
  }

  close(done?: () => void): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#done = done;
    // Paused, it would not hear the peer close.
    this.#socket.resume();
    this.#timer = this.#clock.after(LINGER, () => this.reset());
    this.#flushSoon();
  }

  reset(): void {
    if (this.#state === "over") return;
    this.#finish();
    this.#socket.terminate();
  }

  /** Bytes have come. */
  took(bytes: Uint8Array): void {
    if (this.#state !== "open") return;
    if (this.#handlers === undefined || this.#early.length > 0) this.#early.push(bytes);
    else this.#handlers.onData(bytes);
  }

  /** Write as much as the kernel takes. */
  flush(): void {
    if (this.#state !== "open" && this.#state !== "closing") return;
    this.#isBlocked = false;
    const before = this.#queue.length;
    while (this.#queue.length > 0) {
      const bytes = this.#queue.peek(this.#scratch);
      const written = Math.max(0, this.#socket.write(bytes));
      this.#queue.drop(written);
      if (written > 0) this.#sentAt = this.#clock.now();
      if (written < bytes.length) {
        this.#isBlocked = true;
        return;
      }
    }
    if (this.#state === "closing") this.#sayGoodbye();
    else if (before > 0) setImmediate(() => this.#drained());
  }

  /** The peer's FIN has come. While we close there may be something left to send, so that goes on. */
  ended(): void {
    if (this.#state === "open") {
      this.#end = CLOSED;
      this.#catchUp();
    } else if (this.#state === "farewell") {
      this.#finish();
      this.#socket.end();
    }
  }

  /** The socket is no more. It may have gone inside a write of ours, so this is told a turn later. */
  gone(reason: string): void {
    if (this.#state !== "open") {
      this.#finish();
      return;
    }
    this.#end ??= reason;
    this.#queue.clear();
    setImmediate(() => this.#catchUp());
  }

  /** Deliver what waits, once there is somebody to take it. */
  #catchUp(): void {
    const handlers = this.#handlers;
    if (handlers === undefined) return;
    const early = this.#early;
    this.#early = [];
    for (const bytes of early) if (this.#state === "open") handlers.onData(bytes);
    const reason = this.#end;
    if (this.#state !== "open" || reason === undefined) return;
    this.#finish();
    this.#socket.end();
    handlers.onEnd(reason);
  }

  #drained(): void {
    if (this.#state === "open" && this.#queue.length === 0) this.#handlers?.onDrain();
  }

  #flushSoon(): void {
    if (this.#isDue || this.#isBlocked) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.flush();
    });
  }

  /**
   * All is sent: our FIN. The socket lives on for a moment, because one that is closed with unread
   * bytes resets the connection, and the peer might lose the NOTIFICATION over it.
   */
  #sayGoodbye(): void {
    this.#timer?.cancel();
    this.#state = "farewell";
    this.#timer = this.#clock.after(FAREWELL, () => this.reset());
    this.#socket.shutdown();
    this.#tellDone();
  }

  /** Bun does not say on which link they are. */
  #ends(): { readonly local: Address; readonly remote: Address } {
    const { localAddress, remoteAddress } = this.#socket;
    const plain = { local: parseAddress(localAddress), remote: parseAddress(remoteAddress) };
    if (!isLinkLocal(plain.remote)) return plain;
    const fd = this.#descriptor();
    return fd < 0 ? plain : endsOf(fd);
  }

  /** Bun's types do not have it; it is -1 once the socket is closed. */
  #descriptor(): number {
    return "fd" in this.#socket ? Number(this.#socket.fd) : -1;
  }

  #finish(): void {
    this.#state = "over";
    this.#queue.clear();
    this.#early = [];
    this.#timer?.cancel();
    this.#tellDone();
  }

  #tellDone(): void {
    const done = this.#done;
    this.#done = undefined;
    done?.();
  }
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by peer",
  EPIPE: "connection reset by peer",
  ETIMEDOUT: "connection timed out",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  EADDRINUSE: "address in use",
  EADDRNOTAVAIL: "no interface has the address",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  ENODEV: "no such link",
};

/** errno's name of a system error; empty where it is none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** A system error in words for people. */
export function wordsOf(error: unknown): string {
  const code = codeOf(error);
  const text = error instanceof Error ? error.message : "the connection failed";
  return WORDS[code] ?? text;
}
