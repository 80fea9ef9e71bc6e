/** Routes: struct rtmsg and RTA_* attributes (linux/rtnetlink.h). */

import {
  type Address,
  addressFromBytes,
  addressToBytes,
  bitsOf,
  type Family,
} from "../lib/address.ts";
import { prefixOf } from "../lib/prefix.ts";
import { AF } from "./const.ts";
import type { LinkReference, Route, RouteNextHop, RouteSpec, RouteType, Scope } from "./kernel.ts";
import { attributesOf, bytesOf, type Message, type MessageWriter } from "./message.ts";
import { scopeFrom, scopeTo } from "./scope.ts";

const RTA = {
  DST: 1,
  OIF: 4,
  GATEWAY: 5,
  PRIORITY: 6,
  PREFSRC: 7,
  MULTIPATH: 9,
  TABLE: 15,
  VIA: 18,
  NH_ID: 30,
} as const;
const RTNH_F = { DEAD: 1, ONLINK: 4, LINKDOWN: 16 } as const;
const RTM_F_CLONED = 0x200;
const RTM_F_FIB_MATCH = 0x2000;

/** enum: RTN_UNICAST = 1 … RTN_PROHIBIT = 8. */
const TYPES: readonly RouteType[] = [
  "other",
  "unicast",
  "local",
  "broadcast",
  "anycast",
  "multicast",
  "blackhole",
  "unreachable",
  "prohibit",
];

const MAIN_TABLE = 254;
/** RTPROT_BOOT, RTPROT_UNSPEC */
const BOOT = 3;
const RTPROT_UNSPEC = 0;
const IP6_RT_PRIO_USER = 1024;

/** Resolved index of a link that a spec may name. */
export type LinkIndex = (reference: LinkReference) => number;

/** Body of RTM_NEWROUTE: what the spec leaves open gets its default. */
export function writeNewRoute(writer: MessageWriter, spec: RouteSpec, linkIndex: LinkIndex): void {
  const { type = "unicast", protocol = BOOT } = spec;
  const scope = scopeTo(spec.scope ?? defaultScope(spec));
  writeRoute(writer, { spec, type: TYPES.indexOf(type), protocol, scope }, linkIndex);
}

/** Body of RTM_DELROUTE: what the spec leaves open matches anything. */
export function writeOldRoute(writer: MessageWriter, spec: RouteSpec, linkIndex: LinkIndex): void {
  const { type, protocol = RTPROT_UNSPEC, scope = "nowhere" } = spec;
  const kind = {
    type: type === undefined ? 0 : TYPES.indexOf(type),
    protocol,
    scope: scopeTo(scope),
  };
  writeRoute(writer, { spec, ...kind }, linkIndex);
}

/** The spec with what the kernel and we would fill in. */
export function withDefaults(spec: RouteSpec) {
  const { type = "unicast", table = MAIN_TABLE, protocol = BOOT, nextHops = [] } = spec;
  const scope = spec.scope ?? defaultScope(spec);
  const metric = spec.metric ?? (spec.destination.family === 4 ? 0 : IP6_RT_PRIO_USER);
  return { ...spec, type, table, protocol, metric, scope, nextHops };
}

function defaultScope({ type = "unicast", destination, nextHops, nexthop }: RouteSpec): Scope {
  if (type === "local") return "host";
  const isDirect = nexthop === undefined && nextHops?.[0]?.gateway === undefined;
  return type === "unicast" && destination.family === 4 && isDirect ? "link" : "global";
}

type Kind = { readonly type: number; readonly protocol: number; readonly scope: number };

function writeRoute(
  writer: MessageWriter,
  { spec, type, protocol, scope }: Kind & { readonly spec: RouteSpec },
  linkIndex: LinkIndex,
): void {
  const { destination, table = MAIN_TABLE, nextHops = [] } = spec;
  const only = nextHops[0];
  const isOne = nextHops.length === 1;
  writer
    .u8(familyTo(destination.family))
    .u8(destination.length)
    .u8(0)
    .u8(0)
    .u8(table < 256 ? table : 0)
    .u8(protocol)
    .u8(scope)
    .u8(type)
    .u32(only?.onLink === true && isOne ? RTNH_F.ONLINK : 0);
  writer.attributeAddress(RTA.DST, destination);
  if (table >= 256) writer.attributeU32(RTA.TABLE, table);
  if (spec.metric !== undefined) writer.attributeU32(RTA.PRIORITY, spec.metric);
  if (spec.preferredSource !== undefined) {
    writer.attributeAddress(RTA.PREFSRC, spec.preferredSource);
  }
  if (spec.nexthop !== undefined) writer.attributeU32(RTA.NH_ID, spec.nexthop);
  if (only === undefined) return;
  if (isOne) {
    writeGateway(writer, destination.family, only.gateway);
    if (only.link !== undefined) writer.attributeU32(RTA.OIF, linkIndex(only.link));
    return;
  }
  const hops = writer.open(RTA.MULTIPATH);
  for (const hop of nextHops) {
    const start = writer.length;
    writer
      .u16(0)
      .u8(hop.onLink === true ? RTNH_F.ONLINK : 0)
      .u8((hop.weight ?? 1) - 1)
      .u32(hop.link === undefined ? 0 : linkIndex(hop.link));
    writeGateway(writer, destination.family, hop.gateway);
    writer.u16At(start, writer.length - start);
  }
  writer.close(hops);
}

export type RouteFilter = {
  readonly family: Family;
  readonly table: number | undefined;
  readonly protocol: number | undefined;
};

