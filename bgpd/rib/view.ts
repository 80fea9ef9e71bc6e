/**
 * The RIB as people and the API see it: paths with reasons, sorted; nothing here changes a table.
 */

import type { Address } from "../../lib/address.ts";
import { bitsOf, formatAddress } from "../../lib/address.ts";
import { comparePrefix, type Prefix, prefixOf } from "../../lib/prefix.ts";
import { nlriForm } from "../wire/nlri.ts";
import { type AdjIn, sourceOf } from "./adj-in.ts";
import type { AdjOut } from "./adj-out.ts";
import type { AttributeSets } from "./attribute-sets.ts";
import type { Chores } from "./chores.ts";
import type { Chosen } from "./exporter.ts";
import type { Explained, LocRib } from "./loc-rib.ts";
import type { Member, Members } from "./member.ts";
import type { NextHops } from "./next-hops.ts";
import { pathIdOf } from "./nlri-table.ts";
import { NONE, type PathTable } from "./path-table.ts";
import type { PrefixTable } from "./prefix-table.ts";
import type { AdvertisedView, PathView, PrefixView } from "./route.ts";
import { toldPathsOf, untoldReason } from "./told-paths.ts";

export type ViewParts = {
  readonly table: PrefixTable;
  readonly paths: PathTable;
  readonly sets: AttributeSets;
  readonly members: Members;
  readonly nextHops: NextHops;
  readonly locRib: LocRib;
  readonly chores: Chores;
  readonly adjIn: AdjIn;
  readonly adjOut: AdjOut;
};

export class View {
  readonly #parts: ViewParts;

  constructor(parts: ViewParts) {
    this.#parts = parts;
  }

  lookup(prefix: Prefix): PrefixView | undefined {
    const index = this.#parts.table.find(prefix);
    return index === NONE || !this.#hasPaths(index) ? undefined : this.#prefixView(index);
  }

  longestMatch(address: Address): PrefixView | undefined {
    const { table, locRib } = this.#parts;
    for (let length: number = bitsOf(address.family); length >= 0; length--) {
      const index = table.find(prefixOf(address, length));
      if (index !== NONE && locRib.best(index) !== undefined) return this.#prefixView(index);
    }
    return undefined;
  }

