/**
 * The nexthop objects of ours in the kernel: made before routes lead over them, changed in place, removed when nothing
 * leads over them any more.
 *
 * The order of messages is safe at every instant: ways before the groups that get them, groups before the ways that
 * they lose (a group whose last member goes takes its routes along). Objects of an earlier daemon, known by our
 * protocol number and our range of ids, are taken over where they fit.
 */

import {
  type Kernel,
  KernelError,
  type Nexthop,
  type NexthopSpec,
  type Request,
} from "../../kernel/kernel.ts";
import { equalAddress } from "../../lib/address.ts";
import { Column } from "../rib/column.ts";
import { type Hop, type HopSet, HopSets, isAlive, livingOf, type ResolveHop } from "./hop.ts";
import type { Way } from "./resolve.ts";

/** Our ids are 0x4d000000 ('M') to 0x4dffffff: the kernel gives small ones of its own accord, other daemons count up. */
export const FIRST_ID = 0x4d00_0000;
const IDS = 1 << 24;

/** A new object (`id` 0), or another content for one. */
type Wish = { readonly id: number; readonly content: Omit<NexthopSpec, "id" | "protocol"> };
type Made = { readonly id: number; readonly error: string | undefined };
type NexthopRequest = Extract<Request, { readonly nexthop: NexthopSpec }>;

export class NexthopObjects {
  readonly sets: HopSets;
  readonly #kernel: Kernel;
  readonly #protocol: number;
  /** Routes of ours over an object, by its id. */
  readonly #routes = new Column();
  /** Left by an earlier daemon and not taken over. */
  readonly #left = new Map<number, Nexthop>();
  /** Sets that came to be wanted since `prepare`. */
  readonly #fresh = new Set<HopSet>();
  #nextId = 0;
  #isKnown = false;
  /** Something may have to be told to the kernel. */
  #isDirty = true;
  /** The kernel had no room for a request or its answer: only `compare` tells what it did. */
  isUnsure = false;

  constructor(kernel: Kernel, protocol: number, resolve: ResolveHop) {
    this.#kernel = kernel;
    this.#protocol = protocol;
    this.sets = new HopSets(resolve);
  }

  /** A set came to be wanted, by routes that wait to be told: `prepare` makes what it needs. */
  add(set: HopSet): void {
    this.#fresh.add(set);
  }

  /** A next hop moved, a set is wanted no more: `prepare` and `collect` have to look at all. */
  touch(): void {
    this.#isDirty = true;
  }

  /** One route more or less leads over an object. */
  count(id: number, difference: 1 | -1): void {
    this.#routes.set(id - FIRST_ID, Math.max(this.#routes.get(id - FIRST_ID), 0) + difference);
    if (difference < 0) this.#isDirty = true;
  }

