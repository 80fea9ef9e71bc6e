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
import type { Family } from "../lib/address.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import { formatPrefix } from "../lib/prefix.ts";
import type { PeerPlan, SpeakerPlan } from "./cluster/speaker.ts";
import { type Convergence, createConvergence } from "./convergence.ts";
import { difference } from "./difference.ts";
import { createFib, type Fib } from "./fib/fib.ts";
import { createOpenResolver, createResolver, type Resolver } from "./fib/resolve.ts";
import { createListener, type Listener } from "./listener.ts";
import { ORIGINATED } from "./origin.ts";
import { type OwnAddresses, ownNextHops } from "./own-next-hop.ts";
import { createPeer, type Peer, type SessionInfo } from "./peer.ts";
import { type CompiledPolicy, compileExport, compileImport } from "./policy/compile.ts";
import { createRib } from "./rib/rib.ts";
import type { BestChange, PeerId, Rib, RibPeer } from "./rib/route.ts";
import type { Transport } from "./transport.ts";
import { ADMINISTRATIVE_SHUTDOWN, CEASE, PEER_DECONFIGURED } from "./wire/const.ts";
import { familyOf } from "./wire/family.ts";

/** rtm_protocol of our routes: free in rtnetlink.h and in iproute2's rt_protos ('M' in ASCII). */
export const ROUTE_PROTOCOL = 77;
/** Priority of our routes: below connected and static ones, so that theirs win. */
export const ROUTE_METRIC = 1024;

/** Longest stretch of work before timers and sockets get their turn, in ms. */
const SLICE = 5;
/** Kernel events of one cause come in bursts; look once, this many ms after the first. */
const SETTLE = 10;

export type DaemonOptions = {
  readonly clock: Clock;
  readonly transport: Transport;
  /** Undefined: nothing is installed, and every next hop counts as reachable. */
  readonly kernel: Kernel | undefined;
  readonly log: Logger;
  /** Uniform in [0, 1): jitter of timers. */
  readonly random: () => number;
  /** What an earlier daemon left has been judged. */
  readonly onConverged: () => void;
};

/** One peer with what the daemon keeps beside it. */
export type Neighbour = {
  plan: PeerPlan;
  readonly peer: Peer;
  importPolicy: CompiledPolicy;
  exportPolicy: CompiledPolicy;
  /** Its number in the RIB while Established. */
  id: PeerId | undefined;
  session: SessionInfo | undefined;
  /** What it is told as next hop where that is "self". */
  nextHops: RibPeer["nextHops"] | undefined;
  /** KEEPALIVEs since it became Established. */
  keepalives: number;
  /** Families whose End-of-RIB marker has come since then. */
  readonly ended: Set<Family>;
};

