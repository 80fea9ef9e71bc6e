/**
 * What an update group is about to announce, by audience and then by set: routes of one set leave together.
 *
 * Each set is held while it waits here, for its routes may be gone before they are told.
 */

import type { AttributeSet } from "./attribute-set.ts";
import type { AttributeSets } from "./attribute-sets.ts";

export class Announcements {
  readonly #sets: AttributeSets;
  readonly #byAudience = new Map<number, Map<AttributeSet, number[]>>();
  /** Where the last route went: the next one mostly goes there too. */
  #audience = 0;
  #set: AttributeSet | undefined;
  #list: number[] = [];

  constructor(sets: AttributeSets) {
    this.#sets = sets;
  }

  /** Audiences that something waits for. */
  get size(): number {
    return this.#byAudience.size;
  }

  /** `number` is a prefix's, or with ADD-PATH a path's. */
  add(audience: number, set: AttributeSet, number: number): void {
    if (set !== this.#set || audience !== this.#audience) {
      this.#list = this.#listOf(audience, set);
      this.#set = set;
      this.#audience = audience;
    }
    this.#list.push(number);
  }

  audiences(): Iterable<[audience: number, ReadonlyMap<AttributeSet, readonly number[]>]> {
    return this.#byAudience;
  }

  /** All of it has been told. */
  clear(): void {
    for (const bySet of this.#byAudience.values()) {
      for (const set of bySet.keys()) this.#sets.release(set);
    }
    this.#byAudience.clear();
    this.#set = undefined;
  }

  #listOf(audience: number, set: AttributeSet): number[] {
    const bySet = this.#byAudience.get(audience) ?? new Map<AttributeSet, number[]>();
    this.#byAudience.set(audience, bySet);
    const known = bySet.get(set);
    if (known !== undefined) return known;
    const list: number[] = [];
    bySet.set(set, list);
    this.#sets.hold(set);
    return list;
  }
}
