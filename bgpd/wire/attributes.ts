/**
 * Path attributes as records: what an attribute set means once decoded (RFC 4271 section 5).
 *
 * The table of codes, flags, codecs and RFC 7606 verdicts is `attribute.ts`.
 */

import type { Address } from "../../lib/address.ts";

/** ORIGIN: 0 IGP, 1 EGP, 2 INCOMPLETE. */
export type Origin = 0 | 1 | 2;

/** One AS_PATH segment; AS numbers are four octets wide whatever the wire had. */
export type AsSegment = {
  readonly type: "set" | "sequence" | "confederation sequence" | "confederation set";
  readonly asNumbers: readonly number[];
};

export type Aggregator = { readonly asNumber: number; readonly address: Address };

/** RFC 8092: Global Administrator and two Local Data Parts, unsigned 32-bit each. */
export type LargeCommunity = readonly [global: number, local1: number, local2: number];

/** An attribute that this speaker does not know: optional transitive ones travel on (Partial set). */
export type UnknownAttribute = {
  readonly code: number;
  readonly flags: number;
  readonly value: Uint8Array;
};

/** A decoded attribute set. Absent means not in the UPDATE. Immutable: sets are shared. */
export type Attributes = {
  readonly origin: Origin;
  readonly asPath: readonly AsSegment[];
  /** Of NEXT_HOP, or of the MP_REACH_NLRI that announced the prefixes (RFC 4760 section 3). */
  readonly nextHop?: Address;
  /** The link-local address that came with a global one (RFC 2545 section 3). */
  readonly nextHopLinkLocal?: Address;
  readonly multiExitDisc?: number;
  readonly localPref?: number;
  readonly atomicAggregate?: true;
  readonly aggregator?: Aggregator;
  /** RFC 1997, as unsigned 32-bit values. */
  readonly communities?: readonly number[];
  /** RFC 4360, RFC 5668: eight octets each, as 16 hexadecimal digits. */
  readonly extendedCommunities?: readonly string[];
  /** RFC 5701: twenty octets each, as 40 hexadecimal digits. */
  readonly ipv6ExtendedCommunities?: readonly string[];
  /** RFC 8092: each once. */
  readonly largeCommunities?: readonly LargeCommunity[];
  /** RFC 7311: the attribute's TLVs as hexadecimal digits; `aigp.ts` reads and raises the metric. */
  readonly aigp?: string;
  /** RFC 9234: the AS that said so. */
  readonly onlyToCustomer?: number;
  /** RFC 4456, understood so that reflected routes from others are judged rightly. */
  readonly originatorId?: number;
  readonly clusterList?: readonly number[];
  readonly unknown?: readonly UnknownAttribute[];
  /**
   * Codes, ascending, of known optional transitive attributes that came with the Partial bit: whoever
   * passes them on must keep it (RFC 4271 section 5).
   */
  readonly partial?: readonly number[];
};

/** RFC 7606 section 2, mildest first; `worst` of several applies to the UPDATE. */
export type FaultVerdict = "attribute discard" | "treat as withdraw" | "session reset";

/** One thing wrong with an UPDATE's attributes, with both its dispositions. */
export type Fault = {
  readonly verdict: FaultVerdict;
  /** Attribute type code. */
  readonly attribute: number;
  /** UPDATE Message Error subcode that RFC 4271 section 6.3 names for it. */
  readonly subcode: number;
  readonly data: Uint8Array;
  readonly message: string;
};
