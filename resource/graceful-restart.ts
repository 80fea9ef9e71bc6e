/**
 * `gracefulRestart` in BGPPeer and BGPConfiguration, an addition of ours, and Calico's restart times beside it: how
 * long routes stay while a daemon is away (RFC 4724, RFC 9494).
 */

import * as v from "valibot";
import { booleanSchema, inMap, mapOf, oneOf, secondsSchema } from "./scalar.ts";

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

const fields = mapOf({
  mode: v.optional(oneOf("Full", "Helper", "None")),
  notifications: v.optional(booleanSchema),
  longLivedStaleTime: v.optional(
    secondsSchema(0, "; 0 asks for no long-lived graceful restart", MOST_LONG_LIVED),
  ),
  peerRestartTime: v.optional(secondsSchema(0, "; 0 grants none", MOST_RESTART)),
  peerLongLivedStaleTime: v.optional(secondsSchema(0, "; 0 grants none", MOST_LONG_LIVED)),
  partialDeployment: v.optional(booleanSchema),
});

type Fields = v.InferOutput<typeof fields>;

/** Of BGPConfiguration, whose times are also those of peers that say another mode. */
export const gracefulRestartSchema = v.optional(fields);

/** Of one peer: nobody takes up what means nothing there. */
export const peerGracefulRestartSchema = v.optional(
  v.pipe(
    fields,
    v.rawCheck<Fields>(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      for (const [field, message] of idle(dataset.value)) {
        addIssue({ message, path: [inMap(dataset.value, field)] });
      }
    }),
  ),
);

/** Fields that mean nothing with the mode beside them. */
function idle(settings: Fields): (readonly [field: keyof Fields, message: string])[] {
  const { mode, longLivedStaleTime = 0 } = settings;
  if (mode === "Helper" && longLivedStaleTime > 0) {
    const message = "goes with mode: Full, for with Helper nobody is asked to keep our routes";
    return [["longLivedStaleTime", message]];
  }
  if (mode !== "None") return [];
  const others = Object.keys(fields.entries) as (keyof Fields)[];
  return others
    .filter((field) => field !== "mode" && settings[field] !== undefined)
    .map((field) => [field, "with mode: None nothing is kept by anybody: remove it"]);
}
