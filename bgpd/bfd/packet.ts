/**
 * Control packets <-> bytes (RFC 5880 section 4), with the checks of section 6.8.6 that need no session.
 *
 * Not here: whether an authentication section is right (`authentication.ts`).
 *
 * ```
 *  |Vers |  Diag   |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
 *  |                       My Discriminator                        |
 *  |                      Your Discriminator                       |
 *  |                    Desired Min TX Interval                    |
 *  |                   Required Min RX Interval                    |
 *  |                 Required Min Echo RX Interval                 |
 *  |   Auth Type   |   Auth Len    |    Authentication Data...     |
 * ```
 */

import { Reader, Truncated, Writer } from "../../lib/bytes.ts";
import {
  AUTHENTICATION_HEADER_LENGTH,
  HEADER_LENGTH,
  STATES,
  type State,
  VERSION,
} from "./const.ts";
import { BfdError } from "./error.ts";

/** The hashed types of section 4.3 and 4.4, by their names there. */
export type HashType =
  | "keyed MD5"
  | "meticulous keyed MD5"
  | "keyed SHA1"
  | "meticulous keyed SHA1";

/** Number and length of the digest in octets. */
export const HASH_TYPES: Readonly<
  Record<HashType, { readonly code: number; readonly digestLength: number }>
> = {
  "keyed MD5": { code: 2, digestLength: 16 },
  "meticulous keyed MD5": { code: 3, digestLength: 16 },
  "keyed SHA1": { code: 4, digestLength: 20 },
  "meticulous keyed SHA1": { code: 5, digestLength: 20 },
};

const SIMPLE_PASSWORD = 1;

export type AuthenticationSection =
  | {
      readonly type: "simple password";
      readonly keyId: number;
      /** 1 to 16 octets. */
      readonly password: Uint8Array;
    }
  | {
      readonly type: HashType;
      readonly keyId: number;
      readonly sequence: number;
      /** 16 octets of MD5, 20 of SHA1. */
      readonly digest: Uint8Array;
    }
  | { readonly type: "unknown"; readonly code: number; readonly data: Uint8Array };

/** One control packet; intervals in µs. */
export type ControlPacket = {
  readonly diagnostic: number;
  readonly state: State;
  readonly poll: boolean;
  readonly final: boolean;
  readonly controlPlaneIndependent: boolean;
  readonly demand: boolean;
  readonly detectMultiplier: number;
  readonly myDiscriminator: number;
  readonly yourDiscriminator: number;
  readonly desiredMinTxInterval: number;
  readonly requiredMinRxInterval: number;
  readonly requiredMinEchoRxInterval: number;
  readonly authentication: AuthenticationSection | undefined;
};

/** The bits of the second octet below the state. */
const POLL = 0x20;
const FINAL = 0x10;
const CONTROL_PLANE_INDEPENDENT = 0x08;
const AUTHENTICATION_PRESENT = 0x04;
const DEMAND = 0x02;
const MULTIPOINT = 0x01;

/** Read what a datagram carries. Throws `BfdError` with the rule of section 6.8.6 that it breaks. */
export function decodePacket(bytes: Uint8Array): ControlPacket {
  if (bytes.length < HEADER_LENGTH) {
    throw new BfdError(`${bytes.length} octets: expected at least ${HEADER_LENGTH}`);
  }
  const reader = new Reader(bytes);
  const first = reader.u8();
  const flags = reader.u8();
  const detectMultiplier = reader.u8();
  const length = reader.u8();
  const hasAuthentication = (flags & AUTHENTICATION_PRESENT) !== 0;
  const least = HEADER_LENGTH + (hasAuthentication ? AUTHENTICATION_HEADER_LENGTH : 0);
  if (first >>> 5 !== VERSION) throw new BfdError(`version ${first >>> 5}: expected ${VERSION}`);
  if (length < least) throw new BfdError(`Length ${length}: expected at least ${least}`);
  if (length > bytes.length) {
    throw new BfdError(`Length ${length} in a datagram of ${bytes.length} octets`);
  }
  if (detectMultiplier === 0) throw new BfdError("Detect Mult is zero");
  if ((flags & MULTIPOINT) !== 0) throw new BfdError("the Multipoint bit is set");
  const packet = {
    diagnostic: first & 0x1f,
    state: STATES[flags >>> 6] ?? STATES[0],
    poll: (flags & POLL) !== 0,
    final: (flags & FINAL) !== 0,
    controlPlaneIndependent: (flags & CONTROL_PLANE_INDEPENDENT) !== 0,
    demand: (flags & DEMAND) !== 0,
    detectMultiplier,
    myDiscriminator: reader.u32(),
    yourDiscriminator: reader.u32(),
    desiredMinTxInterval: reader.u32(),
    requiredMinRxInterval: reader.u32(),
    requiredMinEchoRxInterval: reader.u32(),
  };
  if (packet.myDiscriminator === 0) throw new BfdError("My Discriminator is zero");
  if (packet.yourDiscriminator === 0 && (packet.state === "Init" || packet.state === "Up")) {
    throw new BfdError(`Your Discriminator is zero in state ${packet.state}`);
  }
  const section = bytes.subarray(HEADER_LENGTH, length);
  return { ...packet, authentication: hasAuthentication ? decodeSection(section) : undefined };
}

