/**
 * One peer of the speaker: at most two sessions (one connection each), of which one survives.
 *
 * The first session is the peer's own: it connects, listens, waits and comes back. A second one tracks
 * a connection that the peer opened meanwhile, until section 6.8 has chosen; when the second is chosen,
 * it takes the first one's place. All the rest is `peer-session.ts` and, below it, `fsm/`.
 */

import type { Address } from "../lib/address.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { Secret } from "../lib/secret.ts";
import { Admission } from "./admission.ts";
import type { PeerPlan } from "./cluster/speaker.ts";
import { resolveCollision } from "./fsm/collision.ts";
import type { Event, Notification } from "./fsm/event.ts";
import { NO_RESTART } from "./fsm/negotiate.ts";
import {
  createSession,
  createTrackedSession,
  type LocalRestart,
  type Negotiated,
  type PeerRestart,
  type Session,
  STATES,
  type State,
} from "./fsm/state.ts";
import { gracefulWords, hardWords, type Loss, lossOf } from "./loss.ts";
import { destinationOf, restrictionsOf, sessionConfig } from "./peer-plan.ts";
import { classifyEvent, describeCapability, describeEvent } from "./peer-reason.ts";
import {
  type MessageCounters,
  type SessionEnvironment,
  type SessionOwner,
  SessionShell,
} from "./peer-session.ts";
import type { Connection, ConnectOptions, Transport } from "./transport.ts";
import { CEASE, OUT_OF_RESOURCES, REFRESH_BEGIN, REFRESH_REQUEST } from "./wire/const.ts";
import type { WireContext } from "./wire/context.ts";
import type { RouteRefreshMessage } from "./wire/message.ts";

/** Connections that cross are told apart within this many ms: one that comes later is no part of a collision. */
const SETTLING = 5000;

/** Connections that a peer may open at once, and the ms until it may open one more. */
const BURST = 8;
const INTERVAL = 500;

/** An Established session, as others need it. */
export type SessionInfo = {
  readonly remoteAs: number;
  /** The peer's BGP Identifier. */
  readonly identifier: Address;
  readonly wire: WireContext;
  /** A refresh is to begin and end as RFC 7313 has it. */
  readonly enhancedRefresh: boolean;
  /** Undefined where graceful restart is not agreed. */
  readonly restart: PeerRestart | undefined;
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  /** Seconds, as negotiated; 0 means no timer. */
  readonly holdTime: number;
  readonly keepaliveTime: number;
  /** The peer's, in words. */
  readonly capabilities: readonly string[];
};

export type PeerDependencies = {
  readonly clock: Clock;
  readonly transport: Transport;
  readonly log: Logger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Our BGP Identifier. */
  readonly routerId: Address;
  /** How this process began; absent: nobody has restarted, and nothing survived. */
  readonly restart?: () => LocalRestart;
  readonly onEstablished: (session: SessionInfo) => void;
  /** The body of an UPDATE, valid during the call. May throw `BgpError`: the session is reset with it. */
  readonly onUpdate: (buffer: Uint8Array, start: number, end: number) => void;
  readonly onRouteRefresh: (afi: number, safi: number) => void;
  /** The peer begins to send its whole table again, or has ended it (RFC 7313). */
  readonly onRefreshed?: (afi: number, safi: number, what: "begin" | "end") => void;
  /** Each KEEPALIVE of an Established session, the one that established it included. */
  readonly onKeepalive?: () => void;
  /** Nothing waits to be sent any more. */
  readonly onDrain?: () => void;
  /** The Established session is over: its routes are void after a "hard" loss, stale after a "graceful" one. */
  readonly onDown: (reason: string, loss: Loss) => void;
  /** The state that people see is another. */
  readonly onState?: (state: State) => void;
};

export type PeerStatus = {
  readonly state: State;
  /** Milliseconds in that state. */
  readonly since: number;
  /** Why the last session ended or the last attempt failed; empty when nothing did. */
  readonly lastError: string;
  /** The same as one of few words, for those who count. */
  readonly lastErrorClass: string;
  /** Established sessions that ended other than by our wish. */
  readonly flaps: number;
  /** From the peer's OPEN on. */
  readonly negotiated: Negotiated | undefined;
  readonly connectRetryCounter: number;
  readonly messages: Readonly<MessageCounters>;
};

