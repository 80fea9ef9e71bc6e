/**
 * The tables of one family: its prefixes, their paths, what is decided and what peers are told of them.
 *
 * Attribute sets, peers' numbers and answers about next hops are the RIB's, for all families together.
 */

import type { Family } from "../../lib/address.ts";
import { containsPrefix, type Prefix } from "../../lib/prefix.ts";
import { createScratch, type PrefixScratch } from "../wire/nlri.ts";
import { AdjIn } from "./adj-in.ts";
import { AdjOut } from "./adj-out.ts";
import type { AttributeSets } from "./attribute-sets.ts";
import { type Chore, Chores } from "./chores.ts";
import { Dirty } from "./dirty.ts";
import { routeSourceOf } from "./export.ts";
import type { Chosen } from "./exporter.ts";
import { isDiscarded } from "./import.ts";
import { LocRib } from "./loc-rib.ts";
import type { Member } from "./member.ts";
import type { NextHopEntry, NextHops } from "./next-hops.ts";
import { NONE, PathTable } from "./path-table.ts";
import { PrefixTable } from "./prefix-table.ts";
import { MOST } from "./room.ts";
import type {
  BestChange,
  PathSelection,
  PeerCounts,
  PeerId,
  RibEffort,
  RibOptions,
  RibPeer,
} from "./route.ts";
import { View } from "./view.ts";

/** The clock is looked at once per this many decisions, or other small pieces of work. */
const STRIDE = 256;

export type FamilyParts = {
  readonly options: RibOptions;
  /** Counted up for all families together. */
  readonly effort: RibEffort;
  readonly sets: AttributeSets;
  readonly nextHops: NextHops;
};

export class FamilyTables {
  readonly family: Family;
  readonly members = new Map<PeerId, Member>();
  readonly table: PrefixTable;
  readonly paths = new PathTable();
  readonly adjIn: AdjIn;
  readonly adjOut: AdjOut;
  readonly view: View;
  /** Nothing is decided, nor told. */
  isDeferred = false;
  readonly #options: RibOptions;
  readonly #stride: number;
  readonly #effort: RibEffort;
  readonly #sets: AttributeSets;
  readonly #locRib: LocRib;
  readonly #dirty = new Dirty();
  readonly #chores: Chores;
  /** Peers that are gone: best paths may be theirs until all is decided. Some of them may come back. */
  readonly #former = new Map<PeerId, Member>();
  readonly #removed = new Set<PeerId>();
  /** What is told next, and what was told last of a best path. */
  readonly #change: { readonly prefix: PrefixScratch; best: BestChange["best"] };
  #described: { readonly of: Chosen; readonly as: NonNullable<BestChange["best"]> } | undefined;
  /** Prefixes whose number, or those of paths that went, are kept for peers that have still to hear of it. */
  readonly #withheld = new Set<number>();
  /** Those of them that are to be looked at, as somebody has caught up. */
  #released: SetIterator<number> | undefined;
  /** Prefixes whose best may be for others than before, although it is the same. */
  readonly #retold = new Set<number>();
  /** Where what is chosen is to be said again; as long as the prefixes are walked through. */
  #restated: readonly Prefix[] = [];
  /** The prefixes in there that have been come by. */
  readonly #unsaid = new Set<number>();

