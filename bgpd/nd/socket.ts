/**
 * The kernel's ICMPv6 behind `NdSocket`: nothing runs until something arrives.
 */

import type { FdSocketOptions, Socket } from "bun";
import { errnoName } from "../../kernel/errno.ts";
import { type Icmp6Socket, openIcmp6 } from "../../kernel/icmp6.ts";
import { SystemError } from "../../kernel/libc.ts";
import { type Address, formatAddress, withZone } from "../../lib/address.ts";
import { ALL_ROUTERS, ROUTER_ADVERTISEMENT, ROUTER_SOLICITATION } from "./const.ts";
import type { NdArrival, OpenNdSocket } from "./nd.ts";

/** Bun's types describe these options and then forget them among the overloads. */
const connectFd: (options: FdSocketOptions<undefined>) => Promise<Socket> = Bun.connect as never;

/** Opened for the namespace that we are in. */
export const openNdSocket: OpenNdSocket = (onArrival, onFailure) => {
  const socket = openIcmp6([ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT]);
  const joined = new Set<number>();
  const linkOf = ({ zone = 0 }: Address): number => zone;
  let bell: Socket | undefined;
  let isClosed = false;
  const failed = (error: unknown): void => {
    if (!isClosed) onFailure(error);
  };
  const rung = connectFd({
    fd: socket.bell,
    data: undefined,
    socket: {
      open: (opened) => {
        bell = opened;
        if (isClosed) opened.terminate();
      },
      data: () => {
        if (!isClosed) drain(socket, onArrival);
      },
      close: (_, error) => failed(error ?? new Error("the socket was closed")),
    },
  });
  rung.catch(failed);
  return {
    join(local) {
      const link = linkOf(local);
      if (joined.has(link)) return;
      socket.join(ALL_ROUTERS, link);
      joined.add(link);
    },
    leave(local) {
      socket.forget(local);
      if (!joined.delete(linkOf(local))) return;
      try {
        socket.leave(ALL_ROUTERS, linkOf(local));
      } catch (error) {
        // The link has gone, and taken the membership along.
        if (!(error instanceof SystemError)) throw error;
      }
    },
    send(bytes, to, local) {
      const sent = socket.send(bytes, withZone(to, linkOf(local)), local);
      return sent < 0 ? `sendto ${formatAddress(to)}: ${errnoName(-sent)}` : undefined;
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      bell?.terminate();
      socket.close();
    },
  };
};

function drain(socket: Icmp6Socket, onArrival: (arrival: NdArrival) => void): void {
  for (let got = socket.receive(); got !== undefined; got = socket.receive()) onArrival(got);
}
