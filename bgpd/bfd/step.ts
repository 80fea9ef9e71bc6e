/**
 * The session's state machine as a function (RFC 5880 section 6.8): a record and an event give a record and
 * what to send. Time and chance are arguments.
 */

import { unreachable } from "../../lib/unreachable.ts";
import {
  ADMINISTRATIVELY_DOWN,
  DETECTION_TIME_EXPIRED,
  NEIGHBOR_SIGNALED_DOWN,
  NO_DIAGNOSTIC,
  SLOW_INTERVAL,
  type State,
} from "./const.ts";
import type { ControlPacket } from "./packet.ts";
import {
  detectionTime,
  isTransmitting,
  jittered,
  type Session,
  type SessionConfig,
  transmitInterval,
} from "./session.ts";

export type Event =
  /** A packet of this session that passed every check; `sequence` is what its authentication gave. */
  | {
      readonly type: "packet";
      readonly packet: ControlPacket;
      readonly sequence: number | undefined;
    }
  /** `due.transmit` has come. */
  | { readonly type: "transmit" }
  /** `due.detect` has come. */
  | { readonly type: "detection time expired" }
  /** `due.forgetSequence` has come. */
  | { readonly type: "sequence forgotten" }
  /** Other parameters; the discriminator stays. */
  | { readonly type: "configure"; readonly config: SessionConfig }
  /** Somebody ends it: section 6.8.16. */
  | { readonly type: "disable" };

/** A packet to send at once, but for its authentication. */
export type Outgoing = Omit<ControlPacket, "authentication">;

export type Step = { readonly session: Session; readonly packets: readonly Outgoing[] };

/** When, in ms, and chance: uniform in [0, 1). */
export type Circumstance = { readonly now: number; readonly random: number };

/** One event. */
export function step(session: Session, event: Event, circumstance: Circumstance): Step {
  switch (event.type) {
    case "packet":
      return received(session, event, circumstance);
    case "transmit":
      return transmit(session, circumstance);
    case "detection time expired":
      return expired(session, circumstance);
    case "sequence forgotten":
      return quiet({ ...session, receivedSequence: undefined, due: forgotten(session) });
    case "configure":
      return configured(session, event.config, circumstance);
    case "disable": {
      const down = toState(session, "AdminDown", ADMINISTRATIVELY_DOWN);
      const due = { ...down.due, detect: undefined };
      return transmit({ ...down, poll: "none", due }, circumstance);
    }
    default:
      return unreachable(event);
  }
}

/** Section 6.8.6, from "Set bfd.RemoteDiscr" on. */
function received(
  session: Session,
  { packet, sequence }: Extract<Event, { readonly type: "packet" }>,
  circumstance: Circumstance,
): Step {
  if (session.state === "AdminDown") return quiet(session);
  const before = transmitInterval(session);
  const heard = poll(
    {
      ...session,
      receivedSequence: sequence,
      remoteDiscriminator: packet.myDiscriminator,
      remoteState: packet.state,
      remoteDiagnostic: packet.diagnostic,
      remoteDemand: packet.demand,
      remoteIndependent: packet.controlPlaneIndependent,
      remoteMinRxInterval: packet.requiredMinRxInterval,
      remoteMinTxInterval: packet.desiredMinTxInterval,
      remoteDetectMultiplier: packet.detectMultiplier,
    },
    packet.final,
  );
  const moved = respond(heard, packet.state);
  const live = rescheduled(withDetection(moved, circumstance.now), before, circumstance);
  if (packet.poll) return send(live, "final");
  // Section 6.8.7: what differs from the packet before is told at once.
  return live.state === session.state ? quiet(live) : transmit(live, circumstance);
}

/** The state machine of section 6.2. */
function respond(session: Session, remote: State): Session {
  const { state } = session;
  if (remote === "AdminDown") {
    return state === "Down" ? session : toState(session, "Down", NEIGHBOR_SIGNALED_DOWN);
  }
  if (state === "Down") {
    if (remote === "Down") return toState(session, "Init", session.diagnostic);
    return remote === "Init" ? toState(session, "Up", NO_DIAGNOSTIC) : session;
  }
  if (state === "Init") return remote === "Down" ? session : toState(session, "Up", NO_DIAGNOSTIC);
  return remote === "Down" ? toState(session, "Down", NEIGHBOR_SIGNALED_DOWN) : session;
}

/** Section 6.5: the Final bit ends the Poll Sequence, and the values that it told are in force. */
function poll(session: Session, isFinal: boolean): Session {
  if (!isFinal || session.poll === "none") return session;
  if (session.poll === "again") return { ...session, poll: "active" };
  return {
    ...session,
    poll: "none",
    activeMinTxInterval: session.desiredMinTxInterval,
    activeMinRxInterval: session.requiredMinRxInterval,
  };
}

