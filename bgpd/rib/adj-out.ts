/**
 * Adj-RIBs-Out of all peers in one family (RFC 4271 section 3.2), kept once per update group.
 *
 * What changes is told at once, to those who know the rest. Who does not is told that first, piece by piece
 * (`telling.ts`), and so is a new group filled, and one that nobody is left in let go of.
 *
 * Peers that take several paths of a prefix (RFC 7911) have groups of their own, which are told of paths and not of
 * prefixes. Where there are none of these, nothing is done for them.
 */

import type { AttributeSet } from "./attribute-set.ts";
import type { AttributeSets } from "./attribute-sets.ts";
import { routeSourceOf } from "./export.ts";
import type { Chosen } from "./exporter.ts";
import type { LocRib } from "./loc-rib.ts";
import type { Member } from "./member.ts";
import { type NlriTable, PathNlri } from "./nlri-table.ts";
import { NONE, type PathTable } from "./path-table.ts";
import type { PrefixTable } from "./prefix-table.ts";
import type { PeerId, PolicyRoute } from "./route.ts";
import { ScratchRoute } from "./scratch-route.ts";
import type { Telling } from "./telling.ts";
import { toldPathsOf } from "./told-paths.ts";
import { groupKey, UpdateGroup } from "./update-group.ts";

export type AdjOutParts = {
  readonly table: PrefixTable;
  readonly paths: PathTable;
  readonly sets: AttributeSets;
  readonly locRib: LocRib;
  /** So many routes are looked at or told in one piece. */
  readonly stride: number;
  readonly send: (peer: PeerId, bytes: Uint8Array) => void;
  /** Whether a peer's End-of-RIB, by the peer's name, is to wait. */
  readonly isPartial: (peer: string) => boolean;
};

