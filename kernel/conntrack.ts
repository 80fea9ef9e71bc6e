/**
 * Forgetting tracked connections of addresses (linux/netfilter/nfnetlink_conntrack.h).
 *
 * A connection that outlives its pod would carry its packets, or its translation, to whoever gets the address next.
 */

import { type Address, addressFromBytes, equalAddress } from "../lib/address.ts";
import { NetlinkConnection } from "./conn.ts";
import { NETLINK_NETFILTER, NLA_F_NESTED } from "./const.ts";
import { KernelError } from "./kernel.ts";
import { attributesOf, bytesOf, type Message, type MessageWriter } from "./message.ts";
import { openPort } from "./port.ts";
import { familyTo } from "./route.ts";
import { readSysctl } from "./sysctl.ts";

/** NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_* */
const CT = { GET: 0x101, DELETE: 0x102 } as const;
const CTA = { TUPLE_ORIG: 1, TUPLE_REPLY: 2, FILTER: 25 } as const;
const CTA_TUPLE_IP = 1;
const CTA_IP = { V4_SRC: 1, V6_SRC: 3 } as const;
const CTA_FILTER = { ORIG_FLAGS: 1, REPLY_FLAGS: 2 } as const;
/** Of both flags: CTA_IP_SRC is meant. */
const IP_SRC = 1;

/** From whom the packets of one direction come: who began it, or who answers. */
type Direction = "original" | "reply";

/**
 * Forget the connections of this thread's namespace that an address began or answers. How many there were. Throws
 * `KernelError`.
 */
export function forgetConnections(addresses: readonly Address[]): number {
  // Asked by netlink, a kernel that tracks nothing would begin to.
  if (addresses.length === 0 || !isTracking()) return 0;
  const connection = new NetlinkConnection(openPort({ protocol: NETLINK_NETFILTER }));
  try {
    let count = 0;
    for (const address of addresses) {
      for (const direction of ["original", "reply"] as const) {
        count += forget(connection, address, direction);
      }
    }
    return count;
  } finally {
    connection.close();
  }
}

function isTracking(): boolean {
  try {
    return readSysctl("net/netfilter/nf_conntrack_count") !== "0";
  } catch (error) {
    if (error instanceof KernelError && error.code === "ENOENT") return false;
    throw error;
  }
}

function forget(connection: NetlinkConnection, address: Address, direction: Direction): number {
  const tuples = connection.dump(
    CT.GET,
    (writer) => writeFilter(writer, address, direction),
    // Without a filter (IPv6, kernels before 5.8) it tells all there are.
    (message) => (isOf(message, address, direction) ? originalOf(message) : undefined),
  );
  let left = tuples.length;
  for (const tuple of tuples) {
    const writer = connection.begin(CT.DELETE, 0).u8(familyTo(address.family)).u8(0).u16(0);
    writer.attribute(CTA.TUPLE_ORIG | NLA_F_NESTED, tuple);
    if (--left % connection.window === 0) expectGone(connection);
  }
  return tuples.length;
}

/** One that has ended meanwhile is gone as well. */
function expectGone(connection: NetlinkConnection): void {
  for (const failure of connection.exchange()) {
    if (failure !== undefined && failure.code !== "ENOENT") {
      throw failure.toError("IPCTNL_MSG_CT_DELETE");
    }
  }
}

/** struct nfgenmsg, and what the kernel is to compare. */
function writeFilter(writer: MessageWriter, address: Address, direction: Direction): void {
  const isOriginal = direction === "original";
  writer.u8(familyTo(address.family)).u8(0).u16(0);
  // Linux (6.18 at least) takes an IPv6 filter the wrong way round, and tells all but what is asked for.
  if (address.family === 6) return;
  const filter = writer.open(CTA.FILTER | NLA_F_NESTED);
  writer.attributeU32(isOriginal ? CTA_FILTER.ORIG_FLAGS : CTA_FILTER.REPLY_FLAGS, IP_SRC);
  writer.close(filter);
  const tuple = writer.open((isOriginal ? CTA.TUPLE_ORIG : CTA.TUPLE_REPLY) | NLA_F_NESTED);
  const ip = writer.open(CTA_TUPLE_IP | NLA_F_NESTED);
  writer.attributeAddress(CTA_IP.V4_SRC, address);
  writer.close(ip);
  writer.close(tuple);
}

function isOf({ body }: Message, address: Address, direction: Direction): boolean {
  const key = direction === "original" ? CTA.TUPLE_ORIG : CTA.TUPLE_REPLY;
  const tuple = attributesOf(body, 4).get(key);
  const ip = tuple === undefined ? undefined : attributesOf(tuple, 0).get(CTA_TUPLE_IP);
  if (ip === undefined) return false;
  const parts = attributesOf(ip, 0);
  const source = parts.get(CTA_IP.V4_SRC) ?? parts.get(CTA_IP.V6_SRC);
  return source !== undefined && equalAddress(addressFromBytes(bytesOf(source)), address);
}

/** A copy: the receive buffer is used again. */
function originalOf({ body }: Message): Uint8Array | undefined {
  const tuple = attributesOf(body, 4).get(CTA.TUPLE_ORIG);
  return tuple === undefined ? undefined : bytesOf(tuple).slice();
}
