/**
 * ICMP echo from one raw socket, many in flight (RFC 792).
 *
 * Made inside a namespace, used from anywhere. Only echo replies come in: a filter in the kernel keeps
 * out the requests that others send to the same place.
 */

import { AF, IPPROTO, SOCK } from "../kernel/const.ts";
import { errnoName } from "../kernel/errno.ts";
import { close, recv, sendto, setsockopt, socket } from "../kernel/libc.ts";
import { sockaddr } from "../kernel/sockaddr.ts";
import type { Address } from "../lib/address.ts";
import type { Pair } from "./matrix.ts";

/** sys/socket.h, netinet/in.h, linux/icmp.h */
const SOL_RAW = 255;
const ICMP_FILTER = 1;

const ECHO_REPLY = 0;
const ECHO_REQUEST = 8;
const HEADER_LENGTH = 8;

export type Reply = { readonly pair: Pair; readonly roundTrip: number };

export type Ping = {
  /** Requests without a reply yet. */
  readonly outstanding: number;
  /** Send one request; the kernel's refusal, or undefined. */
  send(to: Address, pair: Pair): string | undefined;
  /** Replies that are there to be read. */
  receive(): Reply[];
  /** Forget the requests that are older than `patience` ms. */
  giveUp(patience: number): Pair[];
  close(): void;
};

/** A pinger in the namespace that this thread is in. Throws when no socket is to be had. */
export function createPing(): Ping {
  const descriptor = socket(AF.INET, SOCK.RAW | SOCK.NONBLOCK | SOCK.CLOEXEC, IPPROTO.ICMP);
  // A set bit keeps that type out.
  setsockopt(descriptor, SOL_RAW, ICMP_FILTER, words(~(1 << ECHO_REPLY)));
  const identifier = process.pid & 0xffff;
  const waiting = new Map<number, { readonly pair: Pair; readonly sent: number }>();
  const buffer = new Uint8Array(256);
  let sequence = 0;
  return {
    get outstanding() {
      return waiting.size;
    },
    send(to, pair) {
      sequence = (sequence + 1) & 0xffff;
      waiting.set(sequence, { pair, sent: performance.now() });
      const errno = -sendto(descriptor, encodeEcho(identifier, sequence), sockaddr(to, 0));
      if (errno <= 0) return undefined;
      waiting.delete(sequence);
      return `sendto: ${errnoName(errno)}`;
    },
    receive() {
      const replies: Reply[] = [];
      for (let length = recv(descriptor, buffer); length > 0; length = recv(descriptor, buffer)) {
        const reply = decodeReply(buffer.subarray(0, length));
        if (reply === undefined || reply.identifier !== identifier) continue;
        const request = waiting.get(reply.sequence);
        if (request === undefined) continue;
        waiting.delete(reply.sequence);
        replies.push({ pair: request.pair, roundTrip: performance.now() - request.sent });
      }
      return replies;
    },
    giveUp(patience) {
      const now = performance.now();
      const lost: Pair[] = [];
      for (const [number, { pair, sent }] of waiting) {
        if (now - sent <= patience) continue;
        waiting.delete(number);
        lost.push(pair);
      }
      return lost;
    },
    close: () => close(descriptor),
  };
}

/** An echo request without data, with its checksum. */
export function encodeEcho(identifier: number, sequence: number): Uint8Array {
  const message = new Uint8Array(HEADER_LENGTH);
  const view = new DataView(message.buffer);
  view.setUint8(0, ECHO_REQUEST);
  view.setUint16(4, identifier);
  view.setUint16(6, sequence);
  view.setUint16(2, checksum(message));
  return message;
}

/** Identifier and sequence of an echo reply in an IPv4 packet; undefined when it is something else. */
export function decodeReply(
  packet: Uint8Array,
): { readonly identifier: number; readonly sequence: number } | undefined {
  const header = ((packet[0] ?? 0) & 0xf) * 4;
  if (packet.length < header + HEADER_LENGTH || packet[header] !== ECHO_REPLY) return undefined;
  const view = new DataView(packet.buffer, packet.byteOffset + header, HEADER_LENGTH);
  return { identifier: view.getUint16(4), sequence: view.getUint16(6) };
}

/** RFC 1071, of an even number of bytes. */
export function checksum(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let sum = 0;
  for (let offset = 0; offset + 1 < bytes.length; offset += 2) sum += view.getUint16(offset);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(values).buffer);
}