/** A group that nobody is left in, and the next of its routes to let go of. */
type Dissolving = { readonly group: UpdateGroup; at: number; readonly end: number };

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
  /** Peers that have not been told that their first table was all. */
  readonly #owed = new Map<PeerId, Member>();
  /** Some of these wait until they have arrived where they moved before. */
  #isHeldUp = false;
  /** What members have still to be told, in order. */
  readonly #queue = new Map<Telling, UpdateGroup>();
  /** Members whose connections take nothing. */
  readonly #paused = new Set<PeerId>();
  /** Members who ask for everything once more, and what is done then. */
  readonly #asking = new Map<PeerId, readonly (() => void)[]>();
  /** Groups that members come from, until what they knew there has been compared. */
  readonly #former = new Map<PeerId, UpdateGroup>();
  readonly #dissolving: Dissolving[] = [];
  /** Somebody knows all now, or has gone, since this was reset: numbers may be kept for nobody. */
  hasCaughtUp = false;

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

  /** The peer gets the whole table after the next `settle`, and End-of-RIB then or, where that is to wait, at a later one. */
  join(member: Member): void {
    this.#joining.add(member);
  }

  /** The peer's export policy or next hop is another: after the next `settle` it is told the difference. */
  move(member: Member): void {
    this.#moving.add(member);
  }

  leave(member: Member): void {
    const { id } = member;
    this.#joining.delete(member);
    this.#moving.delete(member);
    this.#owed.delete(id);
    this.#isHeldUp = this.#isHeldUp && this.#moving.size > 0;
    this.#paused.delete(id);
    this.#asking.delete(id);
    const groups = [this.#groupOf.get(id), this.#former.get(id)];
    this.#groupOf.delete(id);
    this.#former.delete(id);
    for (const group of groups) if (group !== undefined) this.#depart(id, group);
  }

  /**
   * Let peers join and move. Only when no decision is pending: what they are told then is what the
   * Loc-RIB says.
   */
  settle(): void {
    for (const member of this.#moving) if (this.#transfer(member)) this.#moving.delete(member);
    this.#isHeldUp = this.#moving.size > 0;
    this.#finish();
    for (const member of this.#joining) {
      this.#owed.set(member.id, member);
      const group = this.#enter(member);
      const telling = group.dump(member.id);
      if (telling !== undefined) this.#queue.set(telling, group);
    }
    this.#joining.clear();
  }

  /** Whether `work` has anything to do, or will let `settle` go on. */
  get isBusy(): boolean {
    if (this.#dissolving.length > 0 || this.#isHeldUp) return true;
    for (const telling of this.#queue.keys()) if (this.#isReady(telling)) return true;
    for (const id of this.#asking.keys()) if (this.#isCurrent(id)) return true;
    return false;
  }

  /** Tell who is behind, until `isOver`; true when more is left. Only between one `flush` and the next `change`. */
  work(isOver: () => boolean): boolean {
    this.#answer();
    while (this.#dissolving.length > 0) {
      this.#dissolve();
      if (isOver()) return this.isBusy;
    }
    for (const [telling, group] of this.#queue) {
      if (!this.#isReady(telling)) continue;
      if (this.#fill(group, isOver)) this.#tell(telling, group, isOver);
      if (isOver()) return this.isBusy;
    }
    return this.isBusy;
  }

  /** Send the whole table again (RFC 2918), after what the peer is being told already; then call `onEnd`. */
  refresh({ id }: Member, onEnd: () => void): void {
    this.#asking.set(id, [...(this.#asking.get(id) ?? []), onEnd]);
  }

  /** The peer's connection takes nothing: it is told nothing until `catchUp`. */
  lag({ id }: Member): void {
    this.#paused.add(id);
    const group = this.#groupOf.get(id);
    if (group !== undefined && group.behind(id) === undefined) {
      this.#queue.set(group.lag(id), group);
    }
  }

  /** It takes again, and is told what it has missed. */
  catchUp({ id }: Member): void {
    this.#paused.delete(id);
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
      for (const group of this.#list) if (prefix <= group.filled) group.withdraw(prefix);
      return;
    }
    const route = this.routeOf(prefix, best);
    for (const group of this.#list) {
      if (prefix <= group.filled) group.change(prefix, best, route);
    }
  }

  /** A prefix has been decided: of its paths some may have come, gone or changed, or be better or worse than before. */
  changePaths(prefix: number): void {
    const { paths, locRib } = this.#parts;
    for (const group of this.#pathGroups.values()) {
      if (prefix > group.filled) continue;
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
    this.#route.source = routeSourceOf(source);
    this.#route.of = set;
    return this.#route;
  }

  #changePath(group: UpdateGroup, prefix: number, row: number): void {
    const path = this.#parts.locRib.path(row);
    group.change(row, path, this.routeOf(prefix, path));
  }

  /** Whether a member is told of changes as they come. */
  #isCurrent(id: PeerId): boolean {
    return this.#groupOf.get(id)?.behind(id) === undefined && this.#groupOf.has(id);
  }

  /** Whether there is somebody to tell, or something to look at before that. */
  #isReady({ members, isSilent }: Telling): boolean {
    if (isSilent) return true;
    for (const member of members) if (!this.#paused.has(member)) return true;
    return false;
  }

  /** Begin to tell everything once more to those who ask, and know what is told them first. */
  #answer(): void {
    for (const [id, onEnds] of this.#asking) {
      const group = this.#groupOf.get(id);
      if (group === undefined || group.behind(id) !== undefined) continue;
      this.#asking.delete(id);
      this.#queue.set(group.refresh(id, onEnds), group);
    }
  }

  /** Until it is over, at its end, or waits for its members. */
  #tell(telling: Telling, group: UpdateGroup, isOver: () => boolean): void {
    while (this.#isReady(telling)) {
      this.#part(telling, group);
      if (!group.tell(telling, isOver, (id) => this.#mayEnd(id))) {
        this.#queue.delete(telling);
        this.hasCaughtUp = true;
        return;
      }
      if (isOver()) return;
    }
  }

  /** Whether a member is told now that it has been told everything. */
  #mayEnd(id: PeerId): boolean {
    const member = this.#owed.get(id);
    if (member !== undefined && this.#parts.isPartial(member.peer.name)) return false;
    this.#owed.delete(id);
    return true;
  }

  /** Tell those whose End-of-RIB had to wait, and who know all by now. */
  #finish(): void {
    for (const id of this.#owed.keys()) {
      if (this.#isCurrent(id) && this.#mayEnd(id)) this.#groupOf.get(id)?.finish(id);
    }
  }

  /** Who takes nothing keeps none of the others waiting. */
  #part(telling: Telling, group: UpdateGroup): void {
    if (telling.isSilent || this.#paused.size === 0) return;
    for (const member of [...telling.members]) {
      if (this.#paused.has(member)) this.#queue.set(group.split(member, telling), group);
    }
  }

  /** What a new group is to know; true when it knows all. */
  #fill(group: UpdateGroup, isOver: () => boolean): boolean {
    const { table, stride } = this.#parts;
    while (group.filled < Number.POSITIVE_INFINITY) {
      for (let count = 0; count < stride; count++) {
        const prefix = table.after(group.filled);
        group.filled = prefix === NONE ? Number.POSITIVE_INFINITY : prefix;
        if (prefix === NONE) break;
        this.#fillPrefix(group, prefix);
      }
      group.exporter.forgetLast();
      if (isOver()) break;
    }
    return group.filled === Number.POSITIVE_INFINITY;
  }

  #fillPrefix(group: UpdateGroup, prefix: number): void {
    const { locRib } = this.#parts;
    if (group.toldPaths === undefined) {
      const best = locRib.best(prefix);
      if (best !== undefined) group.fill(prefix, best, this.routeOf(prefix, best));
      return;
    }
    for (const row of locRib.told(prefix, group.toldPaths)) {
      const path = locRib.path(row);
      group.fill(row, path, this.routeOf(prefix, path));
    }
  }

  #dissolve(): void {
    const [first] = this.#dissolving;
    if (first === undefined) return;
    const end = Math.min(first.end, first.at + this.#parts.stride);
    first.group.dissolve(first.at, end);
    first.at = end;
    if (end === first.end) this.#dissolving.shift();
  }

  /** Let a member change groups; false where it has to be let into the one that it comes to first. */
  #transfer(member: Member): boolean {
    const { id, peer } = member;
    const from = this.#groupOf.get(id);
    if (from === undefined || from.key === groupKey(peer, this.#parts.table.family)) return true;
    const telling = from.behind(id);
    if (telling?.isComparing === true) return false;
    if (telling?.isNew === true) {
      this.#groupOf.delete(id);
      this.#depart(id, from);
      this.#joining.add(member);
      return true;
    }
    const known = telling === undefined ? from.lag(id) : from.split(id, telling);
    this.#queue.delete(known);
    for (const onEnd of known.onEnd) this.refresh(member, onEnd);
    this.#former.set(id, from);
    const group = this.#enter(member);
    const onCompared = (): void => {
      this.#former.delete(id);
      this.#depart(id, from);
    };
    this.#queue.set(group.adopt(id, { telling: known, onCompared }), group);
    return true;
  }

  #enter(member: Member): UpdateGroup {
    const key = groupKey(member.peer, this.#parts.table.family);
    const group = this.#groups.get(key) ?? this.#pathGroups.get(key) ?? this.#found(member);
    group.members.add(member.id);
    this.#groupOf.set(member.id, group);
    return group;
  }

  /** A new group, which is filled before its peers are told anything. */
  #found({ peer }: Member): UpdateGroup {
    const { table, sets, send, paths, stride: piece } = this.#parts;
    const tellsPaths = toldPathsOf(peer, table.family) !== undefined;
    const nlri = tellsPaths ? this.#pathNlri : table;
    const group = new UpdateGroup(peer, { sets, send, nlri, piece });
    group.filled = NONE;
    if (tellsPaths) {
      this.#pathGroups.set(group.key, group);
      paths.keepsRemoved = true;
    } else {
      this.#groups.set(group.key, group);
      this.#list = [...this.#groups.values()];
    }
    return group;
  }

  #depart(id: PeerId, group: UpdateGroup): void {
    const telling = group.leave(id);
    if (telling !== undefined) this.#queue.delete(telling);
    this.hasCaughtUp = true;
    if (group.members.size > 0) return;
    this.#groups.delete(group.key);
    this.#list = [...this.#groups.values()];
    this.#pathGroups.delete(group.key);
    this.#parts.paths.keepsRemoved = this.tellsPaths;
    group.close();
    this.#dissolving.push({ group, at: 0, end: group.nlri.capacity });
  }
}
