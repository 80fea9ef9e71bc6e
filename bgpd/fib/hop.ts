/**
 * Next hops and sets of them, each known once, with the nexthop object that stands for it in the kernel.
 *
 * A next hop is a single object, a set of several is a group of theirs; routes lead over either. So a next hop that
 * moves is one message (its object replaced), and one that dies is one for each set that has it (the group without
 * it) and one for itself, however many routes there are. Pure: `objects.ts` tells the kernel.
 */

import { type Address, formatAddress } from "../../lib/address.ts";
import type { Resolution, Way } from "./resolve.ts";
import type { NextHop } from "./target.ts";

export type Hop = {
  readonly address: Address;
  readonly link: number | undefined;
  /** Sets that have it. */
  users: number;
  /** Where it is now; undefined: nowhere, for `reason`. */
  way: Way | undefined;
  reason: string;
  /** Of its object in the kernel; 0: it has none. */
  id: number;
  /** What that object is. */
  present: Way | undefined;
  /** Why the kernel refused the object. */
  error: string | undefined;
};

export type HopSet = {
  readonly number: number;
  readonly shares: readonly { readonly hop: Hop; readonly weight: number }[];
  /** Prefixes that want it. */
  users: number;
  /** Of the group in the kernel; 0: there is none. A set of one needs none, and may have inherited one. */
  id: number;
  /** The group's members, as `membersText` has them. */
  present: string;
  /** Why the kernel refused the group with the members `refused`. */
  error: string | undefined;
  refused: string;
};

export type ResolveHop = (nextHop: Address, link?: number) => Resolution;

/** The only number of a target that is no set. */
export const BLACKHOLE = 0;

export class HopSets {
  readonly hops = new Map<string, Hop>();
  readonly #resolve: ResolveHop;
  readonly #byNumber: (HopSet | undefined)[] = [undefined];
  readonly #byKey = new Map<number | string, HopSet>();
  readonly #free: number[] = [];

  constructor(resolve: ResolveHop) {
    this.#resolve = resolve;
  }

  /** The set of these next hops; their order and repetition say nothing. */
  intern(nextHops: readonly NextHop[]): HopSet {
    const key = keyOfSet(nextHops);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const weights = new Map<Hop, number>();
    for (const { address, link, weight = 1 } of nextHops) {
      weights.set(this.#hop(address, link), weight);
    }
    const shares = [...weights].map(([hop, weight]) => ({ hop, weight }));
    for (const { hop } of shares) hop.users++;
    const number = this.#free.pop() ?? this.#byNumber.length;
    const set = { number, shares, users: 0, id: 0, present: "", error: undefined, refused: "" };
    this.#byNumber[number] = set;
    this.#byKey.set(key, set);
    return set;
  }

  get(number: number): HopSet | undefined {
    // A list is slow to say that it has nothing at -1.
    return number < 0 ? undefined : this.#byNumber[number];
  }

  *sets(): Generator<HopSet> {
    for (const set of this.#byNumber) if (set !== undefined) yield set;
  }

  /** Ask for every next hop anew; what the kernel refused may be tried again. */
  resolveAll(): void {
    for (const hop of this.hops.values()) this.#aim(hop);
    for (const set of this.sets()) set.error = undefined;
  }

  /** Forget sets that nobody wants and that have no group any more, and the next hops that were theirs alone. */
  forget(): void {
    for (const [key, set] of this.#byKey) {
      if (set.users > 0 || set.id !== 0) continue;
      // The object of a single one may still carry its routes.
      this.#byKey.delete(key);
      this.#byNumber[set.number] = undefined;
      this.#free.push(set.number);
      for (const { hop } of set.shares) hop.users--;
    }
    for (const [key, hop] of this.hops) {
      if (hop.users === 0 && hop.id === 0) this.hops.delete(key);
    }
  }

  #hop(address: Address, link: number | undefined): Hop {
    const key = `${formatAddress(address)}%${link ?? ""}`;
    const known = this.hops.get(key);
    if (known !== undefined) return known;
    const nothing = { way: undefined, reason: "", present: undefined, error: undefined };
    const hop: Hop = { address, link, users: 0, id: 0, ...nothing };
    this.#aim(hop);
    this.hops.set(key, hop);
    return hop;
  }

  #aim(hop: Hop): void {
    const { way, reason = "the next hop resolves to no link" } = this.#resolve(
      hop.address,
      hop.link,
    );
    hop.way = way;
    hop.reason = reason;
    hop.error = undefined;
  }
}

/** Whether routes can be led over it. */
export function isAlive({ way, error }: Hop): boolean {
  return way !== undefined && error === undefined;
}

/** The object that routes to the set lead over; 0 while there is none to lead over. */
export function objectOf(set: HopSet): number {
  const [only, ...more] = set.shares;
  if (more.length > 0 || set.id !== 0)
    return set.error === undefined && livingOf(set).length > 0 ? set.id : 0;
  return only !== undefined && isAlive(only.hop) ? only.hop.id : 0;
}

/** The members that a set's group should have. */
export function livingOf({ shares }: HopSet): { readonly id: number; readonly weight: number }[] {
  return shares.flatMap(({ hop, weight }) =>
    isAlive(hop) && hop.id !== 0 ? [{ id: hop.id, weight }] : [],
  );
}

/** Why routes to the set lead nowhere; undefined when they can lead somewhere. */
export function faultOf(set: HopSet): string | undefined {
  if (set.error !== undefined) return set.error;
  if (set.shares.some(({ hop }) => isAlive(hop))) return undefined;
  return set.shares.map(({ hop }) => hop.error ?? hop.reason).join("; ");
}

/** One IPv4 next hop, which most sets are, is its own key. */
function keyOfSet(nextHops: readonly NextHop[]): number | string {
  const [only] = nextHops;
  if (nextHops.length === 1 && only?.address.family === 4 && only.link === undefined) {
    return only.address.w0;
  }
  const texts = nextHops.map(
    ({ address, link = "", weight = 1 }) => `${formatAddress(address)}%${link}*${weight}`,
  );
  return [...new Set(texts)].sort().join(" ");
}