/** A Cease; `data` is empty unless given. */
export type StopReason = {
  readonly code: number;
  readonly subcode: number;
  readonly data?: Uint8Array;
};

export type Peer = {
  /** Begin to connect (or, passive, to wait). */
  start(): void;
  /**
   * End every session with this NOTIFICATION; "graceful": so that the peer keeps our routes, if it does, for which it
   * may have to go without. Resolved when it has been sent or given up.
   */
  stop(reason: StopReason, how?: Loss): Promise<void>;
  /** End the Established session, or the attempt at one, for this reason; it is tried again later. */
  reset(reason: StopReason, text: string): void;
  /** End every session with this NOTIFICATION, for a reason that is told, until `start`. */
  suspend(notification: StopReason, reason: string): void;
  /** A connection from the peer's address. */
  accept(connection: Connection): void;
  /** Another TCP-MD5 key from now on; the session stays. Only for a plan that has one. */
  setKey(key: Secret): void;
  /**
   * Whole messages, shared with other peers: nobody may change them. Dropped unless Established. How many
   * UPDATEs were taken.
   */
  send(bytes: Uint8Array): number;
  /** Bytes that wait to be sent. */
  backlog(): number;
  status(): PeerStatus;
};

/** A peer that has not been started. */
export function createPeer(plan: PeerPlan, dependencies: PeerDependencies): Peer {
  return new PlannedPeer(plan, dependencies);
}

