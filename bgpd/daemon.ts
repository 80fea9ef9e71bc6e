/**
 * One speaker: what its plan says is made so, and what its peers say reaches RIB and kernel.
 *
 * The daemon owns no rule of BGP: its sessions are `sessions.ts` over `fsm/`, routes are `rib/`, the kernel's
 * table is `forwarding.ts` over `fib/`, where it listens is `listening.ts`, what it waits for at its start `startup.ts`. It
 * joins them, compares plans, and turns the work in slices, so that timers and the API are served between them.
 *
 * Not here: the process (signals, lock, files: `main.ts`), answers for people (`queries.ts`).
 */

import type { Workload } from "../ipam/workload.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import { formatPrefix } from "../lib/prefix.ts";
import { Aggregates } from "./aggregate.ts";
import type { BfdFactory } from "./bfd/bfd.ts";
import type { SpeakerPlan } from "./cluster/speaker.ts";
import { Delays } from "./delays.ts";
import { difference, originations } from "./difference.ts";
import type { Fib, Metrics } from "./fib/fib.ts";
import { Forwarding } from "./forwarding.ts";
import { Listening } from "./listening.ts";
import type { Liveness } from "./liveness.ts";
import type { DiscoveryFactory } from "./nd/nd.ts";
import type { Neighbour } from "./neighbour.ts";
import { ORIGINATED } from "./origin.ts";
import { createRib } from "./rib/rib.ts";
import type { PathSelection, Rib } from "./rib/route.ts";
import { Sessions } from "./sessions.ts";
import { Startup } from "./startup.ts";
import type { Transport } from "./transport.ts";
import type { Unnumbered } from "./unnumbered.ts";
import { reprogrammed } from "./unprogrammed.ts";
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
  readonly #startup: Startup;
  readonly #sessions: Sessions;
  readonly #listening: Listening;
  readonly aggregates = new Aggregates();
  readonly delays: Delays;
  plan: SpeakerPlan | undefined;
  rib: Rib | undefined;
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
    this.#startup = new Startup({
      clock,
      log,
      fib: this.fib,
      isSuccessor: options.isSuccessor === true,
      plan: () => this.#plan(),
      rib: () => this.#rib(),
      pods: () => this.#sessions.workloads.expected,
      rangeOf: (name) => this.neighbours.get(name)?.range,
      onWork: () => this.#schedule(),
      onSettled: () => options.onConverged(),
    });
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
        this.#listening.follow();
        this.#schedule();
      },
      onPods: () => {
        this.#listening.follow();
        this.#startup.expect();
        this.#schedule();
      },
      onWork: () => this.#schedule(),
      restart: () => this.#startup.restart,
      onUp: (peer, restarted) => this.#startup.up(peer, restarted),
      onTold: (peer, isWhole) => this.#startup.told(peer, isWhole),
      onLost: (name) => this.#startup.lost(name),
    });
    this.#listening = new Listening({
      transport,
      log,
      plan: () => this.#plan(),
      found: () => {
        const { unnumbered, workloads } = this.#sessions;
        const peers = [...unnumbered.found, ...workloads.peers];
        return { peers, addresses: unnumbered.addresses };
      },
      find: (remote) => this.#sessions.find(remote),
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

  /** The name of a link that our routes lead over, or its number. */
  linkName(link: number): string {
    return this.#forwarding.linkName(link);
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
    if (change.speaker || this.rib === undefined) this.#startSpeaker(plan);
    const rib = this.#rib();
    if (this.#options.metric === undefined) this.#forwarding.move(plan.normalPriority);
    this.#forwarding.leadToPeers(plan);
    this.#forwarding.beReached(plan);
    this.#forwarding.masquerade(plan);
    if (moved.length > 0) rib.restate(moved);
    if (change.selection) rib.setSelection(this.#selectionOf(plan));
    this.#listening.apply(change);
    for (const prefix of change.withdrawn) rib.withdraw(prefix);
    // After a new speaker started, its table is empty: all is new to it.
    for (const prefix of change.speaker ? originations(plan) : change.originated) {
      this.delays.published();
      rib.originate(prefix, ORIGINATED);
    }
    this.aggregates.apply(plan, rib);
    this.#sessions.apply(plan, change);
    this.#leavePeeringAddresses();
    this.#listening.follow();
    this.#startup.apply();
    this.#schedule();
  }

  /** The node's pods have come or gone, perhaps. */
  podsChanged(): void {
    if (!this.#isEnding) this.#sessions.workloads.changed();
  }

  /** True once what an earlier daemon left has been judged. */
  get converged(): boolean {
    return this.#startup.converged;
  }

  /** True once the kernel has been told all that was decided when the daemon had converged. */
  get settled(): boolean {
    return this.#startup.settled;
  }

  /** Peers that the sweep of stale routes still waits for. */
  waitingFor(): string[] {
    return this.#startup.waitingFor();
  }

  /**
   * End every session with the plan's text: with Cease/Administrative Shutdown, or, unless `withdraw`, so that peers who
   * do that keep our routes until we are back. Kernel routes stay unless `withdraw`.
   */
  async stop({ withdraw }: { readonly withdraw: boolean }): Promise<void> {
    // What the end of sessions does to routes is not for the kernel, which keeps them for our successor.
    this.#isEnding = true;
    this.#turn?.cancel();
    this.#startup.cancel();
    this.#forwarding.stop();
    this.#listening.close();
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
    this.#startup.endDeferral();
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
      isPartial: (peer, family) => this.#startup.withholds(peer, family),
      onSend: (id, bytes, family) => this.#sessions.established.send(id, bytes, family),
    });
  }

  /** Who forwards nothing has no traffic to share. */
  #selectionOf({ selection }: SpeakerPlan): PathSelection {
    return this.fib === undefined ? { ...selection, maximumPaths: 1 } : selection;
  }

  /** Work in slices until nothing is pending, letting sockets and timers in between. */
  #schedule(): void {
    if (this.#isEnding) return;
    this.#turn ??= this.#options.clock.after(0, () => {
      this.#turn = undefined;
      this.#sessions.established.attend();
      this.aggregates.settle();
      const isMore = this.rib?.work(SLICE) === true;
      // Whoever is only told what others know keeps nothing else waiting.
      const deciding = this.rib?.isDeciding === true;
      if (!deciding && !this.aggregates.isPending) this.#startup.decided();
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
    if (!deciding && !installing) this.#startup.installed();
  }
}

/** One line for logs: `n1 AS 64512, 4 peers, blocks 10.244.1.0/24`. */
export function describePlan(plan: SpeakerPlan): string {
  const blocks = plan.blocks.map(formatPrefix).join(" ") || "none";
  const count = plan.peers.length + (plan.unnumbered ?? []).length;
  return `${plan.node} AS ${plan.asNumber}, ${count} peers, blocks ${blocks}`;
}