  /**
   * Dump and compare. Tells which objects are gone, with every route over them; the first time, what an earlier daemon
   * left is noted, but for what leads elsewhere (`used`: ids of routes that are not this FIB's).
   */
  compare(used: ReadonlySet<number> = new Set()): ReadonlySet<number> {
    const there = new Map(
      this.#kernel
        .nexthops()
        .filter(({ id, protocol }) => protocol === this.#protocol && isOurs(id))
        .map((nexthop) => [nexthop.id, nexthop]),
    );
    const gone = new Set<number>();
    for (const hop of this.sets.hops.values()) {
      const found = there.get(hop.id);
      if (hop.id !== 0 && found === undefined) gone.add(hop.id);
      if (found === undefined) hop.id = 0;
      hop.present = found === undefined ? undefined : wayOf(found);
    }
    for (const set of this.sets.sets()) {
      const found = there.get(set.id);
      if (set.id !== 0 && found === undefined) gone.add(set.id);
      if (found === undefined) set.id = 0;
      set.present = membersText(found?.members ?? []);
    }
    for (const id of this.#left.keys()) if (!there.has(id)) gone.add(id);
    for (const id of gone) this.#forget(id);
    if (!this.#isKnown) {
      const others = [
        ...used,
        ...[...used].flatMap((id) => there.get(id)?.members ?? []).map(({ id }) => id),
      ];
      for (const id of others) there.delete(id);
      for (const [id, nexthop] of there) this.#left.set(id, nexthop);
      this.#nextId = there.size === 0 ? 0 : (Math.max(...there.keys()) - FIRST_ID + 1) % IDS;
    }
    this.#isKnown = true;
    this.#isDirty = true;
    this.isUnsure = false;
    return gone;
  }

  /** Whether an object of ours has this id. */
  has(id: number): boolean {
    if (this.#left.has(id)) return true;
    for (const hop of this.sets.hops.values()) if (hop.id === id) return true;
    for (const set of this.sets.sets()) if (set.id === id) return true;
    return false;
  }

  /** A route that is there leads over an object left to us: whoever wants the same way shall have that one. */
  claim(set: HopSet, id: number): void {
    const left = this.#left.get(id);
    const [only, ...more] = set.shares;
    if (left === undefined || only === undefined || more.length > 0) return;
    if (only.hop.id === 0 && sameWay(only.hop.way, wayOf(left))) this.#take(only.hop, left);
  }

  /** Make and change what must be there before routes are sent. True when routes may have to move. */
  prepare(): boolean {
    const fresh = [...this.#fresh];
    this.#fresh.clear();
    if (!this.#isDirty) {
      this.#prepareHops(new Set(fresh.flatMap(({ shares }) => shares.map(({ hop }) => hop))));
      for (const set of fresh) this.#prepareGroup(set);
      // The routes over them are about to be told anyhow.
      return false;
    }
    const used = [...this.sets.hops.values()].filter(({ users }) => users > 0);
    let hasChanged = this.#prepareHops(used);
    for (const set of this.sets.sets()) if (this.#prepareGroup(set)) hasChanged = true;
    return hasChanged;
  }

  /** A set of one has no object of its own, unless it has inherited one. */
  #prepareGroup(set: HopSet): boolean {
    const isGroup = set.shares.length > 1 || set.id !== 0;
    return set.users > 0 && isGroup && this.#prepareSet(set);
  }

  /**
   * Once every route leads where it should: remove what nothing leads over, and the dead with all that leads over
   * them. Tells the ids of the dead, whose routes are gone. What an earlier daemon left goes when `isSwept`.
   */
  collect({ isSwept }: { readonly isSwept: boolean }): ReadonlySet<number> {
    if (!this.#isDirty) return new Set();
    const dead = new Set<number>();
    for (const set of this.sets.sets()) {
      const isDead = livingOf(set).length === 0;
      if (set.id === 0 || !(isDead || (set.users === 0 && this.#routesOver(set.id) === 0)))
        continue;
      if (!this.#delete(set.id)) continue;
      if (this.#routesOver(set.id) > 0) dead.add(set.id);
      this.#forget(set.id);
      set.id = 0;
      set.present = "";
    }
    this.sets.forget();
    const members = this.#members();
    for (const hop of this.sets.hops.values()) {
      if (hop.id === 0 || members.has(hop.id)) continue;
      if (isAlive(hop) && (hop.users > 0 || this.#routesOver(hop.id) > 0)) continue;
      if (!this.#delete(hop.id)) continue;
      if (this.#routesOver(hop.id) > 0) dead.add(hop.id);
      this.#forget(hop.id);
      hop.id = 0;
      hop.present = undefined;
    }
    this.sets.forget();
    if (isSwept) this.#collectLeft();
    this.#isDirty = false;
    return dead;
  }

  /** All at once: a node that hears of two hundred others in an instant asks the kernel once. */
  #prepareHops(hops: Iterable<Hop>): boolean {
    let hasChanged = false;
    const due: (Wish & { readonly hop: Hop; readonly way: Way })[] = [];
    for (const hop of hops) {
      const { way, id } = hop;
      if (way === undefined || hop.error !== undefined) continue;
      if (id !== 0 && sameWay(hop.present, way)) continue;
      const left =
        id === 0 ? [...this.#left.values()].find((one) => sameWay(wayOf(one), way)) : undefined;
      if (left !== undefined) {
        this.#take(hop, left);
        hasChanged = true;
        continue;
      }
      const content = { gateway: way.gateway, link: way.link, ...onLinkOf(way) };
      due.push({ hop, way, id, content });
    }
    for (const [index, made] of this.#make(due).entries()) {
      const { hop, way, id } = due[index] as (typeof due)[number];
      if (made === undefined) continue;
      hop.error = made.error;
      if (made.error === undefined) {
        hop.id = made.id;
        hop.present = way;
      }
      if (id === 0 || made.error !== undefined) hasChanged = true;
    }
    return hasChanged;
  }

  #prepareSet(set: HopSet): boolean {
    const members = livingOf(set);
    const text = membersText(members);
    if (members.length === 0 || (set.id !== 0 && set.present === text)) return false;
    const isNew = set.id === 0;
    const left = isNew
      ? [...this.#left.values()].find((one) => membersText(one.members ?? []) === text)
      : undefined;
    if (left !== undefined) {
      this.#left.delete(left.id);
      set.id = left.id;
      set.present = text;
      return true;
    }
    const [made] = this.#make([{ id: set.id, content: { members } }]);
    if (made === undefined) return false;
    set.error = made.error;
    if (made.error === undefined) {
      set.id = made.id;
      set.present = text;
    }
    return isNew || made.error !== undefined;
  }

  /** What became of each wish; undefined where only `compare` tells. */
  #make(wishes: readonly Wish[]): (Made | undefined)[] {
    const made: (Made | undefined)[] = wishes.map(() => undefined);
    let waiting = [...wishes.keys()];
    while (waiting.length > 0 && !this.isUnsure) {
      const requests = waiting.map((index) => this.#requestFor(wishes[index] as Wish));
      const outcomes = this.#kernel.applyAll(requests);
      const again: number[] = [];
      for (const [at, index] of waiting.entries()) {
        const error = outcomes[at];
        const { type, nexthop } = requests[at] as NexthopRequest;
        // An object has the id, one of ours or somebody else's: it stays, and we take another.
        if (type === "add nexthop" && error?.code === "EEXIST") again.push(index);
        else if (error?.code === "ENOBUFS") this.isUnsure = true;
        else made[index] = { id: nexthop.id, error: error?.message };
      }
      waiting = again;
    }
    return made;
  }

  #requestFor({ id, content }: Wish): NexthopRequest {
    const own = id === 0 ? this.#freeId() : id;
    const nexthop = { ...content, id: own, protocol: this.#protocol };
    return { type: id === 0 ? "add nexthop" : "replace nexthop", nexthop };
  }

  #delete(id: number): boolean {
    const [error] = this.#kernel.applyAll([{ type: "delete nexthop", id }]);
    if (error?.code === "ENOBUFS") this.isUnsure = true;
    return error === undefined || error.code === "ENOENT";
  }

  #take(hop: Hop, left: Nexthop): void {
    this.#left.delete(left.id);
    hop.id = left.id;
    hop.present = wayOf(left);
    this.#isDirty = true;
  }

  /** What was left and has no routes: groups first, then ways that no group has. */
  #collectLeft(): void {
    for (const kind of ["groups", "ways"] as const) {
      const members = this.#members();
      for (const { id, members: own } of [...this.#left.values()]) {
        if ((own !== undefined) !== (kind === "groups")) continue;
        if (this.#routesOver(id) > 0 || members.has(id) || !this.#delete(id)) continue;
        this.#forget(id);
      }
    }
  }

  /** Ids of all that groups of ours have. */
  #members(): ReadonlySet<number> {
    const ids = new Set<number>();
    for (const { id, present } of this.sets.sets()) {
      if (id === 0) continue;
      for (const member of present.split(" ")) ids.add(Number.parseInt(member, 10));
    }
    for (const { members = [] } of this.#left.values()) for (const { id } of members) ids.add(id);
    return ids;
  }

  #routesOver(id: number): number {
    return Math.max(this.#routes.get(id - FIRST_ID), 0);
  }

  #forget(id: number): void {
    this.#left.delete(id);
  }

  /** One that has not been used for long; where it is in use all the same, the kernel says so. */
  #freeId(): number {
    const id = FIRST_ID + this.#nextId;
    this.#nextId = (this.#nextId + 1) % IDS;
    return id;
  }
}

/** Why routes cannot be installed in this kernel at all; undefined when they can. */
export function faultOfKernel(kernel: Kernel): string | undefined {
  try {
    kernel.nexthops();
    return undefined;
  } catch (error) {
    if (!(error instanceof KernelError) || error.code !== "EOPNOTSUPP") throw error;
    return "this kernel has no nexthop objects, which routes are led over: expected Linux 5.3 or newer; --fib none runs without installing any";
  }
}

/** Whether an object's id is in our range. */
export function isOurs(id: number): boolean {
  return id >= FIRST_ID && id < FIRST_ID + IDS;
}

export function sameWay(a: Way | undefined, b: Way | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.link === b.link && a.onLink === b.onLink && equalAddress(a.gateway, b.gateway);
}

function wayOf({ gateway, link, onLink }: Nexthop): Way | undefined {
  if (gateway === undefined || link === undefined) return undefined;
  return { gateway, link, ...(onLink === true ? { onLink } : {}) };
}

function onLinkOf({ onLink }: Way): { readonly onLink?: true } {
  return onLink === true ? { onLink } : {};
}

/** `1291845632*1 1291845633*3`, in the order of ids. */
function membersText(
  members: readonly { readonly id: number; readonly weight?: number }[],
): string {
  return [...members]
    .sort((a, b) => a.id - b.id)
    .map(({ id, weight = 1 }) => `${id}*${weight}`)
    .join(" ");
}
