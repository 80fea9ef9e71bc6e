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
import type { AttributeSet } from "./attribute-set.ts";
import type { AttributeSets } from "./attribute-sets.ts";
import { Broadcast } from "./broadcast.ts";
import { Column } from "./column.ts";
import { type Chosen, Exporter } from "./exporter.ts";
import type { NlriTable } from "./nlri-table.ts";
import { Packer } from "./pack.ts";
import { NONE } from "./path-table.ts";
import type { PeerId, PolicyRoute, RibPeer } from "./route.ts";
import { exportRulesKey, type ToldPaths } from "./rules.ts";
import { type Alone, type GroupRoutes, listOf, type Origin, Telling } from "./telling.ts";
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

export class UpdateGroup implements GroupRoutes {
  readonly key: string;
  /** Which paths of a prefix it tells; undefined: the best alone. */
  readonly toldPaths: ToldPaths | undefined;
  readonly exporter: Exporter;
  readonly members = new Set<PeerId>();
  /** Of these the ones that do not know all yet, and do not hear of changes by themselves. */
  readonly #behind = new Map<PeerId, Telling>();
  readonly #tellings = new Set<Telling>();
  /** Of the prefixes up to this one it knows what to tell of them; it ignores what happens to others. */
  filled = Number.POSITIVE_INFINITY;
  readonly #peer: RibPeer;
  readonly #sets: AttributeSets;
  readonly nlri: NlriTable;
  readonly piece: number;
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
      /** Routes that are told in one piece to who is behind. */
      readonly piece: number;
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
    this.nlri = parts.nlri;
    this.piece = parts.piece;
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

