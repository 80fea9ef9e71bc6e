/**
 * Paths: which peer offers a prefix with which attributes. Rows of integers, linked per prefix and per peer.
 *
 * A peer may offer several paths to a prefix, told apart by the identifiers that it gives them (RFC 7911).
 */

import { Column } from "./column.ts";
import type { PolicyVerdict } from "./route.ts";
import { Verdicts } from "./verdicts.ts";

/** End of a list, and "none". */
export const NONE = -1;

export class PathTable {
  readonly prefix = new Column();
  readonly peer = new Column();
  /** The peer's Path Identifier as a signed word; NONE where its paths have none. */
  readonly pathId = new Column();
  /** Attribute set as received. */
  readonly received = new Column();
  /** Attribute set after the import policy; NONE for a rejected path. */
  readonly used = new Column();
  /** In which round of its peer it was announced last (`Member`). */
  readonly round = new Column();
  readonly #verdict = new Column();
  readonly #verdicts = new Verdicts();
  /** The next path of the same prefix. */
  readonly next = new Column();
  readonly #nextOfPeer = new Column();
  readonly #previousOfPeer = new Column();
  /** By the peer's number + 1, for our own routes have none. */
  readonly #firstOfPeer = new Column();
  /** Of peers whose rows are being walked through, the next one to come. */
  readonly #nextOfWalk = new Column();
  readonly #firstOfPrefix = new Column();
  /** Removed rows that are kept, by prefix. */
  readonly #firstRemoved = new Column();
  readonly #free: number[] = [];
  #rows = 0;
  size = 0;
  /**
   * Keep the rows that are removed, with their prefixes and peers, until they are freed: somebody has been told
   * of the paths by their rows.
   */
  keepsRemoved = false;
  /** How many removed ones are kept. */
  removed = 0;

  /** Rows are below this; it only grows. */
  get capacity(): number {
    return this.#rows;
  }

  /** The prefix's first path, or NONE. */
  first(prefix: number): number {
    return this.#firstOfPrefix.get(prefix);
  }

  /** The path of the prefix from the peer with this identifier (NONE where it gives none), or NONE. */
  find(prefix: number, peer: number, pathId: number): number {
    const id = pathId | 0;
    for (let row = this.first(prefix); row !== NONE; row = this.next.get(row)) {
      if (this.peer.get(row) === peer && this.pathId.get(row) === id) return row;
    }
    return NONE;
  }

  /** A new row for a path that has none. */
  add(prefix: number, peer: number, pathId: number): number {
    const row = this.#free.pop() ?? this.#rows++;
    this.prefix.set(row, prefix);
    this.peer.set(row, peer);
    // Where nobody has identifiers the column stays empty.
    if (pathId !== NONE) this.pathId.set(row, pathId);
    this.received.set(row, NONE);
    this.used.set(row, NONE);
    this.next.set(row, this.first(prefix));
    this.#firstOfPrefix.set(prefix, row);
    this.#link(row, peer);
    this.size++;
    return row;
  }

