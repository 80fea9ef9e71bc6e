/**
 * What attribute sets become for the peers of an update group: made once, and held until the set is gone.
 *
 * A reflected route carries the identifier of whom it came from (RFC 4456 section 8), so that one set of several
 * clients becomes several.
 */

import type { AttributeSet, AttributeSets } from "./attribute-set.ts";
import type { PolicyVerdict, RouteSource } from "./route.ts";

export type Rewrite = NonNullable<PolicyVerdict["rewrite"]>;

/** What of a route an exported set is made from. */
export type Ingredients = {
  readonly set: AttributeSet;
  readonly source: RouteSource;
  /** To the next hop; 0 for a set without AIGP. */
  readonly cost: number;
};

/** What a set is exported as, or why it is not. */
type Exported = { readonly set: AttributeSet | string; readonly cost: number };

const SOURCES: readonly RouteSource[] = ["local", "internal", "external"];

export class ExportedSets {
  readonly #sets: AttributeSets;
  /** By (set, source), per rewrite; each entry holds its exported set. */
  readonly #plain = new Map<Rewrite | undefined, Map<number, Exported>>();
  /** Reflected ones: by set, and then by identifier. */
  readonly #reflected = new Map<Rewrite | undefined, Map<number, Map<number, Exported>>>();

  constructor(sets: AttributeSets) {
    this.#sets = sets;
  }

  /**
   * What was made of these; undefined when nothing was, or with another cost. `reflectedFrom` is the BGP Identifier of
   * the internal peer whose route is reflected; undefined where none is. Asked for every prefix: it allocates nothing.
   */
  find(
    { set, source, cost }: Ingredients,
    rewrite: Rewrite | undefined,
    reflectedFrom: number | undefined,
  ): AttributeSet | string | undefined {
    const known =
      reflectedFrom === undefined
        ? this.#plain.get(rewrite)?.get(keyOf(set.id, source))
        : this.#reflected.get(rewrite)?.get(set.id)?.get(reflectedFrom);
    return known?.cost === cost ? known.set : undefined;
  }

  /** Remember what was made of these. */
  keep(
    { set, source, cost }: Ingredients,
    rewrite: Rewrite | undefined,
    reflectedFrom: number | undefined,
    exported: AttributeSet | string,
  ): void {
    const isReflected = reflectedFrom !== undefined;
    const entries = isReflected
      ? innerOf(innerOf(this.#reflected, rewrite), set.id)
      : innerOf(this.#plain, rewrite);
    const key = isReflected ? reflectedFrom : keyOf(set.id, source);
    const known = entries.get(key);
    entries.set(key, { set: exported, cost });
    if (typeof exported === "object" && exported.id !== set.id) this.#sets.hold(exported);
    // What another cost had made of it; whoever was told that holds it.
    this.#release(known, set.id);
  }

  /** A set is gone: what was made of it is let go. */
  forget(id: number): void {
    for (const bySource of this.#plain.values()) {
      for (const source of SOURCES) {
        const key = keyOf(id, source);
        const exported = bySource.get(key);
        if (bySource.delete(key)) this.#release(exported, id);
      }
    }
    for (const bySet of this.#reflected.values()) {
      const gone = bySet.get(id);
      if (!bySet.delete(id)) continue;
      for (const exported of gone?.values() ?? []) this.#release(exported, id);
    }
  }

  /** Let go of everything. */
  clear(): void {
    const plain = [...this.#plain.values()].flatMap((bySource) => [...bySource]);
    const reflected = [...this.#reflected.values()].flatMap((bySet) => [...bySet]);
    this.#plain.clear();
    this.#reflected.clear();
    for (const [key, exported] of plain) {
      this.#release(exported, Math.floor(key / SOURCES.length));
    }
    for (const [id, byIdentifier] of reflected) {
      for (const exported of byIdentifier.values()) this.#release(exported, id);
    }
  }

  /** A set that became itself was not held. */
  #release(exported: Exported | undefined, madeOf: number): void {
    const set = exported?.set;
    if (typeof set === "object" && set.id !== madeOf) this.#sets.release(set.id);
  }
}

function keyOf(id: number, source: RouteSource): number {
  return id * SOURCES.length + SOURCES.indexOf(source);
}

function innerOf<Key, Value>(map: Map<Key, Map<number, Value>>, key: Key): Map<number, Value> {
  const known = map.get(key);
  if (known !== undefined) return known;
  const inner = new Map<number, Value>();
  map.set(key, inner);
  return inner;
}
