/**
 * A raw ICMPv6 socket (RFC 3542 section 3) that hears messages of some types, with where they come from and how far.
 *
 * The kernel computes and checks the checksum. Bun can wait for a socket only by reading it, and what it reads has
 * neither source nor hop limit: so a second socket, the bell, hears the same and wakes whoever reads the first.
 */

import { type Address, formatAddress } from "../lib/address.ts";
import { AF, IPPROTO, SOCK } from "./const.ts";
import { bind, close, SystemError, sendto, setSocketOption, setsockopt, socket } from "./libc.ts";
import { MessageBuffer } from "./libc-datagram.ts";
import { addressOfSockaddr, sockaddr } from "./sockaddr.ts";

/** linux/in6.h, linux/icmpv6.h */
const IPV6_UNICAST_HOPS = 16;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_MULTICAST_LOOP = 19;
const IPV6_ADD_MEMBERSHIP = 20;
const IPV6_DROP_MEMBERSHIP = 21;
const IPV6_RECVPKTINFO = 49;
const IPV6_PKTINFO = 50;
const IPV6_RECVHOPLIMIT = 51;
const IPV6_HOPLIMIT = 52;
const IPV6_TCLASS = 67;
const ICMPV6_FILTER = 1;

/** Class selector 6, network control (RFC 2474 section 4.2.2.2). */
const NETWORK_CONTROL = 0xc0;
/** Of IPv6 without fragments of jumbo frames; longer messages are cut. */
const LARGEST_MESSAGE = 9216;

export type Icmp6Message = {
  /** From the type on; valid until the next one is received. */
  readonly bytes: Uint8Array;
  readonly source: Address;
  /** Hop limit as it arrived; undefined where the kernel did not say. */
  readonly hops: number | undefined;
  /** Index of the link it came by. */
  readonly link: number;
};

export type Icmp6Socket = {
  /** Becomes readable with every message; what is read from it means nothing. Whoever takes it closes it. */
  readonly bell: number;
  /** Hear what is sent to a group on a link, by its index, or hear it no more. Throws `SystemError`. */
  join(group: Address, link: number): void;
  leave(group: Address, link: number): void;
  /**
   * Octets sent with hop limit 255, or the negative errno. Both addresses say their link; `local` is one of ours there,
   * and may be another the next time.
   */
  send(bytes: Uint8Array, remote: Address, local: Address): number;
  /** No more is sent from the address. */
  forget(local: Address): void;
  /** The next message that is there. */
  receive(): Icmp6Message | undefined;
  close(): void;
};

/** A socket for messages of these types, on every link. Throws `SystemError`: EPERM without CAP_NET_RAW. */
export function openIcmp6(types: readonly number[]): Icmp6Socket {
  const bell = openRaw(types);
  let fd: number;
  try {
    // After the bell: a socket that is made later is given each message first.
    fd = openRaw(types);
  } catch (error) {
    close(bell);
    throw error;
  }
  const buffer = new MessageBuffer(LARGEST_MESSAGE);
  // An unbound socket sends from any link-local address of the link; these are bound, and hear nothing.
  const senders = new Map<string, number>();
  const senderAt = (local: Address): number => {
    const name = formatAddress(local);
    const known = senders.get(name);
    if (known !== undefined) return known;
    const sender = openRaw([]);
    try {
      bind(sender, sockaddr(local, 0));
    } catch (error) {
      close(sender);
      throw error;
    }
    senders.set(name, sender);
    return sender;
  };
  return {
    bell,
    join: (group, link) =>
      setsockopt(fd, IPPROTO.IPV6, IPV6_ADD_MEMBERSHIP, membership(group, link)),
    leave: (group, link) =>
      setsockopt(fd, IPPROTO.IPV6, IPV6_DROP_MEMBERSHIP, membership(group, link)),
    send(bytes, remote, local) {
      try {
        return sendto(senderAt(local), bytes, sockaddr(remote, 0));
      } catch (error) {
        if (error instanceof SystemError) return -error.errno;
        throw error;
      }
    },
    forget(local) {
      const name = formatAddress(local);
      const sender = senders.get(name);
      if (sender !== undefined) close(sender);
      senders.delete(name);
    },
    receive: () => receiveFrom(fd, buffer),
    close() {
      for (const sender of senders.values()) close(sender);
      senders.clear();
      close(fd);
    },
  };
}

function openRaw(types: readonly number[]): number {
  const fd = socket(AF.INET6, SOCK.RAW | SOCK.NONBLOCK | SOCK.CLOEXEC, IPPROTO.ICMPV6);
  try {
    setsockopt(fd, IPPROTO.ICMPV6, ICMPV6_FILTER, filterOf(types));
    for (const [name, value] of [
      [IPV6_UNICAST_HOPS, 255],
      [IPV6_MULTICAST_HOPS, 255],
      [IPV6_MULTICAST_LOOP, 0],
      [IPV6_TCLASS, NETWORK_CONTROL],
      [IPV6_RECVHOPLIMIT, 1],
      [IPV6_RECVPKTINFO, 1],
    ] as const) {
      setSocketOption(fd, IPPROTO.IPV6, name, value);
    }
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** struct icmp6_filter: a bit for each type, set where messages are blocked. */
export function filterOf(types: readonly number[]): Uint8Array {
  const words = new Uint32Array(8).fill(0xffff_ffff);
  for (const type of types) words[type >> 5] = (words[type >> 5] ?? 0) & ~(1 << (type & 31));
  return new Uint8Array(words.buffer);
}

/** struct ipv6_mreq. */
function membership(group: Address, link: number): Uint8Array {
  const bytes = new Uint8Array(20);
  // From the address on, a sockaddr_in6 has what is wanted here, and its scope where the index goes.
  bytes.set(sockaddr(group, 0, link).subarray(8, 28));
  return bytes;
}

function receiveFrom(fd: number, buffer: MessageBuffer): Icmp6Message | undefined {
  const bytes = buffer.receive(fd);
  if (typeof bytes === "number") return undefined;
  let hops: number | undefined;
  let link = 0;
  for (const { type, data } of buffer.controls()) {
    if (type === IPV6_HOPLIMIT) hops = data.getInt32(0, true);
    else if (type === IPV6_PKTINFO) link = data.getInt32(16, true);
  }
  return { bytes, source: addressOfSockaddr(buffer.name), hops, link };
}
