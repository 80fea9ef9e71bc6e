/**
 * Loc-RIB (RFC 4271 section 3.2): which path of each prefix is in use, which others share its traffic, and what
 * each decision changed.
 */

import type { AttributeSet } from "./attribute-set.ts";
import type { AttributeSets } from "./attribute-sets.ts";
import type { Chores } from "./chores.ts";
import { Column } from "./column.ts";
import { areComparable, compareRivals, isPairwise, type Rival } from "./compare.ts";
import { type Candidate, type Decided, decide } from "./decide.ts";
import { toldSourceOf } from "./export.ts";
import type { Chosen } from "./exporter.ts";
import type { Member, Members } from "./member.ts";
import { chooseShares, sharesOf } from "./multipath.ts";
import type { NextHops } from "./next-hops.ts";
import { NONE, type PathTable } from "./path-table.ts";
import type { PathSelection, PeerId, Share } from "./route.ts";
import type { ToldPaths } from "./rules.ts";
import { ShareSets } from "./share-sets.ts";
import { chooseTold, tellsAll } from "./told-paths.ts";

export type LocRibParts = {
  readonly paths: PathTable;
  readonly sets: AttributeSets;
  readonly nextHops: NextHops;
  /** Of peers that are gone too, as long as a best path may be theirs. */
  readonly members: Pick<Members, "get">;
  readonly chores: Chores;
  readonly selection: PathSelection;
};

/** A usable path with what became of it. */
export type Explained = {
  readonly row: number;
  readonly decided: Decided;
  readonly state: "best" | "multipath" | "valid";
  /** Why it does not share the traffic, though nothing that counts speaks for the best. */
  readonly refusal: string | undefined;
};

export class LocRib {
  readonly #parts: LocRibParts;
  /** The set of the best path, held, for a freed number may mean another set tomorrow. */
  readonly #set = new Column();
  readonly #peer = new Column();
  /** Where several paths share the traffic, their next hops. */
  readonly #shares = new Column();
  readonly #shareSets = new ShareSets();
  /** Written over and over: the best of a prefix so far, and the one that it is compared with. */
  #leader: Rival | undefined;
  #rival: Rival | undefined;
  /** What was answered last: most prefixes come in a row with others of the same set and peer. */
  #last: Chosen | undefined;
  #lastMember: Member | undefined;
  /** What holds for the decisions from now on. */
  selection: PathSelection;
  /** Prefixes with a best path. */
  size = 0;

  constructor(parts: LocRibParts) {
    this.#parts = parts;
    this.selection = parts.selection;
  }

  /** The best path that was decided last, or undefined. */
  best(prefix: number): Chosen | undefined {
    const set = this.#set.get(prefix);
    return set === NONE ? undefined : this.#chosen(set, this.#peer.get(prefix));
  }

