/**
 * What the peers of an update group would be told of a path, and why (not): reflection, what BGP forbids, the export
 * policy, and what becomes of the attributes on the way. Nothing here depends on what they have been told.
 */

import type { Attributes } from "../wire/attributes.ts";
import { reachOverhead } from "../wire/multiprotocol.ts";
import { EMPTY_UPDATE_LENGTH } from "../wire/update.ts";
import type { AttributeSet } from "./attribute-set.ts";
import type { AttributeSets } from "./attribute-sets.ts";
import {
  forbidden,
  nextHopFor,
  type Origin,
  plainChange,
  transform,
  unreflected,
} from "./export.ts";
import { ExportedSets, type Rewrite } from "./exported.ts";
import { longestNlri, type NlriTable } from "./nlri-table.ts";
import type { PeerId, PolicyRoute, RibPeer } from "./route.ts";

/** A path that was chosen to be told, the best of its prefix or one of several. */
export type Chosen = Origin & {
  readonly set: AttributeSet;
  /** NONE for a route of our own. */
  readonly peer: PeerId;
  /** To the next hop; 0 for a set without AIGP. */
  readonly cost: number;
};

/** What a group would be told, and why (not). */
export type Export = { readonly set: AttributeSet | undefined; readonly reason: string };

export class Exporter {
  readonly #peer: RibPeer;
  readonly #sets: AttributeSets;
  readonly #nlri: NlriTable;
  readonly #exported: ExportedSets;
  /** What was exported last, and what of: most prefixes come in a row with others of the same set. */
  #lastChosen: Chosen | undefined;
  #lastRewrite: Rewrite | undefined;
  #lastExported: AttributeSet | string = "";

  constructor(peer: RibPeer, sets: AttributeSets, nlri: NlriTable) {
    this.#peer = peer;
    this.#sets = sets;
    this.#nlri = nlri;
    this.#exported = new ExportedSets(sets);
  }

  /** What the group would be told of a path. `route` is the policy's scratch, set to the prefix. */
  evaluate(chosen: Chosen, route: PolicyRoute): Export {
    const no =
      unreflected(chosen, this.#peer.external, this.#peer.rules) ??
      forbidden(chosen.set.attributes, this.#peer);
    if (no !== undefined) return { set: undefined, reason: no };
    const verdict = this.#peer.exportPolicy(route);
    if (!verdict.accept) return { set: undefined, reason: verdict.reason };
    const exported = this.#export(chosen, verdict.rewrite);
    return typeof exported === "string"
      ? { set: undefined, reason: exported }
      : { set: exported, reason: verdict.reason };
  }

  /** The same without a reason: what does not depend on the prefix is found out once for each set. */
  export(chosen: Chosen, route: PolicyRoute): AttributeSet | undefined {
    if (unreflected(chosen, this.#peer.external, this.#peer.rules) !== undefined) return undefined;
    const { accept, rewrite } = this.#peer.exportPolicy(route);
    if (!accept) return undefined;
    if (chosen !== this.#lastChosen || rewrite !== this.#lastRewrite) {
      this.#lastExported = this.#export(chosen, rewrite);
      this.#lastChosen = chosen;
      this.#lastRewrite = rewrite;
    }
    return typeof this.#lastExported === "string" ? undefined : this.#lastExported;
  }

  /** What was exported last may be let go, and its number mean another set. */
  forgetLast(): void {
    this.#lastChosen = undefined;
  }

  /** A set is gone: what was computed from it is let go. */
  forget(set: AttributeSet): void {
    this.#exported.forget(set);
  }

  /** Let go of every set. */
  clear(): void {
    this.#exported.clear();
  }

  #export(chosen: Chosen, rewrite: Rewrite | undefined): AttributeSet | string {
    const { set, source, from } = chosen;
    const isReflected = source === "internal" && !this.#peer.external;
    const reflectedFrom = isReflected ? from?.identifier : undefined;
    const known = this.#exported.find(chosen, rewrite, reflectedFrom);
    if (known !== undefined) return known;
    const exported =
      this.#exportPlain(chosen, rewrite, reflectedFrom) ??
      forbidden(set.attributes, this.#peer) ??
      this.#transformed(rewrite?.(set.attributes) ?? set.attributes, chosen, reflectedFrom);
    this.#exported.keep(chosen, rewrite, reflectedFrom, exported);
    return exported;
  }

  /** The short way, which nearly all sets take: nothing forbids to tell plain ones. */
  #exportPlain(
    { set, source }: Chosen,
    rewrite: Rewrite | undefined,
    reflectedFrom: number | undefined,
  ): AttributeSet | string | undefined {
    if (rewrite !== undefined || reflectedFrom !== undefined || !set.isPlain) return undefined;
    const told = nextHopFor(set, source, this.#peer, this.#nlri.family);
    if (told.nextHop === undefined) return told.reason;
    const change = plainChange(set, source, this.#peer, told);
    if (change === undefined) return undefined;
    return this.#fitting(this.#sets.internPlain(set, change, told));
  }

  #transformed(
    attributes: Attributes,
    { source, cost }: Chosen,
    reflectedFrom: number | undefined,
  ): AttributeSet | string {
    const told = nextHopFor(attributes, source, this.#peer, this.#nlri.family);
    if (told.nextHop === undefined) return told.reason;
    const facts = { told, cost, reflectedFrom };
    return this.#fitting(this.#sets.intern(transform(attributes, source, this.#peer, facts)));
  }

  /** The set, if a message to the peers has room for it and a prefix. */
  #fitting(exported: AttributeSet): AttributeSet | string {
    const field = exported.nextHopField;
    const overhead = EMPTY_UPDATE_LENGTH + (field === undefined ? 0 : reachOverhead(field.length));
    const { start, end } = exported.encodedFor(this.#peer.wire);
    const least = overhead + end - start + longestNlri(this.#nlri);
    if (least <= this.#peer.wire.maxLength) return exported;
    this.#sets.dropUnheld(exported);
    return "its attributes are too long for one message to this peer";
  }
}
