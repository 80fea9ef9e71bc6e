/**
 * What a neighbour holds of what it was told, and whether that is right: every prefix with its AS path and next hop, and
 * what a reflector put on it.
 */

import type { Workload } from "./workload.ts";

/** What a prefix must come with. */
export type Expected = {
  /** `pathHash` of the AS path, by prefix. */
  readonly path: Uint32Array;
  /** Next hop as a word, by prefix. */
  readonly nextHop: Uint32Array;
  /** ORIGINATOR_ID by prefix, 0 for none; absent where there is none at all. */
  readonly originator?: Uint32Array;
  /** The CLUSTER_LIST of all prefixes, which has one entry; 0 for none. */
  readonly cluster?: number;
  /** Prefixes that must be there: 1, by prefix. */
  readonly present: Uint8Array;
  /** From this prefix to before that one nothing is expected, and nothing wrong. */
  readonly ignored?: readonly [from: number, to: number];
};

/** Nothing is expected, of any prefix. */
export function createExpected({ size }: Workload): Expected {
  return {
    path: new Uint32Array(size),
    nextHop: new Uint32Array(size),
    present: new Uint8Array(size),
  };
}

const START = 0x811c_9dc5;
/** A CLUSTER_LIST with more than one entry, which nobody expects. */
const SEVERAL = -1;

/** What a prefix came with. */
export type Told = {
  path: number;
  nextHop: number;
  originator: number;
  cluster: number;
};

export const NOTHING: Readonly<Told> = { path: 0, nextHop: 0, originator: 0, cluster: 0 };

/** FNV-1a over the AS numbers, as words. */
export function pathHash(path: Iterable<number>): number {
  let hash = START;
  for (const hop of path) hash = Math.imul(hash ^ hop, 0x0100_0193);
  return hash >>> 0;
}

export class Judge implements Taker {
  readonly #workload: Workload;
  readonly #held: Uint8Array;
  readonly #right: Uint8Array;
  #expected: Expected;
  /** Prefixes held that are as they must be, less those held that must not be there. */
  #good = 0;
  #bad = 0;
  #wanted = 0;
  /** The prefix before this one. */
  #last = -1;
  /** What does not belong to the workload at all. */
  strangers = 0;
  readonly #path: Uint32Array;
  readonly #nextHop: Uint32Array;
  readonly #originator: Uint32Array;
  readonly #cluster: Float64Array;
  /** Of the UPDATE that is being read. */
  readonly told: Told = { ...NOTHING };

  constructor(workload: Workload, expected: Expected = createExpected(workload)) {
    this.#workload = workload;
    this.#held = new Uint8Array(workload.size);
    this.#right = new Uint8Array(workload.size);
    this.#path = new Uint32Array(workload.size);
    this.#nextHop = new Uint32Array(workload.size);
    this.#originator = new Uint32Array(workload.size);
    this.#cluster = new Float64Array(workload.size);
    this.#expected = expected;
    this.expect(expected);
  }

  /** All that must be there is there and right, and nothing else is. */
  get isContent(): boolean {
    return this.#good === this.#wanted && this.#bad === 0;
  }

  /** For people: how far it is. */
  get summary(): string {
    return `${this.#good} of ${this.#wanted} right, ${this.#bad} wrong, ${this.strangers} strange`;
  }

