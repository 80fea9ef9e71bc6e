/**
 * What a peer says on one connection: its bytes are cut into messages, and these become events of the FSM.
 *
 * A peer that floods must not starve the others' timers, so reading is cut into slices: what does not
 * fit is read in the next turn, with the connection paused, so that TCP slows the sender down.
 */

import type { Clock, Timer } from "../lib/clock.ts";
import { type Event, type MessageFault, openEvent } from "./fsm/event.ts";
import { advertisedBy, negotiate } from "./fsm/negotiate.ts";
import type { Negotiated, Session } from "./fsm/state.ts";
import type { Connection } from "./transport.ts";
import { decode } from "./wire/codec.ts";
import {
  HEADER_LENGTH,
  KEEPALIVE,
  MAX_EXTENDED_LENGTH,
  NOTIFICATION,
  OPEN,
  OPEN_MESSAGE_ERROR,
  REFRESH_BEGIN,
  REFRESH_END,
  REFRESH_REQUEST,
  ROUTE_REFRESH,
  UNSUPPORTED_VERSION,
  UPDATE,
} from "./wire/const.ts";
import { INITIAL_CONTEXT } from "./wire/context.ts";
import { BgpError } from "./wire/error.ts";
import { type Frame, Framer } from "./wire/framer.ts";
import type { RouteRefreshMessage } from "./wire/message.ts";

/** Longest stretch of reading from one peer before everybody else gets a turn, in ms. */
const SLICE = 2;
/** Messages between two looks at the clock. */
const LOOK = 32;

const KEEPALIVE_EVENT: Event = { type: "KeepAliveMsg" };
const UPDATE_EVENT: Event = { type: "UpdateMsg" };
const REFRESH_EVENT: Event = { type: "RouteRefreshMsg" };

/** Messages of an Established session that mean something to others than the FSM. */
export type MessageHandlers = {
  /** May throw `BgpError`: then the session ends with its NOTIFICATION. */
  update(buffer: Uint8Array, start: number, end: number): void;
  /** A request, or with RFC 7313 the begin or end of an answer. */
  routeRefresh(refresh: RouteRefreshMessage): void;
  keepalive(): void;
};

export type ReaderOptions = {
  readonly clock: Clock;
  /** The session that the connection is of, and its events. */
  readonly fsm: { readonly session: Session; feed(event: Event): void };
  readonly counters: { received: number; updatesReceived: number };
  readonly handlers: MessageHandlers;
  /** A good OPEN arrived: false when section 6.8 closes this very connection. */
  readonly admit: (negotiated: Negotiated) => boolean;
  /** Something that is no `BgpError` was thrown while a message was taken. */
  readonly onFailure: (error: unknown) => void;
};

export class PeerReader {
  readonly #connection: Pick<Connection, "pause" | "resume">;
  readonly #options: ReaderOptions;
  readonly #framer = new Framer();
  /** UPDATEs were taken since the FSM was told of any. */
  #hasUpdates = false;
  /** The next slice of reading, while a full one is behind us. */
  #nextSlice: Timer | undefined;
  #isStopped = false;

  constructor(connection: Pick<Connection, "pause" | "resume">, options: ReaderOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Bytes that have come wait for their turn. */
  get isBehind(): boolean {
    return this.#nextSlice !== undefined;
  }

  /** Take bytes as they came; they must not be changed afterwards. */
  push(bytes: Uint8Array): void {
    this.#framer.push(bytes);
    if (this.#nextSlice === undefined) this.#read();
  }

  /** The peer has closed: what it said before that is still taken, a NOTIFICATION perhaps. */
  finish(): void {
    this.#cancelSlice();
    while (!this.#isStopped && this.#next());
    this.#hear();
  }

  /** The connection is given up: no message is taken any more. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelSlice();
  }

  /** Take messages for a slice; then let others have their turn. */
  #read(): void {
    const { clock } = this.#options;
    const end = clock.now() + SLICE;
    let isMore = true;
    for (let count = 1; isMore && !this.#isStopped; count++) {
      isMore = this.#next();
      if (count % LOOK === 0 && clock.now() > end) break;
    }
    this.#hear();
    if (!isMore || this.#isStopped) return;
    this.#connection.pause();
    this.#nextSlice = clock.after(0, () => {
      this.#nextSlice = undefined;
      this.#connection.resume();
      this.#read();
    });
  }

  #cancelSlice(): void {
    this.#nextSlice?.cancel();
    this.#nextSlice = undefined;
  }

