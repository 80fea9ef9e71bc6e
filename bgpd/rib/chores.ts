/**
 * What concerns all paths of a peer, or all prefixes of a family, and takes more than a moment where these are many:
 * done in slices, a peer after the other.
 *
 * Paths of a peer that is gone, or that were not told again in time, are void from the first moment: until their rows
 * are removed nobody may use or see them.
 *
 * Not here: what is done to a path (`adj-in.ts`, `family-tables.ts`).
 */

import type { Member } from "./member.ts";
import type { NextHopEntry } from "./next-hops.ts";
import { NONE, type PathTable } from "./path-table.ts";
import type { PeerId } from "./route.ts";

/**
 * What is due to each path of a peer. Whatever it is, void ones are removed; "retell" and "tell best" are for those whose
 * routes may be for others than before, or forwarded otherwise, although they are the same.
 */
export type Chore = "sweep" | "judge" | "judge the long-lived" | "decide" | "retell" | "tell best";

export type ChoreParts = {
  readonly paths: PathTable;
  /** Whether the time is over is asked once per this many paths or prefixes. */
  readonly stride: number;
  /** Do to a path what is due. */
  readonly visit: (member: Member, row: number, due: ReadonlySet<Chore>) => void;
  /** A path is void: forget it. */
  readonly remove: (member: Member, row: number) => void;
  /** The prefix, which has paths, may have to be decided anew, as one of these next hops is another (undefined: anyhow). */
  readonly review: (prefix: number, changed: ReadonlySet<NextHopEntry> | undefined) => void;
};

type Pass = {
  readonly member: Member;
  /** The peer is gone, and all of its paths with it. */
  isGone: boolean;
  /** What the walk through its paths does, and what the next one is to do. */
  due: ReadonlySet<Chore>;
  next: Set<Chore>;
};

export class Chores {
  readonly #parts: ChoreParts;
  readonly #passes = new Map<PeerId, Pass>();
  /** Next hops whose answers have changed; all prefixes are to be decided anew with `undefined`. */
  #changed: Set<NextHopEntry> | undefined = new Set();
  /** The next prefix to review, of how many that are left; behind the last of them comes the first. */
  #at = 0;
  #left = 0;
  #end = 0;

  constructor(parts: ChoreParts) {
    this.#parts = parts;
  }

  get isEmpty(): boolean {
    return this.#passes.size === 0 && this.#left === 0;
  }

  /** Paths of peers that are gone. */
  get departed(): number {
    let sum = 0;
    for (const { member, isGone } of this.#passes.values()) if (isGone) sum += member.received;
    return sum;
  }

  /** All paths that the peer has now are due for this. */
  assign(member: Member, ...chores: readonly Chore[]): void {
    if (this.#parts.paths.firstOf(member.id) === NONE) return;
    const pass = this.#passOf(member);
    for (const chore of chores) pass.next.add(chore);
  }

  /** The peer is gone. */
  depart(member: Member): void {
    if (this.#parts.paths.firstOf(member.id) === NONE) this.#passes.delete(member.id);
    else this.#passOf(member).isGone = true;
  }

  /** It is back; what is left of its paths is of rounds before this one. */
  rejoin(member: Member): void {
    const pass = this.#passes.get(member.id);
    if (pass === undefined) return;
    member.goneBefore = member.round;
    pass.isGone = false;
    pass.next.add("sweep");
  }

  /** Prefixes below `capacity` are to be reviewed, because of next hops that have changed or (undefined) anyhow. */
  review(changed: ReadonlySet<NextHopEntry> | undefined, capacity: number): void {
    if (changed === undefined || this.#changed === undefined) this.#changed = undefined;
    else for (const entry of changed) this.#changed.add(entry);
    // Once around from here, so that whoever comes again and again cannot keep the rest waiting.
    this.#left = capacity;
    this.#end = capacity;
    // There may be fewer than there were.
    if (this.#at >= capacity) this.#at = 0;
  }

  /** Whether a path is gone although its row is there. */
  isVoid(row: number): boolean {
    if (this.#passes.size === 0) return false;
    const { paths } = this.#parts;
    const pass = this.#passes.get(paths.peer.get(row));
    return pass !== undefined && isVoidIn(pass, paths.round.get(row));
  }

  /** Work until `isOver` says so, but a little at least. True when more is left. */
  work(isOver: () => boolean): boolean {
    for (const pass of this.#passes.values()) {
      this.#walk(pass, isOver);
      if (isOver()) return !this.isEmpty;
    }
    while (this.#left > 0) {
      this.#reviewSome();
      if (isOver()) break;
    }
    return !this.isEmpty;
  }

  #passOf(member: Member): Pass {
    const known = this.#passes.get(member.id);
    if (known !== undefined) return known;
    const pass = { member, isGone: false, due: new Set<Chore>(), next: new Set<Chore>() };
    this.#passes.set(member.id, pass);
    return pass;
  }

  #walk(pass: Pass, isOver: () => boolean): void {
    const { paths, stride, visit, remove } = this.#parts;
    const { member } = pass;
    for (let count = 1; ; count++) {
      if (pass.isGone) {
        const row = paths.firstOf(member.id);
        if (row === NONE) break;
        remove(member, row);
      } else {
        if (!paths.isWalked(member.id)) {
          if (pass.next.size === 0) break;
          pass.due = pass.next;
          pass.next = new Set();
          paths.walk(member.id);
        }
        const row = paths.step(member.id);
        if (row !== NONE && isVoidIn(pass, paths.round.get(row))) remove(member, row);
        else if (row !== NONE) visit(member, row, pass.due);
      }
      if (count % stride === 0 && isOver()) return;
    }
    this.#passes.delete(member.id);
  }

  #reviewSome(): void {
    const { paths, stride, review } = this.#parts;
    for (let count = 0; count < stride && this.#left > 0; count++) {
      const prefix = this.#at;
      this.#at = prefix + 1 < this.#end ? prefix + 1 : 0;
      this.#left--;
      if (paths.first(prefix) !== NONE) review(prefix, this.#changed);
    }
    if (this.#left === 0) this.#changed = new Set();
  }
}

function isVoidIn({ member, isGone }: Pass, round: number): boolean {
  return isGone || round < member.goneBefore;
}
