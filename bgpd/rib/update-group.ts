/**
 * An update group: peers with one export view. What they are told is computed and encoded once.
 *
 * It tells of prefixes, or with ADD-PATH (RFC 7911) of paths to them, each by its number: below they are routes.
 * `out` says per route which exported set the group was told, and `outPeer` from whom that route came: a
 * member is never told its own routes, so its view is `out` without those. Messages therefore go to
 * everyone, to everyone but one peer, or to one peer alone.
 */

import type { Family } from "../../lib/address.ts";
import { encodeNextHop } from "../wire/multiprotocol.ts";
import { Announcements } from "./announcements.ts";
import type { AttributeSet, AttributeSets } from "./attribute-set.ts";
import { Broadcast } from "./broadcast.ts";
import { Column } from "./column.ts";
import { type Chosen, Exporter } from "./exporter.ts";
import { Laggard } from "./laggard.ts";
import type { NlriTable } from "./nlri-table.ts";
import { Packer } from "./pack.ts";
import { NONE } from "./path-table.ts";
import type { PeerId, PolicyRoute, RibPeer } from "./route.ts";
import { exportRulesKey, type ToldPaths } from "./rules.ts";
import { toldPathsOf } from "./told-paths.ts";

const NO_SETS: ReadonlyMap<AttributeSet, readonly number[]> = new Map();

/** Peers with equal keys can share a group of the family. */
export function groupKey(peer: RibPeer, family: Family): string {
  const { external, localAs, remoteAs, nextHops, wire, rules, exportKey } = peer;
  const { fourOctetAs, maxLength, extendedNextHop, aigp = false } = wire;
  const hop = nextHops[family];
  const own = hop.nextHop === undefined ? "" : encodeNextHop(hop).join(".");
  const session = [external, localAs, own, fourOctetAs, maxLength, extendedNextHop, aigp];
  const told = toldPathsOf(peer, family);
  const paths = told === undefined ? "" : `${Object.values(told)} `;
  return `${paths}${session.join(" ")} ${exportRulesKey(rules, remoteAs)} ${exportKey}`;
}

export class UpdateGroup {
  readonly key: string;
  /** Which paths of a prefix it tells; undefined: the best alone. */
  readonly toldPaths: ToldPaths | undefined;
  readonly exporter: Exporter;
  readonly members = new Set<PeerId>();
  /** Of these the ones that are told nothing for the time being. */
  readonly #laggards = new Map<PeerId, Laggard>();
  readonly #peer: RibPeer;
  readonly #sets: AttributeSets;
  readonly #nlri: NlriTable;
  readonly #send: (peer: PeerId, bytes: Uint8Array) => void;
  readonly #out = new Column();
  readonly #outPeer = new Column();
  /** Routes in `out`, and how many of them came from each peer, by its number. */
  #told = 0;
  readonly #toldByPeer: number[] = [];
  /** What this slice found out: for all but one member (or for all: NONE), and for one alone. */
  readonly #announced: Announcements;
  readonly #withdrawn = new Map<PeerId, number[]>();
  readonly #onlyAnnounced: Announcements;
  readonly #onlyWithdrawn = new Map<PeerId, number[]>();

  constructor(
    peer: RibPeer,
    parts: {
      readonly sets: AttributeSets;
      readonly nlri: NlriTable;
      readonly send: (peer: PeerId, bytes: Uint8Array) => void;
    },
  ) {
    const { family } = parts.nlri;
    this.key = groupKey(peer, family);
    this.toldPaths = toldPathsOf(peer, family);
    this.exporter = new Exporter(peer, parts.sets, parts.nlri);
    this.#peer = peer;
    this.#sets = parts.sets;
    this.#announced = new Announcements(parts.sets);
    this.#onlyAnnounced = new Announcements(parts.sets);
    this.#nlri = parts.nlri;
    this.#send = parts.send;
  }

