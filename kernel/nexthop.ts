/**
 * Nexthop objects: struct nhmsg and NHA_* attributes (linux/nexthop.h). Routes name one by its id, so that one
 * message moves all of them.
 */

import { addressFromBytes, type Family } from "../lib/address.ts";
import { AF } from "./const.ts";
import type { Nexthop, NexthopMember, NexthopSpec } from "./kernel.ts";
import { attributesOf, bytesOf, type Message, type MessageWriter } from "./message.ts";
import { familyTo, type LinkIndex } from "./route.ts";

const NHA = { ID: 1, GROUP: 2, BLACKHOLE: 4, OIF: 5, GATEWAY: 6 } as const;
const RTNH_F_ONLINK = 4;
/** struct nhmsg: family, scope, protocol, padding, flags. */
const HEADER = 8;
/** struct nexthop_grp: id, weight - 1, padding. */
const MEMBER = 8;

const NOTHING = new Uint8Array(0);

/** Body of RTM_NEWNEXTHOP. */
export function writeNexthop(
  writer: MessageWriter,
  spec: NexthopSpec,
  linkIndex: LinkIndex,
): MessageWriter {
  const { id, protocol = 0, members, gateway, link, onLink, blackhole } = spec;
  const flags = onLink === true ? RTNH_F_ONLINK : 0;
  writer.u8(familyOf(spec)).u8(0).u8(protocol).u8(0).u32(flags).attributeU32(NHA.ID, id);
  if (members !== undefined) return writer.attribute(NHA.GROUP, octetsOf(members));
  if (blackhole === true) return writer.attribute(NHA.BLACKHOLE, NOTHING);
  if (gateway !== undefined) writer.attributeAddress(NHA.GATEWAY, gateway);
  return link === undefined ? writer : writer.attributeU32(NHA.OIF, linkIndex(link));
}

/** Body of RTM_DELNEXTHOP, or of RTM_GETNEXTHOP for a dump of all. */
export function writeNexthopId(writer: MessageWriter, id?: number): void {
  writer.u8(AF.UNSPEC).u8(0).u8(0).u8(0).u32(0);
  if (id !== undefined) writer.attributeU32(NHA.ID, id);
}

/** An object of RTM_NEWNEXTHOP or RTM_DELNEXTHOP. */
export function readNexthop({ body }: Message): Nexthop {
  const attributes = attributesOf(body, HEADER);
  const group = attributes.get(NHA.GROUP);
  const gateway = attributes.get(NHA.GATEWAY);
  const link = attributes.get(NHA.OIF)?.getUint32(0, true);
  const isOnLink = (body.getUint32(4, true) & RTNH_F_ONLINK) !== 0;
  return {
    id: attributes.get(NHA.ID)?.getUint32(0, true) ?? 0,
    protocol: body.getUint8(2),
    ...(group === undefined ? {} : { members: membersOf(group) }),
    ...(attributes.has(NHA.BLACKHOLE) ? { blackhole: true } : {}),
    ...(gateway === undefined ? {} : { gateway: addressFromBytes(bytesOf(gateway)) }),
    ...(link === undefined ? {} : { link }),
    ...(isOnLink ? { onLink: true } : {}),
  };
}

/** A group has none of its own; what has no gateway is IPv4's unless it is said. */
function familyOf({ members, gateway, family }: NexthopSpec): number {
  if (members !== undefined) return AF.UNSPEC;
  const own: Family = family ?? gateway?.family ?? 4;
  return familyTo(own);
}

function octetsOf(members: readonly NexthopMember[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(members.length * MEMBER));
  members.forEach(({ id, weight = 1 }, index) => {
    view.setUint32(index * MEMBER, id, true);
    view.setUint8(index * MEMBER + 4, weight - 1);
  });
  return bytesOf(view);
}

function membersOf(view: DataView): NexthopMember[] {
  const members: NexthopMember[] = [];
  for (let at = 0; at + MEMBER <= view.byteLength; at += MEMBER) {
    const id = view.getUint32(at, true);
    const weight = view.getUint8(at + 4) + 1;
    members.push(weight === 1 ? { id } : { id, weight });
  }
  return members;
}
