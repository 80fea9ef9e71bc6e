/**
 * TCP for probes: a server in each pod, and connections that measure the handshake.
 *
 * Made inside a namespace, used from anywhere. The clients are raw descriptors, so that the handshake
 * is timed by the system calls and not by an event loop with hundreds of others in it.
 */

import { errnoName } from "../kernel/errno.ts";
import { close, getsockoptInt, pollOne, setsockopt } from "../kernel/libc.ts";
import { connectTcp } from "../kernel/socket.ts";
import type { Address } from "../lib/address.ts";
import { messageOf } from "./error.ts";

/** sys/socket.h, poll.h */
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const SO_LINGER = 13;
const POLLOUT = 4;
/** struct linger: on, 0 seconds. */
const LINGER_ZERO = new Uint8Array(Int32Array.of(1, 0).buffer);

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
export function connect(to: Address, port: number = ECHO_PORT): Connecting {
  const start = performance.now();
  const begun = begin(to, port);
  if (typeof begun === "object") return { look: () => begun };
  return {
    look(patience) {
      const state = stateOf(begun, start, patience);
      if (state.type !== "connecting") close(begun);
      return state;
    },
  };
}

/** A descriptor, or the kernel's refusal at once, such as no route at all. */
function begin(to: Address, port: number): number | ConnectionState {
  try {
    const descriptor = connectTcp({ remote: to, port });
    // Closing resets: no TIME_WAIT is left behind by thousands of probes.
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, LINGER_ZERO);
    return descriptor;
  } catch (error) {
    return { type: "failed", reason: messageOf(error) };
  }
}

function stateOf(descriptor: number, start: number, patience: number): ConnectionState {
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

function failed(errno: number): ConnectionState {
  return { type: "failed", reason: `connect: ${errnoName(errno)}` };
}