/** What reads those messages of a dump that fit; others' than `exceptProtocol`'s where that is given. */
export function takeRoutes(
  { table, protocol }: RouteFilter,
  exceptProtocol?: number,
): (message: Message) => Route | undefined {
  return (message) => {
    // rtm_protocol: without reading the rest.
    if (message.body.getUint8(5) === exceptProtocol) return undefined;
    const route = readRoute(message);
    // A kernel without strict dumps takes the filter for a wish.
    if (route === undefined || (table !== undefined && route.table !== table)) return undefined;
    return protocol === undefined || route.protocol === protocol ? route : undefined;
  };
}

/** Body of RTM_GETROUTE for a dump, which a strict kernel filters. */
export function writeRouteFilter(writer: MessageWriter, filter: RouteFilter): void {
  const { family, table, protocol = RTPROT_UNSPEC } = filter;
  writer.u8(familyTo(family)).u8(0).u8(0).u8(0).u8(0).u8(protocol).u8(0).u8(0).u32(0);
  if (table !== undefined) writer.attributeU32(RTA.TABLE, table);
}

/** Body of RTM_GETROUTE for one address: the route of the table that it takes, not a clone of it. */
export function writeRouteQuestion(writer: MessageWriter, address: Address): void {
  const { family } = address;
  writer.u8(familyTo(family)).u8(bitsOf(family)).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0);
  writer.u32(RTM_F_FIB_MATCH);
  writer.attributeAddress(RTA.DST, address);
}

/**
 * A route of RTM_NEWROUTE or RTM_DELROUTE; undefined for cached ones, other families, and those of IPv4 that only packets
 * with a certain type of service take (rtm_tos): they stand beside another of the same destination and metric.
 */
export function readRoute({ body }: Message): Route | undefined {
  const family = familyFrom(body.getUint8(0));
  if (family === undefined || body.getUint8(3) !== 0) return undefined;
  if ((body.getUint32(8, true) & RTM_F_CLONED) !== 0) return undefined;
  const attributes = attributesOf(body, 12);
  const destination = attributes.get(RTA.DST);
  const address: Address =
    destination === undefined
      ? { family, w0: 0, w1: 0, w2: 0, w3: 0 }
      : addressFromBytes(bytesOf(destination));
  const preferred = attributes.get(RTA.PREFSRC);
  const nexthop = attributes.get(RTA.NH_ID)?.getUint32(0, true);
  return {
    destination: prefixOf(address, body.getUint8(1)),
    type: TYPES[body.getUint8(7)] ?? "other",
    table: attributes.get(RTA.TABLE)?.getUint32(0, true) ?? body.getUint8(4),
    protocol: body.getUint8(5),
    scope: scopeFrom(body.getUint8(6)),
    metric: attributes.get(RTA.PRIORITY)?.getUint32(0, true) ?? 0,
    ...(preferred === undefined ? {} : { preferredSource: addressFromBytes(bytesOf(preferred)) }),
    nextHops: readNextHops(attributes, body.getUint32(8, true)),
    ...(nexthop === undefined ? {} : { nexthop }),
  };
}

export function familyTo(family: Family): number {
  return family === 4 ? AF.INET : AF.INET6;
}

export function familyFrom(value: number): Family | undefined {
  return value === AF.INET ? 4 : value === AF.INET6 ? 6 : undefined;
}

function writeGateway(writer: MessageWriter, family: Family, gateway: Address | undefined): void {
  if (gateway === undefined) return;
  if (gateway.family === family) {
    writer.attributeAddress(RTA.GATEWAY, gateway);
  } else {
    const bytes = addressToBytes(gateway);
    // struct rtvia: the family, then the address.
    const via = new Uint8Array(2 + bytes.length);
    via[0] = familyTo(gateway.family);
    via.set(bytes, 2);
    writer.attribute(RTA.VIA, via);
  }
}

function readNextHops(attributes: Map<number, DataView>, flags: number): RouteNextHop[] {
  const multipath = attributes.get(RTA.MULTIPATH);
  if (multipath === undefined) {
    const hop = readNextHop(attributes, attributes.get(RTA.OIF)?.getUint32(0, true) ?? 0, flags);
    return Object.keys(hop).length === 0 ? [] : [hop];
  }
  const hops: RouteNextHop[] = [];
  for (let at = 0; at + 8 <= multipath.byteLength; ) {
    const length = multipath.getUint16(at, true);
    if (length < 8 || at + length > multipath.byteLength) break;
    const one = new DataView(multipath.buffer, multipath.byteOffset + at, length);
    const hop = readNextHop(attributesOf(one, 8), one.getUint32(4, true), one.getUint8(2));
    const weight = one.getUint8(3) + 1;
    hops.push(weight === 1 ? hop : { ...hop, weight });
    at += (length + 3) & ~3;
  }
  return hops;
}

function readNextHop(attributes: Map<number, DataView>, link: number, flags: number): RouteNextHop {
  const gateway = attributes.get(RTA.GATEWAY);
  const via = attributes.get(RTA.VIA);
  return {
    ...(gateway === undefined ? {} : { gateway: addressFromBytes(bytesOf(gateway)) }),
    ...(via === undefined ? {} : { gateway: addressFromBytes(bytesOf(via).subarray(2)) }),
    ...(link === 0 ? {} : { link }),
    ...((flags & RTNH_F.ONLINK) === 0 ? {} : { onLink: true }),
    ...((flags & (RTNH_F.DEAD | RTNH_F.LINKDOWN)) === 0 ? {} : { dead: true }),
  };
}
