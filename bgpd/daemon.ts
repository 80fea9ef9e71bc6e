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
import { type Address, equalAddress } from "../lib/address.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import { formatPrefix } from "../lib/prefix.ts";
import type { PeerPlan, SpeakerPlan } from "./cluster/speaker.ts";
import { type Convergence, createConvergence } from "./convergence.ts";
import { difference } from "./difference.ts";
import { dynamicPlan, rangeOf, refusal } from "./dynamic.ts";
import { createFib, type Fib } from "./fib/fib.ts";
import { createOpenResolver, createResolver, type Resolver } from "./fib/resolve.ts";
import { DECONFIGURED, isDown, keysOf, RECONFIGURED, restartReason } from "./intention.ts";
import { createListener, type Listener } from "./listener.ts";
import { ORIGINATED } from "./origin.ts";
import { createPeer, type Peer, type SessionInfo, type StopReason } from "./peer.ts";
import { type CompiledPolicy, compileExport, compileImport } from "./policy/compile.ts";
import { refreshMessage } from "./refresh.ts";
import { createRib } from "./rib/rib.ts";
import type { BestChange, PeerId, Rib } from "./rib/route.ts";
import type { Transport } from "./transport.ts";
import { administrativeShutdown } from "./wire/shutdown.ts";

/** rtm_protocol of our routes: free in rtnetlink.h and in iproute2's rt_protos ('M' in ASCII). */
export const ROUTE_PROTOCOL = 77;
/** Priority of our routes: below connected and static ones, so that theirs win. */
export const ROUTE_METRIC = 1024;

