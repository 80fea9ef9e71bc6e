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
  type RoutingRequest,
} from "../../kernel/kernel.ts";
import { equalAddress } from "../../lib/address.ts";
import { Column } from "../rib/column.ts";
import type { Courier } from "./courier.ts";
import { type Hop, type HopSet, HopSets, isAlive, livingOf, type ResolveHop } from "./hop.ts";
import type { Way } from "./resolve.ts";

/** Our ids are 0x4d000000 ('M') to 0x4dffffff: the kernel gives small ones of its own accord, other daemons count up. */
export const FIRST_ID = 0x4d00_0000;
const IDS = 1 << 24;

/** A new object (`id` 0), or another content for one. */
type Wish = { readonly id: number; readonly content: Omit<NexthopSpec, "id" | "protocol"> };
export type CollectOptions = {
  readonly isSwept: boolean;
  /** Nothing else is to be done first. */
  readonly mayGoOn: () => boolean;
};
type Made = { readonly id: number; readonly error: string | undefined };
type NexthopRequest = Extract<RoutingRequest, { readonly nexthop: NexthopSpec }>;

export type NexthopObjectsOptions = {
  readonly kernel: Kernel;
  readonly courier: Courier;
  /** nh_protocol of ours. */
  readonly protocol: number;
  readonly resolve: ResolveHop;
};

export class NexthopObjects {
  readonly sets: HopSets;
  readonly #kernel: Kernel;
  readonly #courier: Courier;
  readonly #protocol: number;
  /** Routes of ours over an object, by its id. */
  readonly #routes = new Column();
  /** Left by an earlier daemon and not taken over. */
  readonly #left = new Map<number, Nexthop>();
  /** Sets that came to be wanted since `prepare`. */
  readonly #fresh = new Set<HopSet>();
  #nextId = 0;
  #isKnown = false;
  #there: ReadonlySet<number> = new Set();
  /** Found to be gone by the last `prepare`, which was to change them. */
  readonly #missing = new Set<number>();
  /** Those that the kernel refused to remove: not asked for again before something has changed. */
  readonly #stuck = new Set<number>();
  /** Something may have to be told to the kernel. */
  #isDirty = true;
  /** The kernel had no room for a request or its answer: only `compare` tells what it did. */
  isUnsure = false;

  constructor({ kernel, courier, protocol, resolve }: NexthopObjectsOptions) {
    this.#kernel = kernel;
    this.#courier = courier;
    this.#protocol = protocol;
    this.sets = new HopSets(resolve);
  }

  /** What an earlier daemon left has been noted. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** A set came to be wanted, by routes that wait to be told: `prepare` makes what it needs. */
  add(set: HopSet): void {
    this.#fresh.add(set);
  }

