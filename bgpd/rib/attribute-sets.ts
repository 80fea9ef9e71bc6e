/**
 * Attribute sets, interned: one record and one number for all routes that carry the same octets. They are judged once,
 * however many UPDATEs carry them. A set lives as long as somebody holds it.
 */

import { type Address, address4, formatAddress } from "../../lib/address.ts";
import {
  type Announcement,
  decodeAttributes,
  faultsIn,
  worst,
  writeAttributes,
} from "../wire/attribute.ts";
import type { Attributes, Fault } from "../wire/attributes.ts";
import type { WireContext } from "../wire/context.ts";
import {
  encodeNextHop,
  isPresent,
  type MultiprotocolNextHop,
  nextHopFault,
  nextHopOnLink,
  readNextHop,
} from "../wire/multiprotocol.ts";
import { copyOctets, writeBytes, writeU32 } from "../wire/octets.ts";
import { createPlain, type PlainChange, readPlain, writePlain } from "../wire/plain.ts";
import { type UpdateRanges, withReach } from "../wire/update.ts";
import {
  AIGP_SESSION,
  AttributeSet,
  CANONICAL,
  EXTERNAL,
  FOUR_OCTET_AS,
  HEAD,
  type Meaning,
  RECEIVED,
  Recent,
  ZONE,
} from "./attribute-set.ts";
import { ByteIndex } from "./byte-index.ts";

/** Next hops of different sets that are known to be the same; beyond that they are forgotten. */
const MOST_ADDRESSES = 4096;
const LARGEST = 1 << 17;
const NO_FAULTS: readonly Fault[] = [];

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
  /** The same octets. */
  #words = new Int32Array(this.#scratch.buffer);
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
    const hash = isKept ? this.#index.hash(this.#words, length) : 0;
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
      this.#scratch = new Uint8Array(4 * length);
      this.#words = new Int32Array(this.#scratch.buffer);
      return this.intern(attributes);
    }
    const hash = this.#index.hash(this.#words, length);
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
    const hash = this.#index.hash(this.#words, length);
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
