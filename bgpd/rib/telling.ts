/**
 * Members of an update group that do not know yet what the group's others know: new ones are told the whole table, those
 * who asked for it are told it again, those who came from another group the difference, and those whose connection took
 * nothing what they have missed. In pieces, sorted by attribute set: between two pieces routes change, and members wait
 * until their connections take more.
 *
 * What members know of a route is either what the group tells of it now, or `UNTOLD`, or what it told before, of which
 * it is enough to know who was left out. It is remembered only where it differs from now: however long it lasts and
 * whatever changes meanwhile, that is never more than the routes that the members know and those that there are.
 */

import type { Broadcast } from "./broadcast.ts";
import { Marks } from "./marks.ts";
import type { NlriTable } from "./nlri-table.ts";
import type { Packer } from "./pack.ts";
import { NONE } from "./path-table.ts";
import type { PeerId } from "./route.ts";

/** In one piece there are so many times more routes where they are one set's: they fill messages together. */
const ONE_SET = 32;

/** Known of a route: nothing. Else the peer whose own it was, who was not told; NONE for nobody. */
const UNTOLD = -2;

/** What a group tells, by the numbers of its routes. */
export type GroupRoutes = {
  readonly nlri: NlriTable;
  /** Routes that are looked at or told in one piece. */
  readonly piece: number;
  /** The attribute set's number, or NONE. */
  setOf(number: number): number;
  /** From whom it came, who is not told of it. */
  peerOf(number: number): PeerId;
  announce(packer: Packer, set: number, numbers: readonly number[]): void;
};

/** Where a member was before, and what it knew there. */
export type Origin = {
  readonly telling: Telling;
  /** All that it knew has been compared. */
  readonly onCompared: () => void;
};

/** "dump": to who knows nothing; "refresh": everything once more. */
type Kind = "dump" | "refresh" | "difference";

/** Routes of one set; `NONE`: those that are gone. */
type List = { readonly set: number; readonly numbers: readonly number[] };

/** What one piece has for members that must not hear of the rest of it. */
export type Alone = Map<PeerId, number[]>;

export class Telling {
  readonly members: Set<PeerId>;
  /** What members know that is not what the group tells now, by route. */
  readonly #missed = new Map<number, number>();
  readonly #routes: GroupRoutes;
  #kind: Kind;
  /** Looking at the whole table, or at what was missed; then telling what was found. */
  #stage: "table" | "missed" | "lists";
  #origin: Origin | undefined;
  /** The last number of the table that was looked at; or of what was missed the next ones. */
  #at = NONE;
  #rest: Iterator<number> = [].values();
  #found = new Map<number, number[]>();
  #lastSet = UNTOLD;
  #lastFound: number[] = [];
  #lists: readonly List[] = [];
  /** The list that is being told, and how far. */
  #list = 0;
  #offset = 0;
  /** Routes of a dump that have been told. */
  #told = new Marks();
  /** Everything is told with End-of-RIB behind it. */
  endsRib: boolean;
  /** Called when all is told. */
  readonly onEnd: (() => void)[] = [];

  constructor(
    routes: GroupRoutes,
    kind: Kind,
    members: Iterable<PeerId>,
    origin: Origin | undefined = undefined,
  ) {
    this.#routes = routes;
    this.#kind = kind;
    this.members = new Set(members);
    this.#origin = origin;
    this.#stage = kind === "difference" && origin === undefined ? "missed" : "table";
    this.#rest = this.#missed.keys();
    this.endsRib = kind === "dump";
  }

  /** Nothing of a dump has been told: others may join. */
  get isNew(): boolean {
    return this.#kind === "dump" && this.#stage === "table";
  }

  /** What the member knew in another group is not known here yet. */
  get isComparing(): boolean {
    return this.#origin !== undefined;
  }

  /** Nobody is spoken to: it goes on whether or not members can be told anything. */
  get isSilent(): boolean {
    return this.#stage === "table";
  }

  /** A route goes from one set, and one peer's, to others. */
  miss(number: number, set: number, peer: PeerId, now: number): void {
    const known = this.#missed.get(number) ?? this.#knownBefore(number, set, peer);
    if (known === undefined) return;
    if (known === UNTOLD && now === NONE) this.#missed.delete(number);
    else this.#missed.set(number, known);
  }

  /** Whether a member has still to hear of a route, which must keep its number for that. */
  misses(number: number): boolean {
    return this.#missed.has(number);
  }

