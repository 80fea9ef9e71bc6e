/** Changes as netlink messages: which message, with which flags, is which request. */

import { unreachable } from "../lib/unreachable.ts";
import { writeAddress } from "./address.ts";
import type { Body, Outgoing } from "./conn.ts";
import { NLM_F, RTM } from "./const.ts";
import type { LinkReference, Request } from "./kernel.ts";
import {
  writeBridge,
  writeIpv4Settings,
  writeLinkChange,
  writeLinkReference,
  writeVeth,
} from "./link.ts";
import { writeNeighbour } from "./neighbour.ts";
import { type LinkIndex, writeNewRoute, writeOldRoute } from "./route.ts";

/** A request as a message; references are resolved before anything is written. */
export function encodeRequest(request: Request, indexOf: LinkIndex): Outgoing {
  const create = NLM_F.CREATE | NLM_F.EXCL;
  const replace = NLM_F.CREATE | NLM_F.REPLACE;
  switch (request.type) {
    case "create veth":
      return { type: RTM.NEWLINK, flags: create, body: (writer) => writeVeth(writer, request) };
    case "create bridge":
      return {
        type: RTM.NEWLINK,
        flags: create,
        body: (writer) => writeBridge(writer, request.name, request.mtu),
      };
    case "set link": {
      const index = indexOf(request.link);
      const master = request.master === undefined ? undefined : indexOf(request.master);
      return {
        type: RTM.NEWLINK,
        flags: 0,
        body: (writer) => writeLinkChange(writer, request, { index, master }),
      };
    }
    case "set ipv4 settings": {
      const index = indexOf(request.link);
      const body: Body = (writer) => writeIpv4Settings(writer, index, request.settings);
      return { type: RTM.NEWLINK, flags: 0, body };
    }
    case "delete link":
      return {
        type: RTM.DELLINK,
        flags: 0,
        body: (writer) => writeLinkReference(writer, request.link),
      };
    case "add address":
    case "delete address": {
      const link = indexOf(request.link);
      const add = request.type === "add address";
      return {
        type: add ? RTM.NEWADDR : RTM.DELADDR,
        flags: add ? create : 0,
        body: (writer) => writeAddress(writer, { ...request, link }),
      };
    }
    case "add route":
    case "replace route":
    case "delete route": {
      const resolved = new Map<LinkReference, number>();
      for (const { link } of request.route.nextHops ?? []) {
        if (link !== undefined) resolved.set(link, indexOf(link));
      }
      const linkIndex = (link: LinkReference): number => resolved.get(link) ?? 0;
      if (request.type === "delete route") {
        const body: Body = (writer) => writeOldRoute(writer, request.route, linkIndex);
        return { type: RTM.DELROUTE, flags: 0, body };
      }
      const flags = request.type === "add route" ? create : replace;
      const body: Body = (writer) => writeNewRoute(writer, request.route, linkIndex);
      return { type: RTM.NEWROUTE, flags, body };
    }
    case "replace neighbour": {
      const link = indexOf(request.link);
      const { address, mac, state = "permanent" } = request;
      return {
        type: RTM.NEWNEIGH,
        flags: replace,
        body: (writer) => writeNeighbour(writer, { link, address }, { mac, state }),
      };
    }
    case "delete neighbour": {
      const key = { link: indexOf(request.link), address: request.address };
      return { type: RTM.DELNEIGH, flags: 0, body: (writer) => writeNeighbour(writer, key) };
    }
    default:
      return unreachable(request);
  }
}