  /** Take a route without telling anyone: a new group learns what is there, and its members have yet to look at it. */
  fill(number: number, chosen: Chosen, route: PolicyRoute): void {
    const set = this.exporter.export(chosen, route);
    if (set !== undefined) this.#putOut(number, set, chosen.peer);
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
      broadcast.write(except, (packer) => packer.withdraw(numbers, this.nlri));
    }
    broadcast.flush();
    this.#withdrawn.clear();
    this.#announced.clear();
  }

  /** A new member is told everything, as others are who came just before it; their telling, if it is a new one. */
  dump(member: PeerId): Telling | undefined {
    const others = [...this.#tellings].find(({ isNew }) => isNew);
    if (others === undefined) return this.#begin(new Telling(this, "dump", [member]));
    others.members.add(member);
    this.#behind.set(member, others);
    return undefined;
  }

  /** Tell a member that is not behind everything once more, and call these at the end. */
  refresh(member: PeerId, onEnds: readonly (() => void)[]): Telling {
    const telling = this.#begin(new Telling(this, "refresh", [member]));
    telling.onEnd.push(...onEnds);
    return telling;
  }

  /** A member comes over from another group, and is told the difference. */
  adopt(member: PeerId, origin: Origin): Telling {
    const telling = this.#begin(new Telling(this, "difference", [member], origin));
    telling.endsRib = origin.telling.endsRib;
    return telling;
  }

  /** The member does not hear of changes by itself from now on. Only between one `flush` and the next `change`. */
  lag(member: PeerId): Telling {
    return this.#begin(new Telling(this, "difference", [member]));
  }

  /** Let a member that is behind, with others perhaps, have a telling of its own. */
  split(member: PeerId, telling: Telling): Telling {
    return telling.members.size === 1 ? telling : this.#begin(telling.split(member));
  }

  /** What a member has still to be told; undefined where it knows all. */
  behind(member: PeerId): Telling | undefined {
    return this.#behind.get(member);
  }

  /**
   * Tell the members of one telling what it has, piece by piece, until `isOver`; false when nothing is left. End-of-RIB
   * closes it for members that `mayEnd`.
   */
  tell(telling: Telling, isOver: () => boolean, mayEnd: (member: PeerId) => boolean): boolean {
    const broadcast = new Broadcast(this.#peer.wire.maxLength, telling.members, this.#send);
    const alone: Alone = new Map();
    let isMore = true;
    while (isMore) {
      const wasSilent = telling.isSilent;
      isMore = telling.step(broadcast, alone);
      if (isOver() || wasSilent !== telling.isSilent) break;
    }
    if (!isMore && telling.endsRib) this.#endRib(telling, broadcast, mayEnd);
    broadcast.flush();
    for (const [member, numbers] of alone) this.#sendTo(member, numbers, NO_SETS);
    if (!isMore) this.#end(telling);
    return isMore;
  }

  /** Tell one member that it has been told everything (RFC 4724 section 2). Only where it is not behind. */
  finish(member: PeerId): void {
    const packer = new Packer(this.#peer.wire.maxLength, (bytes) => this.#send(member, bytes));
    packer.endOfRib(this.nlri.family);
    packer.flush();
  }

  /** Mostly it is for all of them, in what they are told anyhow. */
  #endRib(telling: Telling, broadcast: Broadcast, mayEnd: (member: PeerId) => boolean): void {
    const members = [...telling.members];
    const due = members.filter(mayEnd);
    if (due.length === members.length) {
      broadcast.write(NONE, (packer) => packer.endOfRib(this.nlri.family));
      return;
    }
    broadcast.flush();
    for (const member of due) this.finish(member);
  }

  /** Returns what nobody is left for. */
  leave(member: PeerId): Telling | undefined {
    this.members.delete(member);
    const telling = this.#behind.get(member);
    if (telling === undefined) return undefined;
    this.#behind.delete(member);
    telling.members.delete(member);
    if (telling.members.size > 0) return undefined;
    this.#tellings.delete(telling);
    return telling;
  }

  /** Whether a member has still to be told of the route, which must keep its number for that. */
  isMissed(number: number): boolean {
    if (this.#tellings.size === 0) return false;
    for (const telling of this.#tellings) if (telling.misses(number)) return true;
    return false;
  }

  setOf(number: number): number {
    return this.#out.get(number);
  }

  peerOf(number: number): PeerId {
    return this.#outPeer.get(number);
  }

  announce(packer: Packer, set: number, numbers: readonly number[]): void {
    this.#announce(packer, this.#sets.get(set), numbers);
  }

  /** Routes that a member has been told, or is about to be. */
  count(member: PeerId): number {
    return this.#told - (this.#toldByPeer[member] ?? 0);
  }

  /** The last member has left: let go of what was made for them. `dissolve` does the rest. */
  close(): void {
    this.exporter.clear();
  }

  /** Let go of the routes from one number to another. */
  dissolve(from: number, to: number): void {
    for (let number = from; number < to; number++) {
      if (this.#out.get(number) !== NONE) this.#setOut(number, undefined, NONE);
    }
  }

  #begin(telling: Telling): Telling {
    this.#tellings.add(telling);
    for (const member of telling.members) this.#behind.set(member, telling);
    return telling;
  }

  /** Its members know all that the others know. */
  #end(telling: Telling): void {
    this.#tellings.delete(telling);
    for (const member of telling.members) this.#behind.delete(member);
    for (const onEnd of telling.onEnd) onEnd();
  }

  #setOut(number: number, set: AttributeSet | undefined, peer: PeerId): void {
    const now = set === undefined ? NONE : set.id;
    if (this.#tellings.size > 0) this.#miss(number, now);
    this.#putOut(number, set, peer);
  }

  #miss(number: number, now: number): void {
    for (const telling of this.#tellings) {
      telling.miss(number, this.#out.get(number), this.#outPeer.get(number), now);
    }
  }

  #putOut(number: number, set: AttributeSet | undefined, peer: PeerId): void {
    const old = this.#out.get(number);
    if (old !== NONE) this.#count(this.#outPeer.get(number), -1);
    if (set !== undefined) this.#count(peer, 1);
    this.#out.set(number, set === undefined ? NONE : set.id);
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
      this.#sendToCurrent(member, this.#onlyWithdrawn.get(member) ?? [], bySet);
      this.#onlyWithdrawn.delete(member);
    }
    for (const [member, numbers] of this.#onlyWithdrawn) {
      this.#sendToCurrent(member, numbers, NO_SETS);
    }
    this.#onlyAnnounced.clear();
    this.#onlyWithdrawn.clear();
  }

  /** Who is behind is told later. */
  #sendToCurrent(
    member: PeerId,
    gone: readonly number[],
    bySet: ReadonlyMap<AttributeSet, readonly number[]>,
  ): void {
    if (!this.#behind.has(member)) this.#sendTo(member, gone, bySet);
  }

  #sendTo(
    member: PeerId,
    gone: readonly number[],
    bySet: ReadonlyMap<AttributeSet, readonly number[]>,
  ): void {
    if (!this.members.has(member)) return;
    const packer = new Packer(this.#peer.wire.maxLength, (bytes) => this.#send(member, bytes));
    for (const [set, numbers] of bySet) this.#announce(packer, set, numbers);
    if (gone.length > 0) packer.withdraw(gone, this.nlri);
    packer.flush();
  }

  #announce(packer: Packer, set: AttributeSet, numbers: readonly number[]): void {
    packer.announce(set.encodedFor(this.#peer.wire), set.nextHopField, numbers, this.nlri);
  }

  /** Who is told what `change` finds out. */
  get #listeners(): ReadonlySet<PeerId> {
    if (this.#behind.size === 0) return this.members;
    return new Set([...this.members].filter((member) => !this.#behind.has(member)));
  }

  /** Everyone is told at once unless the route's own peer is among them. */
  #audience(except: PeerId): PeerId {
    return this.members.has(except) ? except : NONE;
  }
}
