/**
 * An attribute set: what all routes have in common that carry the same octets.
 *
 * A set is its octets: as they arrived, with the next hop that came with them, or the canonical ones of what
 * policies and export make. What the decision compares is read off them once; the record of attributes is made of them
 * again when somebody asks for it, for a million routes have too many to keep.
 *
 *     | kind (1) | length of the next hop (1) | its zone (4) | next hop of MP_REACH_NLRI | path attributes
 */

import type { Address } from "../../lib/address.ts";
import { aigpMetric } from "../wire/aigp.ts";
import { asPathLength } from "../wire/as-path.ts";
import { decodeAttributes, encodeAttributes } from "../wire/attribute.ts";
import type { Attributes, Fault, Origin } from "../wire/attributes.ts";
import { linkBandwidth } from "../wire/community.ts";
import { LLGR_STALE } from "../wire/const.ts";
import type { WireContext } from "../wire/context.ts";
import { nextHopOnLink, readNextHop } from "../wire/multiprotocol.ts";
import { type Octets, u32 } from "../wire/octets.ts";
import { countAs, type Plain } from "../wire/plain.ts";
import { withReach } from "../wire/update.ts";
import type { NextHopEntry } from "./next-hops.ts";
import type { PolicyVerdict, RibPeer } from "./route.ts";

/** LOCAL_PREF of a route that has none (RFC 4271 section 9.1.1 leaves it to policy; all use 100). */
export const DEFAULT_LOCAL_PREF = 100;

/** Octets in front of the next hop. */
export const HEAD = 6;
/** Where the zone is: the same octets from another link are another next hop. 0: none. */
export const ZONE = 2;
/** Bits of the kind: on what session octets arrived decides what they mean. */
export const FOUR_OCTET_AS = 1;
export const EXTERNAL = 2;
export const AIGP_SESSION = 4;
export const RECEIVED = 8;
/** Decoded records that are kept, of the sets that were asked for last. */
const RECENT = 256;
/** Of what is made here. */
export const CANONICAL: WireContext = {
  fourOctetAs: true,
  external: false,
  maxLength: 65_535,
  families: [4, 6],
  extendedNextHop: true,
};

export type SetOctets = {
  readonly bytes: Uint8Array;
  readonly hash: number;
  readonly faults: readonly Fault[];
};

/** What octets mean: as the plain ones that they are, or as a record. */
export type Meaning =
  | { readonly plain: Plain; readonly nextHop: Address | undefined }
  | {
      readonly plain: undefined;
      readonly nextHop: Address | undefined;
      readonly attributes: Attributes;
    };

/** One record for all sets that have nothing of it. */
type Rare = {
  readonly aigp: bigint | undefined;
  readonly longLivedStale: boolean;
  readonly isOrdinary: boolean;
  readonly originatorId: number | undefined;
  readonly clusters: number;
  readonly onlyToCustomer: number | undefined;
  readonly bandwidth: number | undefined;
};

const NOTHING_RARE = rareOf({ origin: 0, asPath: [] });

export class AttributeSet {
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly hash: number;
  /** What is wrong with it that does not keep its routes from being used. */
  readonly faults: readonly Fault[];
  /** What the decision compares (RFC 4271 section 9.1.2.2), once per set. */
  readonly localPref: number;
  readonly pathLength: number;
  readonly origin: Origin;
  /** LOCAL_PREF, path length and ORIGIN as one number, of which the smaller is better. */
  readonly rank: number;
  /** Undefined where there is none: its worth is for the decision to say. */
  readonly multiExitDisc: number | undefined;
  /** First AS of the path; 0 when the route began inside this AS. */
  readonly neighbourAs: number;
  readonly nextHop: Address | undefined;
  /** Where the answers about the next hop are, once they were asked for. */
  hop: NextHopEntry | undefined;
  /** The peer whose routes with this set were judged last, and why they are refused, if they are. */
  judgedFor: RibPeer | undefined;
  refusal: PolicyVerdict | undefined;
  holders = 0;
  /** Its octets are of the form that `wire/plain.ts` understands, with the segments of AS_PATH here. */
  readonly isPlain: boolean;
  /** What few sets have. */
  readonly #rare: Rare;
  readonly #pathStart: number;
  readonly #pathEnd: number;
  readonly #recent: Recent;
  #attributes: Attributes | undefined;
  /** Encoded for two-octet sessions, when first sent. */
  #encoded2: Uint8Array | undefined;

  constructor(id: number, octets: SetOctets, meaning: Meaning, recent: Recent) {
    const { plain, nextHop } = meaning;
    this.id = id;
    this.bytes = octets.bytes;
    this.hash = octets.hash;
    this.faults = octets.faults;
    this.nextHop = nextHop;
    this.hop = undefined;
    this.judgedFor = undefined;
    this.refusal = undefined;
    this.#recent = recent;
    this.#encoded2 = undefined;
    this.isPlain = plain !== undefined;
    this.#pathStart = plain?.pathStart ?? 0;
    this.#pathEnd = plain?.pathEnd ?? 0;
    if (plain !== undefined) {
      this.localPref = plain.localPref ?? DEFAULT_LOCAL_PREF;
      this.pathLength = plain.pathLength;
      this.origin = plain.origin;
      this.multiExitDisc = plain.multiExitDisc;
      this.neighbourAs = plain.neighbourAs;
      this.rank = rankOf(this);
      this.#rare = NOTHING_RARE;
      this.#attributes = undefined;
      return;
    }
    const { attributes } = meaning;
    const [first] = attributes.asPath;
    this.localPref = attributes.localPref ?? DEFAULT_LOCAL_PREF;
    this.pathLength = asPathLength(attributes.asPath);
    this.origin = attributes.origin;
    this.multiExitDisc = attributes.multiExitDisc;
    this.neighbourAs = first?.type === "sequence" ? (first.asNumbers[0] ?? 0) : 0;
    this.rank = rankOf(this);
    this.#rare = rareOf(attributes);
    this.#attributes = attributes;
    recent.add(this);
  }

