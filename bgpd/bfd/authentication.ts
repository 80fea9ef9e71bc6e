/**
 * Keyed MD5 and SHA1, plain and meticulous (RFC 5880 section 6.7): signing, and judging what came.
 *
 * The digest is taken over the whole packet with the key, filled up with zeros, in the digest's place. The
 * simple password (section 6.7.2) is read and never accepted: whoever listens has it.
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { HEADER_LENGTH } from "./const.ts";
import { type ControlPacket, encodePacket, HASH_TYPES, type HashType } from "./packet.ts";

export type Authentication = {
  readonly type: HashType;
  /** 0 to 255. */
  readonly keyId: number;
  /** 1 to 16 octets for MD5, to 20 for SHA1. */
  readonly key: Uint8Array;
};

/** Where the packet's length and its digest lie. */
const LENGTH_OFFSET = 3;
const DIGEST_OFFSET = HEADER_LENGTH + 8;

/** Whether each packet must have a number of its own (section 6.7.3, 6.7.4). */
export function isMeticulous({ type }: Authentication): boolean {
  return type === "meticulous keyed MD5" || type === "meticulous keyed SHA1";
}

/** The bytes of a packet with our authentication section, or with none. `sequence` is bfd.XmitAuthSeq. */
export function encodeSigned(
  packet: Omit<ControlPacket, "authentication">,
  authentication: Authentication | undefined,
  sequence: number,
): Uint8Array {
  if (authentication === undefined) return encodePacket({ ...packet, authentication });
  const { type, keyId } = authentication;
  const digest = paddedKey(authentication);
  const bytes = encodePacket({ ...packet, authentication: { type, keyId, sequence, digest } });
  bytes.set(digestOf(bytes, authentication), DIGEST_OFFSET);
  return bytes;
}

/** What is known of the peer's numbering: bfd.RcvAuthSeq; undefined while bfd.AuthSeqKnown is 0. */
export type Judged = {
  readonly authentication: Authentication | undefined;
  readonly receivedSequence: number | undefined;
};

/**
 * Section 6.7 for one received packet: the new bfd.RcvAuthSeq (undefined without authentication), or the fault
 * for which it is discarded.
 */
export function authenticate(
  { authentication, receivedSequence }: Judged,
  packet: ControlPacket,
  bytes: Uint8Array,
): { readonly sequence: number | undefined } | { readonly fault: string } {
  const section = packet.authentication;
  if (authentication === undefined) {
    return section === undefined
      ? { sequence: undefined }
      : { fault: `authenticated by ${section.type}, but none is configured` };
  }
  if (section === undefined) {
    return { fault: `not authenticated: expected ${authentication.type}` };
  }
  if (section.type === "unknown" || section.type === "simple password") {
    return { fault: `authenticated by ${section.type}: expected ${authentication.type}` };
  }
  const { type, keyId, sequence, digest } = section;
  if (type !== authentication.type) {
    return { fault: `authenticated by ${type}: expected ${authentication.type}` };
  }
  if (keyId !== authentication.keyId) {
    return { fault: `key ID ${keyId}: expected ${authentication.keyId}` };
  }
  if (receivedSequence !== undefined) {
    // In circular 32-bit numbers.
    const ahead = (sequence - receivedSequence) >>> 0;
    const isNext =
      ahead >= (isMeticulous(authentication) ? 1 : 0) && ahead <= 3 * packet.detectMultiplier;
    if (!isNext) {
      return { fault: `sequence number ${sequence} after ${receivedSequence}: out of its window` };
    }
  }
  const signed = bytes.slice(0, bytes[LENGTH_OFFSET]);
  signed.set(paddedKey(authentication), DIGEST_OFFSET);
  if (!timingSafeEqual(digestOf(signed, authentication), digest)) {
    return { fault: `the ${type} digest is wrong: the peer's key ${keyId} is another` };
  }
  return { sequence };
}

function paddedKey({ type, key }: Authentication): Uint8Array {
  const padded = new Uint8Array(HASH_TYPES[type].digestLength);
  padded.set(key.subarray(0, padded.length));
  return padded;
}

function digestOf(bytes: Uint8Array, { type }: Authentication): Uint8Array {
  const algorithm = HASH_TYPES[type].digestLength === 16 ? "md5" : "sha1";
  return createHash(algorithm).update(bytes).digest();
}
