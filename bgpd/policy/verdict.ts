/**
 * What a compiled policy is: a function from a route to a verdict, and a key to compare two of them.
 *
 * The shapes fit those that the RIB asks for (`RoutePolicy`) by structure; neither knows the other.
 */

import type { Prefix } from "../../lib/prefix.ts";

/** What a policy looks at. Both the record and its prefix are scratch, valid during the call only. */
export type PolicyRoute = {
  readonly prefix: Prefix;
  readonly source: "local" | "internal" | "external";
};

/** One record per rule, made when the policy is compiled: the RIB stores it by identity. */
export type Verdict = {
  readonly accept: boolean;
  /** Names the rule, never the route: `BGPFilter tor-in: importV4 rule 2: Reject In 10.0.0.0/8`. */
  readonly reason: string;
};

export type Policy = (route: PolicyRoute) => Verdict;

/** A part of a policy: the verdict of the first rule that has one, or undefined. */
export type PartialPolicy = (route: PolicyRoute) => Verdict | undefined;

export type CompiledPolicy = {
  readonly policy: Policy;
  /** Equal for two policies that treat every route alike, for the same reasons. */
  readonly key: string;
};