  /** Take what a route has become; what changes for whom is queued for `flush`. */
  change(number: number, chosen: Chosen, route: PolicyRoute): void {
    const set = this.exporter.export(chosen, route);
    if (set === undefined) {
      this.withdraw(number);
      return;
    }
    const old = this.#out.get(number);
    const oldPeer = this.#outPeer.get(number);
    const { peer } = chosen;
    if (old === set.id && oldPeer === peer) return;
    this.#setOut(number, set, peer);
    if (old === set.id) {
      // The others know it already; only the one whose own route it was did not.
      if (this.members.has(oldPeer)) this.#onlyAnnounced.add(oldPeer, set, number);
    } else {
      this.#announced.add(this.#audience(peer), set, number);
    }
    const isMoved = oldPeer !== peer && old !== NONE;
    if (isMoved && this.members.has(peer)) listOf(this.#onlyWithdrawn, peer).push(number);
  }

  /** The route is gone, or is not for the group any more. */
  withdraw(number: number): void {
    if (this.#out.get(number) === NONE) return;
    const oldPeer = this.#outPeer.get(number);
    this.#setOut(number, undefined, NONE);
    listOf(this.#withdrawn, this.#audience(oldPeer)).push(number);
  }

  /** Take a route without telling anyone: a new group learns what is there. */
  fill(number: number, chosen: Chosen, route: PolicyRoute): void {
    const set = this.exporter.export(chosen, route);
    if (set !== undefined) this.#setOut(number, set, chosen.peer);
  }

  /** Encode and send what `change` has queued. */
  flush(): void {
    this.exporter.forgetLast();
    if (this.#withdrawn.size > 0 || this.#announced.size > 0) this.#flushAll();
    if (this.#onlyWithdrawn.size > 0 || this.#onlyAnnounced.size > 0) this.#flushSingles();
  }

  #flushAll(): void {
    const broadcast = new Broadcast(this.#peer.wire.maxLength, this.#listeners, this.#send);
    // What is gone is told last: of several paths there is one all the time.
    for (const [except, bySet] of this.#announced.audiences()) {
      broadcast.write(except, (packer) => {
        for (const [set, numbers] of bySet) this.#announce(packer, set, numbers);
      });
    }
    for (const [except, numbers] of this.#withdrawn) {
      broadcast.write(except, (packer) => packer.withdraw(numbers, this.#nlri));
    }
    broadcast.flush();
    this.#withdrawn.clear();
    this.#announced.clear();
  }

  /** Tell one member everything of this group, as at the start of its session. */
  dump(member: PeerId, { endOfRib }: { readonly endOfRib: boolean }): void {
    const bySet = new Map<AttributeSet, number[]>();
    const nlri = this.#nlri;
    for (let number = nlri.after(NONE); number !== NONE; number = nlri.after(number)) {
      const set = this.told(number, member);
      if (set !== NONE) listOf(bySet, this.#sets.get(set)).push(number);
    }
    this.#sendTo(member, [], bySet, endOfRib);
  }

  /** Tell one member that it has been told everything (End-of-RIB); false while it is told nothing. */
  finish(member: PeerId): boolean {
    if (this.#laggards.has(member)) return false;
    this.#sendTo(member, [], NO_SETS, true);
    return true;
  }

  /** A member comes over from another group: tell it the difference. */
  adopt(member: PeerId, from: UpdateGroup): void {
    const gone: number[] = [];
    const bySet = new Map<AttributeSet, number[]>();
    const nlri = this.#nlri;
    for (let number = nlri.after(NONE); number !== NONE; number = nlri.after(number)) {
      const before = from.told(number, member);
      const now = this.told(number, member);
      if (now === before) continue;
      if (now === NONE) gone.push(number);
      else listOf(bySet, this.#sets.get(now)).push(number);
    }
    this.#sendTo(member, gone, bySet, false);
  }

  /** The member is told nothing more until `catchUp`. Only between one `flush` and the next `change`. */
  lag(member: PeerId): void {
    if (!this.#laggards.has(member)) this.#laggards.set(member, new Laggard());
  }

  /** Tell a member what it has missed. */
  catchUp(member: PeerId): void {
    const laggard = this.#laggards.get(member);
    if (laggard === undefined) return;
    this.#laggards.delete(member);
    const gone: number[] = [];
    const bySet = new Map<AttributeSet, number[]>();
    for (const number of laggard.numbers) {
      const set = this.told(number, member);
      if (set === NONE) gone.push(number);
      else listOf(bySet, this.#sets.get(set)).push(number);
    }
    this.#sendTo(member, gone, bySet, false);
  }

  leave(member: PeerId): void {
    this.members.delete(member);
    this.#laggards.delete(member);
  }

  /** Whether a member has still to be told of the route, which must keep its number for that. */
  isMissed(number: number): boolean {
    if (this.#laggards.size === 0) return false;
    for (const laggard of this.#laggards.values()) if (laggard.misses(number)) return true;
    return false;
  }

  /** The set that a member was told of a route, or NONE. */
  told(number: number, member: PeerId): number {
    return this.#outPeer.get(number) === member ? NONE : this.#out.get(number);
  }

  /** Routes that a member has been told. */
  count(member: PeerId): number {
    return this.#told - (this.#toldByPeer[member] ?? 0);
  }

  /** The last member has left: let go of every set. */
  dissolve(): void {
    const nlri = this.#nlri;
    for (let number = nlri.after(NONE); number !== NONE; number = nlri.after(number)) {
      if (this.#out.get(number) !== NONE) this.#setOut(number, undefined, NONE);
    }
    this.exporter.clear();
  }

  #setOut(number: number, set: AttributeSet | undefined, peer: PeerId): void {
    const old = this.#out.get(number);
    const id = set === undefined ? NONE : set.id;
    if (this.#laggards.size > 0) {
      for (const [member, laggard] of this.#laggards) {
        laggard.miss(number, this.told(number, member), peer === member ? NONE : id);
      }
    }
    if (old !== NONE) this.#count(this.#outPeer.get(number), -1);
    if (set !== undefined) this.#count(peer, 1);
    this.#out.set(number, id);
    this.#outPeer.set(number, peer);
    // Held before the old one is let go, for they may be the same.
    if (set !== undefined) this.#sets.hold(set);
    if (old !== NONE) this.#sets.release(this.#sets.get(old));
  }

  #count(from: PeerId, change: 1 | -1): void {
    this.#told += change;
    if (from !== NONE) this.#toldByPeer[from] = (this.#toldByPeer[from] ?? 0) + change;
  }

  #flushSingles(): void {
    for (const [member, bySet] of this.#onlyAnnounced.audiences()) {
      this.#sendTo(member, this.#onlyWithdrawn.get(member) ?? [], bySet, false);
      this.#onlyWithdrawn.delete(member);
    }
    for (const [member, numbers] of this.#onlyWithdrawn) {
      this.#sendTo(member, numbers, NO_SETS, false);
    }
    this.#onlyAnnounced.clear();
    this.#onlyWithdrawn.clear();
  }

  #sendTo(
    member: PeerId,
    gone: readonly number[],
    bySet: ReadonlyMap<AttributeSet, readonly number[]>,
    endOfRib: boolean,
  ): void {
    if (!this.members.has(member) || this.#laggards.has(member)) return;
    const packer = new Packer(this.#peer.wire.maxLength, (bytes) => this.#send(member, bytes));
    for (const [set, numbers] of bySet) this.#announce(packer, set, numbers);
    if (gone.length > 0) packer.withdraw(gone, this.#nlri);
    if (endOfRib) packer.endOfRib(this.#nlri.family);
    packer.flush();
  }

  #announce(packer: Packer, set: AttributeSet, numbers: readonly number[]): void {
    packer.announce(set.encodedFor(this.#peer.wire), set.nextHopField, numbers, this.#nlri);
  }

  /** Who is told what `change` finds out. */
  get #listeners(): ReadonlySet<PeerId> {
    if (this.#laggards.size === 0) return this.members;
    return new Set([...this.members].filter((member) => !this.#laggards.has(member)));
  }

  /** Everyone is told at once unless the route's own peer is among them. */
  #audience(except: PeerId): PeerId {
    return this.members.has(except) ? except : NONE;
  }
}

function listOf<Key>(map: Map<Key, number[]>, key: Key): number[] {
  const known = map.get(key);
  if (known !== undefined) return known;
  const list: number[] = [];
  map.set(key, list);
  return list;
}
