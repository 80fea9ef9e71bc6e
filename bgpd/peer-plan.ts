/**
 * A peer's plan in the words of those who carry it out: its connections, and its session.
 */

import type { Address } from "../lib/address.ts";
import type { Secret } from "../lib/secret.ts";
import type { PeerPlan } from "./cluster/speaker.ts";
import type { SessionConfig } from "./fsm/state.ts";
import type { ConnectOptions, Restrictions } from "./transport.ts";

/** Wait after a session that ended, in seconds; doubled each time it does not last, to the maximum. */
const IDLE_HOLD_TIME = 1;
const IDLE_HOLD_TIME_MAX = 60;

/** The largest IP TTL. */
const MOST_HOPS = 255;

/** Where a connection of ours goes, and how. */
export function destinationOf(plan: PeerPlan, key: Secret | undefined): ConnectOptions {
  const { address: remote, port, localAddress: local, source } = plan;
  return {
    remote,
    port,
    ...restrictionsOf(plan),
    ...(source === "any" ? {} : { local }),
    ...(key === undefined ? {} : { key }),
  };
}

/** An external peer is as near as its plan says; with RFC 5082 it has to prove that, wherever it is. */
export function restrictionsOf({
  localAs,
  remoteAs,
  ttl,
  ttlSecurity,
  link,
}: PeerPlan): Restrictions {
  const onLink = link === undefined ? {} : { link };
  if (ttlSecurity !== undefined) {
    return { ...onLink, hops: MOST_HOPS, leastHops: MOST_HOPS + 1 - ttlSecurity };
  }
  return localAs === remoteAs ? onLink : { ...onLink, hops: ttl };
}

/** What its FSM is configured with; `identifier` is ours. */
export function sessionConfig(plan: PeerPlan, identifier: Address): SessionConfig {
  return {
    localAs: plan.localAs,
    remoteAs: plan.asNumbers ?? plan.remoteAs,
    identifier,
    holdTime: plan.holdTime,
    keepaliveTime: plan.keepaliveTime,
    connectRetryTime: plan.connectRetryTime,
    role: plan.role,
    aigp: plan.aigp,
    gracefulRestart: plan.gracefulRestart,
    overIpv6: plan.address.family === 6,
    passiveTcpEstablishment: plan.passive,
    delayOpenTime: plan.delayOpen ?? 0,
    sendHoldTime: plan.sendHoldTime,
    dampPeerOscillations: true,
    idleHoldTime: IDLE_HOLD_TIME,
    idleHoldTimeMax: IDLE_HOLD_TIME_MAX,
    allowAutomaticStart: true,
    allowAutomaticStop: true,
    sendNotificationWithoutOpen: true,
    trackTcpState: false,
    collisionDetectEstablishedState: false,
    families: plan.families,
    addPath: {
      receive: plan.addPath?.receive === true ? plan.families : [],
      send: plan.addPath?.send === true ? plan.families : [],
    },
  };
}
