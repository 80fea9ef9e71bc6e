/**
 * One speaker: what its plan says is made so, and what its peers say reaches RIB and kernel.
 *
 * The daemon owns no rule of BGP: its sessions are `sessions.ts` over `fsm/`, routes are `rib/`, the kernel's
 * table is `forwarding.ts` over `fib/`. It joins them, compares plans, and turns the work in slices, so that
 * timers and the API are served between them.
 *
 * Not here: the process (signals, lock, files: `main.ts`), answers for people (`queries.ts`).
 */

import type { Workload } from "../ipam/workload.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { type Address, type Family, isUnspecified } from "../lib/address.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import { formatPrefix } from "../lib/prefix.ts";
import { Aggregates } from "./aggregate.ts";
import type { BfdFactory } from "./bfd/bfd.ts";
import { Callers } from "./callers.ts";
import type { PeerPlan, SpeakerPlan } from "./cluster/speaker.ts";
import { type Convergence, createConvergence } from "./convergence.ts";
import { Deferral, type Expected } from "./deferral.ts";
import { Delays } from "./delays.ts";
import { difference, originations } from "./difference.ts";
import { callingTime, convergenceDeadline, expectedOf } from "./expectation.ts";
import type { Fib, Metrics } from "./fib/fib.ts";
import { Forwarding } from "./forwarding.ts";
import type { LocalRestart } from "./fsm/state.ts";
import { isDown, keysOf } from "./intention.ts";
import { createListener, type Listener } from "./listener.ts";
import type { Liveness } from "./liveness.ts";
import type { DiscoveryFactory } from "./nd/nd.ts";
import type { Neighbour } from "./neighbour.ts";
import { ORIGINATED } from "./origin.ts";
import { createRib } from "./rib/rib.ts";
import type { PathSelection, Rib } from "./rib/route.ts";
import { Sessions } from "./sessions.ts";
import type { Transport } from "./transport.ts";
import type { Unnumbered } from "./unnumbered.ts";
import { reprogrammed } from "./unprogrammed.ts";
import { describeFamily } from "./wire/family.ts";
import type { Workloads } from "./workloads.ts";

/** Longest stretch of work before timers and sockets get their turn, in ms. */
const SLICE = 5;

export type DaemonOptions = {
  readonly clock: Clock;
  readonly transport: Transport;
  /** Undefined: nothing is installed, and every next hop counts as reachable. */
  readonly kernel: Kernel | undefined;
  /** Peers keep what an earlier daemon told, though no route in a kernel says that there was one. */
  readonly isSuccessor?: boolean;
  /** Priority of our routes, whatever plans say of it; theirs when absent. */
  readonly metric?: number;
  /** What the first plan says of it: an earlier daemon's routes are looked for at once. 1024 when absent. */
  readonly normalPriority?: Metrics;
  /** Their table; main when absent. */
  readonly table?: number;
  /** Prefixes, paths and attribute sets that a family's tables hold at most; what the RIB has room for when absent. */
  readonly most?: number;
  readonly log: Logger;
  /** Uniform in [0, 1): jitter of timers. */
  readonly random: () => number;
  /** What an earlier daemon left has been judged, and the kernel has what the peers told. */
  readonly onConverged: () => void;
  /** A peer leaves the plan, is started anew with other parameters, or was a range's and has gone. */
  readonly onRemoved?: (neighbour: Neighbour) => void;
  /** Absent: no path is watched. */
  readonly bfd?: BfdFactory;
  /** Absent: nobody is looked for on links. */
  readonly discovery?: DiscoveryFactory;
  /** The node's pods as their records have them now, the oldest first; absent: none is a peer. */
  readonly pods?: () => readonly Workload[];
};

