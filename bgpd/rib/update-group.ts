/**
 * An update group: peers with one export view. What they are told is computed and encoded once.
 *
 * `out` says per prefix which exported set the group was told, and `outPeer` from whom that route came: a
 * member is never told its own routes, so its view is `out` without those. Messages therefore go to
 * everyone, to everyone but one peer, or to one peer alone.
 */

import type { Family } from "../../lib/address.ts";
import type { Attributes } from "../wire/attributes.ts";
import { encodeNextHop, reachOverhead } from "../wire/multiprotocol.ts";
import { EMPTY_UPDATE_LENGTH } from "../wire/update.ts";
import { Announcements } from "./announcements.ts";
import type { AttributeSet, AttributeSets } from "./attribute-set.ts";
import { Broadcast } from "./broadcast.ts";
import { Column } from "./column.ts";
import {
  forbidden,
  nextHopFor,
  type Origin,
  plainChange,
  transform,
  unreflected,
} from "./export.ts";
import { ExportedSets, type Rewrite } from "./exported.ts";
import { Laggard } from "./laggard.ts";
import { Packer } from "./pack.ts";
import { NONE } from "./path-table.ts";
import type { PrefixTable } from "./prefix-table.ts";
import type { PeerId, PolicyRoute, RibPeer } from "./route.ts";
import { exportRulesKey } from "./rules.ts";

/** The best path of a prefix, as export sees it. */
export type Best = Origin & {
  readonly set: AttributeSet;
  /** NONE for a route of our own. */
  readonly peer: PeerId;
  /** To the next hop; 0 for a set without AIGP. */
  readonly cost: number;
};

/** What a group would be told, and why (not). */
export type Export = { readonly set: AttributeSet | undefined; readonly reason: string };

/** Octets of the longest prefix of either family. */
const LONGEST_PREFIX = 17;
const NO_SETS: ReadonlyMap<AttributeSet, readonly number[]> = new Map();

/** Peers with equal keys can share a group of the family. */
export function groupKey(peer: RibPeer, family: Family): string {
  const { external, localAs, remoteAs, nextHops, wire, rules, exportKey } = peer;
  const { fourOctetAs, maxLength, extendedNextHop, aigp = false } = wire;
  const hop = nextHops[family];
  const own = hop.nextHop === undefined ? "" : encodeNextHop(hop).join(".");
  const session = [external, localAs, own, fourOctetAs, maxLength, extendedNextHop, aigp];
  return `${session.join(" ")} ${exportRulesKey(rules, remoteAs)} ${exportKey}`;
}

export class UpdateGroup {
  readonly key: string;
  readonly members = new Set<PeerId>();
  /** Of these the ones that are told nothing for the time being. */
  readonly #laggards = new Map<PeerId, Laggard>();
  readonly #peer: RibPeer;
  readonly #sets: AttributeSets;
  readonly #table: PrefixTable;
  readonly #send: (peer: PeerId, bytes: Uint8Array) => void;
  readonly #out = new Column();
  readonly #outPeer = new Column();
  /** Prefixes in `out`, and how many of them came from each peer, by its number. */
  #told = 0;
  readonly #toldByPeer: number[] = [];
  readonly #exported: ExportedSets;
  /** What this slice found out: for all but one member (or for all: NONE), and for one alone. */
  readonly #announced: Announcements;
  readonly #withdrawn = new Map<PeerId, number[]>();
  readonly #onlyAnnounced: Announcements;
  readonly #onlyWithdrawn = new Map<PeerId, number[]>();
  /** What was exported last, and what of: most prefixes come in a row with others of the same set. */
  #lastBest: Best | undefined;
  #lastRewrite: Rewrite | undefined;
  #lastExported: AttributeSet | string = "";

  constructor(
    peer: RibPeer,
    parts: {
      readonly sets: AttributeSets;
      readonly table: PrefixTable;
      readonly send: (peer: PeerId, bytes: Uint8Array) => void;
    },
  ) {
    this.key = groupKey(peer, parts.table.family);
    this.#peer = peer;
    this.#sets = parts.sets;
    this.#exported = new ExportedSets(parts.sets);
    this.#announced = new Announcements(parts.sets);
    this.#onlyAnnounced = new Announcements(parts.sets);
    this.#table = parts.table;
    this.#send = parts.send;
  }