  /** RFC 7311; undefined where there is no metric. */
  get aigp(): bigint | undefined {
    return this.#rare.aigp;
  }

  /** The last choice of all (RFC 9494 section 4.3). */
  get longLivedStale(): boolean {
    return this.#rare.longLivedStale;
  }

  /** Neither AIGP nor long-lived staleness come in between. */
  get isOrdinary(): boolean {
    return this.#rare.isOrdinary;
  }

  get originatorId(): number | undefined {
    return this.#rare.originatorId;
  }

  /** How long its CLUSTER_LIST is. */
  get clusters(): number {
    return this.#rare.clusters;
  }

  get onlyToCustomer(): number | undefined {
    return this.#rare.onlyToCustomer;
  }

  /** In bytes per second (RFC 10005); undefined where there is none, or none to share traffic by. */
  get bandwidth(): number | undefined {
    return this.#rare.bandwidth;
  }

  /** The set as a record, which is shared and not to be changed. */
  get attributes(): Attributes {
    if (this.#attributes === undefined) {
      this.#attributes = decodeSet(this.bytes);
      this.#recent.add(this);
    }
    return this.#attributes;
  }

  /** The next hop as MP_REACH_NLRI has it; undefined where NEXT_HOP says it. Of made sets only. */
  get nextHopField(): Uint8Array | undefined {
    const length = this.bytes[1] ?? 0;
    return length === 0 ? undefined : this.bytes.subarray(HEAD, HEAD + length);
  }

  /** The attributes' octets for a session. Of made sets only. */
  encodedFor(context: WireContext): Octets {
    const { bytes } = this;
    if (context.fourOctetAs) {
      return { buffer: bytes, start: HEAD + (bytes[1] ?? 0), end: bytes.length };
    }
    this.#encoded2 ??= encodeAttributes(this.attributes, context);
    return { buffer: this.#encoded2, start: 0, end: this.#encoded2.length };
  }

  /** How often one of two AS numbers stands in its path. */
  countAs(a: number, b: number): number {
    if (this.isPlain) return countAs(this.bytes, this.#pathStart, this.#pathEnd, a, b);
    let count = 0;
    for (const { asNumbers } of this.attributes.asPath) {
      for (const one of asNumbers) if (one === a || one === b) count++;
    }
    return count;
  }

  /** Let the record go; the octets have all of it. */
  forgetAttributes(): void {
    this.#attributes = undefined;
  }
}

function rareOf(attributes: Attributes): Rare {
  const aigp = attributes.aigp === undefined ? undefined : aigpMetric(attributes.aigp);
  const longLivedStale = attributes.communities?.includes(LLGR_STALE) === true;
  return {
    aigp,
    longLivedStale,
    isOrdinary: aigp === undefined && !longLivedStale,
    originatorId: attributes.originatorId,
    clusters: attributes.clusterList?.length ?? 0,
    onlyToCustomer: attributes.onlyToCustomer,
    bandwidth: bandwidthOf(attributes),
  };
}

/** Of 32, 14 and 2 bits: no message has room for a longer path. */
function rankOf({
  localPref,
  pathLength,
  origin,
}: Pick<AttributeSet, "localPref" | "pathLength" | "origin">): number {
  return ((0xffff_ffff - localPref) * 2 ** 14 + Math.min(pathLength, 2 ** 14 - 1)) * 4 + origin;
}

/** The sets whose records are kept: whoever comes in last pushes out the one that was asked for longest ago. */
export class Recent {
  readonly #sets = Array<AttributeSet | undefined>(RECENT).fill(undefined);
  #next = 0;

  add(set: AttributeSet): void {
    this.#sets[this.#next]?.forgetAttributes();
    this.#sets[this.#next] = set;
    this.#next = (this.#next + 1) % RECENT;
  }
}

/** The record that the octets of a set stand for. */
function decodeSet(bytes: Uint8Array): Attributes {
  const [kind = 0, octets = 0] = bytes;
  const start = HEAD + octets;
  const context: WireContext = {
    ...CANONICAL,
    fourOctetAs: (kind & FOUR_OCTET_AS) !== 0,
    external: (kind & EXTERNAL) !== 0,
    ...((kind & AIGP_SESSION) === 0 ? {} : { aigp: true }),
  };
  const { attributes } = decodeAttributes(bytes, start, bytes.length, context);
  if (attributes === undefined) throw new Error("an attribute set without ORIGIN or AS_PATH");
  if (octets === 0) return attributes;
  const told = readNextHop(bytes, { nextHopStart: HEAD, nextHopEnd: start });
  const zone = u32(bytes, ZONE);
  return withReach(attributes, zone === 0 ? told : nextHopOnLink(told, { link: zone }));
}

/** The lowest of several counts (RFC 10005); neither zero nor what is no number is a share. */
function bandwidthOf({ extendedCommunities }: Attributes): number | undefined {
  if (extendedCommunities === undefined) return undefined;
  const told = extendedCommunities.flatMap((one) => linkBandwidth(one)?.bytesPerSecond ?? []);
  const lowest = Math.min(...told);
  return Number.isFinite(lowest) && lowest > 0 ? lowest : undefined;
}