  remove(row: number): void {
    const prefix = this.prefix.get(row);
    const next = this.next.get(row);
    if (this.first(prefix) === row) {
      this.#firstOfPrefix.set(prefix, next);
    } else {
      let before = this.first(prefix);
      while (this.next.get(before) !== row) before = this.next.get(before);
      this.next.set(before, next);
    }
    const peer = this.peer.get(row);
    const nextOfPeer = this.#nextOfPeer.get(row);
    const previous = this.#previousOfPeer.get(row);
    if (this.#nextOfWalk.get(peer + 1) === row) this.#nextOfWalk.set(peer + 1, nextOfPeer);
    if (nextOfPeer !== NONE) this.#previousOfPeer.set(nextOfPeer, previous);
    if (previous !== NONE) this.#nextOfPeer.set(previous, nextOfPeer);
    else this.#firstOfPeer.set(peer + 1, nextOfPeer);
    this.#setVerdict(row, NONE);
    this.size--;
    if (!this.keepsRemoved) {
      this.#freeRow(row);
      return;
    }
    this.next.set(row, this.#firstRemoved.get(prefix));
    this.#firstRemoved.set(prefix, row);
    this.removed++;
  }

  /** The prefix's removed rows that are kept. */
  *removedOf(prefix: number): Generator<number> {
    for (let row = this.#firstRemoved.get(prefix); row !== NONE; row = this.next.get(row))
      yield row;
  }

  /** Free the prefix's removed rows but those that are still needed; true when some are. */
  freeRemoved(prefix: number, isNeeded: (row: number) => boolean): boolean {
    const rows = [...this.removedOf(prefix)];
    if (rows.length === 0) return false;
    this.#firstRemoved.set(prefix, NONE);
    for (const row of rows) {
      if (isNeeded(row)) {
        this.next.set(row, this.#firstRemoved.get(prefix));
        this.#firstRemoved.set(prefix, row);
      } else {
        this.removed--;
        this.#freeRow(row);
      }
    }
    return this.#firstRemoved.get(prefix) !== NONE;
  }

  /** The verdict that accepted or rejected a path. */
  verdictOf(row: number): PolicyVerdict | undefined {
    return this.#verdicts.get(this.#verdict.get(row));
  }

  setVerdict(row: number, verdict: PolicyVerdict): void {
    this.#setVerdict(row, this.#verdicts.hold(verdict));
  }

  /** The hold on the number is taken over. */
  #setVerdict(row: number, number: number): void {
    const old = this.#verdict.get(row);
    this.#verdict.set(row, number);
    if (old !== NONE) this.#verdicts.release(old);
  }

  /** The peer's first row, or NONE. */
  firstOf(peer: number): number {
    return this.#firstOfPeer.get(peer + 1);
  }

  /** Walk through the peer's rows, with `step`, from the first. */
  walk(peer: number): void {
    this.#nextOfWalk.set(peer + 1, this.firstOf(peer));
  }

  /** The next row of the walk; NONE when there is none left. Others may come and go between two steps. */
  step(peer: number): number {
    const row = this.#nextOfWalk.get(peer + 1);
    if (row !== NONE) this.#nextOfWalk.set(peer + 1, this.#nextOfPeer.get(row));
    return row;
  }

  /** Whether rows are left to walk through. */
  isWalked(peer: number): boolean {
    return this.#nextOfWalk.get(peer + 1) !== NONE;
  }

  /** The peer's rows; the current one may be removed meanwhile. */
  *ofPeer(peer: number): Generator<number> {
    for (let row = this.firstOf(peer); row !== NONE; ) {
      const next = this.#nextOfPeer.get(row);
      yield row;
      row = next;
    }
  }

  /** The prefix's rows. */
  *ofPrefix(prefix: number): Generator<number> {
    for (let row = this.first(prefix); row !== NONE; row = this.next.get(row)) yield row;
  }

  /** A new row is its peer's first, or the next of the walk through them, which is to meet every row. */
  #link(row: number, peer: number): void {
    const walked = this.#nextOfWalk.get(peer + 1);
    const next = walked === NONE ? this.firstOf(peer) : walked;
    const previous = next === NONE ? NONE : this.#previousOfPeer.get(next);
    this.#nextOfPeer.set(row, next);
    this.#previousOfPeer.set(row, previous);
    if (next !== NONE) this.#previousOfPeer.set(next, row);
    if (previous === NONE) this.#firstOfPeer.set(peer + 1, row);
    else this.#nextOfPeer.set(previous, row);
    if (walked !== NONE) this.#nextOfWalk.set(peer + 1, row);
  }

  #freeRow(row: number): void {
    if (this.pathId.get(row) !== NONE) this.pathId.set(row, NONE);
    this.#free.push(row);
  }
}
