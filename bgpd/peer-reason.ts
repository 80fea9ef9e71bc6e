/**
 * Why a session changed, in words for people: an event of the FSM as a sentence.
 */

import {
  type Event,
  type MessageFault,
  type Notification,
  UNEXPECTED_MESSAGE,
} from "./fsm/event.ts";
import { OPEN_HOLD_TIME, type Session } from "./fsm/state.ts";
import { HOLD_TIMER_EXPIRED, SEND_HOLD_TIMER_EXPIRED } from "./fsm/transition.ts";
import { ROLE_CODES } from "./wire/capability.ts";
import { FSM_ERROR } from "./wire/const.ts";
import type { Capability, RestartFamily } from "./wire/message.ts";
import { classifyNotification, describeNotification } from "./wire/notification.ts";
import { describeCease, heldBy } from "./wire/shutdown.ts";

type Code = Pick<Notification, "code" | "subcode">;

/** What ended the session, or kept it from coming up; `session` as it was before the event. */
export function describeEvent(event: Event, session: Session): string {
  switch (event.type) {
    case "ManualStop":
      return event.notification === undefined
        ? "stopped: we closed the connection, for the peer to keep our routes"
        : `stopped: we sent ${describeCease(event.notification)}`;
    case "AutomaticStop":
      return `${event.reason}; we sent ${describeCease(event.notification)}`;
    case "ConnectRetryTimer_Expires":
      return session.state === "Connect"
        ? "no answer to our connection requests"
        : "the connect retry timer expired";
    case "HoldTimer_Expires": {
      const silence =
        session.state === "OpenSent"
          ? `the peer sent no OPEN for ${OPEN_HOLD_TIME} s`
          : `hold timer expired: the peer sent nothing for ${session.negotiated?.holdTime} s`;
      return `${silence}; we sent ${named(HOLD_TIMER_EXPIRED)}`;
    }
    case "SendHoldTimer_Expires":
      return `send hold timer expired: the peer's TCP took nothing for ${session.timers.sendHold} s`;
    case "TcpConnectionFails":
      return event.reason;
    case "BGPHeaderErr":
    case "BGPOpenMsgErr":
    case "UpdateMsgErr":
      return faulty(event.fault);
    case "NotifMsg":
    case "NotifMsgVerErr":
      return `the peer sent ${describeCease(event.notification)}`;
    case "OpenCollisionDump":
      return "the peer's other connection stays (connection collision)";
    case "BGPOpen":
    case "BGPOpen_with_DelayOpenTimer_running":
    case "KeepAliveMsg":
    case "UpdateMsg":
    case "RouteRefreshMsg":
      return `the peer sent ${MESSAGE_NAMES[event.type]} in ${session.state}; we sent ${named(unexpectedIn(session))}`;
    default:
      return `${event.type} in ${session.state}`;
  }
}

/**
 * The same as one of few words, for those who count: which NOTIFICATION was sent or received, or what befell
 * the connection.
 */
export function classifyEvent(event: Event, session: Session): string {
  switch (event.type) {
    case "ManualStop":
    case "AutomaticStop":
      return event.notification === undefined ? "closed" : sent(meant(event.notification));
    case "HoldTimer_Expires":
      return sent(HOLD_TIMER_EXPIRED);
    case "SendHoldTimer_Expires":
      return sent(SEND_HOLD_TIMER_EXPIRED);
    case "BGPHeaderErr":
    case "BGPOpenMsgErr":
    case "UpdateMsgErr":
      return sent(event.fault);
    case "NotifMsg":
    case "NotifMsgVerErr":
      return `received ${classify(meant(event.notification))}`;
    case "ConnectRetryTimer_Expires":
      return "no answer";
    case "TcpConnectionFails":
      return session.state === "Connect" || session.state === "Active"
        ? "connection failed"
        : "connection lost";
    case "BGPOpen":
    case "BGPOpen_with_DelayOpenTimer_running":
    case "KeepAliveMsg":
    case "UpdateMsg":
    case "RouteRefreshMsg":
      return sent(unexpectedIn(session));
    default:
      return "other";
  }
}

