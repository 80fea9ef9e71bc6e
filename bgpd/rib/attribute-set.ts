/**
 * Attribute sets, interned: one record and one number for all routes that carry the same attributes.
 *
 * What arrives is looked up by its raw bytes, so that it is decoded and judged once however many
 * UPDATEs carry it; what is made (by policies, by export) by its canonical bytes. A set lives as long as
 * somebody holds it.
 */

import { aigpMetric } from "../wire/aigp.ts";
import { asPathLength } from "../wire/as-path.ts";
import {
  type Announcement,
  decodeAttributes,
  encodeAttributes,
  faultsIn,
} from "../wire/attribute.ts";
import type { Attributes, Fault } from "../wire/attributes.ts";
import { linkBandwidth } from "../wire/community.ts";
import type { WireContext } from "../wire/context.ts";
import {
  encodeNextHop,
  isPresent,
  nextHopFault,
  nextHopOnLink,
  readNextHop,
} from "../wire/multiprotocol.ts";
import { type UpdateRanges, withReach } from "../wire/update.ts";

export type AttributeSet = {
  readonly id: number;
  readonly attributes: Attributes;
  /** What the decision compares (RFC 4271 section 9.1.2.2), once per set. */
  readonly localPref: number;
  readonly pathLength: number;
  /** Undefined where there is none: its worth is for the decision to say. */
  readonly multiExitDisc: number | undefined;
  /** RFC 7311; undefined where there is no metric. */
  readonly aigp: bigint | undefined;
  /** First AS of the path; 0 when the route began inside this AS. */
  readonly neighbourAs: number;
  /** In bytes per second (RFC 10005); undefined where there is none, or none to share traffic by. */
  readonly bandwidth: number | undefined;
  /** Encoded for four-octet and for two-octet sessions, when first sent. */
  encoded4: Uint8Array | undefined;
  encoded2: Uint8Array | undefined;
  holders: number;
  readonly key: string;
  /** Raw forms under which it arrived. */
  readonly raw: string[];
};

/** What a raw attribute range turned out to be. */
export type Received = {
  /** Undefined when no route can be made of it. */
  readonly set: AttributeSet | undefined;
  /** What is wrong where prefixes are announced so. */
  readonly faults: readonly Fault[];
};

/** LOCAL_PREF of a route that has none (RFC 4271 section 9.1.1 leaves it to policy; all use 100). */
export const DEFAULT_LOCAL_PREF = 100;

const CANONICAL: WireContext = {
  fourOctetAs: true,
  external: false,
  maxLength: 65_535,
  families: [4, 6],
  extendedNextHop: true,
};
/** Raw ranges that made no set are not remembered beyond this many. */
const MOST_FAULTY = 1024;
/**
 * Nor are more forms of one set: flags that mean nothing, orders and repetitions are free to the sender,
 * who could fill our memory with spellings of a single route.
 */
const MOST_FORMS = 8;

export class AttributeSets {
  readonly #byId: (AttributeSet | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #byKey = new Map<string, AttributeSet>();
  readonly #byRaw = new Map<string, Received>();
  #faulty = 0;
  /** Called with the id of a set that nobody holds any more. */
  onFree: (id: number) => void = () => {};

  get size(): number {
    return this.#byKey.size;
  }

