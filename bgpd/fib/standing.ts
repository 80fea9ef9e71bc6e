/** How the routes that are wanted stand: for whoever asks, and for nobody else. */

import type { Prefix } from "../../lib/prefix.ts";
import { BLACKHOLE, faultOf, isAlive, objectOf } from "./hop.ts";
import type { Way } from "./resolve.ts";
import type { Routes } from "./routes.ts";
import { NONE, type Rows } from "./rows.ts";
import type { NextHop, Target } from "./target.ts";

/** A way that traffic takes, with its share. */
export type WeightedWay = Way & { readonly weight: number };

/** How a wanted prefix stands in the kernel. */
export type FibState =
  | { readonly state: "installed"; readonly target: readonly WeightedWay[] | "blackhole" }
  | { readonly state: "pending" }
  | { readonly state: "failed"; readonly error: string };

export type WantedRoute = {
  readonly prefix: Prefix;
  readonly ways: readonly WeightedWay[] | "blackhole";
  readonly error: string | undefined;
};

/** Why a prefix is not as it should be. */
export type FibFailure = { readonly prefix: Prefix; readonly error: string };

export class Standing {
  readonly #routes: Routes;

  constructor(routes: Routes) {
    this.#routes = routes;
  }

  stateOf(prefix: Prefix): FibState | undefined {
    const rows = this.#routes.of[prefix.family];
    const row = rows.table.find(prefix);
    if (row === NONE || rows.wanted.get(row) === NONE) return undefined;
    const error = this.#errorOf(rows, row);
    if (error !== undefined) return { state: "failed", error };
    const set = this.#setOf(rows, row);
    const object = set === undefined ? BLACKHOLE : objectOf(set);
    if ((set !== undefined && object === 0) || rows.present.get(row) !== object) {
      return { state: "pending" };
    }
    return { state: "installed", target: this.#waysAt(rows, row) };
  }

  targetOf(prefix: Prefix): Target | undefined {
    const rows = this.#routes.of[prefix.family];
    const row = rows.table.find(prefix);
    if (row === NONE || rows.wanted.get(row) === NONE) return undefined;
    return (
      this.#setOf(rows, row)?.shares.map(
        ({ hop: { address, link }, weight }): NextHop => ({
          address,
          weight,
          ...(link === undefined ? {} : { link }),
        }),
      ) ?? "blackhole"
    );
  }

  *wanted(): Generator<WantedRoute> {
    for (const rows of this.#routes.both) {
      for (const row of rows.table.indices()) {
        if (rows.wanted.get(row) === NONE) continue;
        const ways = this.#waysAt(rows, row);
        yield { prefix: rows.prefix(row), ways, error: this.#errorOf(rows, row) };
      }
    }
  }

  outstanding() {
    const { 4: four, 6: six } = this.#routes.of;
    let unresolved = 0;
    for (const set of this.#routes.objects.sets.sets()) {
      if (faultOf(set) !== undefined) unresolved += set.users;
    }
    return {
      pending: four.dirty.size + six.dirty.size,
      refused: four.errors.size + six.errors.size,
      unresolved,
    };
  }

  failures(): FibFailure[] {
    const failures: FibFailure[] = [];
    this.#routes.each((rows, row) => {
      const error = rows.wanted.get(row) === NONE ? rows.errors.get(row) : this.#errorOf(rows, row);
      if (error !== undefined) failures.push({ prefix: rows.prefix(row), error });
    });
    return failures;
  }

  #setOf(rows: Rows, row: number) {
    return this.#routes.objects.sets.get(rows.wanted.get(row));
  }

  #waysAt(rows: Rows, row: number): readonly WeightedWay[] | "blackhole" {
    const set = this.#setOf(rows, row);
    if (set === undefined) return "blackhole";
    return set.shares.flatMap(({ hop, weight }) =>
      isAlive(hop) && hop.way !== undefined ? [{ ...hop.way, weight }] : [],
    );
  }

  /** Why what was asked for is not there, and will not be without something changing. */
  #errorOf(rows: Rows, row: number): string | undefined {
    const set = this.#setOf(rows, row);
    return rows.errors.get(row) ?? (set === undefined ? undefined : faultOf(set));
  }
}
