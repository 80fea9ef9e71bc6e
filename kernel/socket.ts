/**
 * TCP sockets with what Bun's own do not offer: a bound source, a link, a TTL from the first SYN on, GTSM
 * (RFC 5082) and MD5 signatures (RFC 2385).
 */

import type { Address } from "../lib/address.ts";
import type { Prefix } from "../lib/prefix.ts";
import { LONGEST_KEY, type Secret } from "../lib/secret.ts";
import { AF, IPPROTO, SOCK } from "./const.ts";
import {
  bind,
  close,
  connect,
  getpeername,
  getsockname,
  listen,
  setSocketOption,
  setsockopt,
  socket,
} from "./libc.ts";
import { portOf, sockaddr, zonedAddressOfSockaddr } from "./sockaddr.ts";

/** asm-generic/socket.h, netinet/in.h, linux/in6.h, linux/tcp.h */
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_BINDTODEVICE = 25;
const IPPROTO_TCP = 6;
const IP_TTL = 2;
const IP_MINTTL = 21;
const IPV6_UNICAST_HOPS = 16;
const IPV6_V6ONLY = 26;
const IPV6_MINHOPCOUNT = 73;
const TCP_MD5SIG = 14;
const TCP_MD5SIG_EXT = 32;
const TCP_MD5SIG_FLAG_PREFIX = 1;

/** TTL of packets that prove to be near by it (RFC 5082), and of a listener's first answer. */
const MOST_HOPS = 255;

export type SocketLimits = {
  /** IP TTL or IPv6 hop limit of our packets, 1-255. */
  readonly hops?: number;
  /** Packets with less left are dropped. */
  readonly leastHops?: number;
  /** Name of the link that packets leave and come by. */
  readonly link?: string;
};

export type TcpOptions = SocketLimits & {
  readonly remote: Address;
  readonly port: number;
  /** Our address; the kernel's choice when absent. */
  readonly local?: Address;
  readonly key?: Secret;
};

/** A non-blocking socket whose connection has begun. Throws `SystemError` when that failed at once. */
export function connectTcp({ remote, port, local, key, ...limits }: TcpOptions): number {
  return openTcp(remote.family, (fd) => {
    limitSocket(fd, limits);
    if (local !== undefined) bind(fd, sockaddr(local, 0));
    if (key !== undefined) setKey(fd, remote, key);
    connect(fd, sockaddr(remote, port));
  });
}

/**
 * A non-blocking socket that listens on the address and port (0: any free one). Its answers have the largest TTL, for it
 * cannot know yet which of its callers counts the hops. Throws `SystemError`.
 */
export function listenTcp(
  address: Address,
  port: number,
  backlog: number,
): { readonly fd: number; readonly port: number } {
  const fd = openTcp(address.family, (fd) => {
    setSocketOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (address.family === 6) setSocketOption(fd, IPPROTO.IPV6, IPV6_V6ONLY, 1);
    limitSocket(fd, { hops: MOST_HOPS });
    bind(fd, sockaddr(address, port));
    listen(fd, backlog);
  });
  return { fd, port: portOf(getsockname(fd)) };
}

/** Both ends of a connection, with their link where they are link-local. Throws `SystemError` when it is no more. */
export function endsOf(fd: number): { readonly local: Address; readonly remote: Address } {
  return {
    local: zonedAddressOfSockaddr(getsockname(fd)),
    remote: zonedAddressOfSockaddr(getpeername(fd)),
  };
}

/** Limit the packets of an open socket. */
export function limitSocket(fd: number, { hops, leastHops, link }: SocketLimits): void {
  if (hops !== undefined) setForFamily(fd, [IPV6_UNICAST_HOPS, IP_TTL], hops);
  if (leastHops !== undefined) setForFamily(fd, [IPV6_MINHOPCOUNT, IP_MINTTL], leastHops);
  if (link !== undefined) {
    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, new TextEncoder().encode(`${link}\0`));
  }
}

/** The key for a socket's peer; a connection that has one may get another at any time. */
export function setKey(fd: number, remote: Address, key: Secret): void {
  setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, md5Signature(remote, key.reveal()));
}

/** The key, or none any more, for all addresses of a prefix that may connect to a listening socket. */
export function setListenerKey(fd: number, remotes: Prefix, key: Secret | undefined): void {
  const value = md5Signature(remotes, key?.reveal() ?? new Uint8Array(), remotes.length);
  setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG_EXT, value);
}

function openTcp(family: Address["family"], prepare: (fd: number) => void): number {
  const domain = family === 4 ? AF.INET : AF.INET6;
  const fd = socket(domain, SOCK.STREAM | SOCK.NONBLOCK | SOCK.CLOEXEC, 0);
  try {
    prepare(fd);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

function setForFamily(fd: number, [six, four]: readonly [number, number], value: number): void {
  try {
    setSocketOption(fd, IPPROTO.IPV6, six, value);
  } catch {
    // ENOPROTOOPT: an IPv4 socket.
    setSocketOption(fd, IPPROTO.IP, four, value);
  }
}

/** struct tcp_md5sig: sockaddr_storage, flags, prefix length, key length, interface, key. */
function md5Signature(address: Address, key: Uint8Array, prefixLength?: number): Uint8Array {
  if (key.length > LONGEST_KEY) {
    throw new RangeError(`a TCP-MD5 key of ${key.length} octets: ${LONGEST_KEY} at most`);
  }
  const record = new Uint8Array(128 + 8 + LONGEST_KEY);
  const view = new DataView(record.buffer);
  record.set(sockaddr(address, 0));
  if (prefixLength !== undefined) {
    view.setUint8(128, TCP_MD5SIG_FLAG_PREFIX);
    view.setUint8(129, prefixLength);
  }
  view.setUint16(130, key.length, true);
  record.set(key, 136);
  return record;
}
