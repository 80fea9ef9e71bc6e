/**
 * The route that policies are asked about: one record, written over for every prefix.
 */

import type { Family } from "../../lib/address.ts";
import type { Attributes } from "../wire/attributes.ts";
import { createScratch, type PrefixScratch } from "../wire/nlri.ts";
import type { PolicyRoute, RouteSource } from "./route.ts";

/** What has attributes, or makes them when it is asked: most policies look at the prefix alone. */
export type Attributed = { readonly attributes: Attributes };

const NOTHING: Attributed = { attributes: { origin: 0, asPath: [] } };

export class ScratchRoute implements PolicyRoute {
  readonly prefix: PrefixScratch;
  source: RouteSource = "local";
  of: Attributed = NOTHING;

  constructor(family: Family) {
    this.prefix = createScratch(family);
  }

  get attributes(): Attributes {
    return this.of.attributes;
  }
}
