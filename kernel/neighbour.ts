/** Neighbours: struct ndmsg and NDA_* attributes (linux/neighbour.h). */

import { type Address, addressFromBytes } from "../lib/address.ts";
import type { Neighbour, NeighbourState } from "./kernel.ts";
import { macFromBytes, macToBytes } from "./link.ts";
import { attributesOf, bytesOf, type Message, type MessageWriter } from "./message.ts";
import { familyFrom, familyTo } from "./route.ts";

const NDA = { DST: 1, LLADDR: 2 } as const;

/** NUD_* */
const STATES: Readonly<Record<NeighbourState, number>> = {
  permanent: 0x80,
  reachable: 0x02,
  stale: 0x04,
  noarp: 0x40,
  failed: 0x20,
  other: 0,
};

/** Body of RTM_NEWNEIGH and RTM_DELNEIGH. */
export function writeNeighbour(
  writer: MessageWriter,
  address: Address,
  link: number,
  entry?: { readonly mac: string; readonly state: NeighbourState },
): void {
  const state = entry === undefined ? 0 : STATES[entry.state];
  writer.u8(familyTo(address.family)).u8(0).u16(0).u32(link).u16(state).u8(0).u8(0);
  writer.attributeAddress(NDA.DST, address);
  if (entry !== undefined) writer.attribute(NDA.LLADDR, macToBytes(entry.mac));
}

/** A neighbour of RTM_NEWNEIGH or RTM_DELNEIGH; undefined for bridge entries and other families. */
export function readNeighbour({ body }: Message): Neighbour | undefined {
  const family = familyFrom(body.getUint8(0));
  const attributes = attributesOf(body, 12);
  const destination = attributes.get(NDA.DST);
  if (family === undefined || destination === undefined) return undefined;
  const mac = attributes.get(NDA.LLADDR);
  return {
    link: body.getInt32(4, true),
    address: addressFromBytes(bytesOf(destination)),
    ...(mac === undefined || mac.byteLength !== 6 ? {} : { mac: macFromBytes(bytesOf(mac)) }),
    state: stateFrom(body.getUint16(8, true)),
  };
}

function stateFrom(bits: number): NeighbourState {
  for (const name in STATES) {
    if ((bits & STATES[name as NeighbourState]) !== 0) return name as NeighbourState;
  }
  return "other";
}