/** What answers a message that has no place in the state (RFC 6608). */
function unexpectedIn({ state }: Session): Code {
  return { code: FSM_ERROR, subcode: UNEXPECTED_MESSAGE[state] ?? 0 };
}

/** What it is about: a Hard Reset is the way of saying it. */
function meant(notification: Notification): Code {
  return heldBy(notification) ?? notification;
}

function sent(code: Code): string {
  return `sent ${classify(code)}`;
}

function classify({ code, subcode }: Code): string {
  return classifyNotification(code, subcode);
}

const MESSAGE_NAMES = {
  BGPOpen: "an OPEN",
  BGPOpen_with_DelayOpenTimer_running: "an OPEN",
  KeepAliveMsg: "a KEEPALIVE",
  UpdateMsg: "an UPDATE",
  RouteRefreshMsg: "a ROUTE-REFRESH",
} as const;

function faulty(fault: MessageFault): string {
  return `${fault.message}; we sent ${describeCease(fault)}`;
}

function named({ code, subcode }: Code): string {
  return describeNotification(code, subcode);
}

const FAMILIES: Readonly<Record<string, string>> = {
  "1/1": "IPv4 unicast",
  "1/2": "IPv4 multicast",
  "2/1": "IPv6 unicast",
  "2/2": "IPv6 multicast",
};

function nameOfFamily({ afi, safi }: { readonly afi: number; readonly safi: number }): string {
  return FAMILIES[`${afi}/${safi}`] ?? `family ${afi}/${safi}`;
}

/** A family that shall be kept; without the F bit nothing of it was. */
function describeKept(family: RestartFamily): string {
  return `${nameOfFamily(family)}${family.forwarding ? "" : " not preserved"}`;
}

const VERSIONS: Readonly<Record<number, string>> = { 1: "IPv4", 2: "IPv6" };
/** RFC 7911 section 4, from 1. */
const DIRECTIONS = ["receives", "sends", "receives and sends"] as const;

/** The name of a Role capability's value. */
export function nameOfRole(code: number): string | undefined {
  return Object.entries(ROLE_CODES).find(([, number]) => number === code)?.[0];
}

/** One capability as the peer advertised it. */
export function describeCapability(capability: Capability): string {
  switch (capability.type) {
    case "multiprotocol": {
      return nameOfFamily(capability);
    }
    case "four-octet AS":
      return "four-octet AS numbers";
    case "route refresh":
      return "route refresh";
    case "extended next hop":
      return capability.encodings
        .map(({ afi, safi, nextHopAfi }) => {
          return `${nameOfFamily({ afi, safi })} with ${VERSIONS[nextHopAfi] ?? `AFI ${nextHopAfi}`} next hops`;
        })
        .join(", ");
    case "role":
      return `role ${nameOfRole(capability.role) ?? capability.role}`;
    case "graceful restart": {
      const { restarted, notifications, time, families } = capability;
      const words = [
        families.length === 0 ? "helper only" : `${time} s`,
        ...families.map(describeKept),
        ...(notifications ? ["notifications"] : []),
        ...(restarted ? ["has restarted"] : []),
      ];
      return `graceful restart (${words.join("; ")})`;
    }
    case "long-lived graceful restart": {
      const words = capability.families.map((one) => `${describeKept(one)} ${one.time} s`);
      return `long-lived graceful restart (${words.join("; ") || "helper only"})`;
    }
    case "enhanced route refresh":
      return "enhanced route refresh";
    case "extended message":
      return "extended messages";
    case "add-path":
      return capability.families
        .map(({ afi, safi, sendReceive }) => {
          const family = FAMILIES[`${afi}/${safi}`] ?? `family ${afi}/${safi}`;
          return `ADD-PATH for ${family} (${DIRECTIONS[sendReceive - 1]})`;
        })
        .join(", ");
    case "unknown":
      return `capability ${capability.code}`;
  }
}
