/**
 * The shell of one session: one connection (or the attempt at one) and its timers, driven by `fsm/step`. Actions are
 * done in order; expiries and what the peer says (`peer-reader.ts`) come back as events.
 */

import type { Clock } from "../lib/clock.ts";
import type { Secret } from "../lib/secret.ts";
import { unreachable } from "../lib/unreachable.ts";
import type { Action } from "./fsm/action.ts";
import type { Contender } from "./fsm/collision.ts";
import type { Event, Notification } from "./fsm/event.ts";
import { advertisedBy, localOpen } from "./fsm/negotiate.ts";
import type { LocalRestart, Negotiated, Session, TimerName } from "./fsm/state.ts";
import { EXPIRY, step } from "./fsm/step.ts";
import { type MessageHandlers, PeerReader } from "./peer-reader.ts";
import { DeadlineTimer } from "./peer-timer.ts";
import type { Attempt, Connection, ConnectOptions, Transport } from "./transport.ts";
import { encode } from "./wire/codec.ts";
import { HEADER_LENGTH, UPDATE } from "./wire/const.ts";
import { INITIAL_CONTEXT } from "./wire/context.ts";
import type { OpenMessage } from "./wire/message.ts";

const KEEPALIVE_BYTES = encode({ type: "keepalive" }, INITIAL_CONTEXT);

/** Messages of a peer, over all its sessions. */
export type MessageCounters = {
  received: number;
  sent: number;
  updatesReceived: number;
  updatesSent: number;
};

export type SessionEnvironment = {
  readonly clock: Clock;
  readonly transport: Transport;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Whom to connect to, as it stands when an attempt begins. */
  readonly destination: () => ConnectOptions;
  /** What an OPEN that leaves now says of a restart of ours. */
  readonly restart: () => LocalRestart;
  readonly counters: MessageCounters;
};

/** What a session asks of its peer, and tells it. */
export type SessionOwner = MessageHandlers & {
  /** A good OPEN arrived: false when section 6.8 closes this very connection. */
  admit(shell: SessionShell, negotiated: Negotiated): boolean;
  /** The state changed, or an attempt began anew; after the event's actions. */
  changed(shell: SessionShell, before: Session, event: Event): void;
  up(shell: SessionShell, negotiated: Negotiated, connection: Connection): void;
  down(before: Session, event: Event): void;
  drained(): void;
  /** Something that is no `BgpError` was thrown while a message was taken. */
  failed(shell: SessionShell, error: unknown): void;
};

export class SessionShell {
  readonly #environment: SessionEnvironment;
  readonly #owner: SessionOwner;
  readonly #timers: Readonly<Record<TimerName, DeadlineTimer>>;
  #session: Session;
  #attempt: Attempt | undefined;
  #connection: Connection | undefined;
  #initiator: Contender["initiator"] = "local";
  /** Of that connection, or of the one before it. */
  #reader: PeerReader | undefined;
  /** Resolved when the connection dropped last has sent what was queued. */
  #flushed: Promise<void> = Promise.resolve();

