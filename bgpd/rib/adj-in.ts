/**
 * Adj-RIBs-In of all peers in one family (RFC 4271 section 3.2): what each announced, and what import
 * policy made of it. What of an UPDATE comes here is `receive.ts`.
 *
 * Paths are kept as received, rejected ones too, so that a new policy needs no new announcement and
 * `why` can tell of every path.
 */

import { NO_LLGR } from "../wire/const.ts";
import { nlriForm, PATH_ID_OCTETS, readPathId, readPrefix } from "../wire/nlri.ts";
import type { AttributeSet } from "./attribute-set.ts";
import type { AttributeSets } from "./attribute-sets.ts";
import type { Chores } from "./chores.ts";
import { asLongLived, prepare } from "./import.ts";
import { refuse } from "./loop.ts";
import type { Member } from "./member.ts";
import { NONE, type PathTable } from "./path-table.ts";
import type { PrefixTable } from "./prefix-table.ts";
import { hasRoom, NoRoom } from "./room.ts";
import type { PolicyVerdict, RibPeer, RouteSource, Staleness } from "./route.ts";
import { type Attributed, ScratchRoute } from "./scratch-route.ts";

const ORIGINATED: PolicyVerdict = { accept: true, reason: "originated here" };

export type AdjInParts = {
  readonly identifier: number;
  /** Prefixes, paths and sets that there may be. */
  readonly most: number;
  readonly table: PrefixTable;
  readonly paths: PathTable;
  readonly sets: AttributeSets;
  /** Who does later what is due to all paths of a peer. */
  readonly chores: Chores;
  /** The paths of a prefix have changed. */
  readonly changed: (prefix: number) => void;
};

type Rewrite = NonNullable<PolicyVerdict["rewrite"]>;

/** What all prefixes of one set from one peer have in common. */
type Judgement = {
  /** BGP itself refuses the set. */
  readonly refusal: PolicyVerdict | undefined;
  /** As policies see it: mostly the set itself. */
  readonly seen: Attributed;
  /** The sets that were made of it, by rewrite. */
  made: Map<Rewrite | undefined, AttributeSet> | undefined;
};

export class AdjIn {
  readonly #parts: AdjInParts;
  /** What import policies are asked about; its prefix is the one that is being read. */
  readonly #route: ScratchRoute;

  constructor(parts: AdjInParts) {
    this.#parts = parts;
    this.#route = new ScratchRoute(parts.table.family);
  }

  /** Take back the prefixes in a range of the buffer; how many of them were there. */
  withdraw(member: Member, buffer: Uint8Array, start: number, end: number): number {
    const { table, paths } = this.#parts;
    const scratch = this.#route.prefix;
    const ahead = this.#octetsAhead(member);
    let count = 0;
    for (let at = start; at < end; ) {
      const pathId = ahead === 0 ? NONE : readPathId(buffer, at, end);
      at = readPrefix(buffer, at + ahead, end, scratch);
      const prefix = table.find(scratch);
      const row = prefix === NONE ? NONE : paths.find(prefix, member.id, pathId);
      if (row === NONE) continue;
      this.remove(member, row);
      count++;
    }
    return count;
  }

