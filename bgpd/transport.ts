/**
 * TCP as the sessions see it: connections that carry bytes, with nothing of sockets.
 *
 * Two implementations pass `test/suites/transport.ts`: `transport-bun.ts` is the kernel's TCP through
 * Bun, `transport-memory.ts` the twin on a virtual clock. Both hold to this: a handler is never called
 * from inside a call of ours, and nothing is called after `close`, `reset` or `cancel`.
 */

import type { Address } from "../lib/address.ts";
import type { Prefix } from "../lib/prefix.ts";
import type { Secret } from "../lib/secret.ts";

export type ConnectionHandlers = {
  /** Bytes of the stream; they are the receiver's from now on. */
  onData(bytes: Uint8Array): void;
  /** Everything written has been handed over: the backlog, which was more than nothing, is empty. */
  onDrain(): void;
  /** The peer has closed, or the connection has failed; why, for people. It is of no use any more. */
  onEnd(reason: string): void;
};

/** An established TCP connection. */
export type Connection = {
  readonly remote: Address;
  readonly remotePort: number;
  readonly local: Address;
  readonly localPort: number;
  /** Begin to receive; what has come before waits for this. Called once. */
  receive(handlers: ConnectionHandlers): void;
  /**
   * Send the bytes after those before. They may be shared by several connections and wait in the
   * queue: nobody may change them any more. Small writes of one turn leave together.
   */
  write(bytes: Uint8Array): void;
  /** Bytes written and not yet handed over. */
  readonly backlog: number;
  /** When bytes were handed over last, or the connection's beginning; in ms of the transport's clock. */
  readonly sentAt: number;
  /** Stop receiving, so that TCP slows the peer down. */
  pause(): void;
  resume(): void;
  /** Bind what an accepted connection sends and takes, as `ConnectOptions` does for one of ours. */
  restrict(restrictions: Restrictions): void;
  /**
   * Sign with another key from now on, and expect it (RFC 2385). What is under way is sent again until
   * both sides have the same: the connection goes on if that happens before the hold time is over.
   */
  setKey(key: Secret): void;
  /**
   * Send what is queued, then end the connection; what the peer still says is dropped. `done` is
   * called when all of it is on its way, or after `LINGER` when the peer does not take it.
   */
  close(done?: () => void): void;
  /** End it at once; queued bytes are lost, and the peer sees a reset. */
  reset(): void;
};

/** How long a closing connection may take to send what is queued, in ms. */
export const LINGER = 3000;

/** Which packets belong to a connection. */
export type Restrictions = {
  /** IP TTL of our packets. */
  readonly hops?: number;
  /** The peer's packets that have fewer hops left are dropped by the kernel (RFC 5082). */
  readonly leastHops?: number;
  /** The link that they leave and come by. */
  readonly link?: string;
};

/** From the first SYN on. */
export type ConnectOptions = Restrictions & {
  readonly remote: Address;
  readonly port: number;
  /** Our address; the system's choice when absent. */
  readonly local?: Address;
  /** Sign and expect signatures with it (RFC 2385). */
  readonly key?: Secret;
};

export type ConnectHandlers = {
  onOpen(connection: Connection): void;
  /** Refused, unreachable …, in words for people. */
  onFail(reason: string): void;
};

/** A connection on its way. It may stay so for minutes: who wants less cancels it. */
export type Attempt = { cancel(): void };

export type ListenOptions = {
  readonly address: Address;
  /** 0: any free one. */
  readonly port: number;
};

export type ListeningSocket = {
  readonly address: Address;
  readonly port: number;
  /**
   * Let in nobody of `remotes` but by this key (RFC 2385); undefined: let them in without. Connections
   * that exist keep theirs. Throws an `Error` for people where the system refuses: `remotes` of the other
   * family than the address, for one.
   */
  setKey(remotes: Prefix, key: Secret | undefined): void;
  /** Accept no more; connections that exist go on. */
  close(): void;
};

export type Transport = {
  connect(options: ConnectOptions, handlers: ConnectHandlers): Attempt;
  /** Throws an `Error` for people when the address cannot be listened on. */
  listen(options: ListenOptions, onConnection: (connection: Connection) => void): ListeningSocket;
};
