/**
 * Aggregates of this node: each is originated while there is a route to a part of it (RFC 4271 section 9.2.2.2).
 *
 * Parts are the used routes that are more specific. The RIB decides about an aggregate like about any route of
 * our own; it lies on a blackhole, so that what no part holds is dropped here and not sent in circles.
 */

import { containsPrefix, equalPrefix, formatPrefix, type Prefix } from "../lib/prefix.ts";
import type { AggregatePlan, SpeakerPlan } from "./cluster/speaker.ts";
import { isSame } from "./difference.ts";
import type { Rib } from "./rib/route.ts";
import type { Aggregator, AsSegment, Attributes } from "./wire/attributes.ts";
import { GRACEFUL_SHUTDOWN } from "./wire/const.ts";

type Entry = {
  readonly plan: AggregatePlan;
  /** By prefix, as text. */
  readonly parts: Map<string, Attributes>;
  isAnnounced: boolean;
};

export class Aggregates {
  #rib: Rib | undefined;
  #aggregator: Aggregator | undefined;
  #entries: Entry[] = [];
  readonly #touched = new Map<string, Prefix>();

  /** Have those of the plan; all of them anew where the RIB is another. */
  apply({ asNumber, routerId, aggregates }: SpeakerPlan, rib: Rib): void {
    const isNew = rib !== this.#rib;
    const before = this.#entries;
    this.#aggregator = { asNumber, address: routerId };
    if (
      !isNew &&
      isSame(
        before.map(({ plan }) => plan),
        aggregates,
      )
    )
      return;
    this.#rib = rib;
    this.#entries = aggregates.map((plan) => {
      const old = isNew
        ? undefined
        : before.find((entry) => equalPrefix(entry.plan.prefix, plan.prefix));
      return { plan, parts: new Map(), isAnnounced: old?.isAnnounced === true };
    });
    for (const { plan, isAnnounced } of isNew ? [] : before) {
      const isKept = aggregates.some(({ prefix }) => equalPrefix(prefix, plan.prefix));
      if (isAnnounced && !isKept) rib.withdraw(plan.prefix);
    }
    if (aggregates.length === 0) return;
    for (const { prefix } of rib.routes()) this.#touch(prefix);
    // Without a part left there is nothing that touches it.
    for (const { plan, isAnnounced } of this.#entries) if (isAnnounced) this.#touch(plan.prefix);
  }

  /** The RIB has decided anew about the prefix, perhaps a scratch record; `settle` takes it into account. */
  changed(prefix: Prefix): void {
    if (this.#entries.length > 0) this.#touch({ ...prefix });
  }

  /** Whether `settle` has something to do. */
  get isPending(): boolean {
    return this.#touched.size > 0;
  }

  /** Originate, change or withdraw what the changes since the last time make of aggregates. Not within `work`. */
  settle(): void {
    const rib = this.#rib;
    if (rib === undefined || this.#touched.size === 0) return;
    const touched = [...this.#touched];
    this.#touched.clear();
    for (const entry of this.#entries) {
      const inside = touched.filter(([, prefix]) => containsPrefix(entry.plan.prefix, prefix));
      if (inside.length === 0) continue;
      for (const [text, prefix] of inside) {
        if (equalPrefix(prefix, entry.plan.prefix)) continue;
        const best = rib.lookup(prefix)?.paths.find(({ state }) => state === "best");
        if (best === undefined) entry.parts.delete(text);
        else entry.parts.set(text, best.attributes);
      }
      this.#announce(entry, rib);
    }
  }

  /** How many parts each has now. */
  counts(): { readonly prefix: Prefix; readonly parts: number }[] {
    return this.#entries.map(({ plan, parts }) => ({ prefix: plan.prefix, parts: parts.size }));
  }

  #touch(prefix: Prefix): void {
    if (!this.#entries.some(({ plan }) => containsPrefix(plan.prefix, prefix))) return;
    this.#touched.set(formatPrefix(prefix), prefix);
  }

  #announce(entry: Entry, rib: Rib): void {
    const { prefix } = entry.plan;
    if (entry.parts.size > 0 && this.#aggregator !== undefined) {
      rib.originate(prefix, aggregateAttributes([...entry.parts.values()], this.#aggregator));
    } else if (entry.isAnnounced) {
      rib.withdraw(prefix);
    }
    entry.isAnnounced = entry.parts.size > 0;
  }
}

/**
 * The attributes of an aggregate of these, at least one (RFC 4271 section 9.2.2.2). ASes that not all paths begin
 * with are left out, and no AS_SET is made of them (RFC 9774): ATOMIC_AGGREGATE says so, and communities are then
 * the parts' own business (RFC 1997).
 */
export function aggregateAttributes(
  parts: readonly Attributes[],
  aggregator: Aggregator,
): Attributes {
  const paths = parts.map(({ asPath }) => asPath);
  const common = commonSequence(paths.map(leadingSequence));
  const isWhole = paths.every((path) => isSequence(path, common.length));
  const asPath: readonly AsSegment[] =
    common.length === 0 ? [] : [{ type: "sequence", asNumbers: common }];
  const origin = parts.reduce<Attributes["origin"]>(
    (worst, part) => (part.origin > worst ? part.origin : worst),
    0,
  );
  const attributes: Attributes = { origin, asPath, aggregator };
  return isWhole
    ? { ...attributes, ...communitiesOf(parts) }
    : { ...attributes, atomicAggregate: true };
}

/** All communities of all parts; that one of them is about to go away says nothing of the whole (RFC 8326). */
function communitiesOf(parts: readonly Attributes[]) {
  const communities = union(
    parts.map((part) => part.communities ?? []),
    String,
  ).filter((one) => one !== GRACEFUL_SHUTDOWN);
  const large = union(
    parts.map((part) => part.largeCommunities ?? []),
    String,
  );
  const extended = union(
    parts.map((part) => part.extendedCommunities ?? []),
    String,
  );
  return {
    ...(communities.length === 0 ? {} : { communities }),
    ...(large.length === 0 ? {} : { largeCommunities: large }),
    ...(extended.length === 0 ? {} : { extendedCommunities: extended }),
  };
}

/** Each once, in an order that does not depend on the parts' order. */
function union<Item>(lists: readonly (readonly Item[])[], keyOf: (item: Item) => string): Item[] {
  const found = new Map(lists.flat().map((item) => [keyOf(item), item]));
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
}

function leadingSequence(path: readonly AsSegment[]): readonly number[] {
  const end = path.findIndex(({ type }) => type !== "sequence");
  return path.slice(0, end === -1 ? path.length : end).flatMap(({ asNumbers }) => asNumbers);
}

function commonSequence([first = [], ...rest]: readonly (readonly number[])[]): readonly number[] {
  const end = first.findIndex((asNumber, at) => rest.some((path) => path[at] !== asNumber));
  return end === -1 ? first : first.slice(0, end);
}

function isSequence(path: readonly AsSegment[], length: number): boolean {
  return path.every(({ type }) => type === "sequence") && leadingSequence(path).length === length;
}
