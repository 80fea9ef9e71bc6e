/**
 * Loc-RIB (RFC 4271 section 3.2): which path of each prefix is in use, and what each decision changed.
 */

import type { AttributeSet, AttributeSets } from "./attribute-set.ts";
import { Column } from "./column.ts";
import { type Candidate, type Decided, decide } from "./decide.ts";
import type { Members } from "./member.ts";
import type { NextHops } from "./next-hops.ts";
import { NONE, type PathTable } from "./path-table.ts";
import type { PeerId } from "./route.ts";
import type { Best } from "./update-group.ts";

export type LocRibParts = {
  readonly paths: PathTable;
  readonly sets: AttributeSets;
  readonly nextHops: NextHops;
  readonly members: Members;
};

export class LocRib {
  readonly #parts: LocRibParts;
  /** The set of the best path, held, for a freed number may mean another set tomorrow. */
  readonly #set = new Column();
  readonly #peer = new Column();
  /** Prefixes with a best path. */
  size = 0;

  constructor(parts: LocRibParts) {
    this.#parts = parts;
  }

  /** The best path that was decided last, or undefined. */
  best(prefix: number): Best | undefined {
    const set = this.#set.get(prefix);
    return set === NONE ? undefined : this.#bestOf(set, this.#peer.get(prefix));
  }

  /** Decide a prefix anew; true when another path is the best now, or none. */
  update(prefix: number): boolean {
    const { paths, sets, members } = this.#parts;
    const row = this.#choose(prefix);
    const set = row === NONE ? NONE : paths.used.get(row);
    const peer = row === NONE ? NONE : paths.peer.get(row);
    const oldSet = this.#set.get(prefix);
    const oldPeer = this.#peer.get(prefix);
    if (set === oldSet && peer === oldPeer) return false;
    if (set !== NONE) {
      sets.hold(sets.get(set));
      const member = members.get(peer);
      if (member !== undefined) member.best++;
      this.size++;
    }
    this.#set.set(prefix, set);
    this.#peer.set(prefix, peer);
    if (oldSet !== NONE) {
      sets.release(oldSet);
      const member = members.get(oldPeer);
      if (member !== undefined) member.best--;
      this.size--;
    }
    return true;
  }

  /** The rows that can be used, with what decided of each; the best is first. For people. */
  explain(prefix: number): { readonly row: number; readonly decided: Decided }[] {
    const rows = [...this.#parts.paths.ofPrefix(prefix)].filter((row) => this.#isUsable(row));
    if (rows.length === 0) return [];
    const decided: Decided[] = [];
    const best = decide(
      rows.map((row) => this.#candidate(row)),
      decided,
    );
    const explained = rows.map((row, i) => ({ row, decided: decided[i] as Decided }));
    return [...explained.slice(best, best + 1), ...explained.filter((_, i) => i !== best)];
  }

  #choose(prefix: number): number {
    const { paths } = this.#parts;
    let only = NONE;
    let rows: number[] | undefined;
    for (let row = paths.first(prefix); row !== NONE; row = paths.next.get(row)) {
      if (!this.#isUsable(row)) continue;
      if (only === NONE) only = row;
      else if (rows === undefined) rows = [only, row];
      else rows.push(row);
    }
    if (rows === undefined) return only;
    return rows[decide(rows.map((row) => this.#candidate(row)))] ?? NONE;
  }

  /** Accepted, and its next hop can be reached (RFC 4271 section 9.1.2.1). */
  #isUsable(row: number): boolean {
    const { paths, sets, nextHops } = this.#parts;
    const used = paths.used.get(row);
    if (used === NONE) return false;
    if (paths.peer.get(row) === NONE) return true;
    return nextHops.ask(sets.get(used).attributes.nextHop).reachable;
  }

  #candidate(row: number): Candidate {
    const { paths, sets, members } = this.#parts;
    const set = sets.get(paths.used.get(row));
    const peer = members.get(paths.peer.get(row))?.peer;
    return { set, peer, cost: peer === undefined ? 0 : this.#costOf(set) };
  }

  #costOf({ attributes }: AttributeSet): number {
    return this.#parts.nextHops.ask(attributes.nextHop).cost;
  }

  #bestOf(set: number, peer: PeerId): Best {
    const from = this.#parts.members.get(peer)?.peer;
    const source = peer === NONE ? "local" : from?.external === true ? "external" : "internal";
    const attributes = this.#parts.sets.get(set);
    // Only an AIGP travels with the cost in it.
    const cost = attributes.aigp === undefined || peer === NONE ? 0 : this.#costOf(attributes);
    return { set: attributes, source, peer, from, cost };
  }
}
