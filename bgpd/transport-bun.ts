/**
 * The kernel's TCP behind the Transport interface, on Bun's sockets.
 *
 * Outgoing sockets are made through the kernel folder (bound address, TTL from the first SYN on, and an
 * attempt that can be cancelled, which `Bun.connect` by name cannot) and then handed to Bun as
 * descriptors. Bun calls `open` for such a one at once, connected or not: the connection exists when
 * `drain` comes and the socket has a remote address; it was refused when `close` comes instead.
 */

import type { FdSocketOptions, TCPSocketListener } from "bun";
import { connectTcp, listenTcp, setListenerKey } from "../kernel/socket.ts";
import { formatAddress } from "../lib/address.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { formatPrefix } from "../lib/prefix.ts";
import type {
  Attempt,
  ConnectHandlers,
  Connection,
  ConnectOptions,
  ListeningSocket,
  ListenOptions,
  Transport,
} from "./transport.ts";
import {
  CLOSED,
  codeOf,
  GATHER,
  SocketConnection,
  type SocketData,
  type TcpSocket,
  wordsOf,
} from "./transport-socket.ts";

/** The transport of a daemon; `clock` times the end of connections only. */
export function createBunTransport(clock: Clock = systemClock): Transport {
  // Filled and written in one go, so that one is enough for all connections.
  const scratch = new Uint8Array(GATHER);
  const adopt = (socket: TcpSocket): SocketConnection => {
    const connection = new SocketConnection(socket, scratch, clock);
    socket.data.connection = connection;
    return connection;
  };
  return {
    connect: (options, handlers) => new SocketAttempt(handlers, adopt).begin(options),
    listen: (options, onConnection) => listen(options, onConnection, adopt),
  };
}

/** Bun's types describe these options and then forget them among the overloads. */
const connectFd: (options: FdSocketOptions<SocketData>) => Promise<TcpSocket> =
  Bun.connect as never;

/** The same of a socket that listens already. */
const listenFd: (options: FdSocketOptions<SocketData>) => TCPSocketListener<SocketData> =
  Bun.listen as never;

type Adopt = (socket: TcpSocket) => SocketConnection;

/** What Bun calls once a socket has its connection. */
const established = {
  // Not Buffers, whose `slice` shares memory where everybody expects a copy.
  binaryType: "uint8array" as const,
  data: ({ data }: TcpSocket, bytes: Uint8Array): void => data.connection?.took(bytes),
  drain: ({ data }: TcpSocket): void => data.connection?.flush(),
  end: ({ data }: TcpSocket): void => data.connection?.ended(),
  close: ({ data }: TcpSocket, error?: Error): void => {
    data.connection?.gone(error === undefined ? CLOSED : wordsOf(error));
  },
};

/** A socket of ours on its way to become a connection. */
class SocketAttempt implements Attempt {
  readonly #handlers: ConnectHandlers;
  readonly #adopt: Adopt;
  #socket: TcpSocket | undefined;
  #isOver = false;

  constructor(handlers: ConnectHandlers, adopt: Adopt) {
    this.#handlers = handlers;
    this.#adopt = adopt;
  }

  begin(options: ConnectOptions): this {
    let fd: number;
    try {
      fd = connectTcp(options);
    } catch (error) {
      // Unreachable, no such address: known at once, but never told from inside the call.
      setImmediate(() => this.#fail(wordsOf(error)));
      return this;
    }
    const handed = connectFd({
      fd,
      allowHalfOpen: true,
      data: { connection: undefined },
      socket: {
        ...established,
        open: (socket: TcpSocket) => {
          if (this.#isOver) socket.terminate();
          else this.#socket = socket;
        },
        drain: (socket: TcpSocket) => {
          if (this.#isOver) established.drain(socket);
          else this.#writable(socket);
        },
        close: (socket: TcpSocket, error?: Error) => {
          this.#fail(wordsOf(error));
          established.close(socket, error);
        },
      },
    });
    handed.catch((error: unknown) => this.#fail(wordsOf(error)));
    return this;
  }

  cancel(): void {
    this.#isOver = true;
    this.#socket?.terminate();
    this.#socket = undefined;
  }

  /** Connected, or failed for good. */
  #writable(socket: TcpSocket): void {
    if (socket.remoteAddress === undefined) {
      this.#fail("the connection failed");
      socket.terminate();
      return;
    }
    this.#isOver = true;
    this.#socket = undefined;
    this.#handlers.onOpen(this.#adopt(socket));
  }

  #fail(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#socket = undefined;
    this.#handlers.onFail(reason);
  }
}

/** Connections that the kernel keeps for us until they are accepted. */
const BACKLOG = 128;

function listen(
  { address, port }: ListenOptions,
  onConnection: (connection: Connection) => void,
  adopt: Adopt,
): ListeningSocket {
  const hostname = formatAddress(address);
  const refuse = (what: string, error: unknown): Error =>
    new Error(`cannot ${what}: ${wordsOf(error)}`, { cause: error });
  try {
    const { fd, port: bound } = listenTcp(address, port, BACKLOG);
    const server = listenFd({
      fd,
      allowHalfOpen: true,
      data: { connection: undefined },
      socket: {
        ...established,
        open: (socket: TcpSocket) => {
          // The listener's `data` is one object for all.
          socket.data = { connection: undefined };
          // Reset by the peer before it could be accepted.
          if (socket.remoteAddress === undefined) socket.terminate();
          else onConnection(adopt(socket));
        },
      },
    });
    return {
      address,
      port: bound,
      close: () => server.stop(),
      setKey(remotes, key) {
        try {
          setListenerKey(fd, remotes, key);
        } catch (error) {
          // There was none to take away.
          if (key === undefined && codeOf(error) === "ENOENT") return;
          throw refuse(`set the key of ${formatPrefix(remotes)}`, error);
        }
      },
    };
  } catch (error) {
    throw refuse(`listen on ${hostname} port ${port}`, error);
  }
}
