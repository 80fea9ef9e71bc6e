/**
 * What attribute sets become for the peers of an update group: made once, and held until the set is gone.
 *
 * A reflected route carries the identifier of whom it came from (RFC 4456 section 8), so that one set of several
 * clients becomes several.
 */

import type { AttributeSet } from "./attribute-set.ts";
import type { AttributeSets } from "./attribute-sets.ts";
import type { PolicyVerdict, ToldSource } from "./route.ts";

export type Rewrite = NonNullable<PolicyVerdict["rewrite"]>;

/** What of a route an exported set is made from. */
export type Ingredients = {
  readonly set: AttributeSet;
  readonly source: ToldSource;
  /** To the next hop; 0 for a set without AIGP. */
  readonly cost: number;
};

/** What a set is exported as, or why it is not. */
type Exported = AttributeSet | string;

/** The same of a set whose AIGP has the cost in it. */
type Costly = { readonly madeOf: AttributeSet; readonly set: Exported; readonly cost: number };

const SOURCES: readonly ToldSource[] = ["local", "internal", "external", "behind us"];

export class ExportedSets {
  readonly #sets: AttributeSets;
  /** By the set's number and the source of the route. */
  readonly #plain = new Map<Rewrite | undefined, (Exported | undefined)[]>();
  /** Reflected ones, and those with a cost: by set, and then by source or identifier. */
  readonly #others = new Map<
    Rewrite | undefined,
    Map<AttributeSet, Map<ToldSource | number, Costly>>
  >();

  constructor(sets: AttributeSets) {
    this.#sets = sets;
  }

  /**
   * What was made of these; undefined when nothing was, or with another cost. `reflectedFrom` is the BGP Identifier of
   * the internal peer whose route is reflected; undefined where none is. It allocates nothing.
   */
  find(
    { set, source, cost }: Ingredients,
    rewrite: Rewrite | undefined,
    reflectedFrom: number | undefined,
  ): Exported | undefined {
    if (isPlain(cost, reflectedFrom)) return this.#plain.get(rewrite)?.[indexOf(set, source)];
    const known = this.#others
      .get(rewrite)
      ?.get(set)
      ?.get(reflectedFrom ?? source);
    return known?.cost === cost ? known.set : undefined;
  }

  /** Remember what was made of these. */
  keep(
    { set, source, cost }: Ingredients,
    rewrite: Rewrite | undefined,
    reflectedFrom: number | undefined,
    exported: Exported,
  ): void {
    if (typeof exported === "object" && exported !== set) this.#sets.hold(exported);
    if (isPlain(cost, reflectedFrom)) {
      const entries = innerOf(this.#plain, rewrite, (): (Exported | undefined)[] => []);
      entries[indexOf(set, source)] = exported;
      return;
    }
    const bySet = innerOf(this.#others, rewrite, () => new Map());
    const entries = innerOf(bySet, set, () => new Map<ToldSource | number, Costly>());
    const known = entries.get(reflectedFrom ?? source);
    entries.set(reflectedFrom ?? source, { madeOf: set, set: exported, cost });
    // What another cost had made of it; whoever was told that holds it.
    if (known !== undefined) this.#release(known.set, set.id);
  }

  /** A set is gone: what was made of it is let go. */
  forget(set: AttributeSet): void {
    for (const entries of this.#plain.values()) {
      const first = indexOf(set, "local");
      for (let index = first; index < first + SOURCES.length; index++) {
        const gone = entries[index];
        if (gone === undefined) continue;
        entries[index] = undefined;
        this.#release(gone, set.id);
      }
    }
    for (const bySet of this.#others.values()) {
      const gone = bySet.get(set);
      if (gone === undefined) continue;
      bySet.delete(set);
      for (const exported of gone.values()) this.#release(exported.set, set.id);
    }
  }

  /** Let go of everything. */
  clear(): void {
    const plain = [...this.#plain.values()];
    const others = [...this.#others.values()];
    this.#plain.clear();
    this.#others.clear();
    for (const entries of plain) {
      entries.forEach((exported, index) => {
        if (exported !== undefined) this.#release(exported, Math.floor(index / SOURCES.length));
      });
    }
    for (const bySet of others) {
      for (const entries of bySet.values()) {
        for (const { set, madeOf } of entries.values()) this.#release(set, madeOf.id);
      }
    }
  }

  /** A set that became itself was not held. */
  #release(exported: Exported, madeOf: number): void {
    if (typeof exported === "object" && exported.id !== madeOf) this.#sets.release(exported);
  }
}

function isPlain(cost: number, reflectedFrom: number | undefined): boolean {
  return cost === 0 && reflectedFrom === undefined;
}

function indexOf({ id }: AttributeSet, source: ToldSource): number {
  return id * SOURCES.length + SOURCES.indexOf(source);
}

function innerOf<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const inner = make();
  map.set(key, inner);
  return inner;
}