  /** The set that a member was told of a route in this group; undefined: an earlier one. */
  knownTo(member: PeerId, number: number): number | undefined {
    const known = this.#missed.get(number);
    if (known === UNTOLD || known === member) return NONE;
    if (known !== undefined) return undefined;
    if (this.#isUntold(number)) return NONE;
    return this.#routes.peerOf(number) === member ? NONE : this.#routes.setOf(number);
  }

  /** Let a member have a telling of its own, from here on. */
  split(member: PeerId): Telling {
    const own = new Telling(this.#routes, this.#kind, [member]);
    this.members.delete(member);
    for (const [number, known] of this.#missed) own.#missed.set(number, known);
    own.#stage = this.#stage;
    own.#at = this.#at;
    own.#lists = this.#lists;
    own.#list = this.#list;
    own.#offset = this.#offset;
    own.#told = this.#told.copy();
    own.endsRib = this.endsRib;
    return own;
  }

  /** One piece; false when nothing is left. What is for one member is added to `alone`. */
  step(broadcast: Broadcast, alone: Alone): boolean {
    if (this.#stage === "table") this.#lookAtTable();
    else if (this.#stage === "missed") this.#lookAtMissed();
    else this.#tellSome(broadcast, alone);
    return this.#stage !== "missed" || this.#missed.size > 0;
  }

  /** What was known of a route before it changed now; undefined: it will be looked at yet. */
  #knownBefore(number: number, set: number, peer: PeerId): number | undefined {
    const isAhead = this.#stage === "table" && number > this.#at && this.#kind !== "refresh";
    if (isAhead) return undefined;
    if (set === NONE || this.#isUntold(number)) return UNTOLD;
    // Where its own peer is the only member, nobody was told.
    return this.members.size === 1 && this.members.has(peer) ? UNTOLD : peer;
  }

  #isUntold(number: number): boolean {
    return this.#kind === "dump" && !this.#told.has(number);
  }

  #lookAtTable(): void {
    const { nlri, piece } = this.#routes;
    for (let count = 0; count < piece; count++) {
      const number = nlri.after(this.#at);
      if (number === NONE) {
        this.#origin?.onCompared();
        if (this.#origin === undefined) this.#beginLists();
        else this.#stage = "missed";
        this.#origin = undefined;
        return;
      }
      this.#at = number;
      if (this.#origin !== undefined) this.#compare(number, this.#origin);
      else {
        const set = this.#routes.setOf(number);
        if (set !== NONE) this.#find(set, number);
      }
    }
  }

  /** Of a telling with an origin there is one member. */
  #compare(number: number, { telling }: Origin): void {
    for (const member of this.members) {
      const before = telling.knownTo(member, number);
      const now = this.#routes.peerOf(number) === member ? NONE : this.#routes.setOf(number);
      if (before !== now) this.#missed.set(number, before === NONE ? UNTOLD : NONE);
    }
  }

  #lookAtMissed(): void {
    for (let count = 0; count < this.#routes.piece; count++) {
      const { value: number, done } = this.#rest.next();
      if (done === true) {
        this.#beginLists();
        return;
      }
      this.#find(this.#routes.setOf(number), number);
    }
  }

  #find(set: number, number: number): void {
    // Most come in a row with others of the same set.
    if (set !== this.#lastSet) {
      this.#lastFound = listOf(this.#found, set);
      this.#lastSet = set;
    }
    this.#lastFound.push(number);
  }

  /** What is gone is told last: of several paths there is one all the time. */
  #beginLists(): void {
    const gone = this.#found.get(NONE);
    this.#found.delete(NONE);
    const lists = Array.from(this.#found, ([set, numbers]) => ({ set, numbers }));
    this.#lists = gone === undefined ? lists : [...lists, { set: NONE, numbers: gone }];
    this.#found = new Map();
    this.#lastSet = UNTOLD;
    this.#list = 0;
    this.#offset = 0;
    this.#stage = "lists";
  }

  #tellSome(broadcast: Broadcast, alone: Alone): void {
    const { piece } = this.#routes;
    for (let count = 0; count < piece; ) {
      const list = this.#lists[this.#list];
      if (list === undefined) {
        this.#beginMissed();
        return;
      }
      const { set, numbers } = list;
      const end = Math.min(numbers.length, this.#offset + ONE_SET * piece);
      this.#tell(set, numbers, [this.#offset, end], broadcast, alone);
      count += end - this.#offset;
      this.#offset = end;
      if (end < numbers.length) continue;
      this.#list++;
      this.#offset = 0;
    }
  }

  /** All that was found has been told; what has changed since comes next. */
  #beginMissed(): void {
    this.#kind = "difference";
    this.#stage = "missed";
    this.#lists = [];
    this.#told = new Marks();
    this.#rest = this.#missed.keys();
  }

  /** Of a stretch of a list those routes that are still as they were found. */
  #tell(
    set: number,
    numbers: readonly number[],
    [start, end]: readonly [number, number],
    broadcast: Broadcast,
    alone: Alone,
  ): void {
    const isDump = this.#kind === "dump";
    const isMissed = this.#kind === "difference";
    // Mostly there is one audience.
    let first: PeerId = UNTOLD;
    const numbersOfFirst: number[] = [];
    const others = new Map<PeerId, number[]>();
    // Who is not told, and of whom that was found out last.
    let except: PeerId = NONE;
    let lastLeft: PeerId = NONE;
    for (let index = start; index < end; index++) {
      const number = numbers[index] ?? NONE;
      if (this.#routes.setOf(number) !== set) continue;
      const known = this.#missed.size === 0 ? undefined : this.#missed.get(number);
      if ((known !== undefined) !== isMissed) continue;
      if (isMissed) this.#missed.delete(number);
      if (isDump) this.#told.add(number);
      const left = set === NONE ? (known ?? NONE) : this.#routes.peerOf(number);
      if (left !== lastLeft) {
        except = this.members.has(left) ? left : NONE;
        lastLeft = left;
      }
      const knewIt = known !== undefined && known !== UNTOLD && known !== except;
      if (set !== NONE && except !== NONE && knewIt) listOf(alone, except).push(number);
      if (first === UNTOLD) first = except;
      if (except === first) numbersOfFirst.push(number);
      else listOf(others, except).push(number);
    }
    if (first !== UNTOLD) this.#write(broadcast, first, set, numbersOfFirst);
    for (const [except, own] of others) this.#write(broadcast, except, set, own);
  }

  /** For all members but one (NONE: but nobody). */
  #write(broadcast: Broadcast, except: PeerId, set: number, numbers: readonly number[]): void {
    if (except !== NONE && this.members.size === 1) return;
    broadcast.write(except, (packer) => {
      if (set === NONE) packer.withdraw(numbers, this.#routes.nlri);
      else this.#routes.announce(packer, set, numbers);
    });
  }
}

export function listOf<Key>(map: Map<Key, number[]>, key: Key): number[] {
  const known = map.get(key);
  if (known !== undefined) return known;
  const list: number[] = [];
  map.set(key, list);
  return list;
}
