/**
 * What a speaker that starts waits for, and what follows: it chooses routes and tells all of them (RFC 4724 section 4.1),
 * and what an earlier daemon left in the kernel goes.
 *
 * Whose tables the choice waits for is `deferral.ts`, with `callers.ts` for those who are not known before they call; when
 * the rest may go is `convergence.ts`. A speaker that began with an empty kernel, and was nobody before, defers no choice.
 */

import type { Family } from "../lib/address.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import { Callers } from "./callers.ts";
import type { PeerPlan, SpeakerPlan } from "./cluster/speaker.ts";
import { type Convergence, createConvergence } from "./convergence.ts";
import { Deferral, type Expected } from "./deferral.ts";
import { callingTime, convergenceDeadline, expectedOf } from "./expectation.ts";
import type { Fib } from "./fib/fib.ts";
import type { LocalRestart } from "./fsm/state.ts";
import { isDown } from "./intention.ts";
import type { Rib } from "./rib/route.ts";
import { describeFamily } from "./wire/family.ts";

export type StartupOptions = {
  readonly clock: Clock;
  readonly log: Logger;
  /** What is to be swept; undefined for a speaker that installs nothing. */
  readonly fib: Pick<Fib, "counts" | "sweep"> | undefined;
  /** Peers keep what an earlier daemon told, though no route in a kernel says that there was one. */
  readonly isSuccessor: boolean;
  /** What is in force; not called before the first `apply`. */
  readonly plan: () => SpeakerPlan;
  readonly rib: () => Pick<Rib, "defer" | "release">;
  /** The pods that are waited for. */
  readonly pods: () => readonly PeerPlan[];
  /** The range that the neighbour of this name came by. */
  readonly rangeOf: (name: string) => string | undefined;
  /** There may be something to decide, to tell or to sweep. */
  readonly onWork: () => void;
  /** The kernel has been told all that was decided when the speaker had converged. */
  readonly onSettled: () => void;
};

/** Of one speaker, from its first plan on. */
export class Startup {
  readonly #options: StartupOptions;
  /** An earlier daemon was here: its packets, if it has any, have been forwarded all the while. */
  readonly #hasInherited: boolean;
  #convergence: Convergence | undefined;
  /** Undefined for a speaker that began with an empty kernel, and was nobody before. */
  #deferral: Deferral | undefined;
  /** The same for who is not known before it calls. */
  #callers: Callers | undefined;
  /** Peers whose whole table has arrived, but may wait for its decision. */
  readonly #told = new Set<string>();
  /** What an earlier daemon left is to go when all is decided. */
  #isSweepDue = false;
  #isSettled = false;

  constructor(options: StartupOptions) {
    this.#options = options;
    this.#hasInherited = options.isSuccessor || (options.fib?.counts().stale ?? 0) > 0;
  }

  /** True once what an earlier daemon left has been judged. */
  get converged(): boolean {
    return this.#convergence?.done === true;
  }

  /** True once the kernel has been told all that was decided when the speaker had converged. */
  get settled(): boolean {
    return this.#isSettled;
  }

