/** One daemon with its neighbours: wait for sessions, take the time of what follows. */

import type { Daemon, Task } from "./daemon.ts";
import { type Expected, Judge } from "./judge.ts";
import type { Usage } from "./meter.ts";
import { Neighbour } from "./neighbour.ts";
import { type ExpectedPaths, PathsJudge } from "./paths-judge.ts";
import { DAEMON, neighbourAddress, neighbourWord, type Performance, perform } from "./stage.ts";
import { secondsSince, type ThreadSeconds } from "./threads.ts";
import type { Workload } from "./workload.ts";

/** Seconds for each thing that is waited for, unless told otherwise. */
const DEADLINE = 180;
/** After the last of what was waited for: what the daemon still does for it counts as well. ms. */
const SETTLE = 300;

export type Role = {
  readonly asNumber: number;
  readonly client?: boolean;
  /** What it must come to hold; absent where nobody looks. */
  readonly expected?: Expected;
  /** It takes several paths of each prefix, and these. */
  readonly paths?: ExpectedPaths;
};

/** What one step took. */
export type Measure = {
  /** Seconds. */
  readonly wall: number;
  readonly cpu: number;
  /** MiB, of the whole run so far. */
  readonly peak: number;
  /** When it was, ms since 1970, and what the daemon's threads ran in it; of what `Play.time` timed. */
  readonly span?: readonly [begin: number, end: number];
  readonly threads?: ThreadSeconds;
};

export type Player = {
  readonly neighbour: Neighbour;
  readonly judge: Judge;
  /** Of who takes several paths. */
  readonly paths?: PathsJudge;
  readonly asNumber: number;
  /** Its next hop. */
  readonly word: number;
};

export type PlayOptions = {
  /** The daemon's. */
  readonly asNumber: number;
  readonly roles: readonly Role[];
  /** Neighbours behind those of `roles` that somebody else plays: their AS numbers. They are told nothing. */
  readonly guests?: readonly number[];
  /** Routes go into the kernel. */
  readonly kernel?: boolean;
  /** What the neighbours ask for, seconds. */
  readonly holdTime?: number;
  /** Seconds for each thing that is waited for. */
  readonly deadline?: number;
};

export class Play {
  readonly #daemon: Daemon;
  readonly #task: Task;
  readonly #deadline: number;
  #performance: Performance | undefined;
  readonly players: readonly Player[];
  /** Whose table was not right when it was looked at last. */
  #late = 0;
  #look: () => void = () => {};

  constructor(daemon: Daemon, workload: Workload, options: PlayOptions) {
    const { asNumber, roles, guests = [], kernel = false, holdTime, deadline } = options;
    this.#daemon = daemon;
    this.#deadline = deadline ?? DEADLINE;
    this.players = roles.map(({ asNumber: remote, expected, paths: wanted }, index) => {
      const judge = new Judge(workload, expected);
      const paths = wanted === undefined ? undefined : new PathsJudge(workload, wanted);
      const neighbour = new Neighbour({
        address: neighbourAddress(index),
        identifier: neighbourWord(index),
        asNumber: remote,
        ...(holdTime === undefined ? {} : { holdTime }),
        takesPaths: paths !== undefined,
        onUpdate: (bytes, start, end) => {
          if (expected !== undefined) judge.update(bytes, start, end);
          paths?.update(bytes, start, end);
        },
        onProgress: () => this.#look(),
      });
      const player = { neighbour, judge, asNumber: remote, word: neighbourWord(index) };
      return paths === undefined ? player : { ...player, paths };
    });
    const told = roles.map(({ asNumber: remote, client = false, paths }, index) => ({
      address: neighbourAddress(index),
      asNumber: remote,
      client,
      takesPaths: paths !== undefined,
    }));
    const untold = guests.map((remote, index) => ({
      address: neighbourAddress(roles.length + index),
      asNumber: remote,
      client: false,
      silent: true,
    }));
    this.#task = { asNumber, address: DAEMON, neighbours: [...told, ...untold], kernel };
  }

  get usage(): Usage {
    return this.#running.usage();
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

  /** Start the daemon; again after `kill`. */
  start(): void {
    this.#performance = perform(this.#daemon, this.#task);
  }

  /** Let these be reachable, start the daemon and wait for their sessions; of all when none is named. */
  async open(indices: readonly number[] = [...this.players.keys()]): Promise<void> {
    for (const index of indices) this.player(index).neighbour.listen();
    this.start();
    await this.until("sessions", () =>
      indices.every((index) => this.player(index).neighbour.isEstablished),
    );
  }

  /** End the daemon as a crash would, its neighbours and the kernel's routes staying. */
  async kill(): Promise<void> {
    await this.#running.kill();
  }

  /** Do something, and take the time until `isDone`. */
  async time(what: string, act: () => void, isDone: () => boolean): Promise<Measure> {
    const before = this.usage;
    const date = Date.now();
    const begin = performance.now();
    act();
    await this.until(what, isDone);
    const wall = (performance.now() - begin) / 1000;
    await Bun.sleep(SETTLE);
    const after = this.usage;
    const span = [date, Date.now()] as const;
    const threads = secondsSince(before.threads, after.threads);
    return { wall, cpu: after.cpu - before.cpu, peak: after.peak, span, threads };
  }

  async until(what: string, isDone: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#look = () => {
      if (isDone()) resolve();
      else if (this.#running.isOver) reject(new Error(`${what}: the daemon ended`));
    };
    // The kernel's routes and a daemon's death tell nobody.
    const poll = setInterval(this.#look, 20);
    const deadline = setTimeout(
      () => reject(new Error(`${what}: not within ${this.#deadline} s`)),
      this.#deadline * 1000,
    );
    try {
      this.#look();
      await promise;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const states = this.players
        .filter(({ judge, paths, neighbour }) => {
          return !judge.isContent || paths?.isContent === false || neighbour.ended !== "";
        })
        .slice(0, 4)
        .map(({ judge, paths = judge, neighbour }) => `${paths.summary} ${neighbour.ended}`.trim())
        .join("; ");
      const log = (await this.#running.log()).slice(-2000);
      const said = states === "" ? "" : ` (${states})`;
      throw new Error(`${reason}${said}\n${log}`, { cause: error });
    } finally {
      clearInterval(poll);
      clearTimeout(deadline);
      this.#look = () => {};
    }
  }

  async close(): Promise<void> {
    for (const { neighbour } of this.players) neighbour.close();
    await this.#performance?.stop();
  }

  get #running(): Performance {
    if (this.#performance === undefined) throw new Error(`${this.#daemon.name} was not started`);
    return this.#performance;
  }
}
