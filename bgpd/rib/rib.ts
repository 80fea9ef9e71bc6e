/**
 * The RIB of one speaker: adj-RIBs-in, decision, adj-RIBs-out, joined by a queue of changed prefixes.
 *
 * `receive` and its like only store and mark; `work` decides in slices and tells the kernel's side and the
 * peers what changed. Nothing here waits or knows of sockets.
 */

import type { Address } from "../../lib/address.ts";
import type { Prefix } from "../../lib/prefix.ts";
import type { Attributes } from "../wire/attributes.ts";
import { AdjIn } from "./adj-in.ts";
import { AdjOut } from "./adj-out.ts";
import { AttributeSets } from "./attribute-set.ts";
import { Dirty } from "./dirty.ts";
import { LocRib } from "./loc-rib.ts";
import type { Member } from "./member.ts";
import { NextHops } from "./next-hops.ts";
import { NONE, PathTable } from "./path-table.ts";
import { PrefixTable } from "./prefix-table.ts";
import type { BestChange, PeerId, ReceiveSummary, Rib, RibOptions, RibPeer } from "./route.ts";
import type { Best } from "./update-group.ts";
import { View } from "./view.ts";

/** The clock is looked at once per this many decisions. */
const STRIDE = 256;

/** An empty RIB. */
export function createRib(options: RibOptions): Rib {
  return new RibTables(options);
}

class RibTables implements Rib {
  readonly #options: RibOptions;
  readonly #table = new PrefixTable(4);
  readonly #paths = new PathTable();
  readonly #sets = new AttributeSets();
  readonly #members = new Map<PeerId, Member>();
  readonly #nextHops: NextHops;
  readonly #dirty = new Dirty();
  readonly #adjIn: AdjIn;
  readonly #locRib: LocRib;
  readonly #adjOut: AdjOut;
  readonly #view: View;
  /** Prefixes without a path whose number is kept for peers that have still to hear of it. */
  readonly #withheld = new Set<number>();
  #nextId = 0;

