/** Change events from the multicast groups (RTMGRP_* of linux/rtnetlink.h). */

import { readAddress } from "./address.ts";
import type { NetlinkConnection } from "./conn.ts";
import { NLM_F, RTM } from "./const.ts";
import type { KernelEvent, KernelEventType } from "./kernel.ts";
import { pollOne, readInto, SystemError } from "./libc.ts";
import { readLink } from "./link.ts";
import { type Message, messagesOf } from "./message.ts";
import { readNeighbour } from "./neighbour.ts";
import { readNexthop } from "./nexthop.ts";
import { readRoute } from "./route.ts";

/** RTMGRP_LINK 1, NEIGH 4, IPV4_IFADDR 0x10, IPV4_ROUTE 0x40, IPV6_IFADDR 0x100, IPV6_ROUTE 0x400, RTNLGRP_NEXTHOP the 32nd bit. */
const GROUPS: Readonly<Record<KernelEventType, number>> = {
  link: 0x1,
  neighbour: 0x4,
  address: 0x110,
  route: 0x440,
  nexthop: 0x8000_0000,
};

/** The mask of groups for event types. */
export function groupsOf(types: readonly KernelEventType[]): number {
  return types.reduce((mask, type) => mask | GROUPS[type], 0);
}

/** Deliver events of a connection that joined groups, until the returned function is called. */
export function listenTo(
  connection: NetlinkConnection,
  listener: (event: KernelEvent) => void,
): () => void {
  // Here and not above: who does not watch, as the plugin, shall not load it.
  const { close, read } = process.getBuiltinModule("node:fs");
  const buffer = new Uint8Array(1 << 16);
  let stopped = false;
  const next = (): void => {
    read(connection.fd, buffer, 0, buffer.length, null, (error, count) => {
      if (stopped) {
        close(connection.fd);
        return;
      }
      if (error === null) {
        for (const message of messagesOf(buffer.subarray(0, count))) {
          const event = eventOf(message);
          if (event !== undefined) listener(event);
        }
      } else if (error.code === "ENOBUFS") {
        drain(connection.fd, buffer);
        listener({ type: "overrun" });
      } else if (error.code !== "EINTR" && error.code !== "EAGAIN") {
        throw error;
      }
      next();
    });
  };
  next();
  return () => {
    if (stopped) return;
    stopped = true;
    // The pending read does not end with its descriptor: ask something, so that it has an answer to read.
    connection.poke();
  };
}

/** poll(2) */
const POLLIN = 1;

/**
 * Discard what waits. The kernel says once that it has dropped something, and goes on dropping without another word
 * until the socket is empty (netlink_rcv_wake): only from then on is a dump complete with what is told after it.
 */
function drain(fd: number, buffer: Uint8Array): void {
  while ((pollOne(fd, POLLIN) & POLLIN) !== 0) {
    try {
      readInto(fd, buffer);
    } catch (error) {
      if (!(error instanceof SystemError) || error.code !== "ENOBUFS") throw error;
    }
  }
}

type Change = "new" | "deleted";

/** The event of a multicast message; undefined for kinds that are not ours to read. */
export function eventOf(message: Message): KernelEvent | undefined {
  switch (message.type) {
    case RTM.NEWLINK:
      return { type: "link", change: "new", link: readLink(message) };
    case RTM.DELLINK:
      return { type: "link", change: "deleted", link: readLink(message) };
    case RTM.NEWADDR:
      return addressEvent("new", message);
    case RTM.DELADDR:
      return addressEvent("deleted", message);
    case RTM.NEWROUTE:
      return routeEvent("new", message);
    case RTM.DELROUTE:
      return routeEvent("deleted", message);
    case RTM.NEWNEXTHOP:
      return { type: "nexthop", change: "new", nexthop: readNexthop(message) };
    case RTM.DELNEXTHOP:
      return { type: "nexthop", change: "deleted", nexthop: readNexthop(message) };
    case RTM.NEWNEIGH:
      return neighbourEvent("new", message);
    case RTM.DELNEIGH:
      return neighbourEvent("deleted", message);
    default:
      return undefined;
  }
}

function addressEvent(change: Change, message: Message): KernelEvent | undefined {
  const address = readAddress(message);
  return address === undefined ? undefined : { type: "address", change, address };
}

function routeEvent(change: Change, message: Message): KernelEvent | undefined {
  const route = readRoute(message);
  if (route === undefined) return undefined;
  const isReplacing = change === "new" && (message.flags & NLM_F.REPLACE) !== 0;
  return { type: "route", change, route, ...(isReplacing ? { replaces: true } : {}) };
}

function neighbourEvent(change: Change, message: Message): KernelEvent | undefined {
  const neighbour = readNeighbour(message);
  return neighbour === undefined ? undefined : { type: "neighbour", change, neighbour };
}