  /** The rows of a prefix that are told to who takes several paths; none where none can be used. */
  told(prefix: number, told: ToldPaths): readonly number[] {
    const usable = this.#usable(prefix);
    if (typeof usable === "number") return usable === NONE ? [] : [usable];
    if (tellsAll(told, usable.length)) return usable;
    const candidates = usable.map((row) => this.#candidate(prefix, row));
    return chooseTold(candidates, this.selection, told).map((index) => usable[index] ?? NONE);
  }

  /** A row that can be used, as export sees it. */
  path(row: number): Chosen {
    const { paths } = this.#parts;
    return this.#chosen(paths.used.get(row), paths.peer.get(row));
  }

  /** The next hops that share the prefix's traffic; undefined where they are not several. */
  shares(prefix: number): readonly Share[] | undefined {
    const shares = this.#shares.get(prefix);
    return shares === NONE ? undefined : this.#shareSets.get(shares);
  }

  /** Decide a prefix anew: whether another path is the best now, or none, or others share its traffic. */
  update(prefix: number): "best" | "shares" | "nothing" {
    const usable = this.#usable(prefix);
    if (typeof usable === "number") {
      const areOthers = this.#setShares(prefix, NONE);
      if (this.#setBest(prefix, usable)) return "best";
      return areOthers ? "shares" : "nothing";
    }
    const rows = this.#choose(prefix, usable);
    const areOthers = this.#setShares(prefix, this.#holdShares(rows));
    if (this.#setBest(prefix, rows[0] ?? NONE)) return "best";
    return areOthers ? "shares" : "nothing";
  }

  /** The rows that can be used, with what decided of each; the best is first. For people. */
  explain(prefix: number): Explained[] {
    const rows = [...this.#parts.paths.ofPrefix(prefix)].filter((row) => this.#isUsable(row));
    if (rows.length === 0) return [];
    const candidates = rows.map((row) => this.#candidate(prefix, row));
    const decided: Decided[] = [];
    const refusals = new Map<number, string>();
    const equal = decide(candidates, this.selection, decided);
    const chosen = chooseShares(candidates, equal, this.selection, refusals);
    const others = rows.map((_, index) => index).filter((index) => !chosen.includes(index));
    return [...chosen, ...others].map((index, position) => ({
      row: rows[index] as number,
      decided: decided[index] as Decided,
      state: position === 0 ? "best" : position < chosen.length ? "multipath" : "valid",
      refusal: refusals.get(index),
    }));
  }

  /** True when it is another. */
  #setBest(prefix: number, row: number): boolean {
    const { paths, sets } = this.#parts;
    const set = row === NONE ? NONE : paths.used.get(row);
    const peer = row === NONE ? NONE : paths.peer.get(row);
    const oldSet = this.#set.get(prefix);
    const oldPeer = this.#peer.get(prefix);
    if (set === oldSet && peer === oldPeer) return false;
    if (set !== NONE) {
      sets.hold(sets.get(set));
      const member = this.#member(peer);
      if (member !== undefined) member.best++;
      this.size++;
    }
    this.#set.set(prefix, set);
    this.#peer.set(prefix, peer);
    if (oldSet !== NONE) {
      sets.release(sets.get(oldSet));
      const member = this.#member(oldPeer);
      if (member !== undefined) member.best--;
      this.size--;
    }
    return true;
  }

  /** True when they are others; the hold on `shares` is taken over. */
  #setShares(prefix: number, shares: number): boolean {
    const old = this.#shares.get(prefix);
    if (old !== NONE) this.#shareSets.release(old);
    if (old === shares) return false;
    this.#shares.set(prefix, shares);
    return true;
  }

  #holdShares(rows: readonly number[]): number {
    if (rows.length === 1) return NONE;
    const { paths, sets } = this.#parts;
    return this.#shareSets.hold(sharesOf(rows.map((row) => sets.get(paths.used.get(row)))));
  }

  /** The usable row, or NONE; a list where there are several, which is not the common case. */
  #usable(prefix: number): number | readonly number[] {
    const { paths } = this.#parts;
    let only = NONE;
    let rows: number[] | undefined;
    for (let row = paths.first(prefix); row !== NONE; row = paths.next.get(row)) {
      if (!this.#isUsable(row)) continue;
      if (only === NONE) only = row;
      else if (rows === undefined) rows = [only, row];
      else rows.push(row);
    }
    return rows ?? only;
  }

  /** The rows in use: the best, then those that share its traffic. */
  #choose(prefix: number, rows: readonly number[]): readonly number[] {
    const quick = isPairwise(this.selection) ? this.#best(rows) : NONE;
    if (quick !== NONE) return [quick];
    const candidates = rows.map((row) => this.#candidate(prefix, row));
    const equal = decide(candidates, this.selection);
    return chooseShares(candidates, equal, this.selection).map((index) => rows[index] ?? NONE);
  }

  /** The best of several rows; NONE where it takes more than comparing two at a time. */
  #best(rows: readonly number[]): number {
    const [first = NONE] = rows;
    let best = first;
    let leader = this.#read(this.#leader, best);
    let rival = this.#rival;
    for (let index = 1; index < rows.length; index++) {
      const row = rows[index] ?? NONE;
      rival = this.#read(rival, row);
      if (!areComparable(leader.set, rival.set)) return NONE;
      if (compareRivals(rival, leader) >= 0) continue;
      best = row;
      [leader, rival] = [rival, leader];
    }
    this.#leader = leader;
    this.#rival = rival;
    return best;
  }

  #read(rival: Rival | undefined, row: number): Rival {
    const { paths, sets } = this.#parts;
    const set = sets.get(paths.used.get(row));
    const peer = this.#member(paths.peer.get(row))?.peer;
    const cost = peer === undefined ? 0 : this.#costOf(set);
    const pathId = paths.pathId.get(row) >>> 0;
    if (rival === undefined) return { set, peer, cost, pathId };
    rival.set = set;
    rival.peer = peer;
    rival.cost = cost;
    rival.pathId = pathId;
    return rival;
  }

  /** Accepted, not about to be swept, and its next hop can be reached (RFC 4271 section 9.1.2.1). */
  #isUsable(row: number): boolean {
    const { paths, sets, nextHops, chores } = this.#parts;
    const used = paths.used.get(row);
    if (used === NONE) return false;
    if (paths.peer.get(row) === NONE) return true;
    if (chores.isVoid(row)) return false;
    return nextHops.ask(sets.get(used)).reachable;
  }

  #candidate(prefix: number, row: number): Candidate {
    const { paths, sets, members } = this.#parts;
    const set = sets.get(paths.used.get(row));
    const id = paths.peer.get(row);
    const peer = members.get(id)?.peer;
    const cost = peer === undefined ? 0 : this.#costOf(set);
    const pathId = paths.pathId.get(row) >>> 0;
    return { set, peer, pathId, cost, isBest: id === this.#peer.get(prefix) };
  }

  #costOf(set: AttributeSet): number {
    return this.#parts.nextHops.ask(set).cost;
  }

  #chosen(set: number, peer: PeerId): Chosen {
    const last = this.#last;
    const from = this.#member(peer)?.peer;
    const attributes = this.#parts.sets.get(set);
    const isLast = last?.set === attributes && last.peer === peer && last.from === from;
    // Only an AIGP travels with the cost in it.
    if (isLast && attributes.aigp === undefined) return last;
    const source = peer === NONE ? "local" : toldSourceOf(from);
    const cost = attributes.aigp === undefined || peer === NONE ? 0 : this.#costOf(attributes);
    this.#last = { set: attributes, source, peer, from, cost };
    return this.#last;
  }

  #member(peer: PeerId): Member | undefined {
    if (this.#lastMember?.id === peer) return this.#lastMember;
    const member = this.#parts.members.get(peer);
    if (member !== undefined) this.#lastMember = member;
    return member;
  }
}
