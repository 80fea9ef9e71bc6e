/**
 * Capabilities and the optional parameter that carries them (RFC 5492), in the parameters' usual form
 * and in the extended one, whose lengths have two octets (RFC 9072).
 */

import { Reader, Truncated, Writer } from "../../lib/bytes.ts";
import { OPEN_MESSAGE_ERROR, UNSUPPORTED_OPTIONAL_PARAMETER } from "./const.ts";
import { BgpError } from "./error.ts";
import type { Capability, RestartFamily } from "./message.ts";

/** IANA "Capability Codes". */
export const CAPABILITY = {
  MULTIPROTOCOL: 1,
  ROUTE_REFRESH: 2,
  EXTENDED_NEXT_HOP: 5,
  EXTENDED_MESSAGE: 6,
  ROLE: 9,
  GRACEFUL_RESTART: 64,
  FOUR_OCTET_AS: 65,
  ADD_PATH: 69,
  ENHANCED_ROUTE_REFRESH: 70,
  LONG_LIVED_GRACEFUL_RESTART: 71,
} as const;

/** Values of the Role capability (RFC 9234 section 4.1). */
export const ROLE_CODES = { provider: 0, rs: 1, "rs-client": 2, customer: 3, peer: 4 } as const;

/** RFC 4724 section 3: R and N (RFC 8538 section 2) above the Restart Time, and F of a family. */
const RESTARTED = 0x8000;
const NOTIFICATIONS = 0x4000;
const RESTART_TIME = 0x0fff;
const FORWARDING = 0x80;

const PARAMETER_CAPABILITIES = 2;
/** RFC 9072 section 2: as type of the first parameter, and where their length would be. */
const EXTENDED = 255;

/** How a capability's value is read; undefined when it is not as its RFC has it. */
const DECODERS: Readonly<Record<number, (reader: Reader) => Capability | undefined>> = {
  [CAPABILITY.MULTIPROTOCOL]: (reader) => {
    if (reader.left !== 4) return undefined;
    const afi = reader.u16();
    reader.u8();
    return { type: "multiprotocol", afi, safi: reader.u8() };
  },
  [CAPABILITY.ROUTE_REFRESH]: (reader) =>
    reader.left === 0 ? { type: "route refresh" } : undefined,
  [CAPABILITY.EXTENDED_NEXT_HOP]: (reader) => {
    if (reader.left === 0 || reader.left % 6 !== 0) return undefined;
    const encodings = Array.from({ length: reader.left / 6 }, () => ({
      afi: reader.u16(),
      safi: reader.u16(),
      nextHopAfi: reader.u16(),
    }));
    return { type: "extended next hop", encodings };
  },
  [CAPABILITY.ROLE]: (reader) =>
    reader.left === 1 ? { type: "role", role: reader.u8() } : undefined,
  [CAPABILITY.EXTENDED_MESSAGE]: (reader) =>
    reader.left === 0 ? { type: "extended message" } : undefined,
  [CAPABILITY.ENHANCED_ROUTE_REFRESH]: (reader) =>
    reader.left === 0 ? { type: "enhanced route refresh" } : undefined,
  [CAPABILITY.GRACEFUL_RESTART]: (reader) => {
    if (reader.left % 4 !== 2) return undefined;
    const head = reader.u16();
    return {
      type: "graceful restart",
      restarted: (head & RESTARTED) !== 0,
      notifications: (head & NOTIFICATIONS) !== 0,
      time: head & RESTART_TIME,
      families: Array.from({ length: reader.left / 4 }, () => restartFamily(reader)),
    };
  },
  [CAPABILITY.LONG_LIVED_GRACEFUL_RESTART]: (reader) => {
    if (reader.left % 7 !== 0) return undefined;
    const families = Array.from({ length: reader.left / 7 }, () => ({
      ...restartFamily(reader),
      time: (reader.u8() << 16) | reader.u16(),
    }));
    return { type: "long-lived graceful restart", families };
  },
  [CAPABILITY.ADD_PATH]: (reader) => {
    if (reader.left === 0 || reader.left % 4 !== 0) return undefined;
    const families = Array.from({ length: reader.left / 4 }, () => ({
      afi: reader.u16(),
      safi: reader.u8(),
      sendReceive: reader.u8(),
    }));
    // With any other value the capability is not understood.
    const isUnderstood = families.every(({ sendReceive }) => sendReceive > 0 && sendReceive < 4);
    return isUnderstood ? { type: "add-path", families } : undefined;
  },
  [CAPABILITY.FOUR_OCTET_AS]: (reader) =>
    reader.left === 4 ? { type: "four-octet AS", asNumber: reader.u32() } : undefined,
};

/**
 * Read what follows the BGP Identifier of an OPEN: the parameters' length and they themselves. Throws
 * `BgpError` 2/4, or 2/0 when it is malformed.
 */
export function decodeParameters(bytes: Uint8Array): Capability[] {
  const capabilities: Capability[] = [];
  try {
    const { reader, isExtended } = parametersOf(bytes);
    while (reader.left > 0) {
      const type = reader.u8();
      const value = reader.bytes(isExtended ? reader.u16() : reader.u8());
      if (type !== PARAMETER_CAPABILITIES) {
        throw new BgpError(
          OPEN_MESSAGE_ERROR,
          UNSUPPORTED_OPTIONAL_PARAMETER,
          `optional parameter ${type} is not known`,
        );
      }
      capabilities.push(...decodeCapabilities(value));
    }
  } catch (error) {
    if (!(error instanceof Truncated)) throw error;
    throw new BgpError(OPEN_MESSAGE_ERROR, 0, `malformed optional parameters: ${error.message}`);
  }
  return capabilities;
}

