/**
 * What this node says of its own blocks: the attributes of a route it originates.
 */

import type { Attributes } from "./wire/attributes.ts";

/** RFC 4271 section 5.1: ORIGIN IGP, an empty path; NEXT_HOP is set per session ("self"). */
export const ORIGINATED: Attributes = { origin: 0, asPath: [] };
