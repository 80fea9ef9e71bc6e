/**
 * The sessions of one speaker: made, changed and ended as its plans say, and as the paths to the peers work.
 *
 * A session is `peer.ts`; the neighbours that come by themselves are `ranges.ts`, those that are found on links
 * `unnumbered.ts`, the pods of the node `workloads.ts`, what peers say is `intake.ts`, what the RIB has of them while they
 * are Established, and is to send, `established.ts`, and whether the path to them works is `liveness.ts`.
 */

import type { InterfaceAddress, KernelEvent } from "../kernel/kernel.ts";
import { type Address, equalAddress } from "../lib/address.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { BfdFactory } from "./bfd/bfd.ts";
import type { PeerPlan, SpeakerPlan } from "./cluster/speaker.ts";
import type { Expected } from "./deferral.ts";
import type { Delays } from "./delays.ts";
import { type Difference, isSame } from "./difference.ts";
import { Established } from "./established.ts";
import type { LocalRestart } from "./fsm/state.ts";
import { Intake } from "./intake.ts";
import { DECONFIGURED, isDown, RECONFIGURED, restartReason } from "./intention.ts";
import { createLiveness, type Failure, type Liveness } from "./liveness.ts";
import type { Loss } from "./loss.ts";
import type { DiscoveryFactory } from "./nd/nd.ts";
import { createNeighbour, type Neighbour, type Policies } from "./neighbour.ts";
import { createPeer, type Peer, type StopReason } from "./peer.ts";
import {
  asksInterface,
  compileExport,
  compileImport,
  type Surroundings,
} from "./policy/compile.ts";
import { Locations } from "./policy/locations.ts";
import { Ranges } from "./ranges.ts";
import { Retention } from "./retention.ts";
import type { Rib } from "./rib/route.ts";
import type { Transport } from "./transport.ts";
import { Unnumbered } from "./unnumbered.ts";
import { BFD_DOWN, CEASE } from "./wire/const.ts";
import { familyOf } from "./wire/family.ts";
import { administrativeReset, administrativeShutdown } from "./wire/shutdown.ts";
import { Workloads, type WorkloadsOptions } from "./workloads.ts";

export type SessionsOptions = {
  readonly clock: Clock;
  readonly transport: Transport;
  readonly log: Logger;
  /** Uniform in [0, 1): jitter of timers. */
  readonly random: () => number;
  /** Undefined: no path is watched. */
  readonly bfd: BfdFactory | undefined;
  /** Undefined: nobody is looked for on links. */
  readonly discovery: DiscoveryFactory | undefined;
  /** Whether `observe` is told what happens to links, or discovery sees to it itself. */
  readonly linkEvents: "watched" | "told";
  /** The node's pods. */
  readonly pods: WorkloadsOptions["look"];
  /** What is in force; not called before the first `apply`. */
  readonly plan: () => SpeakerPlan;
  readonly rib: () => Rib;
  readonly interfaceOf: Surroundings["interfaceOf"];
  /** Of the kernel's links; undefined for a speaker that does not look. */
  readonly addresses: () => readonly InterfaceAddress[] | undefined;
  /** What peers are told of a restart of ours. */
  readonly restart: () => LocalRestart;
  readonly delays: Pick<Delays, "received" | "sent" | "lost">;
  /** A peer leaves the plan, is started anew with other parameters, or was a range's and has gone. */
  readonly onRemoved: (neighbour: Neighbour) => void;
  /** Peers on links are at other addresses than before, or we are. */
  readonly onMoved: () => void;
  /** Pods that are peers have come or gone. */
  readonly onPods: () => void;
  /** There may be something to decide or to send. */
  readonly onWork: () => void;
  /** A session is Established; the peer may have restarted. */
  readonly onUp: (peer: Expected, restarted: { readonly restarted: boolean }) => void;
  /** The peer's tables of these families have arrived; `isWhole`: those of all that the session carries. */
  readonly onTold: (peer: Expected, isWhole: { readonly isWhole: boolean }) => void;
  /** An Established session is over. */
  readonly onLost: (name: string) => void;
};