  constructor(family: Family, { options, effort, sets, nextHops }: FamilyParts) {
    const table = new PrefixTable(family);
    const { paths, members } = this;
    const { identifier, most = MOST } = options;
    const changed = (prefix: number): void => this.#dirty.add(prefix);
    const { selection } = options;
    const { stride = STRIDE } = options;
    const chores = new Chores({
      paths,
      stride,
      visit: (member, row, due) => this.#visit(member, row, due),
      remove: (member, row) => this.adjIn.remove(member, row),
      review: (prefix, changed) => this.#review(prefix, changed),
    });
    const all = { get: (id: PeerId) => members.get(id) ?? this.#former.get(id) };
    const locRib = new LocRib({ paths, sets, nextHops, members: all, chores, selection });
    const send = (peer: PeerId, bytes: Uint8Array): void => options.onSend(peer, bytes, family);
    const isPartial = (peer: string): boolean => options.isPartial?.(peer, family) === true;
    const adjOut = new AdjOut({ table, paths, sets, locRib, stride, send, isPartial });
    this.family = family;
    this.table = table;
    this.adjIn = new AdjIn({ identifier, most, table, paths, sets, chores, changed });
    this.adjOut = adjOut;
    const { adjIn } = this;
    this.view = new View({ table, paths, sets, members, nextHops, locRib, chores, adjIn, adjOut });
    this.#chores = chores;
    this.#options = options;
    this.#stride = stride;
    this.#effort = effort;
    this.#change = { prefix: createScratch(family), best: undefined };
    this.#sets = sets;
    this.#locRib = locRib;
  }

  join(id: PeerId, peer: RibPeer): void {
    const member = this.#former.get(id) ?? createMember(id, peer);
    member.peer = peer;
    member.round++;
    member.told = 0;
    member.stale = undefined;
    member.longLived = 0;
    this.#chores.rejoin(member);
    this.#former.delete(id);
    this.members.set(id, member);
    this.adjOut.join(member);
  }

  /** The peer does not carry the family any more; it may again. */
  leave(id: PeerId): void {
    const member = this.members.get(id);
    if (member === undefined) return;
    this.#chores.depart(member);
    this.adjOut.leave(member);
    this.members.delete(id);
    this.#former.set(id, member);
  }

  /** The peer is gone for good. */
  remove(id: PeerId): void {
    this.leave(id);
    if (this.#former.has(id)) this.#removed.add(id);
  }

  /** The peer's session is over; it is expected back. */
  retain(id: PeerId): void {
    const member = this.members.get(id);
    if (member === undefined) return;
    this.adjOut.leave(member);
    this.adjIn.retain(member);
  }

  /** It is back, or carries the family for the first time. */
  resume(id: PeerId, peer: RibPeer): void {
    const member = this.members.get(id);
    if (member === undefined) {
      this.join(id, peer);
      return;
    }
    // The decision looks at who the peer is, besides its routes.
    const isAnother = member.peer.identifier !== peer.identifier;
    member.peer = peer;
    this.#chores.assign(member, "judge", ...(isAnother ? (["decide"] as const) : []));
    this.adjOut.join(member);
  }

  age(id: PeerId): void {
    const member = this.members.get(id);
    if (member !== undefined) this.adjIn.age(member);
  }

  sweep(id: PeerId, which: "all" | "long-lived"): void {
    const member = this.members.get(id);
    if (member === undefined) return;
    if (which === "all") this.adjIn.sweep(member);
    else this.adjIn.expire(member);
  }

  /** The peer's policies or our next hops are others. */
  revise(id: PeerId, peer: RibPeer): void {
    const member = this.members.get(id);
    if (member === undefined) return;
    const { discardBlackhole, reflection } = member.peer.rules;
    member.peer = peer;
    const chores: Chore[] = ["judge"];
    if (reflection?.client !== peer.rules.reflection?.client) chores.push("retell");
    // What is dropped shares no traffic.
    if (discardBlackhole !== peer.rules.discardBlackhole) chores.push("tell best", "decide");
    this.#chores.assign(member, ...chores);
    this.adjOut.move(member);
  }

  /** Decide by other choices from now on. */
  setSelection(selection: PathSelection): void {
    this.#locRib.selection = selection;
    this.review(undefined);
  }

  /** Paths over one of these next hops may have become (un)usable; undefined: every prefix is to be decided anew. */
  review(changed: ReadonlySet<NextHopEntry> | undefined): void {
    this.#chores.review(changed, this.table.capacity);
  }

  /** Say again what is chosen of the prefixes within these. */
  restate(within: readonly Prefix[]): void {
    this.#restated = [...this.#restated, ...within];
    this.review(undefined);
  }

  /** Tell a peer everything once more, and then call `onEnd`. */
  refresh(id: PeerId, onEnd: () => void): void {
    const member = this.members.get(id);
    if (member !== undefined) this.adjOut.refresh(member, onEnd);
  }

  beginRefresh(id: PeerId): void {
    const member = this.members.get(id);
    if (member !== undefined) this.adjIn.beginRefresh(member);
  }

  endRefresh(id: PeerId): void {
    const member = this.members.get(id);
    if (member !== undefined) this.adjIn.endRefresh(member);
  }

  lag(id: PeerId): void {
    const member = this.members.get(id);
    if (member !== undefined) this.adjOut.lag(member);
  }

  catchUp(id: PeerId): void {
    const member = this.members.get(id);
    if (member !== undefined) this.adjOut.catchUp(member);
  }

  /** Decide and export what is pending until `deadline`; true when more is left. */
  work(deadline: number): boolean {
    const { now } = this.#options;
    const start = now();
    this.#described = undefined;
    // None of the three is kept waiting by another: what comes first leaves the rest some of the time.
    const half = (start + deadline) / 2;
    const hasChores = !this.#chores.isEmpty && this.#chores.work(() => now() >= half);
    if (this.#chores.isEmpty) this.#restated = [];
    if (this.isDeferred) return hasChores;
    const middle = this.adjOut.isBusy ? (now() + deadline) / 2 : deadline;
    const emptied: number[] = [];
    const left: number[] = [];
    let count = 0;
    for (;;) {
      const prefix = this.#dirty.take();
      if (prefix === undefined) break;
      count++;
      const changed = this.#locRib.update(prefix);
      const best = this.#locRib.best(prefix);
      // The kernel forwards before the neighbours are told that it does.
      const isUnsaid = this.#unsaid.size > 0 && this.#unsaid.delete(prefix);
      if (changed !== "nothing" || isUnsaid) this.#tell(prefix, best);
      // An AIGP that peers are told follows the cost to the next hop (RFC 7311 section 3.4.3).
      const isRetold = this.#retold.size > 0 && this.#retold.delete(prefix);
      const isOther = changed === "best" || isRetold;
      if (isOther || best?.set.aigp !== undefined) this.adjOut.change(prefix, best);
      if (this.adjOut.tellsPaths) this.adjOut.changePaths(prefix);
      if (this.paths.removed > 0) left.push(prefix);
      if (this.paths.first(prefix) === NONE) emptied.push(prefix);
      if (count % this.#stride === 0 && now() >= middle) break;
    }
    const decided = now();
    this.adjOut.flush();
    for (const prefix of left) if (this.#freePaths(prefix)) this.#withheld.add(prefix);
    for (const prefix of emptied) {
      if (this.adjOut.isMissed(prefix)) this.#withheld.add(prefix);
      else if (!this.#withheld.has(prefix)) this.table.remove(prefix);
    }
    const isDeciding = this.isDeciding;
    if (!isDeciding) this.#forgetRemoved();
    if (!isDeciding && this.#options.isUnsettled?.() !== true) this.adjOut.settle();
    const isOver = (): boolean => now() >= deadline;
    const isTelling = this.adjOut.work(isOver);
    if (!isDeciding) this.#letGo(isOver);
    this.#effort.decisions += count;
    this.#effort.decisionTime += decided - start;
    this.#effort.exportTime += now() - decided;
    return isDeciding || isTelling || this.#released !== undefined;
  }

  /** Whether anything is decided yet that has not been told as a change. */
  get isDeciding(): boolean {
    return !this.#chores.isEmpty || (!this.isDeferred && !this.#dirty.isEmpty);
  }

  counts(id: PeerId): PeerCounts | undefined {
    const member = this.members.get(id);
    if (member === undefined) return undefined;
    const { told, accepted, best } = member;
    // Where nothing is stale, rows of earlier rounds are void and about to be removed.
    const received = member.stale === undefined ? told : member.received;
    const stale = received - told;
    const advertised = this.adjOut.groupOf(id)?.count(id) ?? 0;
    return { received, accepted, best, stale, advertised };
  }

  /** Paths, but for those of peers that are gone. */
  get pathCount(): number {
    return this.paths.size - this.#chores.departed;
  }

  /** Nothing is decided for the peers that are gone any more. */
  #forgetRemoved(): void {
    for (const id of this.#removed) this.#former.delete(id);
    this.#removed.clear();
  }

  /** Do to a path what is due to all of its peer. */
  #visit(member: Member, row: number, due: ReadonlySet<Chore>): void {
    const prefix = this.paths.prefix.get(row);
    if (due.has("judge")) this.adjIn.reconsider(member, row, "any");
    else if (due.has("judge the long-lived")) this.adjIn.reconsider(member, row, "long-lived");
    if (due.has("decide")) this.#dirty.add(prefix);
    if (due.has("tell best")) this.#tellBest(member.id, prefix);
    if (due.has("retell")) {
      this.#retold.add(prefix);
      this.#dirty.add(prefix);
    }
  }

  #review(prefix: number, changed: ReadonlySet<NextHopEntry> | undefined): void {
    if (changed === undefined || this.#isOver(prefix, changed)) this.#dirty.add(prefix);
    if (this.#restated.length > 0 && this.#isRestated(prefix)) this.#unsaid.add(prefix);
  }

  #isRestated(prefix: number): boolean {
    const { prefix: text } = this.#change;
    this.table.read(prefix, text);
    return this.#restated.some((range) => containsPrefix(range, text));
  }

  /** Whether a path to the prefix has one of these next hops. */
  #isOver(prefix: number, nextHops: ReadonlySet<NextHopEntry>): boolean {
    for (let row = this.paths.first(prefix); row !== NONE; row = this.paths.next.get(row)) {
      const used = this.paths.used.get(row);
      const hop = used === NONE ? undefined : this.#sets.get(used).hop;
      if (hop !== undefined && nextHops.has(hop)) return true;
    }
    return false;
  }

  /** Forget paths that are gone and that everybody has heard of; true when some of the prefix are left. */
  #freePaths(prefix: number): boolean {
    return this.paths.freeRemoved(prefix, (row) => this.adjOut.isPathMissed(row));
  }

  /** Forget prefixes that have no path and that nobody has to be told of any more, until `isOver`. */
  #letGo(isOver: () => boolean): void {
    if (this.#released === undefined) {
      if (!this.adjOut.hasCaughtUp) return;
      this.adjOut.hasCaughtUp = false;
      this.#released = this.#withheld.values();
    }
    let count = 0;
    for (const prefix of this.#released) {
      this.#release(prefix);
      // The iterator goes on where it is, next time.
      if (++count % this.#stride === 0 && isOver()) return;
    }
    this.#released = undefined;
  }

  #release(prefix: number): void {
    const isUsed = this.paths.first(prefix) !== NONE;
    if (this.#freePaths(prefix) || (!isUsed && this.adjOut.isMissed(prefix))) return;
    this.#withheld.delete(prefix);
    if (!isUsed) this.table.remove(prefix);
  }

  /** The attributes of a peer's routes may be the same as before, and packets to them dropped all the same. */
  #tellBest(peer: PeerId, prefix: number): void {
    const best = this.#locRib.best(prefix);
    if (best?.peer === peer) this.#tell(prefix, best);
  }

  #tell(prefix: number, best: Chosen | undefined): void {
    const change = this.#change;
    this.table.read(prefix, change.prefix);
    change.best = best === undefined ? undefined : this.#describe(prefix, best);
    this.#options.onBest(change);
  }

  #describe(prefix: number, best: Chosen): NonNullable<BestChange["best"]> {
    const shares = this.#locRib.shares(prefix);
    if (shares !== undefined) return { ...describe(best), shares };
    // Most prefixes come in a row with others whose best is the same.
    if (this.#described?.of !== best) this.#described = { of: best, as: describe(best) };
    return this.#described.as;
  }
}

function createMember(id: PeerId, peer: RibPeer): Member {
  const counts = { received: 0, told: 0, accepted: 0, best: 0 };
  return { id, peer, ...counts, round: 0, stale: undefined, longLived: 0, goneBefore: 0 };
}

function describe({ source, set, from }: Chosen): NonNullable<BestChange["best"]> {
  const route = { source: routeSourceOf(source), nextHop: set.nextHop, peer: from?.name ?? "" };
  return from !== undefined && isDiscarded(set, from) ? { ...route, discard: true } : route;
}