  constructor(options: RibOptions) {
    const table = this.#table;
    const paths = this.#paths;
    const sets = this.#sets;
    const members = this.#members;
    const nextHops = new NextHops(options.resolve);
    this.#options = options;
    this.#nextHops = nextHops;
    this.#adjIn = new AdjIn({
      identifier: options.identifier,
      table,
      paths,
      sets,
      changed: (prefix) => this.#dirty.add(prefix),
    });
    this.#locRib = new LocRib({ paths, sets, nextHops, members });
    this.#adjOut = new AdjOut({ table, sets, locRib: this.#locRib, send: options.onSend });
    const { adjOut, locRib } = { adjOut: this.#adjOut, locRib: this.#locRib };
    this.#view = new View({ table, paths, sets, members, nextHops, locRib, adjOut });
  }

  addPeer(peer: RibPeer): PeerId {
    const id = this.#nextId++;
    const member = { id, peer, received: 0, accepted: 0, best: 0, round: 0, isRefreshing: false };
    this.#members.set(id, member);
    this.#adjOut.join(member);
    return id;
  }

  removePeer(peer: PeerId): void {
    const member = this.#member(peer);
    this.#adjIn.clear(member);
    this.#adjOut.leave(member);
    this.#members.delete(peer);
  }

  setPolicies(
    peer: PeerId,
    policies: Pick<RibPeer, "importPolicy" | "exportPolicy" | "exportKey">,
  ): void {
    const member = this.#member(peer);
    member.peer = { ...member.peer, ...policies };
    this.#adjIn.reconsider(member);
    this.#adjOut.move(member);
  }

  receive(peer: PeerId, buffer: Uint8Array, start: number, end: number): ReceiveSummary {
    return this.#adjIn.receive(this.#member(peer), buffer, start, end);
  }

  refresh(peer: PeerId): void {
    this.#adjOut.refresh(this.#member(peer));
  }

  beginRefresh(peer: PeerId): void {
    this.#adjIn.beginRefresh(this.#member(peer));
  }

  endRefresh(peer: PeerId): void {
    this.#adjIn.endRefresh(this.#member(peer));
  }

  lag(peer: PeerId): void {
    this.#adjOut.lag(this.#member(peer));
  }

  catchUp(peer: PeerId): void {
    this.#adjOut.catchUp(this.#member(peer));
  }

  originate(prefix: Prefix, attributes: Attributes): void {
    const set = this.#sets.intern(attributes);
    this.#adjIn.originate(this.#table.insert(prefix), set);
  }

  withdraw(prefix: Prefix): void {
    const index = this.#table.find(prefix);
    if (index !== NONE) this.#adjIn.retract(index);
  }

  nextHopsChanged(): void {
    const inUse: Address[] = [];
    for (const { attributes } of this.#sets.all()) {
      if (attributes.nextHop !== undefined) inUse.push(attributes.nextHop);
    }
    const isChanged = this.#nextHops.refresh(inUse);
    const touched = new Set<number>();
    for (const { id, attributes } of this.#sets.all()) {
      if (isChanged(attributes.nextHop)) touched.add(id);
    }
    if (touched.size === 0) return;
    for (const prefix of this.#table.indices()) {
      for (let row = this.#paths.first(prefix); row !== NONE; row = this.#paths.next.get(row)) {
        if (touched.has(this.#paths.used.get(row))) this.#dirty.add(prefix);
      }
    }
  }

  work(milliseconds: number): boolean {
    const deadline = this.#options.now() + milliseconds;
    const changes: BestChange[] = [];
    const emptied: number[] = [];
    for (let count = 1; ; count++) {
      const prefix = this.#dirty.take();
      if (prefix === undefined) break;
      if (this.#locRib.update(prefix)) {
        const best = this.#locRib.best(prefix);
        changes.push({ prefix: this.#table.prefix(prefix), best: this.#describe(best) });
        this.#adjOut.change(prefix, best);
      }
      if (this.#paths.first(prefix) === NONE) emptied.push(prefix);
      if (count % STRIDE === 0 && this.#options.now() >= deadline) break;
    }
    // The kernel forwards before the neighbours are told that it does.
    if (changes.length > 0) this.#options.onBest(changes);
    this.#adjOut.flush();
    for (const prefix of emptied) {
      if (this.#adjOut.isMissed(prefix)) this.#withheld.add(prefix);
      else if (!this.#withheld.has(prefix)) this.#table.remove(prefix);
    }
    if (!this.#dirty.isEmpty) return true;
    this.#forget();
    this.#adjOut.settle();
    return false;
  }

  lookup(prefix: Prefix) {
    return this.#view.lookup(prefix);
  }

  longestMatch(address: Address) {
    return this.#view.longestMatch(address);
  }

  routes() {
    return this.#view.routes();
  }

  received(peer: PeerId) {
    return this.#view.received(this.#member(peer));
  }

  advertised(peer: PeerId) {
    return this.#view.advertised(this.#member(peer));
  }

  advertisedTo(peer: PeerId, prefix: Prefix) {
    return this.#view.advertisedTo(this.#member(peer), prefix);
  }

  counts() {
    return {
      prefixes: this.#table.size,
      paths: this.#paths.size,
      attributeSets: this.#sets.size,
      updateGroups: this.#adjOut.size,
    };
  }

  peerCounts(peer: PeerId) {
    const { received, accepted, best } = this.#member(peer);
    const advertised = this.#adjOut.groupOf(peer)?.count(peer) ?? 0;
    return { received, accepted, best, advertised };
  }

  /** Let go of prefixes that have no path and that nobody has to be told of. */
  #forget(): void {
    for (const prefix of this.#withheld) {
      const isUsed = this.#paths.first(prefix) !== NONE;
      if (!isUsed && this.#adjOut.isMissed(prefix)) continue;
      this.#withheld.delete(prefix);
      if (!isUsed) this.#table.remove(prefix);
    }
  }

  #member(peer: PeerId): Member {
    const member = this.#members.get(peer);
    if (member === undefined) throw new RangeError(`peer ${peer} is not in the RIB`);
    return member;
  }

  #describe(best: Best | undefined): BestChange["best"] {
    if (best === undefined) return undefined;
    const { source, set, peer } = best;
    const name = this.#members.get(peer)?.peer.name ?? "";
    return { source, nextHop: set.attributes.nextHop, peer: name };
  }
}
