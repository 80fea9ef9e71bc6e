/**
 * Attribute sets, interned: one record and one number for all routes that carry the same octets.
 *
 * A set is its octets: as they arrived, with the next hop that came with them, or the canonical ones of what
 * policies and export make. They are judged once, however many UPDATEs carry them; the record of attributes is made
 * of them again when somebody asks for it, for a million routes have too many to keep. A set lives as long as
 * somebody holds it.
 *
 *     | kind (1) | length of the next hop (1) | its zone (4) | next hop of MP_REACH_NLRI | path attributes
 */

import { type Address, address4, formatAddress } from "../../lib/address.ts";
import { aigpMetric } from "../wire/aigp.ts";
import { asPathLength } from "../wire/as-path.ts";
import {
  type Announcement,
  decodeAttributes,
  encodeAttributes,
  faultsIn,
  worst,
  writeAttributes,
} from "../wire/attribute.ts";
import type { Attributes, Fault, Origin } from "../wire/attributes.ts";
import { linkBandwidth } from "../wire/community.ts";
import { LLGR_STALE } from "../wire/const.ts";
import type { WireContext } from "../wire/context.ts";
import {
  encodeNextHop,
  isPresent,
  type MultiprotocolNextHop,
  nextHopFault,
  nextHopOnLink,
  readNextHop,
} from "../wire/multiprotocol.ts";
import { copyOctets, type Octets, u32, writeBytes, writeU32 } from "../wire/octets.ts";
import {
  countAs,
  createPlain,
  type Plain,
  type PlainChange,
  readPlain,
  writePlain,
} from "../wire/plain.ts";
import { type UpdateRanges, withReach } from "../wire/update.ts";
import { ByteIndex } from "./byte-index.ts";
import type { NextHopEntry } from "./next-hops.ts";
import type { PolicyVerdict, RibPeer } from "./route.ts";

/** LOCAL_PREF of a route that has none (RFC 4271 section 9.1.1 leaves it to policy; all use 100). */
export const DEFAULT_LOCAL_PREF = 100;

/** Octets in front of the next hop. */
const HEAD = 6;
/** Where the zone is: the same octets from another link are another next hop. 0: none. */
const ZONE = 2;
/** Bits of the kind: on what session octets arrived decides what they mean. */
const FOUR_OCTET_AS = 1;
const EXTERNAL = 2;
const AIGP_SESSION = 4;
const RECEIVED = 8;
/** Decoded records that are kept, of the sets that were asked for last. */
const RECENT = 256;
/** Next hops of different sets that are known to be the same; beyond that they are forgotten. */
const MOST_ADDRESSES = 4096;
const LARGEST = 1 << 17;
const NO_FAULTS: readonly Fault[] = [];

const CANONICAL: WireContext = {
  fourOctetAs: true,
  external: false,
  maxLength: 65_535,
  families: [4, 6],
  extendedNextHop: true,
};

type SetOctets = {
  readonly bytes: Uint8Array;
  readonly hash: number;
  readonly faults: readonly Fault[];
};

/** What octets mean: as the plain ones that they are, or as a record. */
type Meaning =
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

/** What a raw attribute range turned out to be. */
export type Received = {
  /** Undefined when no route can be made of it. */
  readonly set: AttributeSet | undefined;
  /** What is wrong where prefixes are announced so. */
  readonly faults: readonly Fault[];
};

export class AttributeSets {
  readonly #byId: (AttributeSet | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #index = new ByteIndex<AttributeSet>(this.#byId);
  readonly #recent = new Recent();
  readonly #plain = createPlain();
  readonly #addresses = new Map<number | string, Address>();
  /** Where octets are put together before they are looked for; it grows. */
  #scratch = new Uint8Array(LARGEST);
  /** Called with a set that nobody holds any more. */
  onFree: (set: AttributeSet) => void = () => {};

  get size(): number {
    return this.#index.size;
  }

  /** Every set in use. */
  all(): Iterable<AttributeSet> {
    return this.#index.entries();
  }

  /** The set of a number in use. */
  get(id: number): AttributeSet {
    const set = this.#byId[id];
    if (set === undefined) throw new Error(`attribute set ${id} is not in use`);
    return set;
  }