  /** Every set in use. */
  all(): Iterable<AttributeSet> {
    return this.#byKey.values();
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
    const raw = rawKey(buffer, ranges, announcement, context);
    const known = this.#byRaw.get(raw);
    if (known !== undefined) return known;
    const decoded = decodeAttributes(buffer, ranges.attributesStart, ranges.attributesEnd, context);
    const faults = faultsIn(decoded, announcement);
    const received =
      announcement === "reach"
        ? this.#received(buffer, ranges, context, { attributes: decoded.attributes, faults })
        : { set: this.#internIf(decoded.attributes), faults };
    const { set } = received;
    if (set === undefined) {
      if (++this.#faulty > MOST_FAULTY) return received;
    } else {
      if (set.raw.length === MOST_FORMS) return received;
      set.raw.push(raw);
    }
    this.#byRaw.set(raw, received);
    return received;
  }

  /** The set of these attributes. Not held yet: `hold` it or `dropUnheld`. */
  intern(attributes: Attributes): AttributeSet {
    const key = keyOf(attributes);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const [first] = attributes.asPath;
    const id = this.#free.pop() ?? this.#byId.length;
    const set: AttributeSet = {
      id,
      attributes,
      localPref: attributes.localPref ?? DEFAULT_LOCAL_PREF,
      pathLength: asPathLength(attributes.asPath),
      multiExitDisc: attributes.multiExitDisc,
      aigp: attributes.aigp === undefined ? undefined : aigpMetric(attributes.aigp),
      neighbourAs: first?.type === "sequence" ? (first.asNumbers[0] ?? 0) : 0,
      bandwidth: bandwidthOf(attributes),
      encoded4: undefined,
      encoded2: undefined,
      holders: 0,
      key,
      raw: [],
    };
    this.#byId[id] = set;
    this.#byKey.set(key, set);
    return set;
  }

  hold(set: AttributeSet): void {
    set.holders++;
  }

  /** Let go of one hold; the last one frees the set. */
  release(id: number): void {
    const set = this.get(id);
    if (--set.holders <= 0) this.#drop(set);
  }

  /** Free a set that was interned and never held. */
  dropUnheld(set: AttributeSet): void {
    if (set.holders === 0 && this.#byId[set.id] === set) this.#drop(set);
  }

  #received(
    buffer: Uint8Array,
    { reach }: UpdateRanges,
    context: WireContext,
    { attributes, faults }: { attributes: Attributes | undefined; faults: readonly Fault[] },
  ): Received {
    const told = nextHopOnLink(readNextHop(buffer, reach), context);
    const wrong = nextHopFault(buffer, reach, told);
    return {
      set: this.#internIf(attributes === undefined ? undefined : withReach(attributes, told)),
      faults: wrong === undefined ? faults : [...faults, wrong],
    };
  }

  #internIf(attributes: Attributes | undefined): AttributeSet | undefined {
    return attributes === undefined ? undefined : this.intern(attributes);
  }

  #drop(set: AttributeSet): void {
    this.onFree(set.id);
    this.#byKey.delete(set.key);
    for (const raw of set.raw) this.#byRaw.delete(raw);
    this.#byId[set.id] = undefined;
    this.#free.push(set.id);
  }
}

/** The set's bytes for a session. */
export function encodedFor(set: AttributeSet, context: WireContext): Uint8Array {
  if (context.fourOctetAs) {
    set.encoded4 ??= encodeAttributes(set.attributes, context);
    return set.encoded4;
  }
  set.encoded2 ??= encodeAttributes(set.attributes, context);
  return set.encoded2;
}

/** The lowest of several counts (RFC 10005); neither zero nor what is no number is a share. */
function bandwidthOf({ extendedCommunities }: Attributes): number | undefined {
  if (extendedCommunities === undefined) return undefined;
  const told = extendedCommunities.flatMap((one) => linkBandwidth(one)?.bytesPerSecond ?? []);
  const lowest = Math.min(...told);
  return Number.isFinite(lowest) && lowest > 0 ? lowest : undefined;
}

/** Canonical bytes; those of a next hop that is no part of them, with their number, in front. */
function keyOf(attributes: Attributes): string {
  const { nextHop } = attributes;
  const bytes = text(encodeAttributes(attributes, CANONICAL));
  if (nextHop?.family !== 6) return `\0${bytes}`;
  const hop = encodeNextHop({ ...attributes, nextHop });
  // The same octets from another link are another next hop.
  const zone = nextHop.zone === undefined ? "" : `%${nextHop.zone}%`;
  return `${zone}${String.fromCharCode(hop.length)}${text(hop)}${bytes}`;
}

/**
 * Raw bytes without those of prefixes: of MP_REACH_NLRI only the next hop, with its length, is in it.
 * They mean the same only on sessions of the same kind and with prefixes in the same place.
 */
function rawKey(
  buffer: Uint8Array,
  { attributesStart, attributesEnd, reach, unreach }: UpdateRanges,
  announcement: Announcement,
  context: WireContext,
): string {
  const { fourOctetAs, external, aigp } = context;
  const kind = (fourOctetAs ? 1 : 0) | (external ? 2 : 0) | (aigp === true ? 4 : 0);
  let key = `${kind}${announcement}`;
  if (announcement === "reach") {
    const { nextHopStart, nextHopEnd } = reach;
    if (context.link !== undefined) key += `%${context.link}%`;
    key += `${nextHopEnd - nextHopStart}:${text(buffer, nextHopStart, nextHopEnd)}`;
  }
  let at = attributesStart;
  for (const range of reach.start < unreach.start ? [reach, unreach] : [unreach, reach]) {
    if (!isPresent(range)) continue;
    key += text(buffer, at, range.start);
    at = range.end;
  }
  return key + text(buffer, at, attributesEnd);
}

function text(buffer: Uint8Array, start = 0, end = buffer.length): string {
  return Buffer.from(buffer.buffer, buffer.byteOffset + start, end - start).toString("latin1");
}
