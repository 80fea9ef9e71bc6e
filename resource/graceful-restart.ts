/**
 * `gracefulRestart` in BGPPeer and BGPConfiguration, an addition of ours, and Calico's restart times beside it: how
 * long routes stay while a daemon is away (RFC 4724, RFC 9494).
 */

import * as v from "valibot";
import { booleanSchema, mapOf, oneOf, secondsSchema } from "./scalar.ts";

/** Times in seconds; undefined leaves the choice to BGPConfiguration, and then to whoever plans. */
export type GracefulRestartSettings = {
  /** Helper: peers' routes are kept, and nobody is asked to keep ours; None: neither. */
  readonly mode?: "Full" | "Helper" | "None" | undefined;
  /** NOTIFICATIONs and the hold timer end sessions gracefully as well (RFC 8538). */
  readonly notifications?: boolean | undefined;
  /** What peers are asked to do after the restart time. */
  readonly longLivedStaleTime?: number | undefined;
  /** The most that peers are granted of either. */
  readonly peerRestartTime?: number | undefined;
  readonly peerLongLivedStaleTime?: number | undefined;
  /** Internal peers that do not know RFC 9494 are told long-lived stale routes as well (its section 4.6). */
  readonly partialDeployment?: boolean | undefined;
};

/** Restart Time has 12 bits (RFC 4724 section 3), Long-Lived Stale Time 24 (RFC 9494 section 3.1). */
const MOST_RESTART = 0xfff;
const MOST_LONG_LIVED = 0xff_ffff;

/** Calico's maxRestartTime and nodeMeshMaxRestartTime. */
export const restartTimeSchema = v.optional(secondsSchema(0, "", MOST_RESTART));

export const gracefulRestartSchema = v.optional(
  mapOf({
    mode: v.optional(oneOf("Full", "Helper", "None")),
    notifications: v.optional(booleanSchema),
    longLivedStaleTime: v.optional(
      secondsSchema(0, "; 0 asks for no long-lived graceful restart", MOST_LONG_LIVED),
    ),
    peerRestartTime: v.optional(secondsSchema(0, "; 0 grants none", MOST_RESTART)),
    peerLongLivedStaleTime: v.optional(secondsSchema(0, "; 0 grants none", MOST_LONG_LIVED)),
    partialDeployment: v.optional(booleanSchema),
  }),
);
