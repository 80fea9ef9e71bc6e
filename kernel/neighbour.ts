/** Neighbours: struct ndmsg and NDA_* attributes (linux/neighbour.h). */

import { type Address, addressFromBytes, addressToBytes } from "../lib/address.ts";
import type { Neighbour, NeighbourState } from "./kernel.ts";
import { macFromBytes, macToBytes } from "./link.ts";
import { attributesOf, bytesOf, type Message, type MessageWriter } from "./message.ts";
import { familyFrom, familyTo } from "./route.ts";

const NDA = { DST: 1, LLADDR: 2 } as const;

const STATES: readonly (readonly [number, NeighbourState])[] = [
  [0x80, "permanent"],
  [0x02, "reachable"],
  [0x04, "stale"],
  [0x40, "noarp"],
  [0x20, "failed"],
];

export type NeighbourKey = { readonly link: number; readonly address: Address };

/** Body of RTM_NEWNEIGH and RTM_DELNEIGH. */
export function writeNeighbour(
  writer: MessageWriter,
  { link, address }: NeighbourKey,
  entry?: { readonly mac: string; readonly state: NeighbourState },
): void {
  let state = 0;
  for (const [bit, name] of STATES) if (name === entry?.state) state = bit;
  writer.u8(familyTo(address.family)).u8(0).u16(0).u32(link).u16(state).u8(0).u8(0);
  writer.attribute(NDA.DST, addressToBytes(address));
  if (entry !== undefined) writer.attribute(NDA.LLADDR, macToBytes(entry.mac));
}

/** A neighbour of RTM_NEWNEIGH or RTM_DELNEIGH; undefined for bridge entries and other families. */
export function readNeighbour({ body }: Message): Neighbour | undefined {
  const family = familyFrom(body.getUint8(0));
  const attributes = attributesOf(body, 12);
  const destination = attributes.get(NDA.DST);
  if (family === undefined || destination === undefined) return undefined;
  const mac = attributes.get(NDA.LLADDR);
  const state = body.getUint16(8, true);
  return {
    link: body.getInt32(4, true),
    address: addressFromBytes(bytesOf(destination)),
    ...(mac === undefined || mac.byteLength !== 6 ? {} : { mac: macFromBytes(bytesOf(mac)) }),
    state: STATES.find(([bit]) => (state & bit) !== 0)?.[1] ?? "other",
  };
}
