/**
 * What a policy sees of a route and what it answers: the shapes that `bgpd/rib` hands in and takes.
 */

import type { Prefix } from "../../lib/prefix.ts";
import type { Attributes } from "../wire/attributes.ts";

export type PolicyRoute = {
  readonly prefix: Prefix;
  readonly attributes: Attributes;
  readonly source: "local" | "internal" | "external";
};

export type Verdict = {
  readonly accept: boolean;
  /** For people: which rule it was. */
  readonly reason: string;
  /** What an accepting one does to the attributes; applied once per attribute set. */
  readonly rewrite?: (attributes: Attributes) => Attributes;
};

/** One direction's policy of one peer. */
export type CompiledPolicy = {
  readonly policy: (route: PolicyRoute) => Verdict;
  /** Equal for two policies exactly when they answer alike. */
  readonly key: string;
};
