/**
 * One neighbour of the daemon that is measured: it listens on an address of its own, opens the session with whoever
 * calls, sends what it is given as fast as it is taken, and hands each UPDATE to whoever judges.
 */

import type { Socket, TCPSocketListener } from "bun";
import { encodeOpen, HOLD_TIME, KEEPALIVE_BYTES } from "./encode.ts";

const BGP_PORT = 179;
const HEADER = 19;
const OPEN = 1;
const UPDATE = 2;
const NOTIFICATION = 3;
const KEEPALIVE = 4;
/** Between KEEPALIVEs: a third of the hold time, and no more than this. ms. */
const LONGEST_INTERVAL = 30_000;

export type NeighbourOptions = {
  /** IPv4, dotted. */
  readonly address: string;
  readonly identifier: number;
  readonly asNumber: number;
  /** Seconds. */
  readonly holdTime?: number;
  /** It is told several paths of a prefix. */
  readonly takesPaths?: boolean;
  /** The body of an UPDATE, valid during the call. */
  readonly onUpdate: (bytes: Uint8Array, start: number, end: number) => void;
  /** Something came in and has been handled. */
  readonly onProgress: () => void;
  /** A KEEPALIVE came in: the first one makes the session. */
  readonly onKeepalive?: () => void;
};

export class Neighbour {
  readonly #options: NeighbourOptions;
  #listener: TCPSocketListener<undefined> | undefined;
  #socket: Socket<undefined> | undefined;
  #rest: Uint8Array = new Uint8Array();
  #queue: Uint8Array[] = [];
  #timer: Timer | undefined;
  isEstablished = false;
  /** When the first OPEN came, by `performance.now()`. */
  opened: number | undefined;
  /** Octets of UPDATEs that came in. */
  received = 0;
  updates = 0;
  /** Why the session ended, when it did. */
  ended = "";

  constructor(options: NeighbourOptions) {
    this.#options = options;
  }

  /** From now on the daemon can reach it. */
  listen(): void {
    this.#listener = Bun.listen<undefined>({
      hostname: this.#options.address,
      port: BGP_PORT,
      socket: {
        open: (socket) => this.#accept(socket),
        data: (socket, bytes) => {
          if (socket === this.#socket) this.#receive(bytes);
        },
        drain: (socket) => {
          if (socket === this.#socket) this.#flush();
        },
        close: (socket) => {
          if (socket === this.#socket) this.#end("closed by the daemon");
        },
        error: (socket, error) => {
          if (socket === this.#socket) this.#end(error.message);
        },
      },
    });
  }

  /** Send whole messages. They may be shared with others; nobody may change them. */
  send(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    if (this.#queue.length === 1) this.#flush();
  }

  /** Octets that wait to be sent. */
  get backlog(): number {
    return this.#queue.reduce((sum, { length }) => sum + length, 0);
  }

  /** End the session without a word, and listen no more. */
  close(): void {
    this.#listener?.stop();
    const socket = this.#socket;
    this.#end("closed by us");
    socket?.terminate();
  }

  #accept(socket: Socket<undefined>): void {
    // Both may call at once in some daemons; the first connection is the session.
    if (this.#socket !== undefined) {
      socket.terminate();
      return;
    }
    this.#socket = socket;
    this.#rest = new Uint8Array();
    const { asNumber, identifier, holdTime = HOLD_TIME, takesPaths } = this.#options;
    this.send(encodeOpen(asNumber, identifier, { holdTime, takesPaths }));
    this.#timer = setInterval(
      () => this.send(KEEPALIVE_BYTES),
      Math.min(LONGEST_INTERVAL, (1000 * holdTime) / 3),
    );
  }

  #receive(chunk: Uint8Array): void {
    let bytes = chunk;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + chunk.length);
      bytes.set(this.#rest);
      bytes.set(chunk, this.#rest.length);
    }
    let at = 0;
    while (at + HEADER <= bytes.length) {
      const end = at + ((bytes[at + 16] ?? 0) << 8) + (bytes[at + 17] ?? 0);
      if (end > bytes.length) break;
      this.#message(bytes, at, end);
      at = end;
    }
    // A copy: the chunk's memory is the socket's.
    this.#rest = bytes.slice(at);
    this.#options.onProgress();
  }

  #message(bytes: Uint8Array, start: number, end: number): void {
    switch (bytes[start + 18]) {
      case UPDATE:
        this.updates++;
        this.received += end - start;
        this.#options.onUpdate(bytes, start + HEADER, end);
        break;
      case OPEN:
        this.opened ??= performance.now();
        this.send(KEEPALIVE_BYTES);
        break;
      case KEEPALIVE:
        this.isEstablished = true;
        this.#options.onKeepalive?.();
        break;
      case NOTIFICATION:
        this.ended = `NOTIFICATION ${bytes[start + 19]}/${bytes[start + 20]}`;
        break;
    }
  }

  #flush(): void {
    for (;;) {
      const [first] = this.#queue;
      if (first === undefined || this.#socket === undefined) return;
      const written = this.#socket.write(first);
      if (written < 0) return;
      if (written < first.length) {
        this.#queue[0] = first.subarray(written);
        return;
      }
      this.#queue.shift();
    }
  }

  #end(reason: string): void {
    if (this.ended === "" && this.isEstablished) this.ended = reason;
    this.#socket = undefined;
    this.isEstablished = false;
    this.#queue = [];
    clearInterval(this.#timer);
    this.#options.onProgress();
  }
}
