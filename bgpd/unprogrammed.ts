/**
 * Routes that are chosen and told, and that bgpd does not put into the kernel: addresses of services, which whoever
 * serves them translates before a route is asked for, and the pools' where another programs them. Pure.
 */

import { containsPrefix, equalPrefix, formatPrefix, type Prefix } from "../lib/prefix.ts";
import type { SpeakerPlan, UnprogrammedRange } from "./cluster/speaker.ts";

/** The range that keeps a prefix out of the kernel; undefined where none does. */
export function unprogrammedBy(
  ranges: readonly UnprogrammedRange[],
  prefix: Prefix,
): UnprogrammedRange | undefined {
  for (const range of ranges) if (containsPrefix(range.prefix, prefix)) return range;
  return undefined;
}

/** Ranges that only one of the plans has: of what is in them, something is another's now, or ours. */
export function reprogrammed(
  before: Pick<SpeakerPlan, "unprogrammed"> | undefined,
  after: Pick<SpeakerPlan, "unprogrammed">,
): Prefix[] {
  const lacking = (from: readonly UnprogrammedRange[], other: readonly UnprogrammedRange[]) =>
    from.filter(({ prefix }) => !other.some((range) => equalPrefix(range.prefix, prefix)));
  const known = before?.unprogrammed ?? [];
  return [...lacking(known, after.unprogrammed), ...lacking(after.unprogrammed, known)].map(
    ({ prefix }) => prefix,
  );
}

/** Why, for people: "in the range of services 10.96.0.0/12, …". */
export function describeUnprogrammed({ prefix, why }: UnprogrammedRange): string {
  const text = formatPrefix(prefix);
  return why === "services"
    ? `in the range of services ${text}, for which whoever serves them needs no route`
    : `in the pool ${text}, whose routes another puts into the kernel (programClusterRoutes)`;
}