class PlannedPeer implements Peer, SessionOwner {
  readonly #plan: PeerPlan;
  readonly #dependencies: PeerDependencies;
  readonly #environment: SessionEnvironment;
  readonly #counters: MessageCounters = {
    received: 0,
    sent: 0,
    updatesReceived: 0,
    updatesSent: 0,
  };
  #first: SessionShell;
  #second: SessionShell | undefined;
  #shown: State = "Idle";
  #shownSince: number;
  readonly #admission: Admission;
  #key: Secret | undefined;
  #lastError = "";
  #lastErrorClass = "";
  /** Why it is being suspended, which says more than the NOTIFICATION. */
  #suspension: string | undefined;
  #flaps = 0;
  /** There was an Established session since this process began: what it carried is still in the kernel. */
  #wasUp = false;
  /** The second connection came when the first session had been Established for long. */
  #isAfter = false;

  constructor(plan: PeerPlan, dependencies: PeerDependencies) {
    const { clock, transport, random, routerId } = dependencies;
    this.#plan = plan;
    this.#dependencies = dependencies;
    this.#shownSince = clock.now();
    this.#key = plan.key;
    this.#admission = new Admission(BURST, INTERVAL, clock.now());
    const destination = (): ConnectOptions => destinationOf(plan, this.#key);
    const restart = (): LocalRestart => this.#restart();
    this.#environment = {
      clock,
      transport,
      random,
      destination,
      restart,
      counters: this.#counters,
    };
    const session = createSession(sessionConfig(plan, routerId));
    this.#first = new SessionShell(session, this.#environment, this);
  }

  start(): void {
    this.#first.feed({
      type: this.#plan.passive ? "ManualStart_with_PassiveTcpEstablishment" : "ManualStart",
    });
  }

  async stop(reason: StopReason, how: Loss = "hard"): Promise<void> {
    const shells = this.#shells();
    const words = how === "hard" ? hardWords : gracefulWords;
    for (const shell of shells) {
      const notification = words(notificationOf(reason), agreed(shell.session));
      shell.feed({ type: "ManualStop", notification });
    }
    await Promise.all(shells.map(({ flushed }) => flushed));
  }

  suspend(notification: StopReason, reason: string): void {
    this.#suspension = reason;
    this.stop(notification).catch((error: unknown) => {
      this.#dependencies.log.error({ err: error }, "the session did not end cleanly");
    });
    this.#suspension = undefined;
  }

  reset(reason: StopReason, text: string): void {
    for (const shell of this.#shells()) {
      const notification = hardWords(notificationOf(reason), agreed(shell.session));
      shell.feed({ type: "AutomaticStop", notification, reason: text });
    }
  }

  accept(connection: Connection): void {
    if (!this.#admission.admit(this.#dependencies.clock.now())) {
      connection.reset();
      return;
    }
    const { state } = this.#first.session;
    if (state === "Idle") {
      // Section 8.2.2: refused. Without a NOTIFICATION, or the peer would damp, and both in turns.
      this.#dependencies.log.debug("connection refused: the session is Idle");
      connection.close();
      return;
    }
    connection.restrict(restrictionsOf(this.#plan));
    if (state === "Active" && !this.#first.hasConnection) {
      this.#first.accept(connection);
      return;
    }
    if (this.#second !== undefined) this.#dump(this.#second);
    this.#second = new SessionShell(
      createTrackedSession(this.#first.session),
      this.#environment,
      this,
    );
    const isSettled = this.#dependencies.clock.now() - this.#shownSince >= SETTLING;
    this.#isAfter = state === "Established" && isSettled;
    this.#second.accept(connection);
  }

  setKey(key: Secret): void {
    this.#key = key;
    for (const shell of this.#shells()) shell.setKey(key);
  }

  send(bytes: Uint8Array): number {
    const before = this.#counters.updatesSent;
    for (const shell of this.#shells()) shell.send(bytes);
    return this.#counters.updatesSent - before;
  }

  backlog(): number {
    return this.#shells().reduce((sum, { backlog }) => sum + backlog, 0);
  }

  status(): PeerStatus {
    const { session } = this.#foremost();
    return {
      state: session.state,
      since: this.#dependencies.clock.now() - this.#shownSince,
      lastError: this.#lastError,
      lastErrorClass: this.#lastErrorClass,
      flaps: this.#flaps,
      negotiated: session.negotiated,
      connectRetryCounter: session.connectRetryCounter,
      messages: { ...this.#counters },
    };
  }

  admit(shell: SessionShell, { identifier, remoteAs }: Negotiated): boolean {
    const other = shell === this.#first ? this.#second : this.#first;
    if (other === undefined) return true;
    if (
      shell === this.#second &&
      this.#isAfter &&
      other.session.state === "Established" &&
      (agreed(other.session)?.families.length ?? 0) > 0
    ) {
      // RFC 4724 section 4.2: who calls anew has restarted, and has not seen the end of the connection before.
      other.feed({ type: "TcpConnectionFails", reason: "the peer has restarted: it called again" });
      return true;
    }
    const { config } = shell.session;
    const resolution = resolveCollision({
      arrived: { state: shell.session.state, initiator: shell.initiator },
      other: { state: other.session.state, initiator: other.initiator },
      local: { identifier: config.identifier, asNumber: config.localAs },
      remote: { identifier, asNumber: remoteAs },
      detectEstablished: config.collisionDetectEstablishedState,
    });
    if (resolution === "close other") this.#dump(other);
    return resolution !== "close arrived";
  }

  changed(shell: SessionShell, before: Session, event: Event): void {
    const { state } = shell.session;
    const text = describeEvent(event, before);
    this.#dependencies.log.debug(
      { event: event.type, from: before.state, to: state, opened: shell.initiator },
      "session",
    );
    const hasFailed = state === "Idle" || state === "Active" || state === before.state;
    if (hasFailed && before.state !== "Idle") this.#failed(shell, before, event, text);
    this.#show();
  }

  up({ initiator }: SessionShell, negotiated: Negotiated, connection: Connection): void {
    const { remoteAs, identifier, wire, enhancedRefresh, holdTime, keepaliveTime } = negotiated;
    this.#wasUp = true;
    const opened = initiator === "local" ? "we opened the connection" : "the peer opened it";
    this.#dependencies.log.info({ holdTime, keepaliveTime }, `session established: ${opened}`);
    this.#dependencies.onEstablished({
      remoteAs,
      identifier,
      wire,
      enhancedRefresh,
      restart: negotiated.gracefulRestart,
      localAddress: connection.local,
      remoteAddress: connection.remote,
      holdTime,
      keepaliveTime,
      capabilities: negotiated.capabilities.map(describeCapability),
    });
  }

  down(before: Session, event: Event): void {
    const reason = this.#suspension ?? describeEvent(event, before);
    const isFlap = event.type !== "ManualStop";
    const isTrouble = isFlap || this.#suspension !== undefined;
    if (isFlap) this.#flaps++;
    if (isTrouble) this.#remember(reason, event, before);
    this.#dependencies.log[isTrouble ? "warn" : "info"](`session ended: ${reason}`);
    this.#dependencies.onDown(reason, lossOf(event, before.negotiated?.gracefulRestart));
  }

  update(buffer: Uint8Array, start: number, end: number): void {
    this.#dependencies.onUpdate(buffer, start, end);
  }

  routeRefresh({ afi, safi, subtype }: RouteRefreshMessage): void {
    const { onRouteRefresh, onRefreshed } = this.#dependencies;
    if (subtype === REFRESH_REQUEST) onRouteRefresh(afi, safi);
    else onRefreshed?.(afi, safi, subtype === REFRESH_BEGIN ? "begin" : "end");
  }

  keepalive(): void {
    this.#dependencies.onKeepalive?.();
  }

  drained(): void {
    this.#dependencies.onDrain?.();
  }

  failed(shell: SessionShell, error: unknown): void {
    this.#dependencies.log.error({ err: error }, "a message of the peer met a fault of ours");
    const notification = { code: CEASE, subcode: OUT_OF_RESOURCES, data: new Uint8Array() };
    shell.feed({ type: "AutomaticStop", notification, reason: `internal error: ${error}` });
  }

  #restart(): LocalRestart {
    const { restarted, forwarding } = this.#dependencies.restart?.() ?? NO_RESTART;
    return { restarted, forwarding: forwarding || this.#wasUp };
  }

  #shells(): readonly SessionShell[] {
    return this.#second === undefined ? [this.#first] : [this.#first, this.#second];
  }

  /** The session that has come farthest: what people see. */
  #foremost(): SessionShell {
    const [first, second] = [this.#first, this.#second];
    if (second === undefined) return first;
    const rank = (shell: SessionShell): number => STATES.indexOf(shell.session.state);
    return rank(second) > rank(first) ? second : first;
  }

  #show(): void {
    const { state } = this.#foremost().session;
    if (state === this.#shown) return;
    this.#shown = state;
    this.#shownSince = this.#dependencies.clock.now();
    this.#dependencies.onState?.(state);
  }

  /** An attempt or a session came to nothing: the other one goes on, or people are told why. */
  #failed(shell: SessionShell, before: Session, event: Event, text: string): void {
    if (shell === this.#second) {
      this.#second = undefined;
      shell.retire();
      return;
    }
    if (
      this.#second !== undefined &&
      event.type !== "ManualStop" &&
      shell.session.state === "Idle"
    ) {
      this.#first = this.#second;
      this.#second = undefined;
      shell.retire();
      return;
    }
    if (event.type === "ManualStop" || event.type === "OpenCollisionDump") return;
    // The end of an Established session was told when it was over.
    if (before.state === "Established") return;
    // The peer may just not be ready for us yet: that says less than what was wrong the time before.
    const isVague = before.state === "OpenSent" && event.type === "TcpConnectionFails";
    if (isVague && this.#lastError !== "") return;
    const isNews = text !== this.#lastError;
    this.#remember(text, event, before);
    this.#dependencies.log[isNews ? "info" : "debug"](
      { from: before.state, to: shell.session.state },
      `no session: ${text}`,
    );
  }

  #remember(text: string, event: Event, before: Session): void {
    this.#lastError = text;
    this.#lastErrorClass = classifyEvent(event, before);
  }

  /** Close the connection that lost (event 23). */
  #dump(shell: SessionShell): void {
    shell.feed({ type: "OpenCollisionDump" });
  }
}

function notificationOf({ code, subcode, data = new Uint8Array() }: StopReason): Notification {
  return { code, subcode, data };
}

/** What both OPENs agreed upon: the peer may be Established, and keep our routes, before its KEEPALIVE has come. */
function agreed({ negotiated }: Session): PeerRestart | undefined {
  return negotiated?.gracefulRestart;
}
