/**
 * A peer's policies from its plan: the first filter rule that matches decides, else the built-in policy.
 *
 * An explicit Accept therefore opens what the built-in policy closes. What BGP itself forbids (loops,
 * NO_EXPORT, internal routes to internal peers) no policy can allow: that is the RIB's.
 */

import type { Family } from "../../lib/address.ts";
import type { PeerPlan, SpeakerPlan } from "../cluster/speaker.ts";
import type { Attributes } from "../wire/attributes.ts";
import { advertisementsKey, withCommunities } from "./advertisement.ts";
import { builtInExport, builtInExportKey, builtInImport, builtInImportKey } from "./built-in.ts";
import {
  asksPriority,
  type CompiledRule,
  compileFilters,
  type FilterDirection,
  filterKey,
  looksAtLinks,
} from "./filter.ts";
import type { CompiledPolicy, PolicyRoute, Verdict } from "./route.ts";

export type { CompiledPolicy } from "./route.ts";

/** The links as rules see them. */
export type Surroundings = {
  /** Name of the link that packets to a next hop leave by; undefined when there is none. */
  readonly interfaceOf: Parameters<typeof compileFilters>[3]["interfaceOf"];
  /** Another number when an answer may be another. */
  readonly generation: number;
};

/** Where no next hop leads anywhere. */
export const NOWHERE: Surroundings = { interfaceOf: () => undefined, generation: 0 };

/** What we take from the peer. */
export function compileImport(
  peer: PeerPlan,
  speaker: SpeakerPlan,
  surroundings: Surroundings = NOWHERE,
): CompiledPolicy {
  return {
    policy: join(rulesOf("import", { peer, speaker, surroundings }), builtInImport(peer, speaker)),
    key: JSON.stringify([
      builtInImportKey(peer, speaker),
      filtersKey("import", { peer, speaker, surroundings }),
    ]),
  };
}

/** What we tell the peer, in Calico's order: filters, then pools that are not exported, communities, the rest. */
export function compileExport(
  peer: PeerPlan,
  speaker: SpeakerPlan,
  surroundings: Surroundings = NOWHERE,
): CompiledPolicy {
  const { advertisements } = speaker;
  const otherwise = withCommunities(advertisements, builtInExport(peer, speaker));
  return {
    policy: join(rulesOf("export", { peer, speaker, surroundings }), otherwise),
    key: JSON.stringify([
      builtInExportKey(peer, speaker),
      advertisementsKey(advertisements),
      filtersKey("export", { peer, speaker, surroundings }),
    ]),
  };
}

/** Whether any rule of the peer looks at links. */
export function asksInterface({ filters }: PeerPlan): boolean {
  return looksAtLinks(filters, "import") || looksAtLinks(filters, "export");
}

/** What rules are compiled for. */
type Place = {
  readonly peer: PeerPlan;
  readonly speaker: SpeakerPlan;
  readonly surroundings: Surroundings;
};

function filtersKey(
  direction: FilterDirection,
  { peer: { filters }, speaker, surroundings }: Place,
): unknown {
  return [
    filterKey(filters, direction),
    looksAtLinks(filters, direction) ? surroundings.generation : 0,
    asksPriority(filters, direction) ? speaker.normalPriority : 0,
  ];
}

/** The rules of each family; undefined where there are no filters. */
type Rules = Readonly<Record<Family, RuleList>> | undefined;

function rulesOf(
  direction: FilterDirection,
  { peer: { filters, localAs, remoteAs }, speaker, surroundings }: Place,
): Rules {
  if (filters.length === 0) return undefined;
  const session = {
    external: localAs !== remoteAs,
    interfaceOf: surroundings.interfaceOf,
    normalPriority: speaker.normalPriority,
  };
  return {
    4: new RuleList(compileFilters(filters, direction, 4, session)),
    6: new RuleList(compileFilters(filters, direction, 6, session)),
  };
}

/** The function it gives is called for every prefix: it allocates nothing. */
function join(
  rules: Rules,
  otherwise: (route: PolicyRoute) => Verdict,
): (route: PolicyRoute) => Verdict {
  if (rules === undefined) return otherwise;
  const { 4: rules4, 6: rules6 } = rules;
  return (route) => (route.prefix.family === 4 ? rules4 : rules6).first(route) ?? otherwise(route);
}

/** What is known of a rule and the attributes that were asked about last. */
const UNKNOWN = 0;
const CONCERNED = 1;
const UNCONCERNED = 2;

/** Rules in order, which remembers which of them concern the attributes it was asked about last. */
class RuleList {
  readonly #rules: readonly CompiledRule[];
  readonly #known: Uint8Array;
  #attributes: Attributes | undefined;
  #source: PolicyRoute["source"] | undefined;

  constructor(rules: readonly CompiledRule[]) {
    this.#rules = rules;
    this.#known = new Uint8Array(rules.length);
  }

  /** The verdict of the first rule that matches. Attributes are looked at last: they may have to be decoded. */
  first(route: PolicyRoute): Verdict | undefined {
    for (let index = 0; index < this.#rules.length; index++) {
      const rule = this.#rules[index];
      if (rule?.matches(route.prefix) !== true) continue;
      if (rule.concerns === undefined || this.#isConcerned(index, rule.concerns, route)) {
        return rule.verdict;
      }
    }
    return undefined;
  }

  #isConcerned(
    index: number,
    concerns: NonNullable<CompiledRule["concerns"]>,
    { attributes, source }: PolicyRoute,
  ): boolean {
    if (attributes !== this.#attributes || source !== this.#source) {
      this.#attributes = attributes;
      this.#source = source;
      this.#known.fill(UNKNOWN);
    }
    if (this.#known[index] === UNKNOWN) {
      this.#known[index] = concerns(attributes, source) ? CONCERNED : UNCONCERNED;
    }
    return this.#known[index] === CONCERNED;
  }
}
