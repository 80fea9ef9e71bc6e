/**
 * `bfd` in BGPPeer and BGPConfiguration, an addition of ours: how sessions are watched by BFD (RFC 5880).
 */

import * as v from "valibot";
import { booleanSchema, mapOf, millisecondsSchema, oneOf, textOf, wholeNumber } from "./scalar.ts";

/** Times in ms; undefined leaves the choice to BGPConfiguration, and then to whoever plans. */
export type BfdSettings = {
  readonly enabled?: boolean | undefined;
  readonly minTransmitInterval?: number | undefined;
  readonly minReceiveInterval?: number | undefined;
  readonly detectMultiplier?: number | undefined;
  readonly multihop?: boolean | undefined;
  /** Only where the peer is in a network of one of the node's links. */
  readonly ifConnected?: boolean | undefined;
  readonly minimumTtl?: number | undefined;
  readonly strict?: boolean | undefined;
  readonly auth?: BfdAuth | undefined;
};

/** Calico's field of BGPPeer; with None BFD is not asked for by it. */
export const failureDetectionModeSchema = v.optional(oneOf("None", "BFDIfDirectlyConnected"));

/** What that field asks for, with what `bfd` says beside it. */
export function detectionSettings(
  mode: v.InferOutput<typeof failureDetectionModeSchema>,
  settings: BfdSettings | undefined,
): BfdSettings | undefined {
  if (mode !== "BFDIfDirectlyConnected") return settings;
  return { ...settings, enabled: true, multihop: false, ifConnected: true };
}

export type BfdAuth = {
  readonly type: BfdAuthType;
  readonly keyId: number;
  /** Path of a file that holds the key; a line break at its end is not of the key. */
  readonly keyFile: string;
};

/** RFC 5880 section 4.1: the Auth Types that are keyed hashes. */
export const BFD_AUTH_TYPES = {
  KeyedMD5: "keyed MD5",
  MeticulousKeyedMD5: "meticulous keyed MD5",
  KeyedSHA1: "keyed SHA1",
  MeticulousKeyedSHA1: "meticulous keyed SHA1",
} as const;

export type BfdAuthType = keyof typeof BFD_AUTH_TYPES;

/** In ms: below, packets come faster than many machines wake; above, BGP's own timers do as well. */
const [LEAST_INTERVAL, MOST_INTERVAL] = [10, 60_000];

const TYPE_NAMES: readonly BfdAuthType[] = [
  "KeyedMD5",
  "MeticulousKeyedMD5",
  "KeyedSHA1",
  "MeticulousKeyedSHA1",
];

const intervalSchema = v.optional(millisecondsSchema(LEAST_INTERVAL, MOST_INTERVAL));

export const bfdSchema = v.optional(
  mapOf({
    enabled: v.optional(booleanSchema),
    minTransmitInterval: intervalSchema,
    minReceiveInterval: intervalSchema,
    detectMultiplier: v.optional(wholeNumber(1, 255, "a number of packets")),
    multihop: v.optional(booleanSchema),
    minimumTtl: v.optional(wholeNumber(1, 255, "a TTL")),
    strict: v.optional(booleanSchema),
    auth: v.optional(
      mapOf({
        type: textOf(`expected one of ${TYPE_NAMES.join(", ")}`, (text) =>
          TYPE_NAMES.find((name) => name === text),
        ),
        keyId: wholeNumber(0, 255, "a key ID"),
        keyFile: textOf("expected the absolute path of a file with the key", (text) =>
          text.startsWith("/") && !text.includes("\0") ? text : undefined,
        ),
      }),
    ),
  }),
);
