/**
 * TCP for probes: a server in each pod, and connections that measure the handshake.
 *
 * Made inside a namespace, used from anywhere. The clients are raw descriptors, so that the handshake
 * is timed by the system calls and not by an event loop with hundreds of others in it.
 */

import { errnoName } from "../kernel/errno.ts";
import {
  close,
  connect as connectSocket,
  getsockoptInt,
  pollOne,
  setsockopt,
  socket,
} from "../kernel/libc.ts";
import type { Address } from "../lib/address.ts";
import { messageOf } from "./error.ts";
import { toSockaddr } from "./sockaddr.ts";

/** sys/socket.h, poll.h */
const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const SO_LINGER = 13;
const POLLOUT = 4;

/** RFC 862, the echo service: people in the lab can use it too. */
export const ECHO_PORT = 7;

export type Server = { close(): void };

/** An echo server on every address of the namespace that this thread is in. */
export function serve(): Server {
  const server = Bun.listen({
    hostname: "0.0.0.0",
    port: ECHO_PORT,
    socket: {
      data(connection, bytes) {
        connection.write(bytes);
      },
    },
  });
  return { close: () => server.stop(true) };
}

export type ConnectionState =
  | { readonly type: "connecting" }
  | { readonly type: "connected"; readonly roundTrip: number }
  | { readonly type: "failed"; readonly reason: string };

export type Connecting = {
  /**
   * How far it is; failed when it takes longer than `patience` ms. Once it is connected or failed it
   * is closed, and must not be asked again.
   */
  look(patience: number): ConnectionState;
};

/** Begin a connection from the namespace that this thread is in. */
export function connect(to: Address): Connecting {
  const descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  // Closing resets: no TIME_WAIT is left behind by thousands of probes.
  setsockopt(descriptor, SOL_SOCKET, SO_LINGER, new Uint8Array(Int32Array.of(1, 0).buffer));
  const start = performance.now();
  const refusal = begin(descriptor, to);
  return {
    look(patience) {
      const state = judge(patience);
      if (state.type !== "connecting") close(descriptor);
      return state;
    },
  };

  function judge(patience: number): ConnectionState {
    if (refusal !== undefined) return refusal;
    const ready = pollOne(descriptor, POLLOUT) !== 0;
    const roundTrip = performance.now() - start;
    if (ready) {
      const errno = getsockoptInt(descriptor, SOL_SOCKET, SO_ERROR);
      return errno === 0 ? { type: "connected", roundTrip } : failed(errno);
    }
    return roundTrip > patience
      ? { type: "failed", reason: `no answer within ${patience} ms` }
      : { type: "connecting" };
  }
}

/** The kernel's refusal at once, such as no route at all. */
function begin(descriptor: number, to: Address): ConnectionState | undefined {
  try {
    connectSocket(descriptor, toSockaddr(to, ECHO_PORT));
    return undefined;
  } catch (error) {
    return { type: "failed", reason: messageOf(error) };
  }
}

function failed(errno: number): ConnectionState {
  return { type: "failed", reason: `connect: ${errnoName(errno)}` };
}
