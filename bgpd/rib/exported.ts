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
type Exported = {
  readonly madeOf: AttributeSet;
  readonly set: AttributeSet | string;
  readonly cost: number;
};

const SOURCES: readonly RouteSource[] = ["local", "internal", "external"];

export class ExportedSets {
  readonly #sets: AttributeSets;
  /** By the set's number and the source of the route. */
  readonly #plain = new Map<Rewrite | undefined, (Exported | undefined)[]>();
  /** Reflected ones: by set, and then by identifier. */
  readonly #reflected = new Map<Rewrite | undefined, Map<AttributeSet, Map<number, Exported>>>();

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
  ): AttributeSet | string | undefined {
    const known =
      reflectedFrom === undefined
        ? this.#plain.get(rewrite)?.[indexOf(set, source)]
        : this.#reflected.get(rewrite)?.get(set)?.get(reflectedFrom);
    return known?.cost === cost ? known.set : undefined;
  }

  /** Remember what was made of these. */
  keep(
    { set, source, cost }: Ingredients,
    rewrite: Rewrite | undefined,
    reflectedFrom: number | undefined,
    exported: AttributeSet | string,
  ): void {
    const entry: Exported = { madeOf: set, set: exported, cost };
    let known: Exported | undefined;
    if (reflectedFrom === undefined) {
      const entries = innerOf(this.#plain, rewrite, newList);
      known = entries[indexOf(set, source)];
      entries[indexOf(set, source)] = entry;
    } else {
      const bySet = innerOf(
        this.#reflected,
        rewrite,
        () => new Map<AttributeSet, Map<number, Exported>>(),
      );
      const entries = innerOf(bySet, set, () => new Map<number, Exported>());
      known = entries.get(reflectedFrom);
      entries.set(reflectedFrom, entry);
    }
    if (typeof exported === "object" && exported !== set) this.#sets.hold(exported);
    // What another cost had made of it; whoever was told that holds it.
    if (known !== undefined) this.#release(known);
  }

  /** A set is gone: what was made of it is let go. */
  forget(set: AttributeSet): void {
    for (const entries of this.#plain.values()) {
      const first = indexOf(set, "local");
      for (let index = first; index < first + SOURCES.length; index++) {
        const gone = entries[index];
        if (gone === undefined) continue;
        entries[index] = undefined;
        this.#release(gone);
      }
    }
    for (const bySet of this.#reflected.values()) {
      const gone = bySet.get(set);
      if (gone === undefined) continue;
      bySet.delete(set);
      for (const exported of gone.values()) this.#release(exported);
    }
  }

  /** Let go of everything. */
  clear(): void {
    const plain = [...this.#plain.values()].flatMap((entries) =>
      entries.filter((entry) => entry !== undefined),
    );
    const reflected = [...this.#reflected.values()].flatMap((bySet) =>
      [...bySet.values()].flatMap((entries) => [...entries.values()]),
    );
    this.#plain.clear();
    this.#reflected.clear();
    for (const exported of plain) this.#release(exported);
    for (const exported of reflected) this.#release(exported);
  }

  /** A set that became itself was not held. */
  #release({ set, madeOf }: Exported): void {
    if (typeof set === "object" && set !== madeOf) this.#sets.release(set);
  }
}

function indexOf({ id }: AttributeSet, source: RouteSource): number {
  return id * SOURCES.length + SOURCES.indexOf(source);
}

function newList(): (Exported | undefined)[] {
  return [];
}

function innerOf<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const inner = make();
  map.set(key, inner);
  return inner;
}