/** Longest stretch of work before timers and sockets get their turn, in ms. */
const SLICE = 5;
/** Kernel events of one cause come in bursts; look once, this many ms after the first. */
const SETTLE = 10;
/** A peer with so many bytes to send is told nothing more until they have left. */
const MOST_BACKLOG = 1 << 20;

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
  /** KEEPALIVEs since it became Established. */
  keepalives: number;
  /** The range that it came by; undefined for a peer of the plan. */
  readonly range: string | undefined;
  /** It has asked for its table, and may have to wait until there is room to send it. */
  wantsRefresh: boolean;
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
  /** Peers that do not take what they are sent. */
  readonly #slow = new Set<PeerId>();
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
    else this.#listener?.setKeys(keysOf(plan));
    for (const name of change.removed) this.#remove(name, DECONFIGURED);
    for (const peer of change.restarted) this.#remove(peer.name, restartReason(peer));
    this.#applyRanges(plan, change.endedRanges);
    for (const prefix of change.withdrawn) rib.withdraw(prefix);
    // After a new speaker started, its table is empty: all blocks are new to it.
    for (const prefix of change.speaker ? plan.blocks : change.originated) {
      rib.originate(prefix, ORIGINATED);
    }
    for (const peer of change.kept) this.#update(peer, plan);
    for (const peer of [...change.restarted, ...change.added]) this.#add(peer, plan);
    this.#convergence ??= this.#awaitConvergence(plan);
    const wanted = plan.peers.filter(({ shutdown }) => shutdown === undefined);
    this.#convergence.expect(wanted.map(({ name }) => name));
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

  /** End every session with Cease/Administrative Shutdown and the plan's text. Kernel routes stay unless `withdraw`. */
  async stop({ withdraw }: { readonly withdraw: boolean }): Promise<void> {
    this.#turn?.cancel();
    this.#settle?.cancel();
    this.#convergence?.cancel();
    this.#unwatch?.();
    this.#listener?.close();
    const reason = administrativeShutdown(this.plan?.shutdownMessage);
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
    for (const name of [...this.neighbours.keys()]) this.#remove(name, RECONFIGURED);
    for (const { prefix } of this.rib?.routes() ?? []) this.fib?.unwant(prefix);
    this.rib = createRib({
      identifier: plan.routerId.w0,
      resolve: (nextHop) => this.resolver.resolve(nextHop),
      now: () => this.#options.clock.now(),
      onBest: (changes) => this.#install(changes),
      onSend: (id, bytes) => this.#send(id, bytes),
    });
  }

  #listen(plan: SpeakerPlan): void {
    this.#listener?.close();
    this.#listener = createListener({
      transport: this.#options.transport,
      addresses: plan.listenAddresses,
      port: plan.listenPort,
      log: this.#options.log,
      find: (remote) => this.#find(remote),
      keys: keysOf(plan),
    });
  }

  /** Whom a connection is for: a peer of the plan, or a neighbour of a range, who may be new. */
  #find(remote: Address): Peer | string | undefined {
    const all = [...this.neighbours.values()];
    const known = all.find(({ plan: { address } }) => equalAddress(address, remote));
    // One that is shut down is Idle, and refuses by itself.
    if (known !== undefined) return known.peer;
    const { plan } = this;
    const range = rangeOf(plan?.ranges ?? [], remote);
    if (plan === undefined || range === undefined) return undefined;
    const present = all.filter((neighbour) => neighbour.range === range.name).length;
    return refusal(range, present) ?? this.#add(dynamicPlan(range, remote), plan, range.name);
  }

  /** Neighbours of ranges that are others now go; those that stay get their policies and keys. */
  #applyRanges(plan: SpeakerPlan, ended: readonly string[]): void {
    const isNamed = (neighbour: Neighbour): boolean =>
      plan.peers.some(({ address }) => equalAddress(address, neighbour.plan.address));
    for (const neighbour of [...this.neighbours.values()]) {
      const { range: name, plan: before, session } = neighbour;
      if (name === undefined) continue;
      const range = plan.ranges?.find((candidate) => candidate.name === name);
      if (range === undefined || ended.includes(name) || isNamed(neighbour)) {
        this.#remove(
          before.name,
          range === undefined ? DECONFIGURED : restartReason(range.session),
        );
      } else {
        const { remoteAs } = session ?? before;
        this.#update({ ...dynamicPlan(range, before.address), remoteAs }, plan);
      }
    }
  }

  #add(plan: PeerPlan, speaker: SpeakerPlan, range?: string): Peer {
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
        if (neighbour.id !== undefined && afi === 1 && safi === 1) {
          neighbour.wantsRefresh = true;
          this.#schedule();
        }
      },
      onRefreshed: (afi, safi, what) => {
        if (neighbour.id === undefined || afi !== 1 || safi !== 1) return;
        if (what === "begin") this.#rib().beginRefresh(neighbour.id);
        else this.#rib().endRefresh(neighbour.id);
        this.#schedule();
      },
      onDrain: () => {
        if (neighbour.id === undefined) return;
        this.#rib().catchUp(neighbour.id);
        if (neighbour.wantsRefresh) this.#schedule();
      },
      onDown: () => this.#down(neighbour),
      // A neighbour of a range is there from its connection on: when it is waited for again, it has gone.
      onState: (state) => {
        if (range === undefined || !hasCome || state !== "Active") return;
        this.#options.clock.after(0, () => this.#forget(neighbour));
      },
    });
    let hasCome = false;
    const neighbour: Neighbour = {
      plan,
      peer,
      importPolicy: compileImport(plan, speaker),
      exportPolicy: compileExport(plan),
      id: undefined,
      session: undefined,
      keepalives: 0,
      range,
      wantsRefresh: false,
    };
    this.neighbours.set(plan.name, neighbour);
    if (!isDown(neighbour.plan)) peer.start();
    hasCome = true;
    return peer;
  }

  /** A neighbour of a range has left for good. */
  #forget(neighbour: Neighbour): void {
    const { name } = neighbour.plan;
    if (this.neighbours.get(name) !== neighbour || neighbour.peer.status().state !== "Active")
      return;
    this.#options.log.info({ peer: name }, "the neighbour is gone");
    this.#remove(name, DECONFIGURED);
  }

  #remove(name: string, reason: StopReason): void {
    const neighbour = this.neighbours.get(name);
    if (neighbour === undefined) return;
    this.neighbours.delete(name);
    this.#down(neighbour);
    neighbour.peer.stop(reason).catch((error: unknown) => {
      this.#options.log.error({ peer: name, error }, "the session did not end cleanly");
    });
  }

  /** Another plan for the same session: its policies and its key. */
  #update(plan: PeerPlan, speaker: SpeakerPlan): void {
    const neighbour = this.neighbours.get(plan.name);
    if (neighbour === undefined) return;
    const { key } = plan;
    const isSameKey = key === undefined || neighbour.plan.key?.equals(key) === true;
    if (!isSameKey) {
      neighbour.peer.setKey(key);
      this.#options.log.info({ peer: plan.name }, "the session has another key");
    }
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
    const { remoteAs } = session;
    neighbour.session = session;
    neighbour.keepalives = 0;
    neighbour.wantsRefresh = false;
    // Who came by a range has only now said which AS it is, and policies depend on that.
    if (remoteAs !== neighbour.plan.remoteAs && this.plan !== undefined) {
      this.#update({ ...neighbour.plan, remoteAs }, this.plan);
    }
    const { plan } = neighbour;
    const id = this.#rib().addPeer({
      name: plan.name,
      external: plan.localAs !== plan.remoteAs,
      localAs: plan.localAs,
      remoteAs: plan.remoteAs,
      address: session.remoteAddress,
      identifier: session.identifier.w0,
      localAddress: session.localAddress,
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
    if (summary.endOfRib) this.#told.add(neighbour.plan.name);
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

  #send(id: PeerId, bytes: Uint8Array): void {
    const peer = this.#byId.get(id)?.peer;
    peer?.send(bytes);
    // Told to the RIB between its turns, when all that it has begun to tell is told.
    if (peer !== undefined && peer.backlog() > MOST_BACKLOG) this.#slow.add(id);
  }

  /** Peers that do not take what they are sent are told nothing more; those that asked get their table. */
  #attend(): void {
    for (const id of this.#slow) if (this.#byId.has(id)) this.rib?.lag(id);
    this.#slow.clear();
    for (const { id, peer, session, wantsRefresh } of this.neighbours.values()) {
      if (!wantsRefresh || id === undefined || peer.backlog() > 0) continue;
      this.#refresh(id, session?.enhancedRefresh === true ? "enhanced" : "plain");
    }
  }

  /** The whole table once more (RFC 2918), between its begin and end where the peer knows them (RFC 7313). */
  #refresh(id: PeerId, kind: "enhanced" | "plain"): void {
    const neighbour = this.#byId.get(id);
    if (neighbour === undefined) return;
    neighbour.wantsRefresh = false;
    if (kind === "enhanced") neighbour.peer.send(refreshMessage("begin"));
    this.#rib().refresh(id);
    if (kind === "enhanced") neighbour.peer.send(refreshMessage("end"));
  }

  /** Work in slices until nothing is pending, letting sockets and timers in between. */
  #schedule(): void {
    this.#turn ??= this.#options.clock.after(0, () => {
      this.#turn = undefined;
      this.#attend();
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
      if (this.#compare) this.fib?.resync();
      this.#compare = false;
      this.#schedule();
    });
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
