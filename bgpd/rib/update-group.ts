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
import { Column } from "./column.ts";
import { forbidden, nextHopFor, transform } from "./export.ts";
import { Laggard } from "./laggard.ts";
import { Packer } from "./pack.ts";
import { NONE } from "./path-table.ts";
import type { PrefixTable } from "./prefix-table.ts";
import type { PeerId, PolicyRoute, PolicyVerdict, RibPeer, RouteSource } from "./route.ts";
import { exportRulesKey } from "./rules.ts";

/** The best path of a prefix, as export sees it. */
export type Best = {
  readonly set: AttributeSet;
  readonly source: RouteSource;
  /** NONE for a route of our own. */
  readonly peer: PeerId;
  /** To the next hop; 0 for a set without AIGP. */
  readonly cost: number;
};

/** What a route is exported as, or why it is not. */
type Exported = { readonly set: AttributeSet | string; readonly cost: number };

/** What a group would be told, and why (not). */
export type Export = { readonly set: AttributeSet | undefined; readonly reason: string };

type Rewrite = NonNullable<PolicyVerdict["rewrite"]>;

/** Octets of the longest prefix of either family. */
const LONGEST_PREFIX = 17;
const SOURCES: readonly RouteSource[] = ["local", "internal", "external"];

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
  /** Exported sets by (set, source), per rewrite; each entry holds its exported set. */
  readonly #exported = new Map<Rewrite | undefined, Map<number, Exported>>();
  /** What this slice found out, by set and then by the peer that must not be told. */
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
    this.#table = parts.table;
    this.#send = parts.send;
  }

  /** What the group would be told of a route. `route` is the policy's scratch, set to the prefix. */
  evaluate(best: Best, route: PolicyRoute): Export {
    const no = forbidden(best.set.attributes, best.source, this.#peer);
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
      listOf(this.#withdrawn, oldPeer).push(prefix);
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
      const byPeer = mapOf(this.#announced, set.id);
      listOf(byPeer, peer).push(prefix);
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
    const packers = new Map<PeerId, Packer>();
    const packerFor = (except: PeerId): Packer => {
      const known = packers.get(except);
      if (known !== undefined) return known;
      const packer = new Packer(this.#peer.wire.maxLength, (bytes) => {
        for (const member of this.members) {
          if (member !== except && !this.#laggards.has(member)) this.#send(member, bytes);
        }
      });
      packers.set(except, packer);
      return packer;
    };
    for (const [except, prefixes] of this.#withdrawn) {
      packerFor(this.#audience(except)).withdraw(prefixes, this.#table);
    }
    for (const [id, byPeer] of this.#announced) {
      const set = this.#sets.get(id);
      for (const [except, prefixes] of byPeer) {
        this.#announce(packerFor(this.#audience(except)), set, prefixes);
        for (const _ of prefixes) this.#sets.release(id);
      }
    }
    for (const packer of packers.values()) packer.flush();
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
    for (const byRoute of this.#exported.values()) {
      for (let source = 0; source < SOURCES.length; source++) {
        const key = id * SOURCES.length + source;
        const exported = byRoute.get(key)?.set;
        if (!byRoute.delete(key) || typeof exported !== "object" || exported.id === id) continue;
        this.#sets.release(exported.id);
      }
    }
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
    const cached = [...this.#exported.values()].flatMap((byRoute) => [...byRoute]);
    this.#exported.clear();
    for (const [key, { set }] of cached) {
      const id = Math.floor(key / SOURCES.length);
      if (typeof set === "object" && set.id !== id) this.#sets.release(set.id);
    }
  }

  #export({ set, source, cost }: Best, rewrite: Rewrite | undefined): AttributeSet | string {
    let byRoute = this.#exported.get(rewrite);
    if (byRoute === undefined) {
      byRoute = new Map();
      this.#exported.set(rewrite, byRoute);
    }
    const key = set.id * SOURCES.length + SOURCES.indexOf(source);
    const known = byRoute.get(key);
    if (known?.cost === cost) return known.set;
    const rewritten = rewrite === undefined ? set.attributes : rewrite(set.attributes);
    const exported = this.#transformed(rewritten, source, cost);
    byRoute.set(key, { set: exported, cost });
    if (typeof exported === "object" && exported.id !== set.id) this.#sets.hold(exported);
    // What another cost had made of it; whoever was told that holds it.
    if (typeof known?.set === "object" && known.set.id !== set.id) this.#sets.release(known.set.id);
    return exported;
  }

  #transformed(attributes: Attributes, source: RouteSource, cost: number): AttributeSet | string {
    const { family } = this.#table;
    const told = nextHopFor(attributes, source, this.#peer, family);
    if (told.nextHop === undefined) return told.reason;
    const exported = this.#sets.intern(transform(attributes, source, this.#peer, { told, cost }));
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
