/** One daemon with its neighbours: wait for sessions, take the time of what follows. */

import type { Daemon } from "./daemon.ts";
import { type Expected, Judge } from "./judge.ts";
import { Neighbour } from "./neighbour.ts";
import { DAEMON, neighbourAddress, neighbourWord, type Performance, perform } from "./stage.ts";
import type { Workload } from "./workload.ts";

/** ms. */
const DEADLINE = 180_000;
/** After the last of what was waited for: what the daemon still does for it counts as well. ms. */
const SETTLE = 300;

export type Role = {
  readonly asNumber: number;
  readonly client?: boolean;
  /** What it must come to hold; absent where nobody looks. */
  readonly expected?: Expected;
};

/** What one step took. */
export type Measure = {
  /** Seconds. */
  readonly wall: number;
  readonly cpu: number;
  /** MiB, of the whole run so far. */
  readonly peak: number;
};

export type Player = {
  readonly neighbour: Neighbour;
  readonly judge: Judge;
  readonly asNumber: number;
  /** Its next hop. */
  readonly word: number;
};

export class Play {
  readonly #daemon: Daemon;
  readonly #performance: Performance;
  readonly players: readonly Player[];
  /** Whose table was not right when it was looked at last. */
  #late = 0;
  #look: () => void = () => {};

  constructor(
    daemon: Daemon,
    workload: Workload,
    {
      asNumber,
      roles,
      kernel = false,
    }: { asNumber: number; roles: readonly Role[]; kernel?: boolean },
  ) {
    this.#daemon = daemon;
    this.players = roles.map(({ asNumber: remote, expected }, index) => {
      const judge = new Judge(workload, expected);
      const neighbour = new Neighbour({
        address: neighbourAddress(index),
        identifier: neighbourWord(index),
        asNumber: remote,
        onUpdate: (bytes, start, end) => {
          if (expected !== undefined) judge.update(bytes, start, end);
        },
        onProgress: () => this.#look(),
      });
      return { neighbour, judge, asNumber: remote, word: neighbourWord(index) };
    });
    const neighbours = roles.map(({ asNumber: remote, client = false }, index) => ({
      address: neighbourAddress(index),
      asNumber: remote,
      client,
    }));
    this.#performance = perform(daemon, { asNumber, address: DAEMON, neighbours, kernel });
  }

  get pid(): number {
    return this.#performance.pid;
  }

  /** Whether everybody holds what it must. Cheap to ask again and again: it looks first at who was late before. */
  get isContent(): boolean {
    if (this.players[this.#late]?.judge.isContent === false) return false;
    const late = this.players.findIndex(({ judge }) => !judge.isContent);
    this.#late = Math.max(0, late);
    return late < 0;
  }

  player(index: number): Player {
    const player = this.players[index];
    if (player === undefined) throw new RangeError(`there is no neighbour ${index}`);
    return player;
  }

  /** Let these be reachable and wait for their sessions. */
  async open(indices: readonly number[]): Promise<void> {
    for (const index of indices) this.player(index).neighbour.listen();
    await this.until("sessions", () =>
      indices.every((index) => this.player(index).neighbour.isEstablished),
    );
  }

  /** Do something, and take the time until `isDone`. */
  async time(what: string, act: () => void, isDone: () => boolean): Promise<Measure> {
    const before = this.#performance.usage();
    const begin = performance.now();
    act();
    await this.until(what, isDone);
    const wall = (performance.now() - begin) / 1000;
    await Bun.sleep(SETTLE);
    const after = this.#performance.usage();
    return { wall, cpu: after.cpu - before.cpu, peak: after.peak };
  }

  async until(what: string, isDone: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#look = () => {
      if (isDone()) resolve();
    };
    // The kernel's routes and a daemon's death tell nobody.
    const poll = setInterval(this.#look, 20);
    const deadline = setTimeout(
      () => reject(new Error(`${what}: not within ${DEADLINE} ms`)),
      DEADLINE,
    );
    try {
      this.#look();
      await promise;
    } catch (error) {
      const states = this.players
        .slice(0, 4)
        .map(({ judge, neighbour }) => `${judge.summary} ${neighbour.ended}`)
        .join("; ");
      const log = (await this.#performance.log()).slice(-2000);
      throw new Error(`${this.#daemon.name}, ${what}: ${states}\n${log}`, { cause: error });
    } finally {
      clearInterval(poll);
      clearTimeout(deadline);
      this.#look = () => {};
    }
  }

  async close(): Promise<void> {
    for (const { neighbour } of this.players) neighbour.close();
    await this.#performance.stop();
  }
}