/** The bytes of a packet. */
export function encodePacket(packet: ControlPacket): Uint8Array {
  const { authentication } = packet;
  const section = authentication === undefined ? new Uint8Array() : encodeSection(authentication);
  const flags =
    (STATES.indexOf(packet.state) << 6) |
    (packet.poll ? POLL : 0) |
    (packet.final ? FINAL : 0) |
    (packet.controlPlaneIndependent ? CONTROL_PLANE_INDEPENDENT : 0) |
    (authentication === undefined ? 0 : AUTHENTICATION_PRESENT) |
    (packet.demand ? DEMAND : 0);
  return new Writer()
    .u8((VERSION << 5) | packet.diagnostic)
    .u8(flags)
    .u8(packet.detectMultiplier)
    .u8(HEADER_LENGTH + section.length)
    .u32(packet.myDiscriminator)
    .u32(packet.yourDiscriminator)
    .u32(packet.desiredMinTxInterval)
    .u32(packet.requiredMinRxInterval)
    .u32(packet.requiredMinEchoRxInterval)
    .bytes(section)
    .toBytes();
}

function decodeSection(section: Uint8Array): AuthenticationSection {
  try {
    return readSection(new Reader(section), section.length);
  } catch (error) {
    if (!(error instanceof Truncated)) throw error;
    throw new BfdError(`the authentication section ends too early: ${error.message}`);
  }
}

function readSection(reader: Reader, room: number): AuthenticationSection {
  const code = reader.u8();
  const length = reader.u8();
  if (length < AUTHENTICATION_HEADER_LENGTH || length > room) {
    throw new BfdError(`Auth Len ${length}: expected 2 to ${room}`);
  }
  if (code === SIMPLE_PASSWORD) {
    if (length < 4 || length > 19) throw new BfdError(`Auth Len ${length}: expected 4 to 19`);
    return { type: "simple password", keyId: reader.u8(), password: reader.bytes(length - 3) };
  }
  const type = HASH_NAMES.find((name) => HASH_TYPES[name].code === code);
  if (type === undefined) return { type: "unknown", code, data: reader.bytes(length - 2) };
  const { digestLength } = HASH_TYPES[type];
  if (length !== 8 + digestLength) {
    throw new BfdError(`Auth Len ${length} of ${type}: expected ${8 + digestLength}`);
  }
  const keyId = reader.u8();
  reader.u8();
  return { type, keyId, sequence: reader.u32(), digest: reader.bytes(digestLength) };
}

export const HASH_NAMES: readonly HashType[] = [
  "keyed MD5",
  "meticulous keyed MD5",
  "keyed SHA1",
  "meticulous keyed SHA1",
];

function encodeSection(section: AuthenticationSection): Uint8Array {
  const writer = new Writer();
  switch (section.type) {
    case "simple password":
      writer.u8(SIMPLE_PASSWORD).u8(3 + section.password.length);
      return writer.u8(section.keyId).bytes(section.password).toBytes();
    case "unknown":
      return writer
        .u8(section.code)
        .u8(2 + section.data.length)
        .bytes(section.data)
        .toBytes();
    default: {
      const { code, digestLength } = HASH_TYPES[section.type];
      writer
        .u8(code)
        .u8(8 + digestLength)
        .u8(section.keyId)
        .u8(0);
      return writer.u32(section.sequence).bytes(section.digest).toBytes();
    }
  }
}
