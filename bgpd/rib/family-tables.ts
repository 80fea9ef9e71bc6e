/**
 * The tables of one family: its prefixes, their paths, what is decided and what peers are told of them.
 *
 * Attribute sets, peers' numbers and answers about next hops are the RIB's, for all families together.
 */

import type { Family } from "../../lib/address.ts";
import { createScratch, type PrefixScratch } from "../wire/nlri.ts";
import { AdjIn } from "./adj-in.ts";
import { AdjOut } from "./adj-out.ts";
import type { AttributeSets } from "./attribute-set.ts";
import { Dirty } from "./dirty.ts";
import type { Chosen } from "./exporter.ts";
import { isDiscarded } from "./import.ts";
import { LocRib } from "./loc-rib.ts";
import type { Member } from "./member.ts";
import type { NextHops } from "./next-hops.ts";
import { NONE, PathTable } from "./path-table.ts";
import { PrefixTable } from "./prefix-table.ts";
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

/** The clock is looked at once per this many decisions. */
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
  readonly #effort: RibEffort;
  readonly #locRib: LocRib;
  readonly #dirty = new Dirty();
  /** What is told next, and what was told last of a best path. */
  readonly #change: { readonly prefix: PrefixScratch; best: BestChange["best"] };
  #described: { readonly of: Chosen; readonly as: NonNullable<BestChange["best"]> } | undefined;
  /** Prefixes whose number, or those of paths that went, are kept for peers that have still to hear of it. */
  readonly #withheld = new Set<number>();
  /** Prefixes whose best may be for others than before, although it is the same. */
  readonly #retold = new Set<number>();

  constructor(family: Family, { options, effort, sets, nextHops }: FamilyParts) {
    const table = new PrefixTable(family);
    const { paths, members } = this;
    const { identifier } = options;
    const changed = (prefix: number): void => this.#dirty.add(prefix);
    const { selection } = options;
    const locRib = new LocRib({ paths, sets, nextHops, members, selection });
    const send = (peer: PeerId, bytes: Uint8Array): void => options.onSend(peer, bytes, family);
    const isPartial = (peer: string): boolean => options.isPartial?.(peer, family) === true;
    const adjOut = new AdjOut({ table, paths, sets, locRib, send, isPartial });
    this.family = family;
    this.table = table;
    this.adjIn = new AdjIn({ identifier, table, paths, sets, changed });
    this.adjOut = adjOut;
    const { adjIn } = this;
    this.view = new View({ table, paths, sets, members, nextHops, locRib, adjIn, adjOut });
    this.#options = options;
    this.#effort = effort;
    this.#change = { prefix: createScratch(family), best: undefined };
    this.#locRib = locRib;
  }

  join(id: PeerId, peer: RibPeer): void {
    const counts = { received: 0, accepted: 0, best: 0 };
    const member: Member = { id, peer, ...counts, round: 0, stale: undefined, longLived: 0 };
    this.members.set(id, member);
    this.adjOut.join(member);
  }

  leave(id: PeerId): void {
    const member = this.members.get(id);
    if (member === undefined) return;
    this.adjIn.clear(member);
    this.adjOut.leave(member);
    this.members.delete(id);
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
    this.adjIn.reconsider(member);
    if (isAnother) {
      for (const row of this.paths.ofPeer(id)) this.#dirty.add(this.paths.prefix.get(row));
    }
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
    this.adjIn.reconsider(member);
    this.adjOut.move(member);
    if (reflection?.client !== peer.rules.reflection?.client) this.#retell(id);
    if (discardBlackhole === peer.rules.discardBlackhole) return;
    this.#tellBest(id);
    // What is dropped shares no traffic.
    for (const row of this.paths.ofPeer(id)) this.#dirty.add(this.paths.prefix.get(row));
  }

  /** Decide by other choices from now on. */
  setSelection(selection: PathSelection): void {
    this.#locRib.selection = selection;
    for (const prefix of this.table.indices()) this.#dirty.add(prefix);
  }

  /** Tell a peer everything once more. */
  refresh(id: PeerId): void {
    const member = this.members.get(id);
    if (member !== undefined) this.adjOut.refresh(member);
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

  /** Paths with one of these attribute sets may have become (un)usable. */
  reconsider(touched: ReadonlySet<number>): void {
    for (const prefix of this.table.indices()) {
      for (let row = this.paths.first(prefix); row !== NONE; row = this.paths.next.get(row)) {
        if (touched.has(this.paths.used.get(row))) this.#dirty.add(prefix);
      }
    }
  }

  /** Decide and export what is pending until `deadline`; true when more is left. */
  work(deadline: number): boolean {
    if (this.isDeferred) return false;
    const { now } = this.#options;
    const start = now();
    const emptied: number[] = [];
    const left: number[] = [];
    this.#described = undefined;
    let count = 0;
    for (;;) {
      const prefix = this.#dirty.take();
      if (prefix === undefined) break;
      count++;
      const changed = this.#locRib.update(prefix);
      const best = this.#locRib.best(prefix);
      // The kernel forwards before the neighbours are told that it does.
      if (changed !== "nothing") this.#tell(prefix, best);
      // An AIGP that peers are told follows the cost to the next hop (RFC 7311 section 3.4.3).
      const isRetold = this.#retold.delete(prefix);
      const isOther = changed === "best" || isRetold;
      if (isOther || best?.set.aigp !== undefined) this.adjOut.change(prefix, best);
      if (this.adjOut.tellsPaths) this.adjOut.changePaths(prefix);
      if (this.paths.removed > 0) left.push(prefix);
      if (this.paths.first(prefix) === NONE) emptied.push(prefix);
      if (count % STRIDE === 0 && now() >= deadline) break;
    }
    const decided = now();
    this.adjOut.flush();
    for (const prefix of left) if (this.#freePaths(prefix)) this.#withheld.add(prefix);
    for (const prefix of emptied) {
      if (this.adjOut.isMissed(prefix)) this.#withheld.add(prefix);
      else if (!this.#withheld.has(prefix)) this.table.remove(prefix);
    }
    const isMore = !this.#dirty.isEmpty;
    if (!isMore && this.#options.isUnsettled?.() !== true) {
      this.#letGo();
      this.adjOut.settle();
    }
    this.#effort.decisions += count;
    this.#effort.decisionTime += decided - start;
    this.#effort.exportTime += now() - decided;
    return isMore;
  }

  counts(id: PeerId): PeerCounts | undefined {
    const member = this.members.get(id);
    if (member === undefined) return undefined;
    const { received, accepted, best } = member;
    const stale = this.adjIn.countStale(member);
    const advertised = this.adjOut.groupOf(id)?.count(id) ?? 0;
    return { received, accepted, best, stale, advertised };
  }

  /** Forget paths that are gone and that everybody has heard of; true when some of the prefix are left. */
  #freePaths(prefix: number): boolean {
    return this.paths.freeRemoved(prefix, (row) => this.adjOut.isPathMissed(row));
  }

  /** Forget prefixes that have no path and that nobody has to be told of any more. */
  #letGo(): void {
    for (const prefix of this.#withheld) {
      const isUsed = this.paths.first(prefix) !== NONE;
      if (this.#freePaths(prefix) || (!isUsed && this.adjOut.isMissed(prefix))) continue;
      this.#withheld.delete(prefix);
      if (!isUsed) this.table.remove(prefix);
    }
  }

  /** The attributes of a peer's routes may be the same as before, and packets to them dropped all the same. */
  #tellBest(peer: PeerId): void {
    this.#described = undefined;
    for (const row of this.paths.ofPeer(peer)) {
      const index = this.paths.prefix.get(row);
      const best = this.#locRib.best(index);
      if (best?.peer === peer) this.#tell(index, best);
    }
  }

  /** Whom a peer's routes are reflected to depends on whether it is a client. */
  #retell(peer: PeerId): void {
    for (const row of this.paths.ofPeer(peer)) {
      const prefix = this.paths.prefix.get(row);
      this.#retold.add(prefix);
      this.#dirty.add(prefix);
    }
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

function describe({ source, set, from }: Chosen): NonNullable<BestChange["best"]> {
  const route = { source, nextHop: set.nextHop, peer: from?.name ?? "" };
  return from !== undefined && isDiscarded(set, from) ? { ...route, discard: true } : route;
}