  /** RFC 4724 section 4.1: the R bit until we have chosen, and the F bit where packets went on. */
  get restart(): LocalRestart {
    // Who forwards nothing lets nothing drop.
    const forwarding = this.#hasInherited || this.#options.fib === undefined;
    return { restarted: !this.#isChosen, forwarding };
  }

  /** Peers that the sweep of stale routes still waits for. */
  waitingFor(): string[] {
    return this.#convergence?.waitingFor() ?? [];
  }

  /** Whether the peer is not to be told yet that it has been told everything. */
  withholds(peer: string, family: Family): boolean {
    return this.#deferral?.withholds(peer, family) === true;
  }

  /** The plan in force has been made so: with the first one the waiting begins. */
  apply(): void {
    if (this.#convergence === undefined) {
      const plan = this.#options.plan();
      if (this.#hasInherited) this.#defer(plan);
      this.#convergence = this.#awaitConvergence(plan);
    }
    this.expect();
  }

  /** Wait for the tables of those that are peers now, and for nobody else's. */
  expect(): void {
    const plan = this.#options.plan();
    const wanted = expectedOf(plan, this.#options.pods()).filter(({ name }) =>
      this.#isExpected(plan, name),
    );
    const gone = this.#deferral?.waitingFor().filter((name) => !isNamed(wanted, name)) ?? [];
    for (const name of gone) this.#deferral?.gone(name);
    this.#convergence?.expect(wanted.map(({ name }) => name));
  }

  /** A session is Established; the peer may have restarted. */
  up(peer: Expected, { restarted }: { readonly restarted: boolean }): void {
    this.#deferral?.up(peer, { restarted });
    if (!restarted) this.#called(peer);
  }

  /** The peer's tables of these families have arrived; `isWhole`: those of all that the session carries. */
  told({ name, families }: Expected, { isWhole }: { readonly isWhole: boolean }): void {
    this.#deferral?.told(name, families);
    if (!isWhole) return;
    this.#told.add(name);
    this.#callers?.done(name);
  }

  /** An Established session is over. */
  lost(name: string): void {
    this.#told.delete(name);
    this.#callers?.done(name);
    this.#deferral?.lost(name);
    this.#convergence?.lost(name);
  }

  /** All that has arrived is decided: only now is it wanted where it shall stay. */
  decided(): void {
    if (!this.#isChosen) return;
    const told = [...this.#told];
    this.#told.clear();
    for (const name of told) this.#convergence?.heard(name);
    if (this.#isSweepDue) this.#options.fib?.sweep();
    this.#isSweepDue = false;
  }

  /** All is decided, and the kernel has been told. */
  installed(): void {
    if (this.#isSettled || !this.converged) return;
    this.#isSettled = true;
    this.#options.onSettled();
  }

  /** Choose without those who have not told their tables. */
  endDeferral(): void {
    this.#deferral?.end();
  }

  /** Nothing will be decided any more. */
  cancel(): void {
    this.#convergence?.cancel();
    this.#deferral?.cancel();
    this.#callers?.cancel();
  }

  /** No choice is deferred. */
  get #isChosen(): boolean {
    return this.#deferral?.isOver !== false;
  }

  /** A range is expected as long as a restart waits for its neighbours, anybody else as long as it is in the plan. */
  #isExpected({ ranges = [] }: SpeakerPlan, name: string): boolean {
    return !ranges.some((range) => range.name === name) || this.#callers?.expects(name) === true;
  }

  /** One of a range stands for it: while it tells its table, the range is not given up. */
  #called({ name }: Expected): void {
    const range = this.#options.rangeOf(name);
    if (range === undefined || this.#callers?.up(range, name) !== true) return;
    this.#deferral?.up({ name: range, families: [4, 6] }, { restarted: false });
  }

  /** Choose nothing, and tell nobody, before the peers have told their tables. */
  #defer(plan: SpeakerPlan): void {
    const { clock, log, onWork, pods } = this.#options;
    const rib = this.#options.rib();
    rib.defer([4, 6]);
    const onOver = (family: Family): void => {
      rib.release(family);
      log.info(`restarted: ${describeFamily(family)} routes are chosen now`);
      onWork();
    };
    const deadline = convergenceDeadline(plan);
    const patience = Math.min(deadline, callingTime(plan));
    const timing = { clock, patience, deadline };
    const expected = expectedOf(plan, pods());
    this.#deferral = new Deferral({ ...timing, onOver, onComplete: onWork }, expected);
    const onCalled = (range: string): void => {
      this.#deferral?.gone(range);
      this.#told.add(range);
      onWork();
    };
    const ranges = (plan.ranges ?? []).filter(({ session }) => !isDown(session));
    const names = ranges.map(({ name }) => name);
    this.#callers = new Callers({ clock, patience, onOver: onCalled }, names);
    this.#deferral.begin();
  }

  #awaitConvergence(plan: SpeakerPlan): Convergence {
    const { log, clock, fib, onWork } = this.#options;
    return createConvergence(clock, convergenceDeadline(plan), (silent) => {
      const stale = fib?.counts().stale ?? 0;
      const text = silent.length === 0 ? "all peers told their tables" : "the deadline has passed";
      log.info({ silent, stale }, `converged: ${text}; stale routes go`);
      this.#deferral?.end();
      this.#isSweepDue = true;
      onWork();
    });
  }
}

function isNamed(peers: readonly Expected[], wanted: string): boolean {
  return peers.some(({ name }) => name === wanted);
}