  /** Take one message; false when there is no whole one. */
  #next(): boolean {
    const { fsm, counters, onFailure } = this.#options;
    try {
      const frame = this.#framer.next();
      if (frame === undefined) return false;
      counters.received++;
      this.#take(frame);
    } catch (error) {
      if (error instanceof BgpError) fsm.feed({ type: "BGPHeaderErr", fault: faultOf(error) });
      else onFailure(error);
    }
    return true;
  }

  #take({ type, buffer, start, end }: Frame): void {
    const { fsm, handlers } = this.#options;
    switch (type) {
      case UPDATE:
        this.#takeUpdate(buffer, start, end);
        return;
      case KEEPALIVE:
        fsm.feed(KEEPALIVE_EVENT);
        if (fsm.session.state === "Established") handlers.keepalive();
        return;
      case OPEN:
        this.#takeOpen(buffer.subarray(start - HEADER_LENGTH, end));
        return;
      case NOTIFICATION:
        this.#takeNotification(buffer.subarray(start - HEADER_LENGTH, end));
        return;
      case ROUTE_REFRESH:
        this.#takeRouteRefresh(buffer.subarray(start - HEADER_LENGTH, end));
    }
  }

  #takeUpdate(buffer: Uint8Array, start: number, end: number): void {
    const { fsm, counters, handlers } = this.#options;
    counters.updatesReceived++;
    if (fsm.session.state !== "Established") {
      fsm.feed(UPDATE_EVENT);
      return;
    }
    try {
      handlers.update(buffer, start, end);
      this.#hasUpdates = true;
    } catch (error) {
      if (!(error instanceof BgpError)) throw error;
      fsm.feed({ type: "UpdateMsgErr", fault: faultOf(error) });
    }
  }

  /** UPDATEs of one slice are one event: all that they do is to start the hold timer again (section 8.2.2). */
  #hear(): void {
    const { fsm } = this.#options;
    if (this.#hasUpdates && fsm.session.state === "Established") fsm.feed(UPDATE_EVENT);
    this.#hasUpdates = false;
  }

  #takeOpen(bytes: Uint8Array): void {
    const { fsm, admit } = this.#options;
    const open = decodeOr(bytes, (fault) => fsm.feed({ type: "BGPOpenMsgErr", fault }));
    if (open?.type !== "open") return;
    const { config, state, timers } = fsm.session;
    const judgement = negotiate(config, open, advertisedBy(fsm.session));
    if (judgement.negotiated === undefined) {
      fsm.feed({ type: "BGPOpenMsgErr", fault: judgement.fault });
      return;
    }
    const { negotiated } = judgement;
    const isAwaited = state === "OpenSent" || timers.delayOpen !== undefined;
    // Asked before our KEEPALIVE leaves, or the peer would take the doomed connection for open.
    if (isAwaited && !admit(negotiated)) {
      fsm.feed({ type: "OpenCollisionDump" });
      return;
    }
    fsm.feed(openEvent(fsm.session, negotiated));
    // RFC 8654 section 4: what follows the OPEN may be longer.
    this.#framer.allow(negotiated.wire.maxLength);
  }

  #takeNotification(bytes: Uint8Array): void {
    const { fsm } = this.#options;
    const notification = decodeOr(bytes, (fault) => fsm.feed({ type: "BGPHeaderErr", fault }));
    if (notification?.type !== "notification") return;
    const { code, subcode } = notification;
    const isVersion = code === OPEN_MESSAGE_ERROR && subcode === UNSUPPORTED_VERSION;
    fsm.feed({ type: isVersion ? "NotifMsgVerErr" : "NotifMsg", notification });
  }

  #takeRouteRefresh(bytes: Uint8Array): void {
    const { fsm, handlers } = this.#options;
    const refresh = decodeOr(bytes, (fault) => fsm.feed({ type: "BGPHeaderErr", fault }));
    if (refresh?.type !== "route refresh") return;
    fsm.feed(REFRESH_EVENT);
    const { state, negotiated } = fsm.session;
    const isEnhanced = negotiated?.enhancedRefresh === true;
    // RFC 7313 section 5: other subtypes are ignored, and these by who has not agreed to them.
    const isKnown = refresh.subtype === REFRESH_REQUEST || (isEnhanced && isAnswer(refresh));
    if (state === "Established" && isKnown) handlers.routeRefresh(refresh);
  }
}

/** Decode what is no UPDATE: the framer has judged its length by what was negotiated. */
function decodeOr(bytes: Uint8Array, onFault: (fault: MessageFault) => void) {
  try {
    return decode(bytes, { ...INITIAL_CONTEXT, maxLength: MAX_EXTENDED_LENGTH });
  } catch (error) {
    if (!(error instanceof BgpError)) throw error;
    onFault(faultOf(error));
    return undefined;
  }
}

function isAnswer({ subtype }: RouteRefreshMessage): boolean {
  return subtype === REFRESH_BEGIN || subtype === REFRESH_END;
}

function faultOf({ code, subcode, data, message }: BgpError): MessageFault {
  return { code, subcode, data, message };
}