/** A running speaker. Its parts are readable for `queries.ts`; nobody else changes them. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #forwarding: Forwarding;
  readonly #sessions: Sessions;
  readonly aggregates = new Aggregates();
  readonly delays: Delays;
  /** True once the kernel has been told all that was decided when the daemon had converged. */
  settled = false;
  plan: SpeakerPlan | undefined;
  rib: Rib | undefined;
  #listener: Listener | undefined;
  #convergence: Convergence | undefined;
  /** Undefined for a speaker that began with an empty kernel, and was nobody before. */
  #deferral: Deferral | undefined;
  /** The same for who is not known before it calls. */
  #callers: Callers | undefined;
  /** An earlier daemon was here: its packets, if it has any, have been forwarded all the while. */
  readonly #hasInherited: boolean;
  /** Peers whose whole table has arrived, but may wait for its decision. */
  readonly #told = new Set<string>();
  /** What an earlier daemon left is to go when all is decided. */
  #isSweepDue = false;
  #turn: Timer | undefined;
  /** Nothing is decided any more. */
  #isEnding = false;

  constructor(options: DaemonOptions) {
    const { clock, transport, kernel, metric, table, log, random, bfd, discovery } = options;
    const metrics = metric === undefined ? options.normalPriority : { 4: metric, 6: metric };
    this.#options = options;
    this.delays = new Delays(() => clock.now());
    this.#forwarding = new Forwarding({
      clock,
      log,
      kernel,
      ...(metrics === undefined ? {} : { metrics }),
      ...(table === undefined ? {} : { table }),
      nextHopsOf: (prefix) =>
        this.rib?.lookup(prefix)?.paths.flatMap(({ attributes: { nextHop } }) =>
          // One with a link is reached there, and by no route.
          nextHop === undefined || nextHop.zone !== undefined ? [] : nextHop,
        ) ?? [],
      bestOf: (prefix) => {
        const best = this.rib?.lookup(prefix)?.paths.find(({ state }) => state === "best");
        if (best === undefined) return undefined;
        const { source, peer = "", attributes } = best;
        return { source, nextHop: attributes.nextHop, peer };
      },
      onMoved: () => {
        this.rib?.nextHopsChanged();
        this.#sessions.relocate();
      },
      onReaddressed: () => {
        if (this.plan !== undefined) this.#sessions.readdress();
      },
      onEvent: (event) => this.#sessions.observe(event),
      onWork: () => this.#schedule(),
    });
    this.#hasInherited = options.isSuccessor === true || (this.fib?.counts().stale ?? 0) > 0;
    this.#sessions = new Sessions({
      clock,
      transport,
      log,
      random,
      bfd,
      discovery,
      linkEvents: kernel === undefined ? "watched" : "told",
      pods: options.pods ?? (() => []),
      plan: () => this.#plan(),
      rib: () => this.#rib(),
      interfaceOf: (nextHop) => this.#forwarding.interfaceOf(nextHop),
      addresses: () => this.#forwarding.addresses,
      delays: this.delays,
      onRemoved: (neighbour) => options.onRemoved?.(neighbour),
      onMoved: () => {
        this.#listenBeside();
        this.#schedule();
      },
      onPods: () => {
        this.#listenBeside();
        this.#expect();
        this.#schedule();
      },
      onWork: () => this.#schedule(),
      restart: () => this.#restart,
      onUp: (peer, { restarted }) => {
        this.#deferral?.up(peer, { restarted });
        if (!restarted) this.#called(peer);
      },
      onTold: ({ name, families }, { isWhole }) => {
        this.#deferral?.told(name, families);
        if (!isWhole) return;
        this.#told.add(name);
        this.#callers?.done(name);
      },
      onLost: (name) => {
        this.#told.delete(name);
        this.#callers?.done(name);
        this.#deferral?.lost(name);
        this.#convergence?.lost(name);
      },
    });
  }

  get neighbours(): ReadonlyMap<string, Neighbour> {
    return this.#sessions.neighbours;
  }

  get unnumbered(): Unnumbered {
    return this.#sessions.unnumbered;
  }

  get workloads(): Workloads {
    return this.#sessions.workloads;
  }

  get liveness(): Liveness {
    return this.#sessions.liveness;
  }

  get fib(): Fib | undefined {
    return this.#forwarding.fib;
  }

  /** Priority of our kernel routes, by family. */
  get metrics(): Metrics {
    return this.#forwarding.metrics;
  }

  /** Their table. */
  get table(): number {
    return this.#forwarding.table;
  }

  /** Why pods' connections do not leave with the node's address where they should. */
  get masqueradeFault(): string | undefined {
    return this.#forwarding.masqueradeFault;
  }

  /** Make the plan so, touching only what differs from the one before. */
  apply(plan: SpeakerPlan): void {
    const change = difference(this.plan, plan);
    const moved = reprogrammed(this.plan, plan);
    this.plan = plan;
    const isFirst = this.rib === undefined;
    if (change.speaker || isFirst) this.#startSpeaker(plan);
    const rib = this.#rib();
    if (this.#options.metric === undefined) this.#forwarding.move(plan.normalPriority);
    this.#forwarding.leadToPeers(plan);
    this.#forwarding.beReached(plan);
    this.#forwarding.masquerade(plan);
    if (moved.length > 0) rib.restate(moved);
    if (change.selection) rib.setSelection(this.#selectionOf(plan));
    if (change.listen) this.#listen(plan);
    else this.#listener?.setKeys(keysOf(plan, this.#found));
    for (const prefix of change.withdrawn) rib.withdraw(prefix);
    // After a new speaker started, its table is empty: all is new to it.
    for (const prefix of change.speaker ? originations(plan) : change.originated) {
      this.delays.published();
      rib.originate(prefix, ORIGINATED);
    }
    this.aggregates.apply(plan, rib);
    this.#sessions.apply(plan, change);
    this.#leavePeeringAddresses();
    this.#listenBeside();
    if (isFirst && this.#hasInherited) this.#defer(plan);
    this.#convergence ??= this.#awaitConvergence(plan);
    this.#expect();
    this.#schedule();
  }

  /** The node's pods have come or gone, perhaps. */
  podsChanged(): void {
    if (!this.#isEnding) this.#sessions.workloads.changed();
  }

  /** True once what an earlier daemon left has been judged. */
  get converged(): boolean {
    return this.#convergence?.done === true;
  }

  /** Peers that the sweep of stale routes still waits for. */
  waitingFor(): string[] {
    return this.#convergence?.waitingFor() ?? [];
  }

  /**
   * End every session with the plan's text: with Cease/Administrative Shutdown, or, unless `withdraw`, so that peers who
   * do that keep our routes until we are back. Kernel routes stay unless `withdraw`.
   */
  async stop({ withdraw }: { readonly withdraw: boolean }): Promise<void> {
    // What the end of sessions does to routes is not for the kernel, which keeps them for our successor.
    this.#isEnding = true;
    this.#turn?.cancel();
    this.#convergence?.cancel();
    this.#deferral?.cancel();
    this.#callers?.cancel();
    this.#forwarding.stop();
    this.#listener?.close();
    await this.#sessions.stop(this.plan?.shutdownMessage, withdraw ? "hard" : "graceful");
    if (withdraw) this.#forwarding.clear(SLICE);
  }

  /** Those of a plan before, as soon as the sessions that ended have said so from them. */
  #leavePeeringAddresses(): void {
    this.#sessions
      .ended()
      .then(() => this.#forwarding.beReachedNowhereElse())
      .catch((err: unknown) => this.#options.log.error({ err }, "the peering addresses of pods"));
  }

  #plan(): SpeakerPlan {
    if (this.plan === undefined) throw new Error("the daemon has no plan yet");
    return this.plan;
  }

  #rib(): Rib {
    if (this.rib === undefined) throw new Error("the daemon has no plan yet");
    return this.rib;
  }

  /** A RIB for this AS and identifier; what the one before had installed is taken back. */
  #startSpeaker(plan: SpeakerPlan): void {
    // What is chosen by another speaker is no restart of this one.
    this.#deferral?.end();
    // With its peers the old RIB forgets what they told, before it says so to the FIB.
    for (const { prefix } of this.rib?.routes() ?? []) this.fib?.unwant(prefix);
    this.#sessions.clear();
    const { most } = this.#options;
    this.rib = createRib({
      identifier: plan.routerId.w0,
      ...(most === undefined ? {} : { most }),
      resolve: (nextHop) => this.#forwarding.resolve(nextHop),
      selection: this.#selectionOf(plan),
      now: () => this.#options.clock.now(),
      onBest: (change) => {
        this.aggregates.changed(change.prefix);
        this.delays.chosen(change);
        this.#forwarding.install(change, this.#plan());
      },
      isUnsettled: () => this.aggregates.isPending,
      isPartial: (peer, family) => this.#deferral?.withholds(peer, family) === true,
      onSend: (id, bytes, family) => this.#sessions.send(id, bytes, family),
    });
  }

  /** Who forwards nothing has no traffic to share. */
  #selectionOf({ selection }: SpeakerPlan): PathSelection {
    return this.fib === undefined ? { ...selection, maximumPaths: 1 } : selection;
  }

  #listen(plan: SpeakerPlan): void {
    this.#listener?.close();
    this.#listener = createListener({
      transport: this.#options.transport,
      addresses: plan.listenAddresses,
      port: plan.listenPort,
      log: this.#options.log,
      find: (remote) => this.#sessions.find(remote),
      keys: keysOf(plan),
    });
  }

  /** Who is found on a link calls our address there, and pods call theirs of us: `::` and 0.0.0.0 cover them already. */
  #listenBeside(): void {
    const { listenAddresses, workloads = [] } = this.#plan();
    const { addresses } = this.#sessions.unnumbered;
    const isCovered = ({ family }: Address): boolean =>
      listenAddresses.some((one) => one.family === family && isUnspecified(one));
    const isNowhere = listenAddresses.length === 0;
    const more = [...addresses, ...(workloads[0]?.localAddresses ?? [])];
    this.#listener?.setKeys(keysOf(this.#plan(), this.#found));
    this.#listener?.setAddresses([
      ...listenAddresses,
      ...(isNowhere ? [] : more.filter((address) => !isCovered(address))),
    ]);
  }

  /** Peers whose addresses no document has. */
  get #found(): readonly PeerPlan[] {
    const { unnumbered, workloads } = this.#sessions;
    return [...unnumbered.found, ...workloads.peers];
  }

  /** Work in slices until nothing is pending, letting sockets and timers in between. */
  #schedule(): void {
    if (this.#isEnding) return;
    this.#turn ??= this.#options.clock.after(0, () => {
      this.#turn = undefined;
      this.#sessions.attend();
      this.aggregates.settle();
      const isMore = this.rib?.work(SLICE) === true;
      // Whoever is only told what others know keeps nothing else waiting.
      const deciding = this.rib?.isDeciding === true;
      if (!deciding && !this.aggregates.isPending) this.#hear();
      const installing = this.#forwarding.flush(SLICE, deciding ? "routes" : "all");
      const aggregating = this.aggregates.isPending;
      if (isMore || installing || aggregating) this.#schedule();
      this.#turned(deciding || aggregating, installing);
    });
  }

  /** Measure; and if all was decided before and nothing is pending now, the kernel has it. */
  #turned(deciding: boolean, isFlushing: boolean): void {
    const installing = isFlushing || this.fib?.isUnsure === true;
    this.delays.turned({ deciding, installing, installs: this.fib?.counters.installs });
    if (this.settled || !this.converged || deciding || installing) return;
    this.settled = true;
    this.#options.onConverged();
  }

  /** Only now is what these peers have told decided, and wanted where it shall stay. */
  #hear(): void {
    if (!this.#isChosen) return;
    const told = [...this.#told];
    this.#told.clear();
    for (const name of told) this.#convergence?.heard(name);
    if (this.#isSweepDue) this.fib?.sweep();
    this.#isSweepDue = false;
  }

  /** No choice is deferred. */
  get #isChosen(): boolean {
    return this.#deferral?.isOver !== false;
  }

  /** RFC 4724 section 4.1: the R bit until we have chosen, and the F bit where packets went on. */
  get #restart(): LocalRestart {
    // Who forwards nothing lets nothing drop.
    return { restarted: !this.#isChosen, forwarding: this.#hasInherited || this.fib === undefined };
  }

  /** Wait for the tables of those that are peers now, and for nobody else's. */
  #expect(): void {
    const plan = this.#plan();
    const wanted = expectedOf(plan, this.#sessions.workloads.expected).filter(({ name }) =>
      this.#isExpected(plan, name),
    );
    const gone = this.#deferral?.waitingFor().filter((name) => !isNamed(wanted, name)) ?? [];
    for (const name of gone) this.#deferral?.gone(name);
    this.#convergence?.expect(wanted.map(({ name }) => name));
  }

  /** A range is expected as long as a restart waits for its neighbours, anybody else as long as it is in the plan. */
  #isExpected({ ranges = [] }: SpeakerPlan, name: string): boolean {
    return !ranges.some((range) => range.name === name) || this.#callers?.expects(name) === true;
  }

  /** One of a range stands for it: while it tells its table, the range is not given up. */
  #called({ name }: Expected): void {
    const range = this.neighbours.get(name)?.range;
    if (range === undefined || this.#callers?.up(range, name) !== true) return;
    this.#deferral?.up({ name: range, families: [4, 6] }, { restarted: false });
  }

  /** Choose nothing, and tell nobody, before the peers have told their tables. */
  #defer(plan: SpeakerPlan): void {
    const { clock, log } = this.#options;
    const rib = this.#rib();
    rib.defer([4, 6]);
    const onOver = (family: Family): void => {
      rib.release(family);
      log.info(`restarted: ${describeFamily(family)} routes are chosen now`);
      this.#schedule();
    };
    const deadline = convergenceDeadline(plan);
    const patience = Math.min(deadline, callingTime(plan));
    const onComplete = (): void => this.#schedule();
    const timing = { clock, patience, deadline };
    const expected = expectedOf(plan, this.#sessions.workloads.expected);
    this.#deferral = new Deferral({ ...timing, onOver, onComplete }, expected);
    const onCalled = (range: string): void => {
      this.#deferral?.gone(range);
      this.#told.add(range);
      this.#schedule();
    };
    const ranges = (plan.ranges ?? []).filter(({ session }) => !isDown(session));
    const names = ranges.map(({ name }) => name);
    this.#callers = new Callers({ clock, patience, onOver: onCalled }, names);
    this.#deferral.begin();
  }

  #awaitConvergence(plan: SpeakerPlan): Convergence {
    const { log, clock } = this.#options;
    return createConvergence(clock, convergenceDeadline(plan), (silent) => {
      const stale = this.fib?.counts().stale ?? 0;
      const text = silent.length === 0 ? "all peers told their tables" : "the deadline has passed";
      log.info({ silent, stale }, `converged: ${text}; stale routes go`);
      this.#deferral?.end();
      this.#isSweepDue = true;
      this.#schedule();
    });
  }
}

function isNamed(peers: readonly Expected[], wanted: string): boolean {
  return peers.some(({ name }) => name === wanted);
}

/** One line for logs: `n1 AS 64512, 4 peers, blocks 10.244.1.0/24`. */
export function describePlan(plan: SpeakerPlan): string {
  const blocks = plan.blocks.map(formatPrefix).join(" ") || "none";
  const count = plan.peers.length + (plan.unnumbered ?? []).length;
  return `${plan.node} AS ${plan.asNumber}, ${count} peers, blocks ${blocks}`;
}
