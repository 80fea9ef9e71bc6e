/**
 * Adj-RIBs-Out of all peers in one family (RFC 4271 section 3.2), kept once per update group.
 *
 * Peers that take several paths of a prefix (RFC 7911) have groups of their own, which are told of paths and not of
 * prefixes. Where there are none of these, nothing is done for them.
 */

import type { AttributeSet, AttributeSets } from "./attribute-set.ts";
import type { Chosen } from "./exporter.ts";
import type { LocRib } from "./loc-rib.ts";
import type { Member } from "./member.ts";
import { type NlriTable, PathNlri } from "./nlri-table.ts";
import { NONE, type PathTable } from "./path-table.ts";
import type { PrefixTable } from "./prefix-table.ts";
import type { PeerId, PolicyRoute, RibPeer } from "./route.ts";
import type { ToldPaths } from "./rules.ts";
import { ScratchRoute } from "./scratch-route.ts";
import { toldPathsOf } from "./told-paths.ts";
import { groupKey, UpdateGroup } from "./update-group.ts";

export type AdjOutParts = {
  readonly table: PrefixTable;
  readonly paths: PathTable;
  readonly sets: AttributeSets;
  readonly locRib: LocRib;
  readonly send: (peer: PeerId, bytes: Uint8Array) => void;
  /** Whether a peer's End-of-RIB, by the peer's name, is to wait. */
  readonly isPartial: (peer: string) => boolean;
};

export class AdjOut {
  readonly #parts: AdjOutParts;
  readonly #route: ScratchRoute;
  readonly #pathNlri: NlriTable;
  readonly #groups = new Map<string, UpdateGroup>();
  /** The same as a list, which is gone through for every prefix. */
  #list: readonly UpdateGroup[] = [];
  /** Those that are told of paths. */
  readonly #pathGroups = new Map<string, UpdateGroup>();
  readonly #groupOf = new Map<PeerId, UpdateGroup>();
  /** Peers that wait for their first table, and peers whose export policy is another now. */
  readonly #joining = new Set<Member>();
  readonly #moving = new Set<Member>();
  /** Peers that have been told their first table, and not that it was all. */
  readonly #unfinished = new Set<Member>();

  constructor(parts: AdjOutParts) {
    this.#parts = parts;
    this.#route = new ScratchRoute(parts.table.family);
    this.#pathNlri = new PathNlri(parts.table, parts.paths);
  }

  get size(): number {
    return this.#groups.size + this.#pathGroups.size;
  }

  /** Whether any peer is told of paths, and has to hear of each that comes, changes or goes. */
  get tellsPaths(): boolean {
    return this.#pathGroups.size > 0;
  }

  /** The peer gets the whole table at the next `settle`, and End-of-RIB then or, where that is to wait, at a later one. */
  join(member: Member): void {
    this.#joining.add(member);
  }

  /** The peer's export policy or next hop is another: at the next `settle` it is told the difference. */
  move(member: Member): void {
    this.#moving.add(member);
  }

  leave(member: Member): void {
    this.#joining.delete(member);
    this.#moving.delete(member);
    this.#unfinished.delete(member);
    const group = this.#groupOf.get(member.id);
    if (group === undefined) return;
    this.#groupOf.delete(member.id);
    this.#depart(member, group);
  }

