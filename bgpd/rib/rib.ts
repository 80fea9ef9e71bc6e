/**
 * The RIB of one speaker: adj-RIBs-in, decision, adj-RIBs-out of each family, joined by a queue of changed
 * prefixes.
 *
 * `receive` and its like only store and mark; `work` decides in slices and tells the kernel's side and the
 * peers what changed. Nothing here waits or knows of sockets.
 */

import type { Address, Family } from "../../lib/address.ts";
import type { Prefix } from "../../lib/prefix.ts";
import type { Attributes } from "../wire/attributes.ts";
import { describeFamily } from "../wire/family.ts";
import { AttributeSets } from "./attribute-sets.ts";
import { FamilyTables } from "./family-tables.ts";
import { NextHops } from "./next-hops.ts";
import { NONE } from "./path-table.ts";
import { type PlaceOf, Receiver } from "./receive.ts";
import type {
  AdvertisedView,
  PathSelection,
  PeerCounts,
  PeerId,
  ReceiveSummary,
  Rib,
  RibEffort,
  RibOptions,
  RibPeer,
  RibPolicies,
} from "./route.ts";
import type { PrefixLimit } from "./rules.ts";

/** An empty RIB. */
export function createRib(options: RibOptions): Rib {
  return new RibTables(options);
}

const NO_COUNTS: PeerCounts = { received: 0, accepted: 0, best: 0, stale: 0, advertised: 0 };

type Known = { peer: RibPeer; placeOf: PlaceOf };

class RibTables implements Rib {
  readonly effort: RibEffort = { decisions: 0, decisionTime: 0, exportTime: 0 };
  readonly #options: RibOptions;
  readonly #sets = new AttributeSets();
  readonly #nextHops: NextHops;
  readonly #peers = new Map<PeerId, Known>();
  readonly #receiver = new Receiver(this.#sets);
  readonly #tables: Readonly<Record<Family, FamilyTables>>;
  /** All tables; the first is the next to work. */
  #order: readonly FamilyTables[];
  #nextId = 0;

