/**
 * What a transition asks of the shell, in order. Each is small and idempotent.
 */

import type { Notification } from "./event.ts";
import type { Negotiated, TimerName } from "./state.ts";

export type Action =
  /** Begin a TCP connection to the peer (an earlier attempt is given up). */
  | { readonly type: "connect" }
  /** TrackTcpState: refuse the connection request that did not fit. */
  | { readonly type: "reject connection" }
  | { readonly type: "send OPEN" }
  | { readonly type: "send KEEPALIVE" }
  | { readonly type: "send NOTIFICATION"; readonly notification: Notification }
  /** Close the connection, or the attempt, after what was sent has left. */
  | { readonly type: "drop connection" }
  /** Start, or start again. */
  | { readonly type: "start timer"; readonly timer: TimerName; readonly seconds: number }
  | { readonly type: "stop timer"; readonly timer: TimerName }
  /** UPDATEs may flow. */
  | { readonly type: "session up"; readonly negotiated: Negotiated }
  /** The session is over: its routes go, or are stale from now on (RFC 4724 section 4.2). */
  | { readonly type: "session down" };
