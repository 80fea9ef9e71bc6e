/**
 * When a speaker that has restarted over the routes of its predecessor chooses its own (RFC 4724 section 4.1): a family
 * once every peer has told its table of it, so that nobody hears of a choice among the few who came first.
 *
 * A peer that has restarted too is not waited for, or both would wait. One that cannot be reached is waited for as
 * long as it takes to call it, and one that is there and says nothing until the deadline. Pure but for the clock.
 */

import type { Family } from "../lib/address.ts";
import type { Clock, Timer } from "../lib/clock.ts";

/** A peer whose table is expected. */
export type Expected = { readonly name: string; readonly families: readonly Family[] };

export type DeferralOptions = {
  readonly clock: Clock;
  /** Ms until a peer without a session is not waited for, and until nobody is: from the start. */
  readonly patience: number;
  readonly deadline: number;
  /** The family can be decided. */
  readonly onOver: (family: Family) => void;
};

export class Deferral {
  readonly #options: DeferralOptions;
  readonly #waiting: Readonly<Record<Family, Set<string>>> = { 4: new Set(), 6: new Set() };
  readonly #pending = new Set<Family>([4, 6]);
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

  /** The peers whose tables are waited for. */
  waitingFor(): string[] {
    return [...new Set([...this.#waiting[4], ...this.#waiting[6]])];
  }

  /** Look whether anybody is waited for at all. */
  begin(): void {
    this.#check();
  }

  /** A session is up; the families that it does not carry will not be told. */
  up({ name, families }: Expected, { restarted }: { readonly restarted: boolean }): void {
    this.#up.add(name);
    const told = restarted ? ([4, 6] as const) : ([4, 6] as const).filter(isMissing);
    this.told(name, told);

    function isMissing(family: Family): boolean {
      return !families.includes(family);
    }
  }

  /** A peer's table of these families has arrived. */
  told(name: string, families: readonly Family[]): void {
    for (const family of families) this.#waiting[family].delete(name);
    this.#check();
  }

  /** Its session is over. */
  lost(name: string): void {
    this.#up.delete(name);
    if (!this.#isPatient) this.gone(name);
  }

  /** Nobody expects the peer any more. */
  gone(name: string): void {
    this.told(name, [4, 6]);
  }

  /** Wait no longer. */
  end(): void {
    this.#waiting[4].clear();
    this.#waiting[6].clear();
    this.#check();
  }

  /** Nothing will be decided any more. */
  cancel(): void {
    for (const timer of this.#timers) timer.cancel();
  }

  #loseLatePeers(): void {
    this.#isPatient = false;
    for (const name of this.waitingFor()) if (!this.#up.has(name)) this.gone(name);
  }

  #check(): void {
    for (const family of [...this.#pending]) {
      if (this.#waiting[family].size > 0) continue;
      this.#pending.delete(family);
      this.#options.onOver(family);
    }
    if (this.isOver) this.cancel();
  }
}