  constructor(options: RibOptions) {
    this.#options = options;
    this.#nextHops = new NextHops(options.resolve);
    const { effort } = this;
    const parts = { options, effort, sets: this.#sets, nextHops: this.#nextHops };
    this.#tables = { 4: new FamilyTables(4, parts), 6: new FamilyTables(6, parts) };
    this.#order = [this.#tables[4], this.#tables[6]];
    this.#sets.onFree = (set) => {
      for (const { adjOut } of this.#order) adjOut.forget(set);
    };
  }

  addPeer(peer: RibPeer): PeerId {
    const id = this.#nextId++;
    for (const family of peer.wire.families) this.#tables[family].join(id, peer);
    this.#peers.set(id, { peer, placeOf: this.#placesOf(id) });
    return id;
  }

  removePeer(peer: PeerId): void {
    this.#known(peer);
    for (const tables of this.#order) tables.remove(peer);
    this.#peers.delete(peer);
  }

  retain(peer: PeerId, families: readonly Family[]): void {
    const known = this.#known(peer);
    for (const tables of this.#order) {
      if (families.includes(tables.family)) tables.retain(peer);
      else tables.leave(peer);
    }
    known.placeOf = this.#placesOf(peer);
  }

  resume(peer: PeerId, record: RibPeer): void {
    const known = this.#known(peer);
    for (const tables of this.#order) {
      if (record.wire.families.includes(tables.family)) tables.resume(peer, record);
      else tables.leave(peer);
    }
    known.peer = record;
    known.placeOf = this.#placesOf(peer);
  }

  age(peer: PeerId, family: Family): void {
    this.#tables[family].age(peer);
  }

  sweep(peer: PeerId, family: Family, which: "all" | "long-lived"): void {
    this.#tables[family].sweep(peer, which);
  }

  defer(families: readonly Family[]): void {
    for (const family of families) this.#tables[family].isDeferred = true;
  }

  release(family: Family): void {
    this.#tables[family].isDeferred = false;
  }

  setPolicies(peer: PeerId, policies: RibPolicies): void {
    const known = this.#known(peer);
    known.peer = { ...known.peer, ...policies };
    for (const tables of this.#order) tables.revise(peer, known.peer);
  }

  setNextHops(peer: PeerId, nextHops: RibPeer["nextHops"]): void {
    const known = this.#known(peer);
    known.peer = { ...known.peer, nextHops };
    for (const tables of this.#order) tables.revise(peer, known.peer);
  }

  receive(peer: PeerId, buffer: Uint8Array, start: number, end: number): ReceiveSummary {
    const { peer: from, placeOf } = this.#known(peer);
    const limit = from.rules.prefixLimit;
    const before = limit === undefined ? 0 : this.#toldBy(peer);
    const summary = this.#receiver.receive(placeOf, from.wire, buffer, [start, end]);
    if (limit === undefined || summary.limit !== undefined) return summary;
    const met = limitMet(before, this.#toldBy(peer), limit);
    return met === undefined ? summary : { ...summary, limit: met };
  }

  refresh(peer: PeerId, family: Family, onEnd: () => void = () => {}): void {
    this.#tables[family].refresh(peer, onEnd);
  }

  beginRefresh(peer: PeerId, family: Family): void {
    this.#tables[family].beginRefresh(peer);
  }

  endRefresh(peer: PeerId, family: Family): void {
    this.#tables[family].endRefresh(peer);
  }

  lag(peer: PeerId): void {
    for (const tables of this.#order) tables.lag(peer);
  }

  catchUp(peer: PeerId): void {
    for (const tables of this.#order) tables.catchUp(peer);
  }

  setSelection(selection: PathSelection): void {
    for (const tables of this.#order) tables.setSelection(selection);
  }

  originate(prefix: Prefix, attributes: Attributes): void {
    const { adjIn, table } = this.#tables[prefix.family];
    adjIn.originate(table.insert(prefix), this.#sets.intern(attributes));
  }

  withdraw(prefix: Prefix): void {
    const { adjIn, table } = this.#tables[prefix.family];
    const index = table.find(prefix);
    if (index !== NONE) adjIn.retract(index);
  }

  restate(within: readonly Prefix[]): void {
    for (const tables of this.#order) {
      const ranges = within.filter(({ family }) => family === tables.family);
      if (ranges.length > 0) tables.restate(ranges);
    }
  }

  nextHopsChanged(): void {
    const changed = this.#nextHops.refresh(this.#sets.all());
    if (changed.size === 0) return;
    for (const tables of this.#order) tables.review(changed);
  }

  work(milliseconds: number): boolean {
    const deadline = this.#options.now() + milliseconds;
    const [first, ...others] = this.#order;
    if (first === undefined) return false;
    // The other one begins next time, so that neither waits for all of the other's table.
    this.#order = [...others, first];
    let isMore = false;
    for (const tables of [first, ...others]) isMore = tables.work(deadline) || isMore;
    return isMore;
  }

  get isDeciding(): boolean {
    return this.#order.some(({ isDeciding }) => isDeciding);
  }

  lookup(prefix: Prefix) {
    return this.#tables[prefix.family].view.lookup(prefix);
  }

  longestMatch(address: Address) {
    return this.#tables[address.family].view.longestMatch(address);
  }

  routes() {
    return this.#inOrder().flatMap(({ view }) => view.routes());
  }

  received(peer: PeerId) {
    this.#known(peer);
    return this.#inOrder().flatMap(({ view, members }) => {
      const member = members.get(peer);
      return member === undefined ? [] : view.received(member);
    });
  }

  advertised(peer: PeerId): AdvertisedView[] {
    this.#known(peer);
    return this.#inOrder().flatMap(({ view, members }) => {
      const member = members.get(peer);
      return member === undefined ? [] : view.advertised(member);
    });
  }

  advertisedTo(peer: PeerId, prefix: Prefix): AdvertisedView[] {
    const { view, members, family } = this.#tables[prefix.family];
    const member = members.get(peer);
    if (member !== undefined) return view.advertisedTo(member, prefix);
    this.#known(peer);
    const reason = `the session does not carry ${describeFamily(family)}`;
    return [{ prefix, advertised: false, attributes: undefined, reason }];
  }

  counts() {
    const [four, six] = this.#inOrder();
    const sum = (count: (tables: FamilyTables) => number): number =>
      this.#order.reduce((total, tables) => total + count(tables), 0);
    return {
      prefixes: sum(({ table }) => table.size),
      byFamily: { 4: four?.table.size ?? 0, 6: six?.table.size ?? 0 },
      paths: sum(({ pathCount }) => pathCount),
      attributeSets: this.#sets.size,
      updateGroups: sum(({ adjOut }) => adjOut.size),
    };
  }

  sizeOf(family: Family) {
    const { table, pathCount } = this.#tables[family];
    return { prefixes: table.size, paths: pathCount };
  }

  peerCounts(peer: PeerId, family?: Family): PeerCounts {
    this.#known(peer);
    const tables = family === undefined ? this.#order : [this.#tables[family]];
    return tables
      .map((one) => one.counts(peer) ?? NO_COUNTS)
      .reduce((a, b) => ({
        received: a.received + b.received,
        accepted: a.accepted + b.accepted,
        best: a.best + b.best,
        stale: a.stale + b.stale,
        advertised: a.advertised + b.advertised,
      }));
  }

  /** Prefixes of all families that the peer has announced, but for those that are stale. */
  #toldBy(peer: PeerId): number {
    let sum = 0;
    for (const { members } of this.#order) sum += members.get(peer)?.told ?? 0;
    return sum;
  }

  #inOrder(): readonly FamilyTables[] {
    return [this.#tables[4], this.#tables[6]];
  }

  /** The peer's places, looked up once and not for each UPDATE. */
  #placesOf(id: PeerId): PlaceOf {
    const placeIn = (family: Family) => {
      const { adjIn, members } = this.#tables[family];
      const member = members.get(id);
      return member === undefined ? undefined : { adjIn, member };
    };
    const places = { 4: placeIn(4), 6: placeIn(6) };
    return (family) => (family === undefined ? undefined : places[family]);
  }

  #known(peer: PeerId): Known {
    const known = this.#peers.get(peer);
    if (known === undefined) throw new RangeError(`peer ${peer} is not in the RIB`);
    return known;
  }
}

/** What the number of a peer's prefixes has come to. */
function limitMet(before: number, now: number, limit: PrefixLimit): ReceiveSummary["limit"] {
  if (now > limit.most) return "exceeded";
  return before < limit.warnAt && now >= limit.warnAt ? "warning" : undefined;
}
