/**
 * Adj-RIBs-In of all peers in one family (RFC 4271 section 3.2): what each announced, and what import
 * policy made of it. What of an UPDATE comes here is `receive.ts`.
 *
 * Paths are kept as received, rejected ones too, so that a new policy needs no new announcement and
 * `why` can tell of every path.
 */

import { createScratch, type PrefixScratch, readPrefix } from "../wire/nlri.ts";
import type { AttributeSet, AttributeSets } from "./attribute-set.ts";
import { prepare } from "./import.ts";
import { refuse } from "./loop.ts";
import type { Member } from "./member.ts";
import { NONE, type PathTable } from "./path-table.ts";
import type { PrefixTable } from "./prefix-table.ts";
import type { PolicyVerdict, RibPeer, RouteSource } from "./route.ts";

const ORIGINATED: PolicyVerdict = { accept: true, reason: "originated here" };

export type AdjInParts = {
  readonly identifier: number;
  readonly table: PrefixTable;
  readonly paths: PathTable;
  readonly sets: AttributeSets;
  /** The paths of a prefix have changed. */
  readonly changed: (prefix: number) => void;
};

type Rewrite = NonNullable<PolicyVerdict["rewrite"]>;

/** The judgement of one set from one peer. */
type Judge = {
  /** On the prefix in the scratch record. */
  readonly verdict: () => PolicyVerdict;
  /** The set that an accepting verdict makes. */
  readonly made: (rewrite: Rewrite | undefined) => AttributeSet;
};

export class AdjIn {
  readonly #parts: AdjInParts;
  readonly #scratch: PrefixScratch;

  constructor(parts: AdjInParts) {
    this.#parts = parts;
    this.#scratch = createScratch(parts.table.family);
  }

  /** Take back the prefixes in a range of the buffer; how many of them were there. */
  withdraw(
    member: Member,
    buffer: Uint8Array,
    [start, end]: readonly [start: number, end: number],
  ): number {
    const { table, paths } = this.#parts;
    let count = 0;
    for (let at = start; at < end; ) {
      at = readPrefix(buffer, at, end, this.#scratch);
      const prefix = table.find(this.#scratch);
      const row = prefix === NONE ? NONE : paths.find(prefix, member.id);
      if (row === NONE) continue;
      this.#remove(member, row);
      count++;
    }
    return count;
  }

  /** Take the prefixes in a range of the buffer with a set; how many they are. */
  announce(
    member: Member,
    set: AttributeSet,
    buffer: Uint8Array,
    [start, end]: readonly [start: number, end: number],
  ): number {
    const { table, paths } = this.#parts;
    const judge = this.#judgeOf(member, set);
    let count = 0;
    for (let at = start; at < end; count++) {
      at = readPrefix(buffer, at, end, this.#scratch);
      const prefix = table.insert(this.#scratch);
      const known = paths.find(prefix, member.id);
      if (known !== NONE) paths.round.set(known, member.round);
      // The same again changes nothing: policies depend on the route alone.
      if (known !== NONE && paths.received.get(known) === set.id) continue;
      const row = known === NONE ? paths.add(prefix, member.id) : known;
      if (known === NONE) {
        member.received++;
        paths.round.set(row, member.round);
      }
      this.#setReceived(row, set);
      this.#apply(member, row, judge);
    }
    return count;
  }

  /** Put in, or replace, a route of our own. */
  originate(prefix: number, set: AttributeSet): void {
    const { paths } = this.#parts;
    const known = paths.find(prefix, NONE);
    const row = known === NONE ? paths.add(prefix, NONE) : known;
    this.#setReceived(row, set);
    this.#judge(undefined, row, ORIGINATED, set);
  }

  /** Take out a route of our own. */
  retract(prefix: number): void {
    const row = this.#parts.paths.find(prefix, NONE);
    if (row !== NONE) this.#remove(undefined, row);
  }

  /** Forget all paths of a peer. */
  clear(member: Member): void {
    for (const row of this.#parts.paths.ofPeer(member.id)) this.#remove(member, row);
  }

  /** The peer begins to announce its whole table again (RFC 7313 section 4.2): what it has may be stale. */
  beginRefresh(member: Member): void {
    member.round++;
    member.isRefreshing = true;
  }

  /** It has done so: what it has not announced meanwhile is gone. */
  endRefresh(member: Member): void {
    if (!member.isRefreshing) return;
    member.isRefreshing = false;
    const { paths } = this.#parts;
    for (const row of paths.ofPeer(member.id)) {
      if (paths.round.get(row) !== member.round) this.#remove(member, row);
    }
  }

  /** Judge all paths of a peer again, by the policy that it has now. */
  reconsider(member: Member): void {
    const { paths, sets, table } = this.#parts;
    for (const row of paths.ofPeer(member.id)) {
      const set = sets.get(paths.received.get(row));
      table.read(paths.prefix.get(row), this.#scratch);
      this.#apply(member, row, this.#judgeOf(member, set));
    }
  }

  /** What all prefixes of one set from one peer have in common: judged and made once. */
  #judgeOf({ peer }: Member, set: AttributeSet): Judge {
    const refusal = refuse(set.attributes, peer, this.#parts.identifier);
    if (refusal !== undefined) return { verdict: () => refusal, made: () => set };
    const attributes = prepare(set.attributes, peer);
    const route = { prefix: this.#scratch, attributes, source: sourceOf(peer) };
    const sets = new Map<Rewrite | undefined, AttributeSet>();
    return {
      verdict: () => peer.importPolicy(route),
      made: (rewrite) => {
        if (rewrite === undefined && attributes === set.attributes) return set;
        const known = sets.get(rewrite);
        if (known !== undefined) return known;
        const made = this.#parts.sets.intern(rewrite?.(attributes) ?? attributes);
        sets.set(rewrite, made);
        return made;
      },
    };
  }

  /** Judge the prefix in the scratch record. */
  #apply(member: Member, row: number, judge: Judge): void {
    const verdict = judge.verdict();
    this.#judge(member, row, verdict, verdict.accept ? judge.made(verdict.rewrite) : undefined);
  }

  #setReceived(row: number, set: AttributeSet): void {
    const { paths, sets } = this.#parts;
    const old = paths.received.get(row);
    sets.hold(set);
    paths.received.set(row, set.id);
    if (old !== NONE) sets.release(old);
  }

  /** Store the verdict on a row and the set that it makes. */
  #judge(
    member: Member | undefined,
    row: number,
    verdict: PolicyVerdict,
    used: AttributeSet | undefined,
  ): void {
    const { paths, sets } = this.#parts;
    const old = paths.used.get(row);
    if (used !== undefined) sets.hold(used);
    paths.verdict[row] = verdict;
    paths.used.set(row, used?.id ?? NONE);
    if (member !== undefined) {
      member.accepted += (used === undefined ? 0 : 1) - (old === NONE ? 0 : 1);
    }
    if (old !== (used?.id ?? NONE)) this.#parts.changed(paths.prefix.get(row));
    if (old !== NONE) sets.release(old);
  }

  #remove(member: Member | undefined, row: number): void {
    const { paths, sets } = this.#parts;
    const prefix = paths.prefix.get(row);
    const received = paths.received.get(row);
    const used = paths.used.get(row);
    paths.remove(row);
    if (member !== undefined) {
      member.received--;
      if (used !== NONE) member.accepted--;
    }
    if (used !== NONE) sets.release(used);
    sets.release(received);
    this.#parts.changed(prefix);
  }
}

/** Where routes of such a peer come from, as policies see it. */
export function sourceOf({ external }: Pick<RibPeer, "external">): RouteSource {
  return external ? "external" : "internal";
}
