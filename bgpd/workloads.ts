/**
 * Sessions with the node's own pods (Calico's localWorkloadSelector): there as long as the pods' address records are.
 *
 * Which pod has which session is `workload-session.ts`; their sessions are like all others, and `sessions.ts` has them.
 */

import type { Workload } from "../ipam/workload.ts";
import { equalAddress, formatAddress } from "../lib/address.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { PeerPlan, SpeakerPlan, WorkloadsPlan } from "./cluster/speaker.ts";
import { callingTime } from "./expectation.ts";
import { DECONFIGURED, RECONFIGURED, restartReason } from "./intention.ts";
import type { Neighbour } from "./neighbour.ts";
import type { StopReason } from "./peer.ts";
import { type WorkloadSession, whyNone, workloadSessions } from "./workload-session.ts";

/** Records change in bursts: look once, this many ms after the first. */
const SETTLE = 20;
/** Look at least so often, ms: a change may have gone unseen. */
const LOOK = 5000;

export type WorkloadsOptions = {
  readonly clock: Clock;
  readonly log: Logger;
  /** The node's pods as their records have them now, the oldest first. */
  readonly look: () => readonly Workload[];
  /** All of the speaker's, by name. */
  readonly neighbours: ReadonlyMap<string, Neighbour>;
  readonly add: (plan: PeerPlan) => void;
  readonly update: (plan: PeerPlan) => void;
  readonly remove: (name: string, reason: StopReason) => void;
  /** Pods have come or gone, other than by a plan. */
  readonly onChange: () => void;
};

/** A BGPPeer that selects no pod which could be a peer. */
export type Podless = {
  readonly plan: WorkloadsPlan;
  readonly reason: string;
  /** For how long, ms. */
  readonly since: number;
};

export class Workloads {
  readonly #options: WorkloadsOptions;
  #plan: SpeakerPlan | undefined;
  #workloads: readonly Workload[] = [];
  /** Their records could not be read when they were looked at last. */
  #isBlind = false;
  /** Those that are there, by name. */
  #sessions = new Map<string, WorkloadSession>();
  /** Names of the BGPPeers without any, and when they came to be so. */
  #podless = new Map<string, number>();
  #timer: Timer | undefined;
  #tick: Timer | undefined;
  /** Since the first plan; over when pods that speak BGP must have called. */
  #patience: Timer | undefined;
  #isPatient = false;

  constructor(options: WorkloadsOptions) {
    this.#options = options;
  }

  /** Sessions of BGPPeers that are others now go; those that stay get their policies and keys. */
  apply(plan: SpeakerPlan, ended: readonly string[]): void {
    if (this.#plan === undefined && plan.workloads !== undefined) this.#beginToWait(plan);
    this.#plan = plan;
    for (const [name, { document }] of this.#sessions) {
      if (ended.includes(document)) this.#remove(name, this.#reasonOf(document));
    }
    const before = new Set(this.#sessions.keys());
    this.#look();
    for (const { plan: session } of this.#sessions.values()) {
      if (before.has(session.name)) this.#options.update(session);
    }
    this.#watch();
  }

  /** Address records have changed. */
  changed(): void {
    if (this.#plans.length === 0) return;
    this.#timer ??= this.#options.clock.after(SETTLE, () => {
      this.#timer = undefined;
      if (this.#look()) this.#options.onChange();
    });
  }

  /** Everybody's session is being ended: look no more before `apply` comes. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#tick?.cancel();
    this.#tick = undefined;
    this.#patience?.cancel();
  }

  /** Whose tables a start waits for: what is in a pod need not speak BGP, and must not hold up its node. */
  get expected(): PeerPlan[] {
    const { neighbours } = this.#options;
    return this.peers.filter(
      ({ name }) => this.#isPatient || neighbours.get(name)?.session !== undefined,
    );
  }

  /** The pods' sessions. */
  get peers(): PeerPlan[] {
    return [...this.#sessions.keys()].flatMap(
      (name) => this.#options.neighbours.get(name)?.plan ?? [],
    );
  }

  /** The BGPPeers without any, in order. */
  get podless(): Podless[] {
    const now = this.#options.clock.now();
    return this.#plans.flatMap((plan) => {
      const began = this.#podless.get(plan.name);
      if (began === undefined) return [];
      return [{ plan, reason: whyNone(plan, this.#plans, this.#workloads), since: now - began }];
    });
  }

  get #plans(): readonly WorkloadsPlan[] {
    return this.#plan?.workloads ?? [];
  }

  #beginToWait(plan: SpeakerPlan): void {
    this.#isPatient = true;
    this.#patience = this.#options.clock.after(callingTime(plan), () => {
      this.#isPatient = false;
      this.#options.onChange();
    });
  }

  #watch(): void {
    this.#tick?.cancel();
    this.#tick = undefined;
    if (this.#plans.length === 0) return;
    this.#tick = this.#options.clock.after(LOOK, () => {
      if (this.#look()) this.#options.onChange();
      this.#watch();
    });
  }

  /** Have the sessions that the records ask for; true when there are others than before. */
  #look(): boolean {
    const { neighbours, add, log } = this.#options;
    this.#workloads = this.#read();
    const named = (this.#plan?.peers ?? []).map(({ address }) => address);
    const wanted = workloadSessions(this.#plans, this.#workloads, named);
    const byName = new Map(wanted.map((session) => [session.plan.name, session]));
    let hasChanged = false;
    for (const [name] of [...this.#sessions]) {
      const next = byName.get(name)?.plan;
      const present = neighbours.get(name)?.plan;
      if (next !== undefined && present !== undefined && isBetween(present, next)) continue;
      if (next === undefined) log.info({ peer: name }, "the pod is gone, or is no peer any more");
      this.#remove(name, next === undefined ? DECONFIGURED : RECONFIGURED);
      hasChanged = true;
    }
    for (const session of wanted) {
      const isThere = this.#sessions.has(session.plan.name);
      this.#sessions.set(session.plan.name, session);
      if (isThere) continue;
      const pod = formatAddress(session.plan.address);
      log.info({ peer: session.plan.name, pod }, "the pod is a peer");
      add(session.plan);
      hasChanged = true;
    }
    this.#notePodless();
    return hasChanged;
  }

  /** The pods by their records; as they were while those cannot be read. Nobody reads what nobody asks for. */
  #read(): readonly Workload[] {
    if (this.#plans.length === 0) return [];
    try {
      const workloads = this.#options.look();
      this.#isBlind = false;
      return workloads;
    } catch (err) {
      if (!this.#isBlind) this.#options.log.error({ err }, "the pods' records cannot be read");
      this.#isBlind = true;
      return this.#workloads;
    }
  }

  #notePodless(): void {
    const before = this.#podless;
    const now = this.#options.clock.now();
    const documents = new Set([...this.#sessions.values()].map(({ document }) => document));
    const names = this.#plans.map(({ name }) => name).filter((name) => !documents.has(name));
    this.#podless = new Map(names.map((name) => [name, before.get(name) ?? now]));
  }

  #remove(name: string, reason: StopReason): void {
    this.#sessions.delete(name);
    this.#options.remove(name, reason);
  }

  #reasonOf(document: string): StopReason {
    const next = this.#plans.find(({ name }) => name === document);
    return next === undefined ? DECONFIGURED : restartReason(next.session);
  }
}

/** Whether the session is with the same ends as the other plan's. */
function isBetween(a: PeerPlan, b: PeerPlan): boolean {
  return equalAddress(a.address, b.address) && equalAddress(a.localAddress, b.localAddress);
}
