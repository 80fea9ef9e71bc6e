/**
 * One speaker: what its plan says is made so, and what its peers say reaches RIB and kernel.
 *
 * The daemon owns no rule of BGP: sessions are `peer.ts` over `fsm/`, routes are `rib/`, policies come
 * compiled from `policy/`, the kernel's table is `fib/`. It joins them, compares plans, and turns the
 * work in slices, so that timers and the API are served between them.
 *
 * Not here: the process (signals, lock, files: `main.ts`), answers for people (`queries.ts`).
 */

import type { Kernel, KernelEvent } from "../kernel/kernel.ts";
import type { Address } from "../lib/address.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import { equalPrefix, formatPrefix, type Prefix } from "../lib/prefix.ts";
import { Aggregates } from "./aggregate.ts";
import type { BfdFactory } from "./bfd/bfd.ts";
import type { PeerPlan, SpeakerPlan } from "./cluster/speaker.ts";
import { type Convergence, createConvergence } from "./convergence.ts";
import { Delays } from "./delays.ts";
import { difference, isSame, originations } from "./difference.ts";
import { createFib, type Fib, MAIN_TABLE } from "./fib/fib.ts";
import {
  createOpenResolver,
  createResolver,
  type Resolution,
  type Resolver,
} from "./fib/resolve.ts";
import { Gateways } from "./gateway.ts";
import { createListener, type Listener } from "./listener.ts";
import { createLiveness, type Liveness } from "./liveness.ts";
import { createTraffic, limitOf, type Neighbour, ribPeerOf, ribPoliciesOf } from "./neighbour.ts";
import { ORIGINATED } from "./origin.ts";
import { type OwnAddresses, ownNextHops } from "./own-next-hop.ts";
import { createPeer, type SessionInfo } from "./peer.ts";
import {
  asksInterface,
  compileExport,
  compileImport,
  type Surroundings,
} from "./policy/compile.ts";
import { createRib } from "./rib/rib.ts";
import type { BestChange, PathSelection, PeerId, Rib } from "./rib/route.ts";
import type { Transport } from "./transport.ts";
import { ADMINISTRATIVE_SHUTDOWN, BFD_DOWN, CEASE, PEER_DECONFIGURED } from "./wire/const.ts";
import { familyOf } from "./wire/family.ts";

/** rtm_protocol of our routes: free in rtnetlink.h and in iproute2's rt_protos ('M' in ASCII). */
export const ROUTE_PROTOCOL = 77;
/** Priority of our routes: below connected and static ones, so that theirs win. */
export const ROUTE_METRIC = 1024;

/** Longest stretch of work before timers and sockets get their turn, in ms. */
const SLICE = 5;
/** Kernel events of one cause come in bursts; look once, this many ms after the first. */
const SETTLE = 10;
/** Where looking is long work, because much is there or much happens, pause this many times as long. */
const PAUSE = 5;
/** When the kernel had no room (ENOBUFS), it gets some time before everything is compared, ms. */
const RELIEF = 50;

export type DaemonOptions = {
  readonly clock: Clock;
  readonly transport: Transport;
  /** Undefined: nothing is installed, and every next hop counts as reachable. */
  readonly kernel: Kernel | undefined;
  /** Priority and table of our routes; 1024 and main when absent. */
  readonly metric?: number;
  readonly table?: number;
  readonly log: Logger;
  /** Uniform in [0, 1): jitter of timers. */
  readonly random: () => number;
  /** What an earlier daemon left has been judged, and the kernel has what the peers told. */
  readonly onConverged: () => void;
  /** A peer leaves the plan, or is started anew with other parameters. */
  readonly onRemoved?: (neighbour: Neighbour) => void;
  /** Absent: no path is watched. */
  readonly bfd?: BfdFactory;
};

