/**
 * When a speaker that has restarted over the routes of its predecessor chooses its own (RFC 4724 section 4.1): a family
 * once every peer has told its table of it, so that nobody hears of a choice among the few who came first.
 *
 * A peer that has restarted too is not waited for, or both would wait. One that cannot be reached is waited for as
 * long as it takes to call it, and one that is there and says nothing until the deadline.
 *
 * What is chosen without some is told, and not that it is all: at the End-of-RIB the others delete what they had of us,
 * and by us of those. That waits for their tables, until the deadline, as the kernel's routes do. A peer that has
 * restarted gets it at once where it waits for it: before it chooses, or because both would wait. Pure but for the clock.
 */

import type { Family } from "../lib/address.ts";
import type { Clock, Timer } from "../lib/clock.ts";

const FAMILIES = [4, 6] as const;

/** A peer whose table is expected. */
export type Expected = { readonly name: string; readonly families: readonly Family[] };

export type DeferralOptions = {
  readonly clock: Clock;
  /** Ms until a peer without a session is not waited for, and until nobody is: from the start. */
  readonly patience: number;
  readonly deadline: number;
  /** The family can be decided. */
  readonly onOver: (family: Family) => void;
  /** Of a family nothing is withheld any more. */
  readonly onComplete: () => void;
};

export class Deferral {
  readonly #options: DeferralOptions;
  readonly #waiting: Readonly<Record<Family, Set<string>>> = { 4: new Set(), 6: new Set() };
  readonly #pending = new Set<Family>(FAMILIES);
  /** Peers whose tables the choice does not wait for, and our End-of-RIB does. */
  readonly #late: Readonly<Record<Family, Set<string>>> = { 4: new Set(), 6: new Set() };
  /** Families of which not all is told. */
  readonly #partial = new Set<Family>(FAMILIES);
  /** Peers that had restarted too when their sessions came up, before we had chosen or after that. */
  readonly #restarted = { before: new Set<string>(), after: new Set<string>() };
  /** Peers with a session. */
  readonly #up = new Set<string>();
  readonly #timers: readonly Timer[];
  #isPatient = true;

  /** Those who are expected now: peers that come later are not waited for. */
  constructor(options: DeferralOptions, expected: readonly Expected[]) {
    const { clock, patience, deadline } = options;
    this.#options = options;
    for (const { name, families } of expected) {
      for (const family of families) this.#waiting[family].add(name);
    }
    this.#timers = [
      clock.after(patience, () => this.#loseLatePeers()),
      clock.after(deadline, () => this.end()),
    ];
  }

  /** Whether everything can be decided. */
  get isOver(): boolean {
    return this.#pending.size === 0;
  }

  /** The peers whose tables are waited for, for the choice or for our End-of-RIB. */
  waitingFor(): string[] {
    const all = [this.#waiting, this.#late].flatMap((sets) => [...sets[4], ...sets[6]]);
    return [...new Set(all)];
  }

  /** Whether the peer is not to be told yet that it has been told everything. */
  withholds(name: string, family: Family): boolean {
    const { before, after } = this.#restarted;
    const isMutual = before.has(name) && this.#late[family].has(name);
    return this.#partial.has(family) && !isMutual && !after.has(name);
  }

  /** Look whether anybody is waited for at all. */
  begin(): void {
    this.#check();
  }

  /** A session is up; the families that it does not carry will not be told. */
  up({ name, families }: Expected, { restarted }: { readonly restarted: boolean }): void {
    this.#up.add(name);
    if (restarted) {
      this.#restarted[this.isOver ? "after" : "before"].add(name);
      this.#chooseWithout(name);
    }
    this.told(
      name,
      FAMILIES.filter((family) => !families.includes(family)),
    );
  }

  /** A peer's table of these families has arrived. */
  told(name: string, families: readonly Family[]): void {
    for (const family of families) {
      this.#waiting[family].delete(name);
      this.#late[family].delete(name);
    }
    this.#check();
  }

  /** Its session is over. */
  lost(name: string): void {
    this.#up.delete(name);
    if (!this.#isPatient) this.#chooseWithout(name);
  }

  /** Nobody expects the peer any more. */
  gone(name: string): void {
    this.told(name, FAMILIES);
  }

  /** Wait no longer. */
  end(): void {
    for (const family of FAMILIES) {
      this.#waiting[family].clear();
      this.#late[family].clear();
    }
    this.#check();
  }

  /** Nothing will be decided any more. */
  cancel(): void {
    for (const timer of this.#timers) timer.cancel();
  }

  #loseLatePeers(): void {
    this.#isPatient = false;
    for (const name of this.waitingFor()) if (!this.#up.has(name)) this.#chooseWithout(name);
  }

  /** The choice does not wait for the peer's tables, which are still to come. */
  #chooseWithout(name: string): void {
    for (const family of FAMILIES) {
      if (this.#waiting[family].delete(name)) this.#late[family].add(name);
    }
    this.#check();
  }

  #check(): void {
    for (const family of [...this.#pending]) {
      if (this.#waiting[family].size > 0) continue;
      this.#pending.delete(family);
      this.#options.onOver(family);
    }
    for (const family of [...this.#partial]) {
      if (this.#pending.has(family) || this.#late[family].size > 0) continue;
      this.#partial.delete(family);
      this.#options.onComplete();
    }
    if (this.#partial.size === 0) this.cancel();
  }
}
