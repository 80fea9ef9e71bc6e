/** Changes as netlink messages: which message, with which flags, is which request. */

import { unreachable } from "../lib/unreachable.ts";
import { writeAddress } from "./address.ts";
import { NLM_F, RTM } from "./const.ts";
import type { Request } from "./kernel.ts";
import {
  writeBridge,
  writeGroup,
  writeIpv4Settings,
  writeLinkChange,
  writeLinkReference,
  writeVeth,
} from "./link.ts";
import type { MessageWriter } from "./message.ts";
import { writeNeighbour } from "./neighbour.ts";
import { writeNexthop, writeNexthopId } from "./nexthop.ts";
import { type LinkIndex, writeNewRoute, writeOldRoute } from "./route.ts";

/** Opens the message that the request becomes. */
export type Begin = (type: number, flags: number) => MessageWriter;

const CREATE = NLM_F.CREATE | NLM_F.EXCL;
const REPLACE = NLM_F.CREATE | NLM_F.REPLACE;

/** Write a request as a message. Every name in it is asked of `indexOf` before the message begins. */
export function writeRequest(request: Request, indexOf: LinkIndex, begin: Begin): void {
  switch (request.type) {
    case "create veth":
      writeVeth(begin(RTM.NEWLINK, CREATE), request);
      return;
    case "create bridge":
      writeBridge(begin(RTM.NEWLINK, CREATE), request.name, request.mtu);
      return;
    case "set link": {
      const index = indexOf(request.link);
      const master = request.master === undefined ? undefined : indexOf(request.master);
      writeLinkChange(begin(RTM.NEWLINK, 0), request, { index, master });
      return;
    }
    case "set ipv4 settings": {
      const index = indexOf(request.link);
      writeIpv4Settings(begin(RTM.NEWLINK, 0), index, request.settings);
      return;
    }
    case "delete link":
      writeLinkReference(begin(RTM.DELLINK, 0), request.link);
      return;
    case "delete group":
      writeGroup(begin(RTM.DELLINK, 0), request.group);
      return;
    case "add address":
    case "delete address": {
      const index = indexOf(request.link);
      const isNew = request.type === "add address";
      writeAddress(begin(isNew ? RTM.NEWADDR : RTM.DELADDR, isNew ? CREATE : 0), request, index);
      return;
    }
    case "add route":
    case "replace route":
    case "delete route": {
      if (request.route.nextHops !== undefined) {
        for (const { link } of request.route.nextHops) if (link !== undefined) indexOf(link);
      }
      if (request.type === "delete route") {
        writeOldRoute(begin(RTM.DELROUTE, 0), request.route, indexOf);
        return;
      }
      const flags = request.type === "add route" ? CREATE : REPLACE;
      writeNewRoute(begin(RTM.NEWROUTE, flags), request.route, indexOf);
      return;
    }
    case "add nexthop":
    case "change nexthop": {
      const { nexthop } = request;
      if (nexthop.link !== undefined) indexOf(nexthop.link);
      const flags = request.type === "add nexthop" ? CREATE : NLM_F.REPLACE;
      writeNexthop(begin(RTM.NEWNEXTHOP, flags), nexthop, indexOf);
      return;
    }
    case "delete nexthop":
      writeNexthopId(begin(RTM.DELNEXTHOP, 0), request.id);
      return;
    case "replace neighbour": {
      const index = indexOf(request.link);
      const { mac, state = "permanent" } = request;
      writeNeighbour(begin(RTM.NEWNEIGH, REPLACE), request.address, index, { mac, state });
      return;
    }
    case "delete neighbour": {
      const index = indexOf(request.link);
      writeNeighbour(begin(RTM.DELNEIGH, 0), request.address, index);
      return;
    }
    default:
      unreachable(request);
  }
}