/** A running speaker. Its parts are readable for `queries.ts`; nobody else changes them. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly resolver: Resolver;
  readonly fib: Fib | undefined;
  readonly liveness: Liveness;
  readonly neighbours = new Map<string, Neighbour>();
  readonly aggregates = new Aggregates();
  readonly #gateways = new Gateways();
  readonly delays: Delays;
  /** True once the kernel has been told all that was decided when the daemon had converged. */
  settled = false;
  /** Priority and table of our kernel routes. */
  readonly metric: number;
  readonly table: number;
  plan: SpeakerPlan | undefined;
  rib: Rib | undefined;
  #byId = new Map<PeerId, Neighbour>();
  #listener: Listener | undefined;
  #convergence: Convergence | undefined;
  /** Peers whose whole table has arrived, but may wait for its decision. */
  readonly #told = new Set<string>();
  #turn: Timer | undefined;
  #settle: Timer | undefined;
  /** What rules that ask for interfaces look at. */
  #surroundings: Surroundings;
  /** What must be compared with a dump when the events have settled. */
  #compare: "nothing" | "objects" | "routes" = "nothing";
  /** Answers about next hops may differ: by the kernel's events, or by what we learned ourselves. */
  #moved: "no" | "around" | "learned" = "no";
  /** How long the last look took, ms. */
  #looked = 0;
  #unwatch: (() => void) | undefined;

  constructor(options: DaemonOptions) {
    this.#options = options;
    const { kernel, clock, metric = ROUTE_METRIC, table = MAIN_TABLE } = options;
    this.delays = new Delays(() => clock.now());
    this.liveness = createLiveness({
      start: options.bfd,
      onFailure: (name, cause) => this.#pathFailed(name, cause),
      onUp: (name) => this.#pathWorks(name),
    });
    this.#surroundings = {
      interfaceOf: (nextHop) => {
        const { way } = this.#resolve(nextHop);
        return way === undefined ? undefined : kernel?.link(way.link)?.name;
      },
      generation: 0,
    };
    this.metric = metric;
    this.table = table;
    if (kernel === undefined) {
      this.resolver = createOpenResolver();
      this.fib = undefined;
      return;
    }
    const ours = { kernel, protocol: ROUTE_PROTOCOL, metric };
    const learned = {
      targetOf: (prefix: Prefix) => this.fib?.targetOf(prefix),
      nextHopsOf: (prefix: Prefix) =>
        this.rib?.lookup(prefix)?.paths.flatMap(({ attributes }) => attributes.nextHop ?? []) ?? [],
    };
    this.resolver = createResolver({ ...ours, learned });
    this.fib = createFib({
      ...ours,
      table,
      resolve: (nextHop, link) => this.#resolve(nextHop, link),
      onCovering: (prefix) => {
        if (!this.resolver.concerns(prefix)) return;
        this.#moved = "learned";
        this.#look();
      },
      now: () => clock.now(),
    });
    // Watching starts before the first dump, so that nothing falls between the two.
    this.#unwatch = kernel.watch(
      ["link", "address", "route", "nexthop"],
      (event) => this.#observe(event),
      "others",
    );
    this.resolver.refresh();
    this.fib?.resync();
  }

  /** Make the plan so, touching only what differs from the one before. */
  apply(plan: SpeakerPlan): void {
    const change = difference(this.plan, plan);
    this.plan = plan;
    if (change.speaker || this.rib === undefined) this.#startSpeaker(plan);
    const rib = this.#rib();
    this.#leadToPeers(plan, rib);
    if (change.selection) rib.setSelection(this.#selectionOf(plan));
    if (change.listen) this.#listen(plan);
    for (const name of change.removed) this.#remove(name);
    for (const peer of change.restarted) this.#remove(peer.name);
    for (const prefix of change.withdrawn) rib.withdraw(prefix);
    // After a new speaker started, its table is empty: all is new to it.
    for (const prefix of change.speaker ? originations(plan) : change.originated) {
      this.delays.published();
      rib.originate(prefix, ORIGINATED);
    }
    this.aggregates.apply(plan, rib);
    this.liveness.apply(plan.peers);
    for (const peer of change.kept) this.#setPolicies(peer, plan);
    for (const peer of [...change.restarted, ...change.added]) this.#add(peer, plan);
    this.#convergence ??= this.#awaitConvergence(plan);
    this.#convergence.expect(plan.peers.map(({ name }) => name));
    this.#schedule();
  }

  /** True once what an earlier daemon left has been judged. */
  get converged(): boolean {
    return this.#convergence?.done === true;
  }

  /** Peers that the sweep of stale routes still waits for. */
  waitingFor(): string[] {
    return this.#convergence?.waitingFor() ?? [];
  }

  /** End every session with Cease/Administrative Shutdown. Kernel routes stay unless `withdraw`. */
  async stop({ withdraw }: { readonly withdraw: boolean }): Promise<void> {
    this.#turn?.cancel();
    this.#settle?.cancel();
    this.#convergence?.cancel();
    this.#unwatch?.();
    this.#listener?.close();
    for (const { suspended } of this.neighbours.values()) suspended?.timer?.cancel();
    const reason = { code: CEASE, subcode: ADMINISTRATIVE_SHUTDOWN };
    await Promise.all([
      this.liveness.stop(),
      ...[...this.neighbours.values()].map(({ peer }) => peer.stop(reason)),
    ]);
    if (withdraw && this.fib !== undefined) {
      this.fib.clear();
      while (this.fib.flush(SLICE));
      // Without room for an answer nobody knows what is left; once more tells.
      if (this.fib.isUnsure) this.fib.resync();
      while (this.fib.flush(SLICE));
    }
  }

  #rib(): Rib {
    if (this.rib === undefined) throw new Error("the daemon has no plan yet");
    return this.rib;
  }

  /** A RIB for this AS and identifier; what the one before had installed is taken back. */
  #startSpeaker(plan: SpeakerPlan): void {
    // With its peers the old RIB forgets what they told, before it says so to the FIB.
    for (const { prefix } of this.rib?.routes() ?? []) this.fib?.unwant(prefix);
    for (const name of [...this.neighbours.keys()]) this.#remove(name);
    this.rib = createRib({
      identifier: plan.routerId.w0,
      resolve: (nextHop) => this.#resolve(nextHop),
      selection: this.#selectionOf(plan),
      now: () => this.#options.clock.now(),
      onBest: (changes) => this.#install(changes),
      onSend: (id, bytes, family) => {
        const neighbour = this.#byId.get(id);
        if (neighbour === undefined) return;
        neighbour.traffic.updates[family].sent += neighbour.peer.send(bytes);
        this.delays.sent(family);
      },
    });
  }

  #resolve(nextHop: Address, link?: number): Resolution {
    return this.resolver.resolve(this.#gateways.behind(nextHop), link);
  }

  /** Routes to peers that one gateway alone reaches. */
  #leadToPeers(plan: SpeakerPlan, rib: Rib): void {
    const { removed, changed } = this.#gateways.apply(plan);
    for (const prefix of removed) {
      this.fib?.unwant(prefix);
      // What BGP knows of the peer's address counts again.
      const best = rib.lookup(prefix)?.paths.find(({ state }) => state === "best");
      if (best === undefined) continue;
      const { source, peer = "", attributes } = best;
      this.#install([{ prefix, best: { source, nextHop: attributes.nextHop, peer } }]);
    }
    for (const { prefix, gateway } of this.#gateways.routes) {
      this.fib?.want(prefix, [{ address: gateway }]);
    }
    if (!changed) return;
    rib.nextHopsChanged();
    this.fib?.retarget();
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
      find: (remote) =>
        [...this.neighbours.values()].find(
          ({ plan: { address } }) =>
            address.family === remote.family &&
            address.w0 === remote.w0 &&
            address.w1 === remote.w1 &&
            address.w2 === remote.w2 &&
            address.w3 === remote.w3,
        )?.peer,
    });
  }

  #add(plan: PeerPlan, speaker: SpeakerPlan): void {
    const log = this.#options.log.child({ peer: plan.name });
    const peer = createPeer(plan, {
      clock: this.#options.clock,
      transport: this.#options.transport,
      random: this.#options.random,
      log,
      routerId: speaker.routerId,
      onEstablished: (session) => this.#established(neighbour, session),
      onUpdate: (buffer, start, end) => this.#receive(neighbour, log, { buffer, start, end }),
      onKeepalive: () => this.#keepalive(neighbour),
      onRouteRefresh: (afi, safi) => {
        const family = familyOf(afi, safi);
        if (neighbour.id === undefined || family === undefined) return;
        this.#rib().refresh(neighbour.id, family);
        this.#schedule();
      },
      onDown: () => this.#down(neighbour),
    });
    const neighbour: Neighbour = {
      plan,
      peer,
      importPolicy: compileImport(plan, speaker, this.#surroundings),
      exportPolicy: compileExport(plan, speaker, this.#surroundings),
      id: undefined,
      session: undefined,
      nextHops: undefined,
      keepalives: 0,
      suspended: undefined,
      ended: new Set(),
      traffic: createTraffic(),
    };
    this.neighbours.set(plan.name, neighbour);
    this.#startPeer(neighbour);
  }

  #remove(name: string): void {
    const neighbour = this.neighbours.get(name);
    if (neighbour === undefined) return;
    this.neighbours.delete(name);
    neighbour.suspended?.timer?.cancel();
    this.#options.onRemoved?.(neighbour);
    this.#down(neighbour);
    const reason = { code: CEASE, subcode: PEER_DECONFIGURED };
    neighbour.peer.stop(reason).catch((error: unknown) => {
      this.#options.log.error({ peer: name, error }, "the session did not end cleanly");
    });
  }

  #setPolicies(plan: PeerPlan, speaker: SpeakerPlan): void {
    const neighbour = this.neighbours.get(plan.name);
    if (neighbour === undefined) return;
    const wasHeld = !this.liveness.permits(neighbour.plan);
    const importPolicy = compileImport(plan, speaker, this.#surroundings);
    const exportPolicy = compileExport(plan, speaker, this.#surroundings);
    const { prefixLimit } = neighbour.plan.policy;
    const same =
      importPolicy.key === neighbour.importPolicy.key &&
      exportPolicy.key === neighbour.exportPolicy.key &&
      isSame(plan.policy, neighbour.plan.policy);
    neighbour.plan = plan;
    if (wasHeld) this.#startPeer(neighbour);
    if (same) return;
    neighbour.importPolicy = importPolicy;
    neighbour.exportPolicy = exportPolicy;
    if (neighbour.id !== undefined) {
      this.#rib().setPolicies(neighbour.id, ribPoliciesOf(neighbour));
    }
    if (isSame(prefixLimit, plan.policy.prefixLimit)) return;
    if (neighbour.suspended === undefined) this.#limit(neighbour);
    else this.#resume(neighbour);
  }

  #established(neighbour: Neighbour, session: SessionInfo): void {
    neighbour.session = session;
    neighbour.nextHops = ownNextHops(session, this.#ownAddresses());
    neighbour.keepalives = 0;
    neighbour.ended.clear();
    if (this.plan === undefined) throw new Error("a session without a plan");
    const id = this.#rib().addPeer(ribPeerOf(neighbour, session, neighbour.nextHops, this.plan));
    neighbour.id = id;
    this.#byId.set(id, neighbour);
    this.#schedule();
  }

  #receive(
    neighbour: Neighbour,
    log: Logger,
    { buffer, start, end }: { buffer: Uint8Array; start: number; end: number },
  ): void {
    if (neighbour.id === undefined) return;
    const { traffic } = neighbour;
    this.delays.received();
    const summary = this.#rib().receive(neighbour.id, buffer, start, end);
    for (const family of summary.families) traffic.updates[family].received++;
    if (summary.faults.length > 0) traffic.faulty++;
    for (const fault of summary.faults) {
      log.warn({ withdrawn: summary.treatedAsWithdraw }, `UPDATE: ${fault} (RFC 7606)`);
    }
    if (summary.endOfRib !== undefined) {
      const families = neighbour.session?.wire.families ?? [];
      neighbour.ended.add(summary.endOfRib);
      const isWhole = families.every((family) => neighbour.ended.has(family));
      if (isWhole) this.#told.add(neighbour.plan.name);
    }
    if (summary.limit === "warning") {
      const { received } = this.#rib().peerCounts(neighbour.id);
      const limit = neighbour.plan.policy.prefixLimit?.max;
      log.warn({ received, limit }, "the peer comes near its limit of prefixes");
    }
    if (summary.limit === "exceeded") this.#limit(neighbour);
    this.#schedule();
  }

  /** End the session of a peer that has more prefixes than it may. */
  #limit(neighbour: Neighbour): void {
    const { id, plan, peer } = neighbour;
    const over = id === undefined ? undefined : limitOf(plan, this.#rib().peerCounts(id).received);
    if (over === undefined) return;
    const { restartTime } = over;
    const resume = (): void => this.#resume(neighbour);
    const isFinal = restartTime === undefined;
    const timer = isFinal ? undefined : this.#options.clock.after(restartTime * 1000, resume);
    neighbour.suspended = { timer };
    peer.suspend(over.cease, over.reason);
  }

  #resume(neighbour: Neighbour): void {
    neighbour.suspended?.timer?.cancel();
    neighbour.suspended = undefined;
    this.#startPeer(neighbour);
  }

  #keepalive(neighbour: Neighbour): void {
    neighbour.keepalives++;
    // The first one opened the session; the next is sent when the table has been.
    if (neighbour.keepalives !== 2) return;
    this.#told.add(neighbour.plan.name);
    this.#schedule();
  }

  #down(neighbour: Neighbour): void {
    neighbour.session = undefined;
    neighbour.nextHops = undefined;
    if (neighbour.id === undefined) return;
    if (this.#rib().peerCounts(neighbour.id).best > 0) this.delays.lost();
    this.#rib().removePeer(neighbour.id);
    this.#byId.delete(neighbour.id);
    neighbour.id = undefined;
    this.#told.delete(neighbour.plan.name);
    this.#convergence?.lost(neighbour.plan.name);
    this.#schedule();
  }

  /** RFC 5882 section 4.2, RFC 9384: the session ends at once, and its routes go with it. */
  #pathFailed(name: string, cause: string): void {
    const neighbour = this.neighbours.get(name);
    if (neighbour === undefined) return;
    const { peer, plan, id } = neighbour;
    const reason = { code: CEASE, subcode: BFD_DOWN };
    if (id !== undefined || plan.bfd?.strict === true) peer.reset(reason, `BFD down: ${cause}`);
    if (this.liveness.permits(plan)) return;
    peer.stop(reason).catch((error: unknown) => {
      this.#options.log.error({ peer: name, error }, "the session did not end cleanly");
    });
  }

  #pathWorks(name: string): void {
    const neighbour = this.neighbours.get(name);
    if (neighbour?.plan.bfd?.strict === true) this.#startPeer(neighbour);
  }

  /** Not while its prefixes were too many, nor, where that is asked for, while its path does not work. */
  #startPeer(neighbour: Neighbour): void {
    const { peer, plan, suspended } = neighbour;
    if (suspended === undefined && this.liveness.permits(plan)) peer.start();
  }

  #install(changes: readonly BestChange[]): void {
    this.aggregates.changed(changes);
    this.delays.chosen(changes);
    if (this.fib === undefined) return;
    for (const { prefix, best } of changes) {
      if (this.#gateways.owns(prefix)) continue;
      if (best === undefined || this.#isService(prefix, best)) this.fib.unwant(prefix);
      else if (best.source === "local" || best.discard) this.fib.want(prefix, "blackhole");
      else if (best.shares !== undefined) this.fib.want(prefix, best.shares);
      else if (best.nextHop !== undefined) this.fib.want(prefix, [{ address: best.nextHop }]);
    }
  }

  /** A blackhole would drop what this node itself sends to a service, before anybody translates it. */
  #isService(prefix: Prefix, { source }: NonNullable<BestChange["best"]>): boolean {
    const services = this.plan?.services ?? [];
    return source === "local" && services.some((range) => equalPrefix(range, prefix));
  }

  /** Work in slices until nothing is pending, letting sockets and timers in between. */
  #schedule(): void {
    this.#turn ??= this.#options.clock.after(0, () => {
      this.#turn = undefined;
      this.aggregates.settle();
      const deciding = this.rib?.work(SLICE) === true;
      if (!deciding) this.#hear();
      const installing = this.fib?.flush(SLICE, deciding ? "routes" : "all") === true;
      const aggregating = this.aggregates.isPending;
      if (deciding || installing || aggregating) this.#schedule();
      this.#turned(deciding || aggregating, installing);
      if (this.fib?.isUnsure !== true) return;
      this.#compare = "routes";
      this.#look(RELIEF);
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
    const told = [...this.#told];
    this.#told.clear();
    for (const name of told) this.#convergence?.heard(name);
  }

  #observe(event: KernelEvent): void {
    if (event.type === "overrun") this.#compare = "routes";
    // A link that goes down takes nexthop objects and their routes along without a word.
    if (event.type === "link" && this.#compare === "nothing") this.#compare = "objects";
    if (this.fib?.observe(event) === true) this.#schedule();
    if (this.resolver.observe(event) && this.#moved === "no") this.#moved = "around";
    if (this.#moved !== "no" || this.#compare !== "nothing") this.#look();
  }

  /** Look at what the events of the next moment add up to, and put it right. */
  #look(after = SETTLE): void {
    const { clock } = this.#options;
    this.#settle ??= clock.after(Math.max(after, PAUSE * this.#looked), () => {
      const began = clock.now();
      const [moved, compare] = [this.#moved, this.#compare];
      this.#settle = undefined;
      this.#moved = "no";
      this.#compare = "nothing";
      if (moved === "learned") this.resolver.relearn();
      if (moved !== "no") {
        this.rib?.nextHopsChanged();
        this.fib?.retarget();
        this.#relocate();
      }
      if (compare === "objects") this.fib?.inspect();
      if (compare === "routes") this.fib?.resync();
      if (moved === "around" || compare !== "nothing") this.#reviseNextHops();
      this.#looked = clock.now() - began;
      this.#schedule();
    });
  }

  /** Next hops may be behind other links than before. */
  #relocate(): void {
    const { plan } = this;
    this.#surroundings = {
      ...this.#surroundings,
      generation: this.#surroundings.generation + 1,
    };
    for (const peer of plan?.peers ?? []) {
      if (plan !== undefined && asksInterface(peer)) this.#setPolicies(peer, plan);
    }
  }

  /** Links have come by addresses, or lost them: peers are told other next hops, or a family no more. */
  #reviseNextHops(): void {
    const addresses = this.#ownAddresses();
    for (const neighbour of this.neighbours.values()) {
      const { id, session } = neighbour;
      if (id === undefined || session === undefined) continue;
      const nextHops = ownNextHops(session, addresses);
      if (JSON.stringify(nextHops) === JSON.stringify(neighbour.nextHops)) continue;
      neighbour.nextHops = nextHops;
      this.#rib().setNextHops(id, nextHops);
    }
  }

  #ownAddresses(): OwnAddresses {
    const node = this.plan?.listenAddresses ?? [];
    return { node, kernel: this.#options.kernel?.addresses() };
  }

  #awaitConvergence(plan: SpeakerPlan): Convergence {
    const { log, clock } = this.#options;
    return createConvergence(clock, convergenceDeadline(plan), (silent) => {
      const stale = this.fib?.counts().stale ?? 0;
      const text = silent.length === 0 ? "all peers told their tables" : "the deadline has passed";
      log.info({ silent, stale }, `converged: ${text}; stale routes go`);
      this.fib?.sweep();
      this.#schedule();
    });
  }
}

/** Every peer gets the time to be called again and to prove silent, but 120 s at most. In ms. */
function convergenceDeadline({ peers }: SpeakerPlan): number {
  const slowest = peers.map(({ connectRetryTime, holdTime }) => 2 * connectRetryTime + holdTime);
  return Math.min(120, Math.max(5, ...slowest)) * 1000;
}

/** One line for logs: `n1 AS 64512, 4 peers, blocks 10.244.1.0/24`. */
export function describePlan(plan: SpeakerPlan): string {
  const blocks = plan.blocks.map(formatPrefix).join(" ") || "none";
  return `${plan.node} AS ${plan.asNumber}, ${plan.peers.length} peers, blocks ${blocks}`;
}
