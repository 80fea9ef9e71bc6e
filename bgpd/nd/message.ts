/**
 * Router Solicitations and Router Advertisements <-> bytes (RFC 4861 sections 4.1, 4.2 and 4.6), with the checks of
 * section 6.1 but for the checksum, which is the kernel's to compute and to check.
 *
 * ```
 *  |  Type 133     |     Code      |          Checksum             |
 *  |                            Reserved                           |
 *  |   Options ...
 *
 *  |  Type 134     |     Code      |          Checksum             |
 *  | Cur Hop Limit |M|O|  Reserved |       Router Lifetime         |
 *  |                         Reachable Time                        |
 *  |                          Retrans Timer                        |
 *  |   Options ...
 * ```
 *
 * Of options only the source link-layer address means something here; others are passed over.
 */

import { type Address, isLinkLocal, isUnspecified } from "../../lib/address.ts";
import { Reader, Truncated, Writer } from "../../lib/bytes.ts";
import {
  FULL_HOPS,
  ROUTER_ADVERTISEMENT,
  ROUTER_SOLICITATION,
  SOURCE_LINK_LAYER_ADDRESS,
} from "./const.ts";
import { NdError } from "./error.ts";

export type RouterSolicitation = {
  readonly type: "solicitation";
  /** Of the sender's link; 6 octets on Ethernet. */
  readonly linkLayer: Uint8Array | undefined;
};

export type RouterAdvertisement = {
  readonly type: "advertisement";
  /** For hosts' packets; 0: this router does not say. */
  readonly hopLimit: number;
  readonly managed: boolean;
  readonly other: boolean;
  /** Seconds for which it wants to be a default router; 0: it does not. */
  readonly lifetime: number;
  /** ms; 0: this router does not say. */
  readonly reachableTime: number;
  readonly retransTimer: number;
  readonly linkLayer: Uint8Array | undefined;
};

export type NdMessage = RouterSolicitation | RouterAdvertisement;

/** How a message came. */
export type Envelope = {
  /** Unspecified of a solicitation whose sender has no address yet. */
  readonly source: Address;
  /** Undefined where nobody knows. */
  readonly hops: number | undefined;
};

const MANAGED = 0x80;
const OTHER = 0x40;
/** Octets that an option's length counts in. */
const UNIT = 8;
/** Octets of the two messages without options. */
const SOLICITATION_LENGTH = 8;
const ADVERTISEMENT_LENGTH = 16;

/** The message in the octets of an ICMPv6 packet from its type on. Throws `NdError`. */
export function decodeMessage(bytes: Uint8Array, { source, hops }: Envelope): NdMessage {
  if (hops !== FULL_HOPS) throw new NdError(`the hop limit is ${hops}, not ${FULL_HOPS}`);
  const reader = new Reader(bytes);
  try {
    const type = reader.u8();
    const isSolicitation = type === ROUTER_SOLICITATION;
    if (!isSolicitation && type !== ROUTER_ADVERTISEMENT) {
      throw new NdError(`type ${type} is neither a solicitation nor an advertisement`);
    }
    const least = isSolicitation ? SOLICITATION_LENGTH : ADVERTISEMENT_LENGTH;
    if (bytes.length < least) {
      throw new NdError(`${bytes.length} octets are too few: at least ${least}`);
    }
    const code = reader.u8();
    if (code !== 0) throw new NdError(`the code is ${code}, not 0`);
    reader.bytes(2);
    return isSolicitation ? solicitationIn(reader, source) : advertisementIn(reader, source);
  } catch (error) {
    if (error instanceof Truncated) throw new NdError("an option exceeds the message");
    throw error;
  }
}

/** The octets from the type on, the checksum zero. */
export function encodeMessage(message: NdMessage): Uint8Array {
  const writer = new Writer();
  if (message.type === "solicitation") {
    writer.u8(ROUTER_SOLICITATION).u8(0).u16(0).u32(0);
  } else {
    const flags = (message.managed ? MANAGED : 0) | (message.other ? OTHER : 0);
    writer.u8(ROUTER_ADVERTISEMENT).u8(0).u16(0);
    writer.u8(message.hopLimit).u8(flags).u16(message.lifetime);
    writer.u32(message.reachableTime).u32(message.retransTimer);
  }
  const { linkLayer } = message;
  if (linkLayer !== undefined) {
    const units = Math.ceil((2 + linkLayer.length) / UNIT);
    const padding = new Uint8Array(units * UNIT - 2 - linkLayer.length);
    writer.u8(SOURCE_LINK_LAYER_ADDRESS).u8(units).bytes(linkLayer).bytes(padding);
  }
  return writer.toBytes();
}

function solicitationIn(reader: Reader, source: Address): RouterSolicitation {
  reader.u32();
  const linkLayer = linkLayerIn(reader);
  // Section 6.1.1: who has no address yet must not say where answers would go.
  if (linkLayer !== undefined && isUnspecified(source)) {
    throw new NdError("a source link-layer address goes with no unspecified source");
  }
  return { type: "solicitation", linkLayer };
}

function advertisementIn(reader: Reader, source: Address): RouterAdvertisement {
  if (!isLinkLocal(source)) throw new NdError("the source is no link-local address");
  const hopLimit = reader.u8();
  const flags = reader.u8();
  return {
    type: "advertisement",
    hopLimit,
    managed: (flags & MANAGED) !== 0,
    other: (flags & OTHER) !== 0,
    lifetime: reader.u16(),
    reachableTime: reader.u32(),
    retransTimer: reader.u32(),
    linkLayer: linkLayerIn(reader),
  };
}

/** Every option must be well formed (section 4.6), whatever it is. */
function linkLayerIn(reader: Reader): Uint8Array | undefined {
  let found: Uint8Array | undefined;
  while (reader.left > 0) {
    const type = reader.u8();
    const units = reader.u8();
    if (units === 0) throw new NdError(`option ${type} has no length`);
    const value = reader.bytes(units * UNIT - 2);
    if (type === SOURCE_LINK_LAYER_ADDRESS) found ??= value.slice();
  }
  return found;
}
