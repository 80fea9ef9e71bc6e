/** TCP sockets with what Bun's own do not offer: a bound source, a TTL from the first SYN on. */

import type { Address } from "../lib/address.ts";
import { AF, IPPROTO, SOCK } from "./const.ts";
import { bind, close, connect, setSocketOption, socket } from "./libc.ts";
import { sockaddr } from "./sockaddr.ts";

/** netinet/in.h, linux/in6.h */
const IP_TTL = 2;
const IPV6_UNICAST_HOPS = 16;

export type TcpOptions = {
  readonly remote: Address;
  readonly port: number;
  /** Our address; the kernel's choice when absent. */
  readonly local?: Address;
  /** IP TTL or IPv6 hop limit of our packets, 1-255. */
  readonly hops?: number;
};

/** A non-blocking socket whose connection has begun. Throws `SystemError` when that failed at once. */
export function connectTcp({ remote, port, local, hops }: TcpOptions): number {
  const domain = remote.family === 4 ? AF.INET : AF.INET6;
  const fd = socket(domain, SOCK.STREAM | SOCK.NONBLOCK | SOCK.CLOEXEC, 0);
  try {
    if (hops !== undefined) setHopsOf(fd, domain, hops);
    if (local !== undefined) bind(fd, sockaddr(local, 0));
    connect(fd, sockaddr(remote, port));
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** Limit the hops of an open socket's packets. */
export function setHops(fd: number, hops: number): void {
  try {
    setHopsOf(fd, AF.INET6, hops);
  } catch {
    // ENOPROTOOPT: an IPv4 socket.
    setHopsOf(fd, AF.INET, hops);
  }
}

function setHopsOf(fd: number, domain: number, hops: number): void {
  if (domain === AF.INET) setSocketOption(fd, IPPROTO.IP, IP_TTL, hops);
  else setSocketOption(fd, IPPROTO.IPV6, IPV6_UNICAST_HOPS, hops);
}
