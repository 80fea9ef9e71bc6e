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
import { type AttributeSet, type AttributeSets, encodedFor } from "./attribute-set.ts";
import { Broadcast } from "./broadcast.ts";
import { Column } from "./column.ts";
import { forbidden, nextHopFor, type Origin, transform } from "./export.ts";
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
  /** Prefixes in `out`, and how many of them came from each peer. */
  #told = 0;
  readonly #toldByPeer = new Map<PeerId, number>();
  readonly #exported: ExportedSets;
  /** What this slice found out, by the member that must not be told (or NONE) and then by set. */
  #announced = new Map<number, Map<PeerId, number[]>>();
  #withdrawn = new Map<PeerId, number[]>();
  #onlyAnnounced = new Map<PeerId, Map<number, number[]>>();
  #onlyWithdrawn = new Map<PeerId, number[]>();

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
    this.#table = parts.table;
    this.#send = parts.send;
  }

  /** What the group would be told of a route. `route` is the policy's scratch, set to the prefix. */
  evaluate(best: Best, route: PolicyRoute): Export {
    const no = forbidden(best.set.attributes, best, this.#peer);
    if (no !== undefined) return { set: undefined, reason: no };
    const verdict = this.#peer.exportPolicy(route);
    if (!verdict.accept) return { set: undefined, reason: verdict.reason };
    const exported = this.#export(best, verdict.rewrite);
    return typeof exported === "string"
      ? { set: undefined, reason: exported }
      : { set: exported, reason: verdict.reason };
  }

  /** Take the new best of a prefix; what changes for whom is queued for `flush`. */
  change(prefix: number, best: Best | undefined, route: PolicyRoute): void {
    const set = best === undefined ? undefined : this.evaluate(best, route).set;
    const old = this.#out.get(prefix);
    const oldPeer = this.#outPeer.get(prefix);
    const peer = best?.peer ?? NONE;
    if (set === undefined) {
      if (old === NONE) return;
      this.#setOut(prefix, NONE, NONE);
      listOf(this.#withdrawn, this.#audience(oldPeer)).push(prefix);
      return;
    }
    if (old === set.id && oldPeer === peer) return;
    // Held before the old one is let go, for they may be the same.
    this.#sets.hold(set);
    this.#setOut(prefix, set.id, peer, { held: true });
    const moved = oldPeer !== peer && old !== NONE;
    if (old === set.id) {
      // The others know it already; only the one whose own route it was did not.
      if (this.members.has(oldPeer)) this.#announceOnly(oldPeer, set.id, prefix);
    } else {
      listOf(mapOf(this.#announced, this.#audience(peer)), set.id).push(prefix);
      this.#sets.hold(set);
    }
    if (moved && this.members.has(peer)) listOf(this.#onlyWithdrawn, peer).push(prefix);
  }

  /** Take a best without telling anyone: a new group learns what is there. */
  fill(prefix: number, best: Best, route: PolicyRoute): void {
    const { set } = this.evaluate(best, route);
    if (set !== undefined) this.#setOut(prefix, set.id, best.peer);
  }

  /** Encode and send what `change` has queued. */
  flush(): void {
    const broadcast = new Broadcast(this.#peer.wire.maxLength, this.#listeners, this.#send);
    for (const [except, prefixes] of this.#withdrawn) {
      broadcast.write(except, (packer) => packer.withdraw(prefixes, this.#table));
    }
    for (const [except, bySet] of this.#announced) {
      broadcast.write(except, (packer) => {
        for (const [id, prefixes] of bySet) {
          this.#announce(packer, this.#sets.get(id), prefixes);
          for (const _ of prefixes) this.#sets.release(id);
        }
      });
    }
    broadcast.flush();
    this.#flushSingles();
    this.#withdrawn = new Map();
    this.#announced = new Map();
  }

  /** Tell one member everything of this group, as at the start of its session. */
  dump(member: PeerId, { endOfRib }: { readonly endOfRib: boolean }): void {
    const bySet = new Map<number, number[]>();
    for (const prefix of this.#table.indices()) {
      const set = this.told(prefix, member);
      if (set !== NONE) listOf(bySet, set).push(prefix);
    }
    this.#sendTo(member, [], bySet, endOfRib);
  }

  /** A member comes over from another group: tell it the difference. */
  adopt(member: PeerId, from: UpdateGroup): void {
    const gone: number[] = [];
    const bySet = new Map<number, number[]>();
    for (const prefix of this.#table.indices()) {
      const before = from.told(prefix, member);
      const now = this.told(prefix, member);
      if (now === before) continue;
      if (now === NONE) gone.push(prefix);
      else listOf(bySet, now).push(prefix);
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
    const bySet = new Map<number, number[]>();
    for (const prefix of laggard.prefixes) {
      const set = this.told(prefix, member);
      if (set === NONE) gone.push(prefix);
      else listOf(bySet, set).push(prefix);
    }
    this.#sendTo(member, gone, bySet, false);
  }

  leave(member: PeerId): void {
    this.members.delete(member);
    this.#laggards.delete(member);
  }

  /** Whether a member has still to be told of the prefix, which must keep its number for that. */
  isMissed(prefix: number): boolean {
    for (const laggard of this.#laggards.values()) if (laggard.misses(prefix)) return true;
    return false;
  }

  /** The set that a member was told of a prefix, or NONE. */
  told(prefix: number, member: PeerId): number {
    return this.#outPeer.get(prefix) === member ? NONE : this.#out.get(prefix);
  }

  /** Whether somebody may still have been told the prefix. */
  holds(prefix: number): boolean {
    return this.#out.get(prefix) !== NONE;
  }

  /** A set is gone: what was computed from it is let go. */
  forget(id: number): void {
    this.#exported.forget(id);
  }

  /** Prefixes that a member has been told. */
  count(member: PeerId): number {
    return this.#told - (this.#toldByPeer.get(member) ?? 0);
  }

  /** The last member has left: let go of every set. */
  dissolve(): void {
    for (const prefix of this.#table.indices()) {
      if (this.#out.get(prefix) !== NONE) this.#setOut(prefix, NONE, NONE);
    }
    this.#exported.clear();
  }

  #export(best: Best, rewrite: Rewrite | undefined): AttributeSet | string {
    const { set, source, from } = best;
    const isReflected = source === "internal" && !this.#peer.external;
    const reflectedFrom = isReflected ? from?.identifier : undefined;
    const known = this.#exported.find(best, rewrite, reflectedFrom);
    if (known !== undefined) return known;
    const rewritten = rewrite === undefined ? set.attributes : rewrite(set.attributes);
    const exported = this.#transformed(rewritten, best, reflectedFrom);
    this.#exported.keep(best, rewrite, reflectedFrom, exported);
    return exported;
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
    const exported = this.#sets.intern(transform(attributes, source, this.#peer, facts));
    const field = nextHopField(exported, family);
    const overhead = EMPTY_UPDATE_LENGTH + (field === undefined ? 0 : reachOverhead(field.length));
    const octets = overhead + encodedFor(exported, this.#peer.wire).length + LONGEST_PREFIX;
    if (octets <= this.#peer.wire.maxLength) return exported;
    this.#sets.dropUnheld(exported);
    return "its attributes are too long for one message to this peer";
  }

  #setOut(prefix: number, set: number, peer: PeerId, { held } = { held: false }): void {
    const old = this.#out.get(prefix);
    for (const [member, laggard] of this.#laggards) {
      laggard.miss(prefix, this.told(prefix, member), peer === member ? NONE : set);
    }
    if (old !== NONE) this.#count(this.#outPeer.get(prefix), -1);
    if (set !== NONE) this.#count(peer, 1);
    this.#out.set(prefix, set);
    this.#outPeer.set(prefix, peer);
    if (set !== NONE && !held) this.#sets.hold(this.#sets.get(set));
    if (old !== NONE) this.#sets.release(old);
  }

  #count(from: PeerId, change: 1 | -1): void {
    this.#told += change;
    const left = (this.#toldByPeer.get(from) ?? 0) + change;
    if (left === 0) this.#toldByPeer.delete(from);
    else this.#toldByPeer.set(from, left);
  }

  #announceOnly(member: PeerId, set: number, prefix: number): void {
    const bySet = this.#onlyAnnounced.get(member) ?? new Map<number, number[]>();
    this.#onlyAnnounced.set(member, bySet);
    listOf(bySet, set).push(prefix);
    this.#sets.hold(this.#sets.get(set));
  }

  #flushSingles(): void {
    const members = new Set([...this.#onlyAnnounced.keys(), ...this.#onlyWithdrawn.keys()]);
    for (const member of members) {
      const bySet = this.#onlyAnnounced.get(member) ?? new Map<number, number[]>();
      this.#sendTo(member, this.#onlyWithdrawn.get(member) ?? [], bySet, false);
      for (const [id, prefixes] of bySet) for (const _ of prefixes) this.#sets.release(id);
    }
    this.#onlyAnnounced = new Map();
    this.#onlyWithdrawn = new Map();
  }

  #sendTo(
    member: PeerId,
    gone: readonly number[],
    bySet: ReadonlyMap<number, readonly number[]>,
    endOfRib: boolean,
  ): void {
    if (!this.members.has(member) || this.#laggards.has(member)) return;
    const packer = new Packer(this.#peer.wire.maxLength, (bytes) => this.#send(member, bytes));
    if (gone.length > 0) packer.withdraw(gone, this.#table);
    for (const [id, prefixes] of bySet) {
      this.#announce(packer, this.#sets.get(id), prefixes);
    }
    if (endOfRib) packer.endOfRib(this.#table.family);
    packer.flush();
  }

  #announce(packer: Packer, set: AttributeSet, prefixes: readonly number[]): void {
    const encoded = encodedFor(set, this.#peer.wire);
    packer.announce(encoded, nextHopField(set, this.#table.family), prefixes, this.#table);
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

/** The Next Hop field of MP_REACH_NLRI; undefined where NEXT_HOP says it and the body has the prefixes. */
function nextHopField({ attributes }: AttributeSet, family: Family): Uint8Array | undefined {
  const { nextHop } = attributes;
  if (nextHop === undefined || (family === 4 && nextHop.family === 4)) return undefined;
  return encodeNextHop({ ...attributes, nextHop });
}

function listOf(map: Map<number, number[]>, key: number): number[] {
  const known = map.get(key);
  if (known !== undefined) return known;
  const list: number[] = [];
  map.set(key, list);
  return list;
}

function mapOf(map: Map<number, Map<number, number[]>>, key: number): Map<number, number[]> {
  const known = map.get(key);
  if (known !== undefined) return known;
  const inner = new Map<number, number[]>();
  map.set(key, inner);
  return inner;
}