  /**
   * Let peers join and move. Only when no decision is pending: what they are told then is what the
   * Loc-RIB says.
   */
  settle(): void {
    for (const member of this.#moving) this.#transfer(member);
    this.#moving.clear();
    for (const member of this.#unfinished) {
      if (this.#parts.isPartial(member.peer.name)) continue;
      if (this.#groupOf.get(member.id)?.finish(member.id) === true) this.#unfinished.delete(member);
    }
    for (const member of this.#joining) {
      const endOfRib = !this.#parts.isPartial(member.peer.name);
      this.#enter(member).dump(member.id, { endOfRib });
      if (!endOfRib) this.#unfinished.add(member);
    }
    this.#joining.clear();
  }

  /** Send the whole table again (RFC 2918). */
  refresh(member: Member): void {
    this.#groupOf.get(member.id)?.dump(member.id, { endOfRib: false });
  }

  /** The peer's connection takes nothing: it is told nothing until `catchUp`. */
  lag(member: Member): void {
    this.#groupOf.get(member.id)?.lag(member.id);
  }

  /** It takes again, and is told what it has missed. */
  catchUp(member: Member): void {
    this.#groupOf.get(member.id)?.catchUp(member.id);
  }

  /** Whether a peer has still to be told that the prefix is gone. */
  isMissed(prefix: number): boolean {
    for (const group of this.#list) if (group.isMissed(prefix)) return true;
    return false;
  }

  /** Whether a peer has still to be told that the path in a row is gone. */
  isPathMissed(row: number): boolean {
    for (const group of this.#pathGroups.values()) if (group.isMissed(row)) return true;
    return false;
  }

  /** A prefix has another best path, or none: what the peers get of it is queued. */
  change(prefix: number, best: Chosen | undefined): void {
    if (this.#groups.size === 0) return;
    if (best === undefined) {
      for (const group of this.#list) group.withdraw(prefix);
      return;
    }
    const route = this.routeOf(prefix, best);
    for (const group of this.#list) group.change(prefix, best, route);
  }

  /** A prefix has been decided: of its paths some may have come, gone or changed, or be better or worse than before. */
  changePaths(prefix: number): void {
    const { paths, locRib } = this.#parts;
    for (const group of this.#pathGroups.values()) {
      const told = group.toldPaths === undefined ? [] : locRib.told(prefix, group.toldPaths);
      for (let row = paths.first(prefix); row !== NONE; row = paths.next.get(row)) {
        if (told.includes(row)) this.#changePath(group, prefix, row);
        else group.withdraw(row);
      }
      for (const row of paths.removedOf(prefix)) group.withdraw(row);
    }
  }

  /** Send what is queued. */
  flush(): void {
    for (const group of this.#groups.values()) group.flush();
    for (const group of this.#pathGroups.values()) group.flush();
  }

  /** An attribute set is gone: what was computed from it is let go. */
  forget(set: AttributeSet): void {
    for (const group of this.#list) group.exporter.forget(set);
    for (const group of this.#pathGroups.values()) group.exporter.forget(set);
  }

  /** The group of a peer; undefined until it has been told its table. */
  groupOf(peer: PeerId): UpdateGroup | undefined {
    return this.#groupOf.get(peer);
  }

  /** What export policies look at, until the next prefix is looked at. */
  routeOf(prefix: number, { source, set }: Chosen): PolicyRoute {
    this.#parts.table.read(prefix, this.#route.prefix);
    this.#route.source = source;
    this.#route.of = set;
    return this.#route;
  }

  #changePath(group: UpdateGroup, prefix: number, row: number): void {
    const path = this.#parts.locRib.path(row);
    group.change(row, path, this.routeOf(prefix, path));
  }

  #transfer(member: Member): void {
    const from = this.#groupOf.get(member.id);
    if (from === undefined || from.key === groupKey(member.peer, this.#parts.table.family)) return;
    from.catchUp(member.id);
    this.#enter(member).adopt(member.id, from);
    this.#depart(member, from);
  }

  #enter(member: Member): UpdateGroup {
    const key = groupKey(member.peer, this.#parts.table.family);
    const group = this.#groups.get(key) ?? this.#pathGroups.get(key) ?? this.#found(member);
    group.members.add(member.id);
    this.#groupOf.set(member.id, group);
    return group;
  }

  /** A new group, which knows what its peers are to be told from the start. */
  #found({ peer }: Member): UpdateGroup {
    const { table, locRib, sets, send } = this.#parts;
    const told = toldPathsOf(peer, table.family);
    if (told !== undefined) return this.#foundForPaths(peer, told);
    const group = new UpdateGroup(peer, { sets, send, nlri: table });
    this.#groups.set(group.key, group);
    this.#list = [...this.#groups.values()];
    for (const prefix of table.indices()) {
      const best = locRib.best(prefix);
      if (best !== undefined) group.fill(prefix, best, this.routeOf(prefix, best));
    }
    return group;
  }

  #foundForPaths(peer: RibPeer, told: ToldPaths): UpdateGroup {
    const { table, locRib, sets, send, paths } = this.#parts;
    const group = new UpdateGroup(peer, { sets, send, nlri: this.#pathNlri });
    this.#pathGroups.set(group.key, group);
    paths.keepsRemoved = true;
    for (const prefix of table.indices()) {
      for (const row of locRib.told(prefix, told)) {
        const path = locRib.path(row);
        group.fill(row, path, this.routeOf(prefix, path));
      }
    }
    return group;
  }

  #depart(member: Member, group: UpdateGroup): void {
    group.leave(member.id);
    if (group.members.size > 0) return;
    this.#groups.delete(group.key);
    this.#list = [...this.#groups.values()];
    this.#pathGroups.delete(group.key);
    this.#parts.paths.keepsRemoved = this.tellsPaths;
    group.dissolve();
  }
}