export class Sessions {
  readonly established: Established;
  readonly liveness: Liveness;
  readonly unnumbered: Unnumbered;
  readonly workloads: Workloads;
  /** By name. */
  readonly neighbours = new Map<string, Neighbour>();
  /** Of those that are no more, and still have something to say. */
  readonly #ending = new Set<Promise<void>>();
  readonly #options: SessionsOptions;
  readonly #intake: Intake;
  readonly #ranges: Ranges;
  readonly #locations: Locations;
  /** What rules that ask for interfaces look at. */
  #surroundings: Surroundings;

  constructor(options: SessionsOptions) {
    const { clock, log, bfd, interfaceOf } = options;
    this.#options = options;
    this.#locations = new Locations({ interfaceOf });
    this.#surroundings = { interfaceOf: (nextHop) => this.#locations.of(nextHop), generation: 0 };
    this.established = new Established({
      ...options,
      policiesOf: (plan) => this.#policies(plan),
      onAbandoned: (neighbour) => this.#seen(neighbour),
    });
    this.#intake = new Intake({ ...options, start: (neighbour) => this.#start(neighbour) });
    this.liveness = createLiveness({
      start: bfd,
      addresses: options.addresses,
      onFailure: (name, failure) => this.#pathFailed(name, failure),
      onUp: (name) => this.#pathWorks(name),
    });
    this.#ranges = new Ranges({
      clock,
      log,
      neighbours: this.neighbours,
      add: (plan, range) => this.#add(plan, range),
      update: (plan) => this.#update(plan),
      remove: (name, reason) => this.#remove(name, reason),
    });
    this.unnumbered = new Unnumbered({
      clock,
      log,
      discovery: options.discovery,
      events: options.linkEvents,
      neighbours: this.neighbours,
      add: (plan) => {
        const neighbour = this.#add(plan);
        this.#watch();
        return neighbour;
      },
      update: (plan) => this.#update(plan),
      remove: (name, reason) => {
        this.#remove(name, reason);
        this.#watch();
      },
      onMoved: options.onMoved,
    });
    this.workloads = new Workloads({
      clock,
      log,
      look: options.pods,
      neighbours: this.neighbours,
      add: (plan) => {
        this.#dismiss(plan.address);
        this.#add(plan);
        this.#watch();
      },
      update: (plan) => this.#update(plan),
      remove: (name, reason) => {
        this.#remove(name, reason);
        this.#watch();
      },
      onChange: options.onPods,
    });
  }

  /** Make the sessions of a plan so that `change` has led to; those that are equal go on. */
  apply(plan: SpeakerPlan, change: Difference): void {
    for (const name of change.removed) this.#remove(name, DECONFIGURED);
    for (const peer of change.restarted) this.#remove(peer.name, restartReason(peer));
    this.#ranges.apply(plan, change.endedRanges);
    this.unnumbered.apply(plan, change.endedUnnumbered);
    this.workloads.apply(plan, change.endedWorkloads);
    this.#watch();
    for (const peer of change.kept) this.#update(peer);
    for (const peer of [...change.restarted, ...change.added]) this.#add(peer);
  }

  /** End them all: the speaker becomes another. */
  clear(): void {
    for (const name of [...this.neighbours.keys()]) this.#remove(name, RECONFIGURED);
  }

  /** Resolved when those that are no more have said their last words, or cannot. */
  async ended(): Promise<void> {
    await Promise.all(this.#ending);
  }

  /**
   * End them all for good with this text; resolved when the peers have been told, or cannot be. "graceful": so that those
   * who keep our routes while we are away do so.
   */
  async stop(text: string | undefined, how: Loss): Promise<void> {
    const all = [...this.neighbours.values()];
    this.unnumbered.stop();
    this.workloads.stop();
    for (const { suspended, retention } of all) {
      suspended?.timer?.cancel();
      retention.end();
    }
    const isAgreed = (peer: Peer): boolean =>
      peer.status().negotiated?.gracefulRestart !== undefined;
    const ends = all.map(({ peer, plan }) =>
      how === "graceful" && plan.gracefulRestart?.mode === "full" && isAgreed(peer)
        ? peer.stop(administrativeReset(text), "graceful")
        : peer.stop(administrativeShutdown(text)),
    );
    await Promise.all([this.liveness.stop(), ...ends]);
  }

  /** Take in what happens to links and their addresses. */
  observe(event: KernelEvent): void {
    this.unnumbered.observe(event);
  }

  /** Whom a connection is for: a peer of the plan, or one of a link or a range, who may be new. */
  find(remote: Address): Peer | string | undefined {
    const all = [...this.neighbours.values()];
    const known = all.find(({ plan: { address } }) => equalAddress(address, remote));
    // One that is kept down is Idle, and refuses by itself.
    if (known !== undefined) return known.peer;
    const admitted =
      this.unnumbered.admit(remote) ?? this.#ranges.admit(this.#options.plan(), remote);
    if (typeof admitted !== "object") return admitted;
    this.#watch();
    return admitted.peer;
  }

  /** Next hops may be behind other links than before. */
  relocate(): void {
    if (!this.#locations.haveMoved()) return;
    const { generation } = this.#surroundings;
    this.#surroundings = { ...this.#surroundings, generation: generation + 1 };
    for (const { plan } of [...this.neighbours.values()]) {
      if (asksInterface(plan)) this.#update(plan);
    }
  }

  /** Links have come by addresses, or lost them. */
  readdress(): void {
    this.established.readdress();
    this.#watch();
  }

  /** Have BFD sessions for the peers of the plan, and for those of links and ranges that are there. */
  #watch(): void {
    const { peers } = this.#options.plan();
    const named = new Set(peers.map(({ name }) => name));
    const others = [...this.neighbours.values()].filter(({ plan }) => !named.has(plan.name));
    this.liveness.apply([...peers, ...others.map(({ plan }) => plan)]);
  }

  #add(plan: PeerPlan, range?: string): Neighbour {
    const { clock, transport, random, onWork, plan: speaker } = this.#options;
    const log = this.#options.log.child({ peer: plan.name });
    const peer = createPeer(plan, {
      clock,
      transport,
      random,
      log,
      routerId: speaker().routerId,
      restart: this.#options.restart,
      onEstablished: (session) => this.established.up(neighbour, session),
      onUpdate: (buffer, start, end) =>
        this.#intake.receive(neighbour, log, { buffer, start, end }),
      onKeepalive: () => this.#intake.keepalive(neighbour),
      onRouteRefresh: (afi, safi) => {
        const family = familyOf(afi, safi);
        if (family !== undefined) this.established.ask(neighbour, family);
      },
      onRefreshed: (afi, safi, what) =>
        this.#intake.refreshed(neighbour, familyOf(afi, safi), what),
      onDrain: () => this.established.drained(neighbour),
      onDown: (_reason, loss) => this.established.down(neighbour, loss),
      onState: (state) => this.#seen(neighbour, state),
    });
    const retention = new Retention({
      clock,
      rib: this.#options.rib,
      onWork,
      onRemoval: () => this.#options.delays.lost(),
      onEmpty: () => this.#seen(neighbour),
    });
    const policies = this.#policies(plan);
    const neighbour: Neighbour = createNeighbour({ plan, peer, retention, range, ...policies });
    this.neighbours.set(plan.name, neighbour);
    this.#start(neighbour);
    return neighbour;
  }

  /** Whoever came by a range from an address that is another peer's now. */
  #dismiss(address: Address): void {
    const all = [...this.neighbours.values()];
    const rival = all.find(({ plan, range }) => range && equalAddress(plan.address, address));
    if (rival !== undefined) this.#remove(rival.plan.name, RECONFIGURED);
  }

  #remove(name: string, reason: StopReason): void {
    const neighbour = this.neighbours.get(name);
    if (neighbour === undefined) return;
    this.neighbours.delete(name);
    neighbour.suspended?.timer?.cancel();
    this.#options.onRemoved(neighbour);
    this.established.down(neighbour, "hard");
    this.established.abandon(neighbour);
    this.#stop(neighbour, reason);
    if (neighbour.range !== undefined) this.#watch();
  }

  #stop({ peer, plan }: Neighbour, reason: StopReason): void {
    const ending = peer
      .stop(reason)
      .catch((error: unknown) => {
        this.#options.log.error({ peer: plan.name, error }, "the session did not end cleanly");
      })
      .finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  /** Another plan for the same session: its policies and its key. */
  #update(plan: PeerPlan): void {
    const neighbour = this.neighbours.get(plan.name);
    if (neighbour === undefined) return;
    const { plan: before, importPolicy, exportPolicy } = neighbour;
    const wasHeld = !this.liveness.permits(before);
    const { key } = plan;
    if (key !== undefined && before.key?.equals(key) !== true) {
      neighbour.peer.setKey(key);
      this.#options.log.info({ peer: plan.name }, "the session has another key");
    }
    const policies = this.#policies(plan);
    const same =
      policies.importPolicy.key === importPolicy.key &&
      policies.exportPolicy.key === exportPolicy.key &&
      isSame(plan.policy, before.policy);
    neighbour.plan = plan;
    if (wasHeld) this.#start(neighbour);
    if (same) return;
    this.established.setPolicies(neighbour, policies);
    if (isSame(before.policy.prefixLimit, plan.policy.prefixLimit)) return;
    if (neighbour.suspended === undefined) this.#intake.limit(neighbour);
    else this.#intake.resume(neighbour);
  }

  #policies(plan: PeerPlan): Policies {
    const speaker = this.#options.plan();
    return {
      importPolicy: compileImport(plan, speaker, this.#surroundings),
      exportPolicy: compileExport(plan, speaker, this.#surroundings),
    };
  }

  /** Of a range's neighbour counts whether it is there, or anything is kept of it. */
  #seen(neighbour: Neighbour, state = neighbour.peer.status().state): void {
    if (neighbour.range !== undefined) this.#ranges.seen(neighbour, state);
  }

  /**
   * RFC 5882 section 4.2, RFC 9384: the session ends at once, and its routes go with it. Of a peer whose session has
   * ended before that, a failure says something new only where it is not its restart's (RFC 5882 section 4.3).
   */
  #pathFailed(name: string, { cause, independent }: Failure): void {
    const neighbour = this.neighbours.get(name);
    if (neighbour === undefined) return;
    const { peer, plan, id } = neighbour;
    if (independent) this.established.abandon(neighbour);
    const reason = { code: CEASE, subcode: BFD_DOWN };
    if (id !== undefined || plan.bfd?.strict === true) peer.reset(reason, `BFD down: ${cause}`);
    if (!this.liveness.permits(plan)) this.#stop(neighbour, reason);
  }

  #pathWorks(name: string): void {
    const neighbour = this.neighbours.get(name);
    if (neighbour?.plan.bfd?.strict === true) this.#start(neighbour);
  }

  #start(neighbour: Neighbour): void {
    if (this.#isWanted(neighbour)) neighbour.peer.start();
  }

  /**
   * Not while people want it down, nor while its prefixes were too many, nor, where that is asked for, while its
   * path does not work.
   */
  #isWanted({ plan, suspended }: Neighbour): boolean {
    return !isDown(plan) && suspended === undefined && this.liveness.permits(plan);
  }
}