  /** The set that the attributes of an UPDATE stand for on a session. Not held yet. */
  receive(
    buffer: Uint8Array,
    ranges: UpdateRanges,
    announcement: Announcement,
    context: WireContext,
  ): Received {
    // Without prefixes nobody will ask for it again.
    const isKept = announcement === "nlri" || announcement === "reach";
    const length = isKept ? this.#gather(buffer, ranges, announcement, context) : 0;
    const hash = isKept ? this.#index.hash(this.#scratch, length) : 0;
    const known = isKept ? this.#index.find(this.#scratch, length, hash) : undefined;
    if (known !== undefined) return { set: known, faults: known.faults };
    if (isKept && context.fourOctetAs) {
      const hop = this.#plainHop(buffer, ranges, announcement, length, context);
      if (hop !== undefined) {
        const set = this.#add(length, hash, { plain: this.#plain, nextHop: hop });
        return { set, faults: NO_FAULTS };
      }
    }
    const { attributesStart, attributesEnd } = ranges;
    const decoded = decodeAttributes(buffer, attributesStart, attributesEnd, context);
    const inAttributes = faultsIn(decoded, announcement);
    const { attributes } = decoded;
    if (attributes === undefined || !isKept) return { set: undefined, faults: inAttributes };
    const record = { attributes, faults: inAttributes };
    const { told, faults } = this.#toldIn(buffer, ranges, context, record, announcement);
    const disposition = worst(faults);
    const isUsable = disposition === undefined || disposition === "attribute discard";
    return { set: isUsable ? this.#addRecord(length, hash, told, faults) : undefined, faults };
  }

  /** The set of these attributes. Not held yet: `hold` it or `dropUnheld`. */
  intern(attributes: Attributes): AttributeSet {
    const { nextHop } = attributes;
    const start = this.#begin(nextHop?.family === 6 ? { ...attributes, nextHop } : undefined);
    const length = writeAttributes(this.#scratch, start, attributes, CANONICAL);
    if (length > this.#scratch.length) {
      this.#scratch = new Uint8Array(2 * length);
      return this.intern(attributes);
    }
    const hash = this.#index.hash(this.#scratch, length);
    const known = this.#index.find(this.#scratch, length, hash);
    if (known !== undefined) return known;
    return readPlain(this.#scratch, start, length, false, this.#plain)
      ? this.#add(length, hash, { plain: this.#plain, nextHop: this.#shared(nextHop) })
      : this.#addRecord(length, hash, attributes, NO_FAULTS);
  }

  /** The set that a plain one becomes when it is changed so; `hop` is told in MP_REACH_NLRI. Not held yet. */
  internPlain(of: AttributeSet, change: PlainChange, hop: MultiprotocolNextHop): AttributeSet {
    const start = this.#begin(change.nextHop === undefined ? hop : undefined);
    const octets = { buffer: of.bytes, start: HEAD + (of.bytes[1] ?? 0), end: of.bytes.length };
    const length = writePlain(this.#scratch, start, octets, change);
    const hash = this.#index.hash(this.#scratch, length);
    const known = this.#index.find(this.#scratch, length, hash);
    if (known !== undefined) return known;
    if (!readPlain(this.#scratch, start, length, false, this.#plain)) {
      throw new Error("what was made of plain attributes is not plain");
    }
    return this.#add(length, hash, { plain: this.#plain, nextHop: this.#shared(hop.nextHop) });
  }

  hold(set: AttributeSet, times = 1): void {
    set.holders += times;
  }

  /** Let go of so many holds; the last one frees the set. */
  release(set: AttributeSet, times = 1): void {
    set.holders -= times;
    if (set.holders <= 0) this.#drop(set);
  }

  /** Free a set that was interned and never held. */
  dropUnheld(set: AttributeSet): void {
    if (set.holders === 0 && this.#byId[set.id] === set) this.#drop(set);
  }

  /** Of what is in the scratch octets. */
  #add(
    length: number,
    hash: number,
    meaning: Meaning,
    faults: readonly Fault[] = NO_FAULTS,
  ): AttributeSet {
    const id = this.#free.pop() ?? this.#byId.length;
    const bytes = this.#scratch.slice(0, length);
    const set = new AttributeSet(id, { bytes, hash, faults }, meaning, this.#recent);
    this.#byId[id] = set;
    this.#index.add(set);
    return set;
  }

  #addRecord(
    length: number,
    hash: number,
    attributes: Attributes,
    faults: readonly Fault[],
  ): AttributeSet {
    const nextHop = this.#shared(attributes.nextHop);
    return this.#add(length, hash, { plain: undefined, nextHop, attributes }, faults);
  }

  /** Begin the octets of a made set; where its attributes go. */
  #begin(hop: MultiprotocolNextHop | undefined): number {
    const field = hop === undefined ? undefined : encodeNextHop(hop);
    this.#scratch[0] = FOUR_OCTET_AS;
    this.#scratch[1] = field?.length ?? 0;
    writeU32(this.#scratch, ZONE, hop?.nextHop.zone ?? 0);
    return field === undefined ? HEAD : writeBytes(this.#scratch, HEAD, field);
  }

  /** The next hop of plain octets that have all they need; undefined when the record has to be made. */
  #plainHop(
    buffer: Uint8Array,
    { reach }: UpdateRanges,
    announcement: Announcement,
    length: number,
    context: WireContext,
  ): Address | undefined {
    const start = HEAD + (this.#scratch[1] ?? 0);
    const plain = this.#plain;
    if (!readPlain(this.#scratch, start, length, context.external, plain)) return undefined;
    if (announcement === "nlri") {
      return plain.nextHop === undefined ? undefined : this.#sharedWord(plain.nextHop);
    }
    if (plain.nextHop !== undefined) return undefined;
    const told = nextHopOnLink(readNextHop(buffer, reach), context);
    if (nextHopFault(buffer, reach, told) !== undefined) return undefined;
    return this.#shared(told.nextHop);
  }

  /** Sets of one next hop share its record. */
  #shared(address: Address | undefined): Address | undefined {
    if (address === undefined) return undefined;
    if (address.family === 4) return this.#sharedWord(address.w0);
    const key = formatAddress(address);
    return this.#addresses.get(key) ?? this.#share(key, address);
  }

  #sharedWord(word: number): Address {
    return this.#addresses.get(word) ?? this.#share(word, address4(word));
  }

  #share(key: number | string, address: Address): Address {
    if (this.#addresses.size === MOST_ADDRESSES) this.#addresses.clear();
    this.#addresses.set(key, address);
    return address;
  }

  /** With the next hop of MP_REACH_NLRI, where that announces. */
  #toldIn(
    buffer: Uint8Array,
    { reach }: UpdateRanges,
    context: WireContext,
    { attributes, faults }: { readonly attributes: Attributes; readonly faults: readonly Fault[] },
    announcement: Announcement,
  ): { readonly told: Attributes; readonly faults: readonly Fault[] } {
    if (announcement === "nlri") return { told: attributes, faults };
    const hop = nextHopOnLink(readNextHop(buffer, reach), context);
    const wrong = nextHopFault(buffer, reach, hop);
    return {
      told: withReach(attributes, hop),
      faults: wrong === undefined ? faults : [...faults, wrong],
    };
  }

  /**
   * Put the octets of a set together, without those of prefixes: of MP_REACH_NLRI only the next hop is in them.
   * How many they are.
   */
  #gather(
    buffer: Uint8Array,
    { attributesStart, attributesEnd, reach, unreach }: UpdateRanges,
    announcement: Announcement,
    { fourOctetAs, external, aigp, link = 0 }: WireContext,
  ): number {
    const scratch = this.#scratch;
    scratch[0] =
      RECEIVED |
      (fourOctetAs ? FOUR_OCTET_AS : 0) |
      (external ? EXTERNAL : 0) |
      (aigp === true ? AIGP_SESSION : 0);
    scratch[1] = 0;
    writeU32(scratch, ZONE, announcement === "reach" ? link : 0);
    let to = HEAD;
    if (announcement === "reach") {
      scratch[1] = reach.nextHopEnd - reach.nextHopStart;
      to = copyOctets(buffer, reach.nextHopStart, reach.nextHopEnd, scratch, to);
    }
    if (!isPresent(reach) && !isPresent(unreach)) {
      return copyOctets(buffer, attributesStart, attributesEnd, scratch, to);
    }
    let at = attributesStart;
    for (const range of reach.start < unreach.start ? [reach, unreach] : [unreach, reach]) {
      if (!isPresent(range)) continue;
      to = copyOctets(buffer, at, range.start, scratch, to);
      at = range.end;
    }
    return copyOctets(buffer, at, attributesEnd, scratch, to);
  }

  #drop(set: AttributeSet): void {
    this.onFree(set);
    this.#index.remove(set);
    this.#byId[set.id] = undefined;
    this.#free.push(set.id);
  }
}

/** The sets whose records are kept: whoever comes in last pushes out the one that was asked for longest ago. */
class Recent {
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
