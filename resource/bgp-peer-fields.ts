/**
 * The fields of a BGPPeer's spec, each judged by itself.
 */

import * as v from "valibot";
import { addPathSchema } from "./add-path.ts";
import { bfdSchema, failureDetectionModeSchema } from "./bfd.ts";
import { importPolicySchema, timerFields } from "./bgp-configuration.ts";
import { peerGracefulRestartSchema, restartModeFields } from "./graceful-restart.ts";
import { passwordSchema } from "./password.ts";
import {
  asNumberSchema,
  asRangeSchema,
  booleanSchema,
  communicationSchema,
  eitherPrefixSchema,
  hostAddressSchema,
  linkSchema,
  mapOf,
  nameSchema,
  oneOf,
  peerAddressSchema,
  peerAsSchema,
  secondsSchema,
  selectorSchema,
  wholeNumber,
  wordedSelectorSchema,
} from "./scalar.ts";

const LIST = 'expected a list of AS numbers or ranges, such as [64513, "64520-64530"]';

/** RFC 9234 section 4.1, as the capability names them. */
export const ROLES = ["provider", "rs", "rs-client", "customer", "peer"] as const;

export type Role = (typeof ROLES)[number];

export const bgpPeerFields = mapOf({
  node: v.optional(nameSchema),
  nodeSelector: v.optional(selectorSchema),
  peerIP: v.optional(peerAddressSchema),
  asNumber: v.optional(peerAsSchema),
  peerSelector: v.optional(selectorSchema),
  localWorkloadSelector: v.optional(wordedSelectorSchema),
  reversePeering: v.optional(oneOf("Auto", "Manual"), "Auto"),
  reachableBy: v.optional(hostAddressSchema),
  listenRange: v.optional(eitherPrefixSchema),
  asNumbers: v.optional(v.pipe(v.array(asRangeSchema, LIST), v.minLength(1, LIST))),
  listenLimit: v.optional(wholeNumber(1, 10_000, "a number of neighbours")),
  filters: v.optional(v.array(nameSchema, "expected a list of names of BGPFilters"), []),
  password: v.optional(passwordSchema),
  ttlSecurity: v.optional(wholeNumber(1, 254, "hops to the peer")),
  multihop: v.optional(wholeNumber(1, 255, "hops to the peer")),
  sourceAddress: v.optional(oneOf("UseNodeIP", "None"), "UseNodeIP"),
  interface: v.optional(linkSchema),
  localASNumber: v.optional(asNumberSchema),
  numAllowedLocalASNumbers: v.optional(wholeNumber(0, 255, "a number of ASes"), 0),
  nextHopMode: v.optional(oneOf("Auto", "Self", "Keep")),
  keepOriginalNextHop: v.optional(booleanSchema, false),
  delayOpen: v.optional(secondsSchema(1)),
  sendHoldTime: v.optional(secondsSchema(0, "; 0 switches the timer off")),
  shutdown: v.optional(communicationSchema),
  acceptDefaultRoute: v.optional(booleanSchema, false),
  passive: v.optional(booleanSchema, false),
  importPolicy: v.optional(importPolicySchema),
  exportPolicy: v.optional(oneOf("safe", "pools", "none"), "safe"),
  rejectASSets: v.optional(booleanSchema),
  discardBlackhole: v.optional(booleanSchema),
  asOverride: v.optional(booleanSchema, false),
  removePrivateAS: v.optional(booleanSchema, false),
  gracefulShutdown: v.optional(booleanSchema, false),
  aigp: v.optional(booleanSchema, false),
  routeReflectorClient: v.optional(booleanSchema),
  role: v.optional(oneOf(...ROLES)),
  strictRole: v.optional(booleanSchema, false),
  prefixLimit: v.optional(
    mapOf({
      max: wholeNumber(0, 0xffff_ffff, "a number of prefixes, or 0 for no limit"),
      warningThreshold: v.optional(wholeNumber(1, 100, "a percentage"), 75),
      restartTime: v.optional(secondsSchema(1)),
    }),
  ),
  addPath: addPathSchema,
  bfd: bfdSchema,
  failureDetectionMode: failureDetectionModeSchema,
  ...restartModeFields,
  gracefulRestart: peerGracefulRestartSchema,
  ...timerFields,
});

/** What they hold. */
export type BgpPeerFields = v.InferOutput<typeof bgpPeerFields>;

/** A field, and what is wrong with it. */
export type Wrong = readonly [field: keyof BgpPeerFields, message: string];