/**
 * What follows the BGP Identifier of an OPEN: one parameter with all capabilities, or nothing for none;
 * extended only where the usual form has no room (RFC 9072 section 2).
 */
export function encodeParameters(capabilities: readonly Capability[]): Uint8Array {
  const values = new Writer();
  for (const capability of capabilities) values.bytes(encodeCapability(capability));
  const writer = new Writer();
  if (values.length === 0) return writer.u8(0).toBytes();
  if (values.length + 2 <= 255) {
    writer
      .u8(values.length + 2)
      .u8(PARAMETER_CAPABILITIES)
      .u8(values.length);
  } else {
    writer
      .u8(EXTENDED)
      .u8(EXTENDED)
      .u16(values.length + 3);
    writer.u8(PARAMETER_CAPABILITIES).u16(values.length);
  }
  return writer.bytes(values.toBytes()).toBytes();
}

/** The parameters alone, and in which form they are. The usual length says nothing of extended ones. */
function parametersOf(bytes: Uint8Array): {
  readonly reader: Reader;
  readonly isExtended: boolean;
} {
  const reader = new Reader(bytes);
  const usual = reader.u8();
  const isExtended = usual !== 0 && bytes[1] === EXTENDED;
  if (isExtended) reader.u8();
  const length = isExtended ? reader.u16() : usual;
  if (length !== reader.left) {
    const words = `optional parameters of ${length} octets, but ${reader.left} follow`;
    throw new BgpError(OPEN_MESSAGE_ERROR, 0, words);
  }
  return { reader, isExtended };
}

/** AFI, SAFI and flags; those besides F mean nothing yet. */
function restartFamily(reader: Reader): RestartFamily {
  const afi = reader.u16();
  const safi = reader.u8();
  return { afi, safi, forwarding: (reader.u8() & FORWARDING) !== 0 };
}

function decodeCapabilities(bytes: Uint8Array): Capability[] {
  const reader = new Reader(bytes);
  const capabilities: Capability[] = [];
  while (reader.left > 0) {
    const code = reader.u8();
    const value = reader.bytes(reader.u8());
    // One that is malformed says nothing that could be relied on: kept as unknown, as it came.
    const known = DECODERS[code]?.(new Reader(value));
    capabilities.push(known ?? { type: "unknown", code, value });
  }
  return capabilities;
}

/** Code, length, value. */
function encodeCapability(capability: Capability): Uint8Array {
  const writer = new Writer();
  switch (capability.type) {
    case "multiprotocol":
      writer.u8(CAPABILITY.MULTIPROTOCOL).u8(4).u16(capability.afi).u8(0).u8(capability.safi);
      break;
    case "route refresh":
      writer.u8(CAPABILITY.ROUTE_REFRESH).u8(0);
      break;
    case "extended next hop":
      writer.u8(CAPABILITY.EXTENDED_NEXT_HOP).u8(6 * capability.encodings.length);
      for (const { afi, safi, nextHopAfi } of capability.encodings) {
        writer.u16(afi).u16(safi).u16(nextHopAfi);
      }
      break;
    case "role":
      writer.u8(CAPABILITY.ROLE).u8(1).u8(capability.role);
      break;
    case "extended message":
      writer.u8(CAPABILITY.EXTENDED_MESSAGE).u8(0);
      break;
    case "enhanced route refresh":
      writer.u8(CAPABILITY.ENHANCED_ROUTE_REFRESH).u8(0);
      break;
    case "graceful restart": {
      const { restarted, notifications, time, families } = capability;
      const flags = (restarted ? RESTARTED : 0) | (notifications ? NOTIFICATIONS : 0);
      writer
        .u8(CAPABILITY.GRACEFUL_RESTART)
        .u8(2 + 4 * families.length)
        .u16(flags | time);
      for (const { afi, safi, forwarding } of families) {
        writer
          .u16(afi)
          .u8(safi)
          .u8(forwarding ? FORWARDING : 0);
      }
      break;
    }
    case "long-lived graceful restart":
      writer.u8(CAPABILITY.LONG_LIVED_GRACEFUL_RESTART).u8(7 * capability.families.length);
      for (const { afi, safi, forwarding, time } of capability.families) {
        writer
          .u16(afi)
          .u8(safi)
          .u8(forwarding ? FORWARDING : 0);
        writer.u8(time >> 16).u16(time & 0xffff);
      }
      break;
    case "four-octet AS":
      writer.u8(CAPABILITY.FOUR_OCTET_AS).u8(4).u32(capability.asNumber);
      break;
    case "add-path":
      writer.u8(CAPABILITY.ADD_PATH).u8(4 * capability.families.length);
      for (const { afi, safi, sendReceive } of capability.families) {
        writer.u16(afi).u8(safi).u8(sendReceive);
      }
      break;
    case "unknown":
      writer.u8(capability.code).u8(capability.value.length).bytes(capability.value);
  }
  return writer.toBytes();
}