  /** A next hop moved, a set is wanted no more: `prepare` and `collect` have to look at all. */
  touch(): void {
    this.#isDirty = true;
    this.#stuck.clear();
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
    const all = this.#kernel.nexthops();
    this.#there = new Set(all.map(({ id }) => id));
    const there = new Map(
      all
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
    this.touch();
    this.isUnsure = false;
    return gone;
  }

  /** Whether the kernel had an object of this id, whoever's, at the last `compare`. */
  wasThere(id: number): boolean {
    return this.#there.has(id);
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

  /**
   * Make and change what must be there before routes are sent. True when routes may have to move. Between two steps
   * sets may come and go, and next hops be aimed anew.
   */
  *prepare(): Generator<void, boolean> {
    const fresh = [...this.#fresh];
    this.#fresh.clear();
    this.#missing.clear();
    if (!this.#isDirty) {
      const hops = new Set(fresh.flatMap(({ shares }) => shares.map(({ hop }) => hop)));
      yield* this.#prepareHops(hops);
      for (const set of fresh) yield* this.#prepareGroup(set);
      // The routes over them are about to be told anyhow.
      return false;
    }
    const used = [...this.sets.hops.values()].filter(({ users }) => users > 0);
    let hasChanged = yield* this.#prepareHops(used);
    for (const set of this.sets.sets()) if (yield* this.#prepareGroup(set)) hasChanged = true;
    return hasChanged;
  }

  /** A set of one has no object of its own, unless it has inherited one. */
  *#prepareGroup(set: HopSet): Generator<void, boolean> {
    const isGroup = set.shares.length > 1 || set.id !== 0;
    return set.users > 0 && isGroup && (yield* this.#prepareSet(set));
  }

  /**
   * Once every route leads where it should: remove what nothing leads over, and the dead with all that leads over
   * them. Tells the ids of the dead, whose routes are gone. What an earlier daemon left goes when `isSwept`. It stops
   * where it may not go on after a step.
   */
  *collect({ isSwept, mayGoOn }: CollectOptions): Generator<void, ReadonlySet<number>> {
    const dead = new Set<number>();
    if (!this.#isDirty) return dead;
    this.#isDirty = false;
    for (const set of this.sets.sets()) {
      const isDead = livingOf(set).length === 0;
      if (set.id === 0 || !(isDead || (set.users === 0 && this.#routesOver(set.id) === 0)))
        continue;
      const { id } = set;
      if (yield* this.#delete(id)) {
        if (this.#routesOver(id) > 0) dead.add(id);
        this.#forget(id);
        set.id = 0;
        set.present = "";
      }
      if (!mayGoOn()) return this.#brokenOff(dead);
    }
    this.sets.forget();
    const members = this.#members();
    for (const hop of this.sets.hops.values()) {
      const { id } = hop;
      if (id === 0 || members.has(id)) continue;
      if (isAlive(hop) && (hop.users > 0 || this.#routesOver(id) > 0)) continue;
      if (yield* this.#delete(id)) {
        if (this.#routesOver(id) > 0) dead.add(id);
        this.#forget(id);
        hop.id = 0;
        hop.present = undefined;
      }
      if (!mayGoOn()) return this.#brokenOff(dead);
    }
    this.sets.forget();
    if (isSwept) yield* this.#collectLeft(mayGoOn);
    return dead;
  }

  #brokenOff(dead: ReadonlySet<number>): ReadonlySet<number> {
    this.#isDirty = true;
    return dead;
  }

  /** All at once: a node that hears of two hundred others in an instant asks the kernel once. */
  *#prepareHops(hops: Iterable<Hop>): Generator<void, boolean> {
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
    for (const [index, made] of (yield* this.#make(due)).entries()) {
      const { hop, way, id } = due[index] as (typeof due)[number];
      const isMissing = this.#missing.has(id);
      if (isMissing && hop.id === id) {
        hop.id = 0;
        hop.present = undefined;
      }
      if (made === undefined) continue;
      // What is refused of a way that it has no more says nothing of the one that it has.
      if (sameWay(hop.way, way)) hop.error = made.error;
      if (made.error === undefined) {
        // Meanwhile it may have been given one that was left.
        if (hop.id !== (isMissing ? 0 : id)) this.#leave(made.id, way);
        else {
          hop.id = made.id;
          hop.present = way;
        }
      }
      if (id !== made.id || made.error !== undefined) hasChanged = true;
    }
    return hasChanged;
  }

  *#prepareSet(set: HopSet): Generator<void, boolean> {
    const members = livingOf(set);
    const text = membersText(members);
    if (members.length === 0 || (set.id !== 0 && set.present === text)) return false;
    if (set.error !== undefined && set.refused === text) return false;
    const before = set.id;
    const left =
      before === 0
        ? [...this.#left.values()].find((one) => membersText(one.members ?? []) === text)
        : undefined;
    if (left !== undefined) {
      this.#left.delete(left.id);
      set.id = left.id;
      set.present = text;
      return true;
    }
    const [made] = yield* this.#make([{ id: before, content: { members } }]);
    if (this.#missing.has(before)) {
      set.id = 0;
      set.present = "";
    }
    if (made === undefined) return false;
    if (membersText(livingOf(set)) === text)
      Object.assign(set, { error: made.error, refused: text });
    if (made.error === undefined) {
      set.id = made.id;
      set.present = text;
    }
    return set.id !== before || made.error !== undefined;
  }

  /** What became of each wish; undefined where only `compare` tells. */
  *#make(wishes: readonly Wish[]): Generator<void, (Made | undefined)[]> {
    const made: (Made | undefined)[] = wishes.map(() => undefined);
    let waiting = [...wishes.keys()];
    while (waiting.length > 0 && !this.isUnsure) {
      const requests = waiting.map((index) => this.#requestFor(wishes[index] as Wish));
      const outcomes = yield* this.#courier.send(requests);
      const again: number[] = [];
      for (const [at, index] of waiting.entries()) {
        const error = outcomes[at];
        const { type, nexthop } = requests[at] as NexthopRequest;
        // An object has the id, one of ours or somebody else's: it stays, and we take another.
        if (type === "add nexthop" && error?.code === "EEXIST") again.push(index);
        else if (type === "change nexthop" && error?.code === "ENOENT") {
          this.#missing.add(nexthop.id);
          again.push(index);
        } else if (error?.code === "ENOBUFS") this.isUnsure = true;
        else made[index] = { id: nexthop.id, error: error?.message };
      }
      waiting = again;
    }
    return made;
  }

  #requestFor({ id, content }: Wish): NexthopRequest {
    const isNew = id === 0 || this.#missing.has(id);
    const own = isNew ? this.#freeId() : id;
    const nexthop = { ...content, id: own, protocol: this.#protocol };
    return { type: isNew ? "add nexthop" : "change nexthop", nexthop };
  }

  *#delete(id: number): Generator<void, boolean> {
    if (this.#stuck.has(id)) return false;
    const [error] = yield* this.#courier.send([{ type: "delete nexthop", id }]);
    if (error === undefined || error.code === "ENOENT") return true;
    if (error.code === "ENOBUFS") this.isUnsure = true;
    else this.#stuck.add(id);
    return false;
  }

  /** Nobody has a use for one that was made: it goes with those that an earlier daemon left. */
  #leave(id: number, way: Way): void {
    const { gateway, link } = way;
    this.#left.set(id, { id, protocol: this.#protocol, gateway, link, ...onLinkOf(way) });
    this.#isDirty = true;
  }

  #take(hop: Hop, left: Nexthop): void {
    this.#left.delete(left.id);
    hop.id = left.id;
    hop.present = wayOf(left);
    this.#isDirty = true;
  }

  /** What was left and has no routes: groups first, then ways that no group has. */
  *#collectLeft(mayGoOn: () => boolean): Generator<void, void> {
    for (const kind of ["groups", "ways"] as const) {
      const members = this.#members();
      for (const { id, members: own } of [...this.#left.values()]) {
        if ((own !== undefined) !== (kind === "groups")) continue;
        if (this.#routesOver(id) > 0 || members.has(id)) continue;
        if (yield* this.#delete(id)) this.#forget(id);
        if (!mayGoOn()) {
          this.#isDirty = true;
          return;
        }
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