/** A running speaker. Its parts are readable for `queries.ts`; nobody else changes them. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly resolver: Resolver;
  readonly fib: Fib | undefined;
  readonly neighbours = new Map<string, Neighbour>();
  plan: SpeakerPlan | undefined;
  rib: Rib | undefined;
  #byId = new Map<PeerId, Neighbour>();
  #listener: Listener | undefined;
  #convergence: Convergence | undefined;
  /** Peers whose whole table has arrived, but may wait for its decision. */
  readonly #told = new Set<string>();
  #turn: Timer | undefined;
  #settle: Timer | undefined;
  /** The FIB must be compared with a dump when the events have settled. */
  #compare = false;
  #unwatch: (() => void) | undefined;

  constructor(options: DaemonOptions) {
    this.#options = options;
    const { kernel, clock } = options;
    this.resolver =
      kernel === undefined ? createOpenResolver() : createResolver(kernel, ROUTE_PROTOCOL);
    this.fib =
      kernel === undefined
        ? undefined
        : createFib({
            kernel,
            protocol: ROUTE_PROTOCOL,
            metric: ROUTE_METRIC,
            resolve: (nextHop) => this.resolver.resolve(nextHop),
            now: () => clock.now(),
          });
    if (kernel === undefined) return;
    // Watching starts before the first dump, so that nothing falls between the two.
    this.#unwatch = kernel.watch(["link", "address", "route"], (event) => this.#observe(event));
    this.resolver.refresh();
    this.fib?.resync();
  }

  /** Make the plan so, touching only what differs from the one before. */
  apply(plan: SpeakerPlan): void {
    const change = difference(this.plan, plan);
    this.plan = plan;
    if (change.speaker || this.rib === undefined) this.#startSpeaker(plan);
    const rib = this.#rib();
    if (change.listen) this.#listen(plan);
    for (const name of change.removed) this.#remove(name);
    for (const peer of change.restarted) this.#remove(peer.name);
    for (const prefix of change.withdrawn) rib.withdraw(prefix);
    // After a new speaker started, its table is empty: all blocks are new to it.
    for (const prefix of change.speaker ? plan.blocks : change.originated) {
      rib.originate(prefix, ORIGINATED);
    }
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
    const reason = { code: CEASE, subcode: ADMINISTRATIVE_SHUTDOWN };
    await Promise.all([...this.neighbours.values()].map(({ peer }) => peer.stop(reason)));
    if (withdraw && this.fib !== undefined) {
      this.fib.clear();
      while (this.fib.flush(SLICE));
    }
  }

  #rib(): Rib {
    if (this.rib === undefined) throw new Error("the daemon has no plan yet");
    return this.rib;
  }

  /** A RIB for this AS and identifier; what the one before had installed is taken back. */
  #startSpeaker(plan: SpeakerPlan): void {
    for (const name of [...this.neighbours.keys()]) this.#remove(name);
    for (const { prefix } of this.rib?.routes() ?? []) this.fib?.unwant(prefix);
    this.rib = createRib({
      identifier: plan.routerId.w0,
      resolve: (nextHop) => this.resolver.resolve(nextHop),
      now: () => this.#options.clock.now(),
      onBest: (changes) => this.#install(changes),
      onSend: (id, bytes) => this.#byId.get(id)?.peer.send(bytes),
    });
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
      importPolicy: compileImport(plan, speaker),
      exportPolicy: compileExport(plan),
      id: undefined,
      session: undefined,
      nextHops: undefined,
      keepalives: 0,
      ended: new Set(),
    };
    this.neighbours.set(plan.name, neighbour);
    peer.start();
  }

  #remove(name: string): void {
    const neighbour = this.neighbours.get(name);
    if (neighbour === undefined) return;
    this.neighbours.delete(name);
    this.#down(neighbour);
    const reason = { code: CEASE, subcode: PEER_DECONFIGURED };
    neighbour.peer.stop(reason).catch((error: unknown) => {
      this.#options.log.error({ peer: name, error }, "the session did not end cleanly");
    });
  }

  #setPolicies(plan: PeerPlan, speaker: SpeakerPlan): void {
    const neighbour = this.neighbours.get(plan.name);
    if (neighbour === undefined) return;
    const importPolicy = compileImport(plan, speaker);
    const exportPolicy = compileExport(plan);
    neighbour.plan = plan;
    const same =
      importPolicy.key === neighbour.importPolicy.key &&
      exportPolicy.key === neighbour.exportPolicy.key;
    if (same) return;
    neighbour.importPolicy = importPolicy;
    neighbour.exportPolicy = exportPolicy;
    if (neighbour.id !== undefined) this.#rib().setPolicies(neighbour.id, policiesOf(neighbour));
  }

  #established(neighbour: Neighbour, session: SessionInfo): void {
    const { plan } = neighbour;
    neighbour.session = session;
    neighbour.nextHops = ownNextHops(session, this.#ownAddresses());
    neighbour.keepalives = 0;
    neighbour.ended.clear();
    const id = this.#rib().addPeer({
      name: plan.name,
      external: plan.localAs !== plan.remoteAs,
      localAs: plan.localAs,
      remoteAs: plan.remoteAs,
      address: session.remoteAddress,
      identifier: session.identifier.w0,
      localAddress: session.localAddress,
      nextHops: neighbour.nextHops,
      wire: session.wire,
      ...policiesOf(neighbour),
    });
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
    const summary = this.#rib().receive(neighbour.id, buffer, start, end);
    for (const fault of summary.faults) {
      log.warn({ withdrawn: summary.treatedAsWithdraw }, `UPDATE: ${fault} (RFC 7606)`);
    }
    if (summary.endOfRib !== undefined) {
      const families = neighbour.session?.wire.families ?? [];
      neighbour.ended.add(summary.endOfRib);
      const isWhole = families.every((family) => neighbour.ended.has(family));
      if (isWhole) this.#told.add(neighbour.plan.name);
    }
    this.#schedule();
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
    this.#rib().removePeer(neighbour.id);
    this.#byId.delete(neighbour.id);
    neighbour.id = undefined;
    this.#told.delete(neighbour.plan.name);
    this.#convergence?.lost(neighbour.plan.name);
    this.#schedule();
  }

  #install(changes: readonly BestChange[]): void {
    if (this.fib === undefined) return;
    for (const { prefix, best } of changes) {
      if (best === undefined) this.fib.unwant(prefix);
      else if (best.source === "local") this.fib.want(prefix, "blackhole");
      else if (best.nextHop !== undefined) this.fib.want(prefix, best.nextHop);
    }
  }

  /** Work in slices until nothing is pending, letting sockets and timers in between. */
  #schedule(): void {
    this.#turn ??= this.#options.clock.after(0, () => {
      this.#turn = undefined;
      const deciding = this.rib?.work(SLICE) === true;
      if (!deciding) this.#hear();
      const installing = this.fib?.flush(SLICE) === true;
      if (deciding || installing) this.#schedule();
    });
  }

  /** Only now is what these peers have told decided, and wanted where it shall stay. */
  #hear(): void {
    const told = [...this.#told];
    this.#told.clear();
    for (const name of told) this.#convergence?.heard(name);
  }

  #observe(event: KernelEvent): void {
    if (event.type === "route") {
      if (this.fib?.observe(event) === true) this.#schedule();
      if (event.route.protocol === ROUTE_PROTOCOL) return;
    } else {
      // A link that goes down takes its routes along without a word, and an overrun hides some.
      this.#compare = true;
    }
    this.#settle ??= this.#options.clock.after(SETTLE, () => {
      this.#settle = undefined;
      if (this.resolver.refresh()) {
        this.rib?.nextHopsChanged();
        this.fib?.retarget();
      }
      if (this.#compare) {
        this.fib?.resync();
        this.#reviseNextHops();
      }
      this.#compare = false;
      this.#schedule();
    });
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
      this.#options.onConverged();
    });
  }
}

function policiesOf({ importPolicy, exportPolicy }: Neighbour) {
  return {
    importPolicy: importPolicy.policy,
    exportPolicy: exportPolicy.policy,
    exportKey: exportPolicy.key,
  };
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