  /** Take the prefixes in a range of the buffer with a set; how many they are. Throws `NoRoom`. */
  announce(
    member: Member,
    set: AttributeSet,
    buffer: Uint8Array,
    start: number,
    end: number,
  ): number {
    const { table, paths, chores, most } = this.#parts;
    const scratch = this.#route.prefix;
    const judgement = this.#judgementOf(member, set);
    // A prefix has an octet at least.
    const isTight = !hasRoom(this.#parts, most - (end - start));
    const ahead = this.#octetsAhead(member);
    let count = 0;
    for (let at = start; at < end; count++) {
      const pathId = ahead === 0 ? NONE : readPathId(buffer, at, end);
      at = readPrefix(buffer, at + ahead, end, scratch);
      if (isTight) this.#makeRoom(member, pathId);
      const prefix = table.insert(scratch);
      const known = paths.find(prefix, member.id, pathId);
      const wasVoid = known !== NONE && chores.isVoid(known);
      const isRevived = wasVoid || (known !== NONE && this.#isLongLived(member, known));
      const row = known === NONE ? paths.add(prefix, member.id, pathId) : known;
      if (known === NONE || paths.round.get(row) !== member.round) member.told++;
      paths.round.set(row, member.round);
      // The same again changes nothing: policies depend on the route alone.
      if (known !== NONE && !isRevived && paths.received.get(known) === set.id) continue;
      if (known === NONE) member.received++;
      this.#setReceived(row, set);
      this.#judge(member, row, set, judgement);
      if (wasVoid) this.#parts.changed(prefix);
    }
    return count;
  }

  /** Put in, or replace, a route of our own. */
  originate(prefix: number, set: AttributeSet): void {
    const { paths } = this.#parts;
    const known = paths.find(prefix, NONE, NONE);
    const row = known === NONE ? paths.add(prefix, NONE, NONE) : known;
    this.#setReceived(row, set);
    this.#setUsed(undefined, row, ORIGINATED, set);
  }

  /** Take out a route of our own. */
  retract(prefix: number): void {
    const row = this.#parts.paths.find(prefix, NONE, NONE);
    if (row !== NONE) this.remove(undefined, row);
  }

  /**
   * The peer begins to announce its whole table again (RFC 7313 section 4.2): what it has may be stale. After a restart
   * its first table is that announcement.
   */
  beginRefresh(member: Member): void {
    if (member.stale === "restart") return;
    member.round++;
    member.told = 0;
    member.stale = "refresh";
  }

  /** It has done so: what it has not announced meanwhile is gone. */
  endRefresh(member: Member): void {
    if (member.stale === "refresh") this.sweep(member);
  }

  /**
   * The session is over, and the peer restarts (RFC 4724 section 4.2): all that it told is stale. What was so before is
   * gone, unless it is long-lived: that has a time of its own (RFC 9494 section 4.2).
   */
  retain(member: Member): void {
    if (member.stale === "restart" && member.longLived === 0) this.sweep(member);
    member.round++;
    member.told = 0;
    member.stale = "restart";
  }

  /** What is stale becomes long-lived stale, but for routes that forbid it (RFC 9494 section 4.2). */
  age(member: Member): void {
    member.longLived = member.round;
    this.#parts.chores.assign(member, "judge the long-lived");
  }

  /** What is stale is gone. */
  sweep(member: Member): void {
    if (member.stale !== undefined) this.#void(member, member.round);
    member.stale = undefined;
    member.longLived = 0;
  }

  /** What is long-lived stale is gone. */
  expire(member: Member): void {
    this.#void(member, member.longLived);
    member.longLived = 0;
  }

  /** Why a path may be gone soon; undefined where the peer stands by it. */
  staleness(member: Member, row: number): Staleness | undefined {
    if (member.stale === undefined || !this.#isStale(member, row)) return undefined;
    return this.#isLongLived(member, row) ? "long-lived" : member.stale;
  }

  /** Judge a path again, by the policy that its peer has now, or the long-lived stale ones alone. */
  reconsider(member: Member, row: number, which: "any" | "long-lived"): void {
    const { paths, sets, table } = this.#parts;
    const set = sets.get(paths.received.get(row));
    const isLongLived = this.#isLongLived(member, row);
    if (!isLongLived && which === "long-lived") return;
    if (isLongLived && set.attributes.communities?.includes(NO_LLGR) === true) {
      this.remove(member, row);
      return;
    }
    table.read(paths.prefix.get(row), this.#route.prefix);
    this.#judge(member, row, set, this.#judgementOf(member, set, isLongLived));
  }

  /** Forget a path. */
  remove(member: Member | undefined, row: number): void {
    const { paths, sets } = this.#parts;
    const prefix = paths.prefix.get(row);
    const received = paths.received.get(row);
    const used = paths.used.get(row);
    if (member !== undefined && paths.round.get(row) === member.round) member.told--;
    paths.remove(row);
    if (member !== undefined) {
      member.received--;
      if (used !== NONE) member.accepted--;
    }
    if (used !== NONE) sets.release(sets.get(used));
    sets.release(sets.get(received));
    this.#parts.changed(prefix);
  }

  /** Octets of the identifier in front of each of the peer's prefixes. */
  #octetsAhead({ peer }: Member): number {
    const form = nlriForm(peer.wire.addPath, "receive", this.#parts.table.family);
    return form === "identified" ? PATH_ID_OCTETS : 0;
  }

  /** Paths of rounds before `round` are gone from now on. */
  #void(member: Member, round: number): void {
    member.goneBefore = Math.max(member.goneBefore, round);
    this.#parts.chores.assign(member, "sweep");
  }

  #isStale({ round }: Member, row: number): boolean {
    return this.#parts.paths.round.get(row) < round;
  }

  #isLongLived({ longLived }: Member, row: number): boolean {
    return this.#parts.paths.round.get(row) < longLived;
  }

  /** Room for a path to the prefix in the scratch record, if it is a new one. */
  #makeRoom(member: Member, pathId: number): void {
    const { table, paths, most } = this.#parts;
    const prefix = table.find(this.#route.prefix);
    const isKnown = prefix !== NONE && paths.find(prefix, member.id, pathId) !== NONE;
    if (!isKnown && !hasRoom(this.#parts, most)) throw new NoRoom(most);
  }

  /** Judged once, and remembered with the set unless its routes are others than they were told as. */
  #judgementOf({ peer }: Member, set: AttributeSet, isLongLived = false): Judgement {
    this.#route.source = sourceOf(peer);
    this.#route.of = set;
    const { judgedFor, refusal } = set;
    if (judgedFor === peer && !isLongLived) return { refusal, seen: set, made: undefined };
    const refused = refuse(set, peer, this.#parts.identifier);
    const prepared = refused === undefined ? prepare(set, peer) : undefined;
    if (prepared === undefined && !isLongLived) {
      set.judgedFor = peer;
      set.refusal = refused;
      return { refusal: refused, seen: set, made: undefined };
    }
    const attributes = prepared ?? set.attributes;
    this.#route.of = { attributes: isLongLived ? asLongLived(attributes) : attributes };
    return { refusal: refused, seen: this.#route.of, made: undefined };
  }

  /** Judge the prefix in the scratch record. */
  #judge(member: Member, row: number, set: AttributeSet, judgement: Judgement): void {
    const verdict = judgement.refusal ?? member.peer.importPolicy(this.#route);
    const used = verdict.accept ? this.#make(set, judgement, verdict.rewrite) : undefined;
    this.#setUsed(member, row, verdict, used);
  }

  /** The set that an accepting verdict makes. */
  #make(set: AttributeSet, judgement: Judgement, rewrite: Rewrite | undefined): AttributeSet {
    const { seen } = judgement;
    if (rewrite === undefined && seen === set) return set;
    judgement.made ??= new Map();
    const known = judgement.made.get(rewrite);
    if (known !== undefined) return known;
    const { attributes } = seen;
    const made = this.#parts.sets.intern(rewrite?.(attributes) ?? attributes);
    judgement.made.set(rewrite, made);
    return made;
  }

  #setReceived(row: number, set: AttributeSet): void {
    const { paths, sets } = this.#parts;
    const old = paths.received.get(row);
    sets.hold(set);
    paths.received.set(row, set.id);
    if (old !== NONE) sets.release(sets.get(old));
  }

  /** Store the verdict on a row and the set that it makes. */
  #setUsed(
    member: Member | undefined,
    row: number,
    verdict: PolicyVerdict,
    used: AttributeSet | undefined,
  ): void {
    const { paths, sets } = this.#parts;
    const old = paths.used.get(row);
    const id = used === undefined ? NONE : used.id;
    if (used !== undefined) sets.hold(used);
    paths.setVerdict(row, verdict);
    paths.used.set(row, id);
    if (member !== undefined) {
      member.accepted += (used === undefined ? 0 : 1) - (old === NONE ? 0 : 1);
    }
    if (old !== id) this.#parts.changed(paths.prefix.get(row));
    if (old !== NONE) sets.release(sets.get(old));
  }
}

/** Where routes of such a peer come from, as policies see it. */
export function sourceOf({ external }: Pick<RibPeer, "external">): RouteSource {
  return external ? "external" : "internal";
}
