/** Requests in words, for errors: what was asked for, as `ip` would write it. */

import { formatAddress } from "../lib/address.ts";
import { formatPrefix } from "../lib/prefix.ts";
import { unreachable } from "../lib/unreachable.ts";
import type { NexthopSpec, Request, RouteSpec } from "./kernel.ts";

/** What was asked for, for errors: `RTM_NEWROUTE 10.244.2.0/24 via 172.30.0.12`. */
export function describeRequest(request: Request): string {
  switch (request.type) {
    case "create veth":
      return `RTM_NEWLINK veth ${request.end.name} peer ${request.peer.name}`;
    case "create bridge":
      return `RTM_NEWLINK bridge ${request.name}`;
    case "set link":
    case "set ipv4 settings":
      return `RTM_NEWLINK ${request.link}`;
    case "delete link":
      return `RTM_DELLINK ${request.link}`;
    case "delete group":
      return `RTM_DELLINK group ${request.group}`;
    case "add address":
    case "delete address":
      return `${request.type === "add address" ? "RTM_NEWADDR" : "RTM_DELADDR"} ${formatAddress(request.address)}/${request.length} dev ${request.link}`;
    case "add route":
    case "replace route":
    case "delete route":
      return `${request.type === "delete route" ? "RTM_DELROUTE" : "RTM_NEWROUTE"} ${describeRoute(request.route)}`;
    case "add nexthop":
    case "change nexthop":
      return `RTM_NEWNEXTHOP ${describeNexthop(request.nexthop)}`;
    case "delete nexthop":
      return `RTM_DELNEXTHOP id ${request.id}`;
    case "replace neighbour":
    case "delete neighbour":
      return `${request.type === "delete neighbour" ? "RTM_DELNEIGH" : "RTM_NEWNEIGH"} ${formatAddress(request.address)} dev ${request.link}`;
    default:
      return unreachable(request);
  }
}

/** `10.244.2.0/24 via 172.30.0.12 dev eth0`, for errors. */
function describeRoute(spec: RouteSpec): string {
  const { destination, type = "unicast", nextHops = [], nexthop } = spec;
  const hops = nextHops.map(
    ({ gateway, link }) =>
      `${gateway === undefined ? "" : ` via ${formatAddress(gateway)}`}${link === undefined ? "" : ` dev ${link}`}`,
  );
  return `${type === "unicast" ? "" : `${type} `}${formatPrefix(destination)}${nexthop === undefined ? "" : ` nhid ${nexthop}`}${hops.join(" nexthop")}`;
}

/** `id 7 via 172.30.0.12 dev eth0`, `id 9 group 7,2/8`. */
function describeNexthop({ id, members, gateway, link, blackhole }: NexthopSpec): string {
  if (members !== undefined) {
    const shares = members.map((member) =>
      member.weight === undefined ? member.id : `${member.id},${member.weight}`,
    );
    return `id ${id} group ${shares.join("/")}`;
  }
  const way = gateway === undefined ? "" : ` via ${formatAddress(gateway)}`;
  const out = link === undefined ? "" : ` dev ${link}`;
  return `id ${id}${blackhole === true ? " blackhole" : ""}${way}${out}`;
}
