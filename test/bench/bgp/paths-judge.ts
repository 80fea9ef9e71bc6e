/**
 * What a neighbour holds that is told several paths of each prefix (RFC 7911), and whether these are the paths that there
 * are: each once, under an identifier of its own, with its AS path and next hop.
 */

import { NOTHING, readNetwork, readUpdate, type Taker, type Told, word32 } from "./judge.ts";
import type { Workload } from "./workload.ts";

/** The paths of every prefix, which are as many. */
export type ExpectedPaths = {
  readonly paths: number;
  /** `pathHash` of the AS paths of each attribute set, one after the other. */
  readonly hashes: Uint32Array;
  readonly nextHop: number;
};

export class PathsJudge implements Taker {
  readonly #workload: Workload;
  readonly #expected: ExpectedPaths;
  /** Whether a path is held, by prefix and number of the path, and under which identifier. */
  readonly #held: Uint8Array;
  readonly #identifier: Uint32Array;
  readonly told: Told = { ...NOTHING };
  #good = 0;
  /** What is not as it must be, or nobody's. */
  #wrong = 0;

  constructor(workload: Workload, expected: ExpectedPaths) {
    this.#workload = workload;
    this.#expected = expected;
    this.#held = new Uint8Array(workload.size * expected.paths);
    this.#identifier = new Uint32Array(workload.size * expected.paths);
  }

  /** Every path is there, and nothing else was ever told. */
  get isContent(): boolean {
    return this.#good === this.#held.length && this.#wrong === 0;
  }

  /** For people: how far it is. */
  get summary(): string {
    return `${this.#good} of ${this.#held.length} paths, ${this.#wrong} wrong`;
  }

  /** The body of an UPDATE whose prefixes have identifiers (RFC 7911 section 3). */
  update(bytes: Uint8Array, start: number, end: number): void {
    readUpdate(bytes, start, end, this);
  }

  /** One path. Where the next one is. */
  take(bytes: Uint8Array, start: number, told: Told | undefined): number {
    const identifier = word32(bytes, start);
    const at = start + 4;
    const length = bytes[at] ?? 0;
    const octets = (length + 7) >>> 3;
    const prefix = this.#workload.find(readNetwork(bytes, at), length);
    if (prefix < 0) this.#wrong++;
    else this.#put(prefix, identifier, told);
    return at + 1 + octets;
  }

  /** A path in the place of what has the same identifier. */
  #put(prefix: number, identifier: number, told: Told | undefined): void {
    const { paths, nextHop } = this.#expected;
    const first = prefix * paths;
    for (let at = first; at < first + paths; at++) {
      if (this.#held[at] === 0 || this.#identifier[at] !== identifier) continue;
      this.#held[at] = 0;
      this.#good--;
    }
    if (told === undefined) return;
    const at = first + this.#numberOf(prefix, told.path);
    if (at < first || this.#held[at] === 1 || told.nextHop !== nextHop) {
      this.#wrong++;
      return;
    }
    this.#held[at] = 1;
    this.#identifier[at] = identifier;
    this.#good++;
  }

  /** Which of the prefix's paths it is; -1 for none of them. */
  #numberOf(prefix: number, hash: number): number {
    const { paths, hashes } = this.#expected;
    const first = (this.#workload.setOf[prefix] ?? 0) * paths;
    for (let path = 0; path < paths; path++) if (hashes[first + path] === hash) return path;
    return -1;
  }
}