  routes(): PrefixView[] {
    const { table } = this.#parts;
    return [...table.indices()]
      .filter((index) => this.#hasPaths(index))
      .map((index) => this.#prefixView(index))
      .sort((a, b) => comparePrefix(a.prefix, b.prefix));
  }

  received(member: Member): { readonly prefix: Prefix; readonly path: PathView }[] {
    const { paths, table, chores } = this.#parts;
    return [...paths.ofPeer(member.id)]
      .filter((row) => !chores.isVoid(row))
      .map((row) => {
        const index = paths.prefix.get(row);
        const path = this.#pathViews(index).find((entry) => entry.row === row)?.view;
        return { prefix: table.prefix(index), path: path ?? this.#rejected(row) };
      })
      .sort((a, b) => comparePrefix(a.prefix, b.prefix));
  }

  advertised(member: Member): AdvertisedView[] {
    return [...this.#parts.table.indices()]
      .flatMap((index) => this.#advertisedViews(member, index))
      .sort((a, b) => comparePrefix(a.prefix, b.prefix));
  }

  advertisedTo(member: Member, prefix: Prefix): AdvertisedView[] {
    const index = this.#parts.table.find(prefix);
    return index === NONE ? [] : this.#advertisedViews(member, index);
  }

  /** Of the best path, or of all that can be used where the member is told several. */
  #advertisedViews(member: Member, index: number): AdvertisedView[] {
    const { table, locRib } = this.#parts;
    const best = locRib.best(index);
    if (best === undefined) return [];
    const told = toldPathsOf(member.peer, table.family);
    if (told === undefined) return [this.#advertisedView(member, index, best)];
    const chosen = locRib.told(index, told);
    const usable = locRib.explain(index).map(({ row }) => row);
    const left = usable.filter((row) => !chosen.includes(row));
    return [
      ...usable
        .filter((row) => chosen.includes(row))
        .map((row) => ({
          ...this.#advertisedView(member, index, locRib.path(row)),
          pathId: pathIdOf(row),
        })),
      ...left.map((row) => ({
        ...untold(table.prefix(index), untoldReason(told)),
        pathId: pathIdOf(row),
      })),
    ];
  }

  #advertisedView(member: Member, index: number, chosen: Chosen): AdvertisedView {
    const { table, adjOut } = this.#parts;
    const prefix = table.prefix(index);
    if (chosen.peer === member.id) return untold(prefix, "learned from this peer");
    const group = adjOut.groupOf(member.id);
    if (group === undefined) {
      return untold(prefix, "the session has just come up: it will be told now");
    }
    const { set, reason } = group.exporter.evaluate(chosen, adjOut.routeOf(index, chosen));
    if (set === undefined) return untold(prefix, reason);
    return { prefix, advertised: true, attributes: set.attributes, reason };
  }

  #prefixView(index: number): PrefixView {
    return {
      prefix: this.#parts.table.prefix(index),
      paths: this.#pathViews(index).map(({ view }) => view),
    };
  }

  /** Best first, then what shares its traffic, what could be used, then what was rejected. */
  #pathViews(index: number): { readonly row: number; readonly view: PathView }[] {
    const { paths, locRib, chores } = this.#parts;
    const usable = locRib.explain(index);
    const seen = new Set(usable.map(({ row }) => row));
    const rest = [...paths.ofPrefix(index)].filter((row) => !seen.has(row) && !chores.isVoid(row));
    return [
      ...usable.map((explained) => ({
        row: explained.row,
        view: this.#path(explained.row, explained.state, describe(explained)),
      })),
      ...rest.map((row) => ({ row, view: this.#rejected(row) })),
    ];
  }

  /** Any that is not about to be swept. */
  #hasPaths(index: number): boolean {
    const { paths, chores } = this.#parts;
    for (const row of paths.ofPrefix(index)) if (!chores.isVoid(row)) return true;
    return false;
  }

  #rejected(row: number): PathView {
    const { paths, sets, nextHops } = this.#parts;
    const used = paths.used.get(row);
    if (used === NONE) return this.#path(row, "rejected", paths.verdictOf(row)?.reason ?? "");
    const set = sets.get(used);
    const { nextHop } = set;
    const words = nextHops.ask(set).reason ?? "unreachable";
    const name = nextHop === undefined ? "" : ` ${formatAddress(nextHop)}`;
    return this.#path(row, "rejected", `next hop${name} cannot be used: ${words}`);
  }

  #path(row: number, state: PathView["state"], reason: string): PathView {
    const { paths, sets, members, adjIn } = this.#parts;
    const received = sets.get(paths.received.get(row)).attributes;
    const used = paths.used.get(row);
    const member = members.get(paths.peer.get(row));
    const peer = member?.peer;
    const stale = member === undefined ? undefined : adjIn.staleness(member, row);
    const form = nlriForm(peer?.wire.addPath, "receive", this.#parts.table.family);
    const pathId = paths.pathId.get(row);
    // What is stale may be of a session that had none.
    const isIdentified = form === "identified" && (pathId !== NONE || stale === undefined);
    return {
      peer: peer?.name,
      ...(isIdentified ? { pathId: pathId >>> 0 } : {}),
      source: peer === undefined ? "local" : sourceOf(peer),
      received,
      attributes: used === NONE ? received : sets.get(used).attributes,
      state,
      ...(stale === undefined ? {} : { stale }),
      reason,
    };
  }
}

function untold(prefix: Prefix, reason: string): AdvertisedView {
  return { prefix, advertised: false, attributes: undefined, reason };
}

function describe({ decided: { rule, values }, refusal }: Explained): string {
  const step = values === "" ? rule : `${rule}: ${values}`;
  return refusal === undefined ? step : `${step}; shares no traffic: ${refusal}`;
}
