/**
 * Whether the end of a session is one that its routes outlive (RFC 4724 section 4.2, RFC 8538 section 4), and how
 * we end one that they shall not outlive. Pure.
 */

import type { Event, Notification } from "./fsm/event.ts";
import type { PeerRestart } from "./fsm/state.ts";
import { CEASE, HARD_RESET } from "./wire/const.ts";
import { hardReset } from "./wire/shutdown.ts";

/** "graceful": the peer counts as restarting, and what it told stays as long as was agreed. */
export type Loss = "graceful" | "hard";

/** What the event that ended an Established session means for its routes. */
export function lossOf(event: Event, restart: PeerRestart | undefined): Loss {
  if (restart === undefined) return "hard";
  switch (event.type) {
    case "TcpConnectionFails":
      return "graceful";
    case "ManualStop":
      return event.notification === undefined ? "graceful" : afterWords(event.notification);
    case "AutomaticStop":
    case "NotifMsg":
    case "NotifMsgVerErr":
      return afterWords(event.notification);
    // Every other end is one with a NOTIFICATION of ours, the hold timer's among them.
    default:
      return restart.notifications ? "graceful" : "hard";
  }

  function afterWords({ code, subcode }: Notification): Loss {
    const isHard = code === CEASE && subcode === HARD_RESET;
    return restart?.notifications === true && !isHard ? "graceful" : "hard";
  }
}

/** What to say so that the peer keeps nothing: where the N bit is agreed a Hard Reset with the reason inside. */
export function hardWords(
  notification: Notification,
  restart: PeerRestart | undefined,
): Notification {
  return restart?.notifications === true ? hardReset(notification) : notification;
}

/** What to say so that the peer keeps our routes: nothing (RFC 4724 section 4), unless the N bit is agreed. */
export function gracefulWords(
  notification: Notification,
  restart: PeerRestart | undefined,
): Notification | undefined {
  return restart?.notifications === false ? undefined : notification;
}