  /** What the group would be told of a route. `route` is the policy's scratch, set to the prefix. */
  evaluate(best: Best, route: PolicyRoute): Export {
    const no =
      unreflected(best, this.#peer.external, this.#peer.rules) ??
      forbidden(best.set.attributes, this.#peer);
    if (no !== undefined) return { set: undefined, reason: no };
    const verdict = this.#peer.exportPolicy(route);
    if (!verdict.accept) return { set: undefined, reason: verdict.reason };
    const exported = this.#export(best, verdict.rewrite);
    return typeof exported === "string"
      ? { set: undefined, reason: exported }
      : { set: exported, reason: verdict.reason };
  }

  /** The same without a reason: what does not depend on the prefix is found out once for each set. */
  #choose(best: Best, route: PolicyRoute): AttributeSet | undefined {
    if (unreflected(best, this.#peer.external, this.#peer.rules) !== undefined) return undefined;
    const { accept, rewrite } = this.#peer.exportPolicy(route);
    if (!accept) return undefined;
    if (best !== this.#lastBest || rewrite !== this.#lastRewrite) {
      this.#lastExported = this.#export(best, rewrite);
      this.#lastBest = best;
      this.#lastRewrite = rewrite;
    }
    return typeof this.#lastExported === "string" ? undefined : this.#lastExported;
  }

  /** Take the new best of a prefix; what changes for whom is queued for `flush`. */
  change(prefix: number, best: Best, route: PolicyRoute): void {
    const set = this.#choose(best, route);
    if (set === undefined) {
      this.withdraw(prefix);
      return;
    }
    const old = this.#out.get(prefix);
    const oldPeer = this.#outPeer.get(prefix);
    const { peer } = best;
    if (old === set.id && oldPeer === peer) return;
    this.#setOut(prefix, set, peer);
    if (old === set.id) {
      // The others know it already; only the one whose own route it was did not.
      if (this.members.has(oldPeer)) this.#onlyAnnounced.add(oldPeer, set, prefix);
    } else {
      this.#announced.add(this.#audience(peer), set, prefix);
    }
    const isMoved = oldPeer !== peer && old !== NONE;
    if (isMoved && this.members.has(peer)) listOf(this.#onlyWithdrawn, peer).push(prefix);
  }

  /** The prefix has no best path any more, or none for the group. */
  withdraw(prefix: number): void {
    if (this.#out.get(prefix) === NONE) return;
    const oldPeer = this.#outPeer.get(prefix);
    this.#setOut(prefix, undefined, NONE);
    listOf(this.#withdrawn, this.#audience(oldPeer)).push(prefix);
  }

  /** Take a best without telling anyone: a new group learns what is there. */
  fill(prefix: number, best: Best, route: PolicyRoute): void {
    const set = this.#choose(best, route);
    if (set !== undefined) this.#setOut(prefix, set, best.peer);
  }

  /** Encode and send what `change` has queued. */
  flush(): void {
    this.#lastBest = undefined;
    if (this.#withdrawn.size > 0 || this.#announced.size > 0) this.#flushAll();
    if (this.#onlyWithdrawn.size > 0 || this.#onlyAnnounced.size > 0) this.#flushSingles();
  }

  #flushAll(): void {
    const broadcast = new Broadcast(this.#peer.wire.maxLength, this.#listeners, this.#send);
    for (const [except, prefixes] of this.#withdrawn) {
      broadcast.write(except, (packer) => packer.withdraw(prefixes, this.#table));
    }
    for (const [except, bySet] of this.#announced.audiences()) {
      broadcast.write(except, (packer) => {
        for (const [set, prefixes] of bySet) this.#announce(packer, set, prefixes);
      });
    }
    broadcast.flush();
    this.#withdrawn.clear();
    this.#announced.clear();
  }

  /** Tell one member everything of this group, as at the start of its session. */
  dump(member: PeerId, { endOfRib }: { readonly endOfRib: boolean }): void {
    const bySet = new Map<AttributeSet, number[]>();
    const table = this.#table;
    for (let prefix = table.after(NONE); prefix !== NONE; prefix = table.after(prefix)) {
      const set = this.told(prefix, member);
      if (set !== NONE) listOf(bySet, this.#sets.get(set)).push(prefix);
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
    const table = this.#table;
    for (let prefix = table.after(NONE); prefix !== NONE; prefix = table.after(prefix)) {
      const before = from.told(prefix, member);
      const now = this.told(prefix, member);
      if (now === before) continue;
      if (now === NONE) gone.push(prefix);
      else listOf(bySet, this.#sets.get(now)).push(prefix);
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
    for (const prefix of laggard.prefixes) {
      const set = this.told(prefix, member);
      if (set === NONE) gone.push(prefix);
      else listOf(bySet, this.#sets.get(set)).push(prefix);
    }
    this.#sendTo(member, gone, bySet, false);
  }

  leave(member: PeerId): void {
    this.members.delete(member);
    this.#laggards.delete(member);
  }

  /** Whether a member has still to be told of the prefix, which must keep its number for that. */
  isMissed(prefix: number): boolean {
    if (this.#laggards.size === 0) return false;
    for (const laggard of this.#laggards.values()) if (laggard.misses(prefix)) return true;
    return false;
  }

  /** The set that a member was told of a prefix, or NONE. */
  told(prefix: number, member: PeerId): number {
    return this.#outPeer.get(prefix) === member ? NONE : this.#out.get(prefix);
  }

  /** A set is gone: what was computed from it is let go. */
  forget(set: AttributeSet): void {
    this.#exported.forget(set);
  }

  /** Prefixes that a member has been told. */
  count(member: PeerId): number {
    return this.#told - (this.#toldByPeer[member] ?? 0);
  }

  /** The last member has left: let go of every set. */
  dissolve(): void {
    const table = this.#table;
    for (let prefix = table.after(NONE); prefix !== NONE; prefix = table.after(prefix)) {
      if (this.#out.get(prefix) !== NONE) this.#setOut(prefix, undefined, NONE);
    }
    this.#exported.clear();
  }

  #export(best: Best, rewrite: Rewrite | undefined): AttributeSet | string {
    const { set, source, from } = best;
    const isReflected = source === "internal" && !this.#peer.external;
    const reflectedFrom = isReflected ? from?.identifier : undefined;
    const known = this.#exported.find(best, rewrite, reflectedFrom);
    if (known !== undefined) return known;
    const exported =
      this.#exportPlain(best, rewrite, reflectedFrom) ??
      forbidden(set.attributes, this.#peer) ??
      this.#transformed(rewrite?.(set.attributes) ?? set.attributes, best, reflectedFrom);
    this.#exported.keep(best, rewrite, reflectedFrom, exported);
    return exported;
  }

  /** The short way, which nearly all sets take: nothing forbids to tell plain ones. */
  #exportPlain(
    { set, source }: Best,
    rewrite: Rewrite | undefined,
    reflectedFrom: number | undefined,
  ): AttributeSet | string | undefined {
    if (rewrite !== undefined || reflectedFrom !== undefined || !set.isPlain) return undefined;
    const told = nextHopFor(set, source, this.#peer, this.#table.family);
    if (told.nextHop === undefined) return told.reason;
    const change = plainChange(set, source, this.#peer, told);
    if (change === undefined) return undefined;
    return this.#fitting(this.#sets.internPlain(set, change, told));
  }

  #transformed(
    attributes: Attributes,
    { source, cost }: Best,
    reflectedFrom: number | undefined,
  ): AttributeSet | string {
    const { family } = this.#table;
    const told = nextHopFor(attributes, source, this.#peer, family);
    if (told.nextHop === undefined) return told.reason;
    const facts = { told, cost, reflectedFrom };
    return this.#fitting(this.#sets.intern(transform(attributes, source, this.#peer, facts)));
  }

  /** The set, if a message to the peers has room for it and a prefix. */
  #fitting(exported: AttributeSet): AttributeSet | string {
    const field = exported.nextHopField;
    const overhead = EMPTY_UPDATE_LENGTH + (field === undefined ? 0 : reachOverhead(field.length));
    const { start, end } = exported.encodedFor(this.#peer.wire);
    if (overhead + end - start + LONGEST_PREFIX <= this.#peer.wire.maxLength) return exported;
    this.#sets.dropUnheld(exported);
    return "its attributes are too long for one message to this peer";
  }

  #setOut(prefix: number, set: AttributeSet | undefined, peer: PeerId): void {
    const old = this.#out.get(prefix);
    const id = set === undefined ? NONE : set.id;
    if (this.#laggards.size > 0) {
      for (const [member, laggard] of this.#laggards) {
        laggard.miss(prefix, this.told(prefix, member), peer === member ? NONE : id);
      }
    }
    if (old !== NONE) this.#count(this.#outPeer.get(prefix), -1);
    if (set !== undefined) this.#count(peer, 1);
    this.#out.set(prefix, id);
    this.#outPeer.set(prefix, peer);
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
    for (const [member, prefixes] of this.#onlyWithdrawn) {
      this.#sendTo(member, prefixes, NO_SETS, false);
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
    if (gone.length > 0) packer.withdraw(gone, this.#table);
    for (const [set, prefixes] of bySet) this.#announce(packer, set, prefixes);
    if (endOfRib) packer.endOfRib(this.#table.family);
    packer.flush();
  }

  #announce(packer: Packer, set: AttributeSet, prefixes: readonly number[]): void {
    packer.announce(set.encodedFor(this.#peer.wire), set.nextHopField, prefixes, this.#table);
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