  /** From now on something else is right. */
  expect(expected: Expected): void {
    this.#expected = expected;
    this.#good = 0;
    this.#bad = 0;
    this.#wanted = 0;
    for (let prefix = 0; prefix < this.#workload.size; prefix++) {
      this.#right[prefix] = 0;
      if (this.#isIgnored(prefix)) continue;
      this.#wanted += expected.present[prefix] ?? 0;
      if (this.#held[prefix] === 1) this.#count(prefix);
    }
  }

  /** The body of an UPDATE (RFC 4271 section 4.3). */
  update(bytes: Uint8Array, start: number, end: number): void {
    readUpdate(bytes, start, end, this);
  }

  /** One prefix; without what it was told with it is withdrawn. Where the next one is. */
  take(bytes: Uint8Array, at: number, told: Told | undefined): number {
    const length = bytes[at] ?? 0;
    const octets = (length + 7) >>> 3;
    const prefix = this.#numberOf(readNetwork(bytes, at), length);
    if (prefix < 0) this.strangers++;
    else if (!this.#isIgnored(prefix)) {
      if (this.#held[prefix] === 1) this.#uncount(prefix);
      const { path, nextHop, originator, cluster } = told ?? NOTHING;
      this.#held[prefix] = told === undefined ? 0 : 1;
      this.#path[prefix] = path;
      this.#nextHop[prefix] = nextHop;
      this.#originator[prefix] = originator;
      this.#cluster[prefix] = cluster;
      if (told !== undefined) this.#count(prefix);
    }
    return at + 1 + octets;
  }

  #isIgnored(prefix: number): boolean {
    const { ignored } = this.#expected;
    return ignored !== undefined && prefix >= ignored[0] && prefix < ignored[1];
  }

  /** Prefixes mostly come in the order in which they were announced: the next one is looked at first. */
  #numberOf(network: number, length: number): number {
    const { network: networks, length: lengths, find } = this.#workload;
    const next = this.#last + 1;
    const isNext = networks[next] === network && lengths[next] === length;
    const prefix = isNext ? next : find(network, length);
    if (prefix >= 0) this.#last = prefix;
    return prefix;
  }

  #count(prefix: number): void {
    const { present, path, nextHop, originator, cluster = 0 } = this.#expected;
    const isRight =
      present[prefix] === 1 &&
      path[prefix] === this.#path[prefix] &&
      nextHop[prefix] === this.#nextHop[prefix] &&
      (originator?.[prefix] ?? 0) === this.#originator[prefix] &&
      cluster === this.#cluster[prefix];
    this.#right[prefix] = isRight ? 1 : 0;
    if (isRight) this.#good++;
    else this.#bad++;
  }

  #uncount(prefix: number): void {
    if (this.#right[prefix] === 1) this.#good--;
    else this.#bad--;
  }
}

/** Whoever takes what an UPDATE says. */
export type Taker = {
  /** Written over and over. */
  readonly told: Told;
  /** One of its prefixes, with what it was told with; withdrawn without. Where the next one is. */
  take(bytes: Uint8Array, at: number, told: Told | undefined): number;
};

/** The body of an UPDATE (RFC 4271 section 4.3), prefix by prefix. */
export function readUpdate(bytes: Uint8Array, start: number, end: number, taker: Taker): void {
  const withdrawn = start + 2 + word16(bytes, start);
  for (let at = start + 2; at < withdrawn; ) at = taker.take(bytes, at, undefined);
  const list = withdrawn + 2 + word16(bytes, withdrawn);
  if (list === end) return;
  const told = readTold(bytes, withdrawn + 2, list, taker.told);
  for (let at = list; at < end; ) at = taker.take(bytes, at, told);
}

/** Of a prefix at `at`, as a word. */
export function readNetwork(bytes: Uint8Array, at: number): number {
  const octets = ((bytes[at] ?? 0) + 7) >>> 3;
  let network = 0;
  for (let octet = 0; octet < octets; octet++) {
    network |= (bytes[at + 1 + octet] ?? 0) << (24 - 8 * octet);
  }
  return network >>> 0;
}

/** Path attributes, read into `told`. */
function readTold(bytes: Uint8Array, start: number, end: number, told: Told): Told {
  Object.assign(told, NOTHING, { path: START });
  for (let at = start; at < end; ) {
    const isLong = ((bytes[at] ?? 0) & 0x10) !== 0;
    const code = bytes[at + 1];
    const length = isLong ? word16(bytes, at + 2) : (bytes[at + 2] ?? 0);
    at += isLong ? 4 : 3;
    if (code === 2) told.path = hashOfSegments(bytes, at, at + length) >>> 0;
    else if (code === 3) told.nextHop = word32(bytes, at);
    else if (code === 9) told.originator = word32(bytes, at);
    else if (code === 10) told.cluster = length === 4 ? word32(bytes, at) : SEVERAL;
    at += length;
  }
  return told;
}

function hashOfSegments(bytes: Uint8Array, start: number, end: number): number {
  let hash = START;
  for (let at = start; at < end; ) {
    const hops = bytes[at + 1] ?? 0;
    at += 2;
    for (let hop = 0; hop < hops; hop++, at += 4) {
      hash = Math.imul(hash ^ word32(bytes, at), 0x0100_0193);
    }
  }
  return hash;
}

function word16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

export function word32(bytes: Uint8Array, at: number): number {
  return ((word16(bytes, at) << 16) | word16(bytes, at + 2)) >>> 0;
}
