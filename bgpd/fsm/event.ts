/**
 * The 28 events of RFC 4271 section 8.1 and the one of RFC 9687, under the RFCs' names, and one of ours.
 *
 * Time and chance enter only here: expiries are events, and `step` takes the jitter as an argument.
 */

import type { Negotiated, State } from "./state.ts";

/** A NOTIFICATION to send or one that came. */
export type Notification = {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
};

/** What was wrong with a message, with the NOTIFICATION that answers it. */
export type MessageFault = Notification & { readonly message: string };

export type Event =
  /** 1. Somebody wants the peer up. */
  | { readonly type: "ManualStart" }
  /** 2. Somebody wants it down; the Cease to say, undefined for an end without a word (RFC 4724 section 4). */
  | { readonly type: "ManualStop"; readonly notification: Notification | undefined }
  /** 3 */
  | { readonly type: "AutomaticStart" }
  /** 4 */
  | { readonly type: "ManualStart_with_PassiveTcpEstablishment" }
  /** 5 */
  | { readonly type: "AutomaticStart_with_PassiveTcpEstablishment" }
  /** 6 */
  | { readonly type: "AutomaticStart_with_DampPeerOscillations" }
  /** 7 */
  | { readonly type: "AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment" }
  /** 8. The speaker ends the session by itself; the Cease to say, and why. */
  | {
      readonly type: "AutomaticStop";
      readonly notification: Notification;
      readonly reason: string;
    }
  /** 9 */
  | { readonly type: "ConnectRetryTimer_Expires" }
  /** 10 */
  | { readonly type: "HoldTimer_Expires" }
  /** 11 */
  | { readonly type: "KeepaliveTimer_Expires" }
  /** 12 */
  | { readonly type: "DelayOpenTimer_Expires" }
  /** 13 */
  | { readonly type: "IdleHoldTimer_Expires" }
  /** 14. A SYN came from the right place (only with TrackTcpState). */
  | { readonly type: "TcpConnection_Valid" }
  /** 15. A SYN came from elsewhere (only with TrackTcpState). */
  | { readonly type: "Tcp_CR_Invalid" }
  /** 16. The connection that we asked for is there. */
  | { readonly type: "Tcp_CR_Acked" }
  /** 17. A connection that the peer asked for is there. */
  | { readonly type: "TcpConnectionConfirmed" }
  /** 18. The connection could not be made, or has ended; in the words of the transport. */
  | { readonly type: "TcpConnectionFails"; readonly reason: string }
  /** 19. A good OPEN. */
  | { readonly type: "BGPOpen"; readonly negotiated: Negotiated }
  /** 20 */
  | { readonly type: "BGPOpen_with_DelayOpenTimer_running"; readonly negotiated: Negotiated }
  /** 21. Section 6.1. */
  | { readonly type: "BGPHeaderErr"; readonly fault: MessageFault }
  /** 22. Section 6.2. */
  | { readonly type: "BGPOpenMsgErr"; readonly fault: MessageFault }
  /** 23. Section 6.8 chose the other connection. */
  | { readonly type: "OpenCollisionDump" }
  /** 24. NOTIFICATION 2/1. */
  | { readonly type: "NotifMsgVerErr"; readonly notification: Notification }
  /** 25. Any other NOTIFICATION. */
  | { readonly type: "NotifMsg"; readonly notification: Notification }
  /** 26 */
  | { readonly type: "KeepAliveMsg" }
  /** 27. An UPDATE; in Established it has been taken already. */
  | { readonly type: "UpdateMsg" }
  /** 28. Section 6.3, where RFC 7606 leaves nothing but the reset. */
  | { readonly type: "UpdateMsgErr"; readonly fault: MessageFault }
  /** 29. RFC 9687 section 3: the peer's TCP has taken nothing for too long. */
  | { readonly type: "SendHoldTimer_Expires" }
  /** Ours: a ROUTE-REFRESH (RFC 2918), which RFC 4271 does not know. */
  | { readonly type: "RouteRefreshMsg" };

export type EventType = Event["type"];

/** The event for a good OPEN, which depends on whether ours has been sent (19 or 20). */
export function openEvent(
  session: { readonly timers: { readonly delayOpen?: number } },
  negotiated: Negotiated,
): Event {
  return session.timers.delayOpen === undefined
    ? { type: "BGPOpen", negotiated }
    : { type: "BGPOpen_with_DelayOpenTimer_running", negotiated };
}

/** RFC 6608 section 3: which state an unexpected message met. */
export const UNEXPECTED_MESSAGE: Partial<Record<State, number>> = {
  OpenSent: 1,
  OpenConfirm: 2,
  Established: 3,
};