  constructor(session: Session, environment: SessionEnvironment, owner: SessionOwner) {
    this.#session = session;
    this.#environment = environment;
    this.#owner = owner;
    const timer = (name: TimerName): DeadlineTimer =>
      new DeadlineTimer(environment.clock, () => this.feed(EXPIRY[name]));
    this.#timers = {
      connectRetry: timer("connectRetry"),
      hold: new DeadlineTimer(environment.clock, () => this.#holdExpired()),
      keepalive: timer("keepalive"),
      delayOpen: timer("delayOpen"),
      idleHold: timer("idleHold"),
      sendHold: new DeadlineTimer(environment.clock, () => this.#sendHoldExpired()),
    };
  }

  get session(): Session {
    return this.#session;
  }

  get initiator(): Contender["initiator"] {
    return this.#initiator;
  }

  get hasConnection(): boolean {
    return this.#connection !== undefined;
  }

  /** Bytes sent and not yet taken by TCP. */
  get backlog(): number {
    return this.#connection?.backlog ?? 0;
  }

  /** Resolved when nothing said on an earlier connection waits to be sent. */
  get flushed(): Promise<void> {
    return this.#flushed;
  }

  /** One event of the FSM, and all that follows from it. */
  feed(event: Event): void {
    const before = this.#session;
    const jitter = 0.75 + this.#environment.random() / 4;
    const { session, actions } = step(before, event, jitter);
    this.#session = session;
    for (const action of actions) this.#perform(action, before, event);
    const isRetry = event.type === "ConnectRetryTimer_Expires";
    if (session.state !== before.state || isRetry) this.#owner.changed(this, before, event);
  }

  /** Take a connection that the peer opened. */
  accept(connection: Connection): void {
    this.#adopt(connection, "remote");
    this.feed({ type: "TcpConnectionConfirmed" });
  }

  /** Whole messages, UPDATEs most of them; dropped unless Established. */
  send(bytes: Uint8Array): void {
    if (this.#session.state !== "Established") return;
    this.#write(bytes);
    // Section 8.2.2, Established: a KEEPALIVE is due only when nothing else was sent for so long.
    const { keepalive } = this.#session.timers;
    if (keepalive !== undefined) this.#timers.keepalive.start(keepalive * 1000);
  }

  /** Another TCP-MD5 key, for the connection that is up and for those to come. */
  setKey(key: Secret): void {
    this.#connection?.setKey(key);
    // An attempt signs with the old one: begin it anew.
    if (this.#attempt !== undefined && this.#session.state === "Connect") this.#connect();
  }

  /** Stop all timers: this session is not to come back. */
  retire(): void {
    for (const timer of Object.values(this.#timers)) timer.stop();
  }

  #perform(action: Action, before: Session, event: Event): void {
    switch (action.type) {
      case "connect":
        this.#connect();
        return;
      case "reject connection":
        // The kernel has answered it before we could know.
        return;
      case "send OPEN":
        this.#write(encode(this.#open(), INITIAL_CONTEXT));
        return;
      case "send KEEPALIVE":
        this.#write(KEEPALIVE_BYTES);
        return;
      case "send NOTIFICATION":
        this.#write(encodeNotification(action.notification));
        return;
      case "drop connection":
        this.#drop();
        return;
      case "start timer":
        this.#timers[action.timer].start(action.seconds * 1000);
        return;
      case "stop timer":
        this.#timers[action.timer].stop();
        return;
      case "session up":
        if (this.#connection !== undefined) {
          this.#owner.up(this, action.negotiated, this.#connection);
        }
        return;
      case "session down":
        this.#owner.down(before, event);
        return;
      default:
        unreachable(action);
    }
  }

  #open(): OpenMessage {
    const { config } = this.#session;
    return localOpen(config, advertisedBy(this.#session), this.#environment.restart());
  }

  #connect(): void {
    this.#attempt?.cancel();
    this.#initiator = "local";
    this.#attempt = this.#environment.transport.connect(this.#environment.destination(), {
      onOpen: (connection) => {
        this.#attempt = undefined;
        this.#adopt(connection, "local");
        this.feed({ type: "Tcp_CR_Acked" });
      },
      onFail: (reason) => {
        this.#attempt = undefined;
        this.feed({ type: "TcpConnectionFails", reason });
      },
    });
  }

  #adopt(connection: Connection, initiator: Contender["initiator"]): void {
    this.#attempt?.cancel();
    this.#attempt = undefined;
    this.#connection = connection;
    this.#initiator = initiator;
    const reader = this.#readerOf(connection);
    this.#reader = reader;
    connection.receive({
      onData: (bytes) => reader.push(bytes),
      onDrain: () => {
        if (this.#session.state === "Established") this.#owner.drained();
      },
      onEnd: (reason) => {
        reader.finish();
        // What was read last may have ended the session already.
        if (this.#connection !== connection) return;
        this.#connection = undefined;
        this.feed({ type: "TcpConnectionFails", reason });
      },
    });
  }

  #readerOf(connection: Connection): PeerReader {
    const { clock, counters } = this.#environment;
    return new PeerReader(connection, {
      clock,
      fsm: this,
      counters,
      handlers: this.#owner,
      admit: (negotiated) => this.#owner.admit(this, negotiated),
      onFailure: (error) => this.#owner.failed(this, error),
    });
  }

  #drop(): void {
    this.#attempt?.cancel();
    this.#attempt = undefined;
    this.#reader?.stop();
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#connection = undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#flushed = promise;
    connection.close(resolve);
  }

  #write(bytes: Uint8Array): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    connection.write(bytes);
    const { counters } = this.#environment;
    for (let at = 0; at + HEADER_LENGTH <= bytes.length; ) {
      counters.sent++;
      if (bytes[at + 18] === UPDATE) counters.updatesSent++;
      at += Math.max(HEADER_LENGTH, ((bytes[at + 16] ?? 0) << 8) | (bytes[at + 17] ?? 0));
    }
  }

  /** Its time begins again whenever TCP takes something, and while nothing waits (RFC 9687 section 3.2). */
  #sendHoldExpired(): void {
    const seconds = this.#session.timers.sendHold;
    const connection = this.#connection;
    if (seconds === undefined || connection === undefined) return;
    const quiet = this.#environment.clock.now() - connection.sentAt;
    const left = connection.backlog === 0 ? seconds * 1000 : seconds * 1000 - quiet;
    // Whole milliseconds, or what is left of one could be too short for the clock to move.
    if (left > 0) this.#timers.sendHold.start(Math.ceil(left));
    else this.feed(EXPIRY.sendHold);
  }

  /** The peer may have spoken in time, and we were too busy to hear it: look once more. */
  #holdExpired(): void {
    const hold = this.#session.timers.hold;
    if (hold === undefined) return;
    if (this.#reader?.isBehind === true) {
      this.#timers.hold.start(hold * 1000);
      return;
    }
    // One turn of the event loop reads what waits in the socket, which starts the timer again.
    this.#environment.clock.after(0, () => {
      const isSilent = !this.#timers.hold.isRunning && this.#session.timers.hold !== undefined;
      if (isSilent) this.feed(EXPIRY.hold);
    });
  }
}

/** The bytes of a NOTIFICATION, whose data is cut where it would not fit into a message to everybody. */
export function encodeNotification({ code, subcode, data }: Notification): Uint8Array {
  const fitting = data.subarray(0, INITIAL_CONTEXT.maxLength - HEADER_LENGTH - 2);
  return encode({ type: "notification", code, subcode, data: fitting }, INITIAL_CONTEXT);
}
