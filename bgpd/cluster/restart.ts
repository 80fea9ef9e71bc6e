/**
 * The graceful restart of a session, from what the documents say of it: its own before the cluster's, field by field.
 */

import type { GracefulRestartSettings } from "../../resource/graceful-restart.ts";
import type { GracefulRestartPlan } from "./speaker.ts";

/** Seconds. RFC 4724 names none; Calico's daemon says this, and what peers ask for is rarely more. */
const DEFAULT_RESTART_TIME = 120;
/** Seconds that a peer is granted at most: who is away for longer does not restart. */
const DEFAULT_PEER_RESTART_TIME = 600;
/** Seconds. Who asks for long-lived stale routes means hours: a day at most. */
const DEFAULT_PEER_LONG_LIVED_STALE_TIME = 86_400;

/** Undefined: neither side keeps anything. `restartTime` is that of the document that is for the session. */
export function planRestart(
  sources: readonly (GracefulRestartSettings | undefined)[],
  restartTime: number | undefined,
): GracefulRestartPlan | undefined {
  const first = <Name extends keyof GracefulRestartSettings>(
    name: Name,
  ): GracefulRestartSettings[Name] =>
    sources.map((settings) => settings?.[name]).find((value) => value !== undefined);
  const mode = first("mode") ?? "Full";
  if (mode === "None") return undefined;
  return {
    mode: mode === "Full" ? "full" : "helper",
    notifications: first("notifications") ?? false,
    restartTime: restartTime ?? DEFAULT_RESTART_TIME,
    longLivedStaleTime: first("longLivedStaleTime") ?? 0,
    peerRestartTime: first("peerRestartTime") ?? DEFAULT_PEER_RESTART_TIME,
    peerLongLivedStaleTime: first("peerLongLivedStaleTime") ?? DEFAULT_PEER_LONG_LIVED_STALE_TIME,
    partialDeployment: first("partialDeployment") ?? false,
  };
}