/** Section 6.8.4. The peer is heard no more: also what it called itself is forgotten (section 6.8.1). */
function expired(session: Session, circumstance: Circumstance): Step {
  const silent = {
    ...session,
    remoteDiscriminator: 0,
    due: { ...session.due, detect: undefined },
  };
  if (session.state !== "Init" && session.state !== "Up") return quiet(silent);
  // Nobody is there to answer a poll.
  const down: Session = { ...toState(silent, "Down", DETECTION_TIME_EXPIRED), poll: "none" };
  return transmit(down, circumstance);
}

/** Another state with its interval: section 6.8.3 wants at least a second unless it is Up. */
function toState(session: Session, state: State, diagnostic: number): Session {
  const { minTransmitInterval } = session.config;
  const desired =
    state === "Up" ? minTransmitInterval : Math.max(SLOW_INTERVAL, minTransmitInterval);
  return withIntervals({ ...session, state, diagnostic }, desired, session.requiredMinRxInterval);
}

function configured(session: Session, config: SessionConfig, circumstance: Circumstance): Step {
  const before = transmitInterval(session);
  const told = { ...session, config };
  const desired =
    session.state === "Up"
      ? config.minTransmitInterval
      : Math.max(SLOW_INTERVAL, config.minTransmitInterval);
  const changed = withIntervals(told, desired, config.minReceiveInterval);
  return transmit(rescheduled(changed, before, circumstance), circumstance);
}

/**
 * Section 6.8.3: other intervals begin a Poll Sequence. While the session is Up, what would make either side
 * expect too much, a longer transmit or a shorter receive interval, waits for its end.
 */
function withIntervals(session: Session, desired: number, required: number): Session {
  const isSame =
    desired === session.desiredMinTxInterval && required === session.requiredMinRxInterval;
  if (isSame) return session;
  const isUp = session.state === "Up";
  const { activeMinTxInterval, activeMinRxInterval } = session;
  return {
    ...session,
    desiredMinTxInterval: desired,
    activeMinTxInterval: isUp ? Math.min(activeMinTxInterval, desired) : desired,
    requiredMinRxInterval: required,
    activeMinRxInterval: isUp ? Math.max(activeMinRxInterval, required) : required,
    poll: session.poll === "none" ? "active" : "again",
  };
}

/** A periodic packet, and when the next one is due. */
function transmit(session: Session, circumstance: Circumstance): Step {
  if (!isTransmitting(session)) {
    return quiet({ ...session, due: { ...session.due, transmit: undefined } });
  }
  const step = send(session, session.poll === "none" ? "plain" : "poll");
  const next = circumstance.now + jittered(session, circumstance.random);
  return quiet({ ...step.session, due: { ...step.session.due, transmit: next } }, step.packets);
}

/** One packet as section 6.8.7 fills it; P and F are never set together. */
function send(session: Session, kind: "plain" | "poll" | "final"): Step {
  const packet = {
    diagnostic: session.diagnostic,
    state: session.state,
    poll: kind === "poll",
    final: kind === "final",
    // We share the fate of the control plane: this is one process.
    controlPlaneIndependent: false,
    demand: false,
    detectMultiplier: session.config.detectMultiplier,
    myDiscriminator: session.config.localDiscriminator,
    yourDiscriminator: session.remoteDiscriminator,
    desiredMinTxInterval: session.desiredMinTxInterval,
    requiredMinRxInterval: session.requiredMinRxInterval,
    requiredMinEchoRxInterval: 0,
  };
  // Plain keyed types may keep the number (section 6.7.3); one for each packet is right for all of them.
  const sentSequence = (session.sentSequence + 1) >>> 0;
  return quiet({ ...session, sentSequence }, [packet]);
}

/** The timers after a packet: detection from now on, and twice that until its number is forgotten. */
function withDetection(session: Session, now: number): Session {
  const time = detectionTime(session) / 1000;
  return {
    ...session,
    due: {
      ...session.due,
      detect: now + time,
      forgetSequence: session.receivedSequence === undefined ? undefined : now + 2 * time,
    },
  };
}

/** A shorter interval is in force at once; where packets were not wanted before, they begin. */
function rescheduled(session: Session, before: number, { now, random }: Circumstance): Session {
  if (!isTransmitting(session)) return { ...session, due: { ...session.due, transmit: undefined } };
  const { transmit } = session.due;
  if (transmit !== undefined && transmitInterval(session) >= before) return session;
  const next = Math.min(transmit ?? Number.POSITIVE_INFINITY, now + jittered(session, random));
  return { ...session, due: { ...session.due, transmit: next } };
}

function forgotten({ due }: Session): Session["due"] {
  return { ...due, forgetSequence: undefined };
}

function quiet(session: Session, packets: readonly Outgoing[] = []): Step {
  return { session: Object.freeze(session), packets };
}
