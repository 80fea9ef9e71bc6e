/**
 * Time as an interface, so that sessions, tables and the simulation run on a virtual clock.
 *
 * Milliseconds everywhere. `now` is monotonic and says nothing about the date; `date` is for people.
 */

/** A pending call; `cancel` is idempotent. */
export type Timer = { cancel(): void };

export type Clock = {
  /** Monotonic milliseconds. */
  now(): number;
  /** Wall-clock milliseconds since 1970, for records and displays only. */
  date(): number;
  /** Call `run` once, `delay` ms from now or as soon after as possible. */
  after(delay: number, run: () => void): Timer;
};

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  after(delay, run) {
    if (delay <= 0) {
      const immediate = setImmediate(run);
      return { cancel: () => clearImmediate(immediate) };
    }
    const handle = setTimeout(run, delay);
    return { cancel: () => clearTimeout(handle) };
  },
};

type Call = { readonly at: number; readonly serial: number; readonly run: () => void };

/** A clock that only moves when told to. Calls due at one instant run in the order of asking. */
export class VirtualClock implements Clock {
  #now = 0;
  #serial = 0;
  #due: Call[] = [];

  now(): number {
    return this.#now;
  }

  date(): number {
    return this.#now;
  }

  after(delay: number, run: () => void): Timer {
    const entry = { at: this.#now + Math.max(0, delay), serial: this.#serial++, run };
    this.#due.push(entry);
    return {
      cancel: () => {
        this.#due = this.#due.filter((other) => other !== entry);
      },
    };
  }

  /** Move forward by `duration` ms, running what falls due on the way, each at its own time. */
  advance(duration: number): void {
    const end = this.#now + duration;
    for (let next = this.#next(); next !== undefined && next.at <= end; next = this.#next()) {
      const { at, run } = next;
      this.#due = this.#due.filter((other) => other !== next);
      this.#now = at;
      run();
    }
    this.#now = end;
  }

  /** Number of calls still pending. */
  get pending(): number {
    return this.#due.length;
  }

  #next(): Call | undefined {
    return this.#due.reduce<Call | undefined>(
      (first, entry) =>
        first === undefined ||
        entry.at < first.at ||
        (entry.at === first.at && entry.serial < first.serial)
          ? entry
          : first,
      undefined,
    );
  }
}
