/**
 * The sessions of one speaker: made, changed and ended as its plans say, and what peers say reaches the RIB.
 *
 * A session is `peer.ts`; the neighbours that come by themselves are `ranges.ts`, those that are found on links
 * `unnumbered.ts`, the pods of the node `workloads.ts`, what peers say is `intake.ts`, what they are sent `outflow.ts`,
 * and whether the path to them works is `liveness.ts`.
 */

import type { InterfaceAddress, KernelEvent } from "../kernel/kernel.ts";
import { type Address, equalAddress, type Family } from "../lib/address.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { BfdFactory } from "./bfd/bfd.ts";
import type { PeerPlan, SpeakerPlan } from "./cluster/speaker.ts";
import type { Expected } from "./deferral.ts";
import type { Delays } from "./delays.ts";
import { type Difference, isSame } from "./difference.ts";
import type { LocalRestart } from "./fsm/state.ts";
import { Intake } from "./intake.ts";
import { DECONFIGURED, isDown, RECONFIGURED, restartReason } from "./intention.ts";
import { createLiveness, type Failure, type Liveness } from "./liveness.ts";
import type { Loss } from "./loss.ts";
import type { DiscoveryFactory } from "./nd/nd.ts";
import { createTraffic, type Neighbour, ribPeerOf, ribPoliciesOf } from "./neighbour.ts";
import { Outflow } from "./outflow.ts";
import { ownNextHops } from "./own-next-hop.ts";
import { createPeer, type Peer, type SessionInfo, type StopReason } from "./peer.ts";
import {
  asksInterface,
  compileExport,
  compileImport,
  type Surroundings,
} from "./policy/compile.ts";
import { Ranges } from "./ranges.ts";
import { Retention } from "./retention.ts";
import type { PeerId, Rib } from "./rib/route.ts";
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
  readonly liveness: Liveness;
  readonly unnumbered: Unnumbered;
  readonly workloads: Workloads;
  /** By name. */
  readonly neighbours = new Map<string, Neighbour>();
  /** Of those that are no more, and still have something to say. */
  readonly #ending = new Set<Promise<void>>();
  readonly #options: SessionsOptions;
  readonly #established = new Map<PeerId, Neighbour>();
  readonly #outflow: Outflow;
  readonly #intake: Intake;
  readonly #ranges: Ranges;
  /** What rules that ask for interfaces look at. */
  #surroundings: Surroundings;

  constructor(options: SessionsOptions) {
    const { clock, log, bfd, interfaceOf } = options;
    this.#options = options;
    this.#surroundings = { interfaceOf, generation: 0 };
    this.#outflow = new Outflow(options.rib, this.#established);
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

  /** What the RIB tells a peer of a family. */
  send(id: PeerId, bytes: Uint8Array, family: Family): void {
    const neighbour = this.#established.get(id);
    if (neighbour === undefined) return;
    neighbour.traffic.updates[family].sent += this.#outflow.send(id, bytes);
    this.#options.delays.sent(family);
  }

  /** Between two turns of the RIB. */
  attend(): void {
    this.#outflow.attend();
  }

  /** Next hops may be behind other links than before. */
  relocate(): void {
    const { generation } = this.#surroundings;
    this.#surroundings = { ...this.#surroundings, generation: generation + 1 };
    for (const { plan } of [...this.neighbours.values()]) {
      if (asksInterface(plan)) this.#update(plan);
    }
  }

  /** Links have come by addresses, or lost them. */
  readdress(): void {
    this.#reviseNextHops();
    this.#watch();
  }

  /** Peers are told other next hops, or a family no more. */
  #reviseNextHops(): void {
    const kernel = this.#options.addresses();
    for (const [id, neighbour] of this.#established) {
      const { session } = neighbour;
      if (session === undefined) continue;
      const nextHops = ownNextHops(session, { node: this.#options.plan().addresses, kernel });
      if (JSON.stringify(nextHops) === JSON.stringify(neighbour.nextHops)) continue;
      neighbour.nextHops = nextHops;
      this.#options.rib().setNextHops(id, nextHops);
    }
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
      onEstablished: (session) => this.#up(neighbour, session),
      onUpdate: (buffer, start, end) =>
        this.#intake.receive(neighbour, log, { buffer, start, end }),
      onKeepalive: () => this.#intake.keepalive(neighbour),
      onRouteRefresh: (afi, safi) => {
        const family = familyOf(afi, safi);
        if (family === undefined) return;
        const isCarried = neighbour.session?.wire.families.includes(family) === true;
        if (neighbour.id !== undefined && isCarried) this.#outflow.ask(neighbour.id, family);
        onWork();
      },
      onRefreshed: (afi, safi, what) =>
        this.#intake.refreshed(neighbour, familyOf(afi, safi), what),
      onDrain: () => {
        if (neighbour.id !== undefined && this.#outflow.drained(neighbour.id)) onWork();
      },
      onDown: (_reason, loss) => this.#down(neighbour, loss),
      onState: (state) => {
        if (range !== undefined) this.#ranges.seen(neighbour, state);
      },
    });
    const retention = new Retention({
      clock,
      rib: this.#options.rib,
      onWork,
      onRemoval: () => this.#options.delays.lost(),
      onEmpty: () => {
        if (range !== undefined) this.#ranges.seen(neighbour, peer.status().state);
      },
    });
    const neighbour: Neighbour = {
      plan,
      peer,
      ...this.#policies(plan),
      id: undefined,
      retention,
      session: undefined,
      nextHops: undefined,
      keepalives: 0,
      suspended: undefined,
      ended: new Set(),
      wantsRefresh: new Set(),
      range,
      traffic: createTraffic(),
    };
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
    this.#down(neighbour, "hard");
    this.#abandon(neighbour);
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
    Object.assign(neighbour, policies);
    const id = neighbour.id ?? neighbour.retention.id;
    if (id !== undefined) this.#options.rib().setPolicies(id, ribPoliciesOf(neighbour));
    if (isSame(before.policy.prefixLimit, plan.policy.prefixLimit)) return;
    if (neighbour.suspended === undefined) this.#intake.limit(neighbour);
    else this.#intake.resume(neighbour);
  }

  #policies(plan: PeerPlan): Pick<Neighbour, "importPolicy" | "exportPolicy"> {
    const speaker = this.#options.plan();
    return {
      importPolicy: compileImport(plan, speaker, this.#surroundings),
      exportPolicy: compileExport(plan, speaker, this.#surroundings),
    };
  }

  #up(neighbour: Neighbour, session: SessionInfo): void {
    const { plan: speaker, rib, addresses, onUp, onWork } = this.#options;
    const { remoteAs, restart } = session;
    const { retention } = neighbour;
    // Who came by a range has only now said which AS it is, and policies depend on that.
    if (remoteAs !== neighbour.plan.remoteAs) {
      this.#abandon(neighbour);
      neighbour.plan = { ...neighbour.plan, remoteAs };
      Object.assign(neighbour, this.#policies(neighbour.plan));
    }
    const own = { node: speaker().addresses, kernel: addresses() };
    const nextHops = ownNextHops(session, own);
    neighbour.session = session;
    neighbour.nextHops = nextHops;
    neighbour.keepalives = 0;
    neighbour.ended.clear();
    neighbour.wantsRefresh.clear();
    const record = ribPeerOf(neighbour, session, nextHops, speaker());
    const known = retention.id;
    const id = known ?? rib().addPeer(record);
    if (known !== undefined) {
      rib().resume(known, record);
      retention.resumed(session.wire.families, restart);
    }
    neighbour.id = id;
    this.#established.set(id, neighbour);
    const { families } = session.wire;
    onUp({ name: neighbour.plan.name, families }, { restarted: restart?.restarted === true });
    onWork();
  }

  #down(neighbour: Neighbour, loss: Loss): void {
    const { id, plan, session, retention } = neighbour;
    const { rib, delays, onLost, onWork } = this.#options;
    neighbour.session = undefined;
    neighbour.nextHops = undefined;
    if (id === undefined) return;
    const { gracefulRestart } = plan;
    const isKept =
      loss === "graceful" &&
      session?.restart !== undefined &&
      gracefulRestart !== undefined &&
      retention.lost(id, session.restart, gracefulRestart);
    if (!isKept) {
      retention.end();
      if (rib().peerCounts(id).best > 0) delays.lost();
      rib().removePeer(id);
    }
    this.#established.delete(id);
    this.#outflow.forget(id);
    neighbour.id = undefined;
    onLost(plan.name);
    onWork();
  }

  /** What is kept of a peer that is away goes; and so does one of a range, which was there for that alone. */
  #abandon(neighbour: Neighbour): void {
    const { retention, range, peer } = neighbour;
    const { id } = retention;
    retention.end();
    if (id === undefined) return;
    this.#options.rib().removePeer(id);
    if (range !== undefined) this.#ranges.seen(neighbour, peer.status().state);
    this.#options.onWork();
  }

  /**
   * RFC 5882 section 4.2, RFC 9384: the session ends at once, and its routes go with it. Of a peer whose session has
   * ended before that, a failure says something new only where it is not its restart's (RFC 5882 section 4.3).
   */
  #pathFailed(name: string, { cause, independent }: Failure): void {
    const neighbour = this.neighbours.get(name);
    if (neighbour === undefined) return;
    const { peer, plan, id } = neighbour;
    if (independent) this.#abandon(neighbour);
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
