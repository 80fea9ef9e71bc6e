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

/** Calico's nodeMeshMaxRestartTime. */
export const restartTimeSchema = v.optional(secondsSchema(0, "", MOST_RESTART));

/** Its restartMode and maxRestartTime of a peer. */
export const restartModeFields = {
  restartMode: v.optional(oneOf("GracefulRestart", "LongLivedGracefulRestart")),
  maxRestartTime: v.optional(
    secondsSchema(
      0,
      `; more than ${MOST_RESTART} only with restartMode: LongLivedGracefulRestart`,
      MOST_LONG_LIVED,
    ),
  ),
};

/** Seconds; BIRD's, and so Calico's. */
const DEFAULT_LONG_LIVED_STALE_TIME = 3600;

type RestartMode = {
  readonly restartMode?: "GracefulRestart" | "LongLivedGracefulRestart" | undefined;
  readonly maxRestartTime?: number | undefined;
  readonly gracefulRestart?: GracefulRestartSettings | undefined;
};

/** In our own terms: with LongLivedGracefulRestart Calico's time is that of long-lived stale routes. */
export function restartSettings({
  restartMode,
  maxRestartTime,
  gracefulRestart,
}: RestartMode): Omit<RestartMode, "restartMode"> {
  if (restartMode !== "LongLivedGracefulRestart") return { maxRestartTime, gracefulRestart };
  const longLivedStaleTime = maxRestartTime ?? DEFAULT_LONG_LIVED_STALE_TIME;
  return {
    maxRestartTime: undefined,
    gracefulRestart: { ...gracefulRestart, mode: "Full", longLivedStaleTime },
  };
}

/** A field that does not go with the others, and why. */
export function restartContradiction({
  restartMode,
  maxRestartTime = 0,
  gracefulRestart: { mode = "Full", longLivedStaleTime } = {},
}: RestartMode): readonly ["maxRestartTime" | "restartMode", string] | undefined {
  if (restartMode !== "LongLivedGracefulRestart") {
    const most = `expected at most ${MOST_RESTART} seconds without restartMode: LongLivedGracefulRestart`;
    return maxRestartTime > MOST_RESTART ? ["maxRestartTime", most] : undefined;
  }
  if (mode !== "Full") {
    const nobody = `with gracefulRestart.mode: ${mode} nobody is asked to keep our routes`;
    return ["restartMode", `${nobody}: remove one of both`];
  }
  if (longLivedStaleTime === undefined) return undefined;
  return ["restartMode", "expected either this or gracefulRestart.longLivedStaleTime"];
}

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
