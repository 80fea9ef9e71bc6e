/**
 * UDP sockets that tell how far a datagram came: the TTL or hop limit that is left, and the link it came by.
 *
 * UDP has no IP_MINTTL, so who wants to know must look at each datagram.
 */

import type { Address } from "../lib/address.ts";
import { AF, IPPROTO, SOCK } from "./const.ts";
import { bind, close, sendto, setSocketOption, socket } from "./libc.ts";
import { MessageBuffer } from "./libc-datagram.ts";
import { addressOfSockaddr, sockaddr } from "./sockaddr.ts";

/** asm-generic/socket.h, linux/in.h, linux/in6.h */
const SOL_SOCKET = 1;
const SO_PRIORITY = 12;
const IP_TOS = 1;
const IP_TTL = 2;
const IP_PKTINFO = 8;
const IP_RECVTTL = 12;
const IP_FREEBIND = 15;
const IPV6_UNICAST_HOPS = 16;
const IPV6_RECVPKTINFO = 49;
const IPV6_PKTINFO = 50;
const IPV6_RECVHOPLIMIT = 51;
const IPV6_HOPLIMIT = 52;
const IPV6_TCLASS = 67;
const IPV6_FREEBIND = 78;

/** Class selector 6, network control (RFC 2474 section 4.2.2.2), and the foremost queue that needs no privilege. */
const NETWORK_CONTROL = 0xc0;
const INTERACTIVE = 6;
const LARGEST_DATAGRAM = 1500;

export type Datagram = {
  /** Valid until the next one is received. */
  readonly bytes: Uint8Array;
  readonly source: Address;
  /** TTL or hop limit as it arrived; undefined where the kernel did not say. */
  readonly hops: number | undefined;
  /** Index of the link; 0 where the kernel did not say. */
  readonly link: number;
};

export type UdpOptions = {
  readonly local: Address;
  readonly port: number;
  /** Of a link-local address. */
  readonly link?: number;
  /** TTL or hop limit of what is sent, 1-255. */
  readonly hops: number;
};

export type UdpSocket = {
  readonly fd: number;
  /** Octets sent, or the negative errno. */
  send(bytes: Uint8Array, remote: Address, port: number): number;
  /** The next datagram that is there. */
  receive(): Datagram | undefined;
  close(): void;
};

/**
 * A socket for network control traffic, bound to an address that may come only later. Throws `SystemError`:
 * EADDRINUSE when the port is taken.
 */
export function openUdp({ local, port, link = 0, hops }: UdpOptions): UdpSocket {
  const isFour = local.family === 4;
  const domain = isFour ? AF.INET : AF.INET6;
  const fd = socket(domain, SOCK.DGRAM | SOCK.NONBLOCK | SOCK.CLOEXEC, IPPROTO.UDP);
  try {
    const options: readonly (readonly [name: number, value: number])[] = isFour
      ? [
          [IP_RECVTTL, 1],
          [IP_PKTINFO, 1],
          [IP_FREEBIND, 1],
          [IP_TTL, hops],
          [IP_TOS, NETWORK_CONTROL],
        ]
      : [
          [IPV6_RECVHOPLIMIT, 1],
          [IPV6_RECVPKTINFO, 1],
          [IPV6_FREEBIND, 1],
          [IPV6_UNICAST_HOPS, hops],
          [IPV6_TCLASS, NETWORK_CONTROL],
        ];
    for (const [name, value] of options) {
      setSocketOption(fd, isFour ? IPPROTO.IP : IPPROTO.IPV6, name, value);
    }
    setSocketOption(fd, SOL_SOCKET, SO_PRIORITY, INTERACTIVE);
    bind(fd, sockaddr(local, port, link));
  } catch (error) {
    close(fd);
    throw error;
  }
  const buffer = new MessageBuffer(LARGEST_DATAGRAM);
  return {
    fd,
    send: (bytes, remote, to) => sendto(fd, bytes, sockaddr(remote, to, link)),
    receive: () => receiveFrom(fd, buffer),
    close: () => close(fd),
  };
}

function receiveFrom(fd: number, buffer: MessageBuffer): Datagram | undefined {
  const bytes = buffer.receive(fd);
  // EAGAIN, or a datagram that failed its checksum: nothing to be had now.
  if (typeof bytes === "number") return undefined;
  let hops: number | undefined;
  let link = 0;
  for (const { level, type, data } of buffer.controls()) {
    const isFour = level === IPPROTO.IP;
    if (type === (isFour ? IP_TTL : IPV6_HOPLIMIT)) hops = data.getInt32(0, true);
    else if (isFour && type === IP_PKTINFO) link = data.getInt32(0, true);
    else if (!isFour && type === IPV6_PKTINFO) link = data.getInt32(16, true);
  }
  return { bytes, source: addressOfSockaddr(buffer.name), hops, link };
}
