/** Nothing that concerns a whole table is done at once, and nothing is lost or told twice by that. */

import { describe, expect, test } from "bun:test";
import { createRib } from "../../../bgpd/rib/rib.ts";
import {
  type PeerId,
  PLAIN_SELECTION,
  type Rib,
  type RibPeer,
  type RoutePolicy,
} from "../../../bgpd/rib/route.ts";
import { PLAIN_RULES } from "../../../bgpd/rib/rules.ts";
import { decode, encode } from "../../../bgpd/wire/codec.ts";
import { HEADER_LENGTH } from "../../../bgpd/wire/const.ts";
import { Framer } from "../../../bgpd/wire/framer.ts";
import { address4 } from "../../../lib/address.ts";
import type { Prefix } from "../../../lib/prefix.ts";
import { prefixOf } from "../../../lib/prefix.ts";
import { ACCEPT, attributesOf, OUR_ID, otherSide, peerAt } from "./scene.ts";

const COUNT = 200_000;
/** Prefixes of one attribute set; the last set has a quarter of the table. */
const OF_ONE_SET = 500;
const IN_THE_LAST = COUNT / 4;
const UPDATE_SIZE = 900;
/** What `work(5)` may do of anything, where each look at the clock takes a millisecond: 5 strides, and some to begin. */
const MOST_DECISIONS = 256 * 8;
const MOST_JUDGED = 256 * 8;
/** Prefixes that one peer is told, of one set at most 32 strides in a piece. */
const MOST_TOLD = 256 * 32 * 6;

const prefixAt = (n: number): Prefix => prefixOf(address4(((16 << 24) + (n << 8)) >>> 0), 24);
const setAt = (n: number): number =>
  n >= COUNT - IN_THE_LAST ? COUNT : Math.floor(n / OF_ONE_SET);

/** What a peer knows, by the number of the prefix: the first AS behind its neighbour's, or 0. */
class Book {
  readonly known = new Uint32Array(COUNT);
  size = 0;
  announced = 0;
  endsOfRib = 0;
  /** In which order sets came, without repetitions in a row. */
  runs = 0;
  #last = -1;

  take(bytes: Uint8Array, { wire }: RibPeer): void {
    const framer = new Framer(wire.maxLength);
    framer.push(bytes);
    for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
      const octets = frame.buffer.slice(frame.start - HEADER_LENGTH, frame.end);
      const message = decode(octets, otherSide(wire));
      if (message.type !== "update") throw new Error(`a ${message.type} from the RIB`);
      const { announced, withdrawn, attributes } = message;
      if (announced.length + withdrawn.length === 0) this.endsOfRib++;
      for (const { w0 } of withdrawn) this.#put(w0, 0);
      const path = attributes?.asPath.flatMap(({ asNumbers }) => asNumbers).at(-1) ?? 0;
      if (announced.length > 0 && path !== this.#last) this.runs++;
      if (announced.length > 0) this.#last = path;
      for (const { w0 } of announced) this.#put(w0, path);
      this.announced += announced.length;
    }
  }

  #put(w0: number, value: number): void {
    const number = (w0 >>> 8) - (16 << 16);
    const before = this.known[number] ?? 0;
    if (value === 0 && before === 0) throw new Error(`withdrawn but never announced: ${number}`);
    this.size += Math.sign(value) - Math.sign(before);
    this.known[number] = value;
  }
}

/** A RIB whose clock goes on a millisecond at each look, and what single calls of it did. */
class Stage {
  readonly rib: Rib;
  readonly books = new Map<PeerId, Book>();
  readonly #peers = new Map<PeerId, RibPeer>();
  #now = 0;
  #told = 0;
  #judged = 0;
  readonly most = { decisions: 0, told: 0, judged: 0 };
  cost = 0;
  slices = 0;
  readonly judge: RoutePolicy = (route) => {
    this.#judged++;
    return ACCEPT(route);
  };

  constructor() {
    this.rib = createRib({
      identifier: OUR_ID.w0,
      resolve: () => ({ reachable: true, cost: this.cost }),
      selection: PLAIN_SELECTION,
      now: () => this.#now++,
      onBest: () => {},
      onSend: (id, bytes) => {
        const peer = this.#peers.get(id);
        const book = this.books.get(id);
        if (peer === undefined || book === undefined) throw new Error(`bytes for peer ${id}`);
        const before = book.announced;
        book.take(bytes, peer);
        this.#told += book.announced - before;
      },
    });
  }

  add(n: number, rest: Partial<RibPeer> = {}): PeerId {
    const plain = peerAt(n, "external", { importPolicy: this.judge, ...rest });
    const peer = { ...plain, wire: { ...plain.wire, families: [4 as const] } };
    // The RIB speaks when it works, and not before.
    const id = this.rib.addPeer(peer);
    this.#peers.set(id, peer);
    this.books.set(id, new Book());
    return id;
  }

  remove(id: PeerId): void {
    this.once(() => this.rib.removePeer(id));
    this.#peers.delete(id);
    this.books.delete(id);
  }

  /** Announce a stretch of prefixes with their sets' numbers, shifted, as last AS. */
  announce(id: PeerId, from: number, to: number, shift = 0): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) throw new Error(`no peer ${id}`);
    for (let first = from; first < to; ) {
      let end = first;
      while (end < to && end < first + UPDATE_SIZE && setAt(end) === setAt(first)) end++;
      const path = [peer.remoteAs, 100_000 + setAt(first) + shift];
      const announced = Array.from({ length: end - first }, (_, at) => prefixAt(first + at));
      const attributes = attributesOf(path, "172.30.0.11");
      const update = { type: "update" as const, announced, withdrawn: [], attributes, faults: [] };
      const bytes = encode(update, otherSide(peer.wire));
      this.rib.receive(id, bytes, HEADER_LENGTH, bytes.length);
      first = end;
    }
  }

  /** A call that does a little of it at most. */
  once<Result>(call: () => Result): Result {
    const { decisions } = this.rib.effort;
    this.#told = 0;
    this.#judged = 0;
    const result = call();
    const { most } = this;
    most.decisions = Math.max(most.decisions, this.rib.effort.decisions - decisions);
    most.told = Math.max(most.told, this.#told);
    most.judged = Math.max(most.judged, this.#judged);
    return result;
  }

  /** Work to the end, with something else between two slices. */
  settle(between: (slice: number) => void = () => {}): void {
    this.slices = 0;
    while (this.once(() => this.rib.work(5))) between(this.slices++);
  }

  expectBounded(): void {
    expect(this.most.decisions).toBeLessThanOrEqual(MOST_DECISIONS);
    expect(this.most.judged).toBeLessThanOrEqual(MOST_JUDGED);
    expect(this.most.told).toBeLessThanOrEqual(MOST_TOLD);
  }
}

/** A table from one peer, and one that has heard it. */
function stage() {
  const scene = new Stage();
  const source = scene.add(11);
  const listener = scene.add(12);
  scene.settle();
  for (let from = 0; from < COUNT; from += UPDATE_SIZE) {
    scene.announce(source, from, Math.min(COUNT, from + UPDATE_SIZE));
  }
  scene.settle();
  expect(scene.books.get(listener)?.size).toBe(COUNT);
  scene.slices = 0;
  return { scene, source, listener };
}

const policies = { rules: PLAIN_RULES, exportPolicy: ACCEPT, exportKey: "external" };

describe("a table of 200,000 prefixes, a little at a time", () => {
  test("is told to peers that come together, by attribute set, and End-of-RIB is the last", () => {
    const { scene } = stage();
    const late = [13, 14, 15].map((n) => scene.add(n));
    const alone = scene.add(16, { exportKey: "another" });
    scene.settle(() => {
      for (const id of [...late, alone]) {
        const book = scene.books.get(id);
        if (book?.endsOfRib === 1) expect(book.size).toBe(COUNT);
      }
    });
    for (const id of [...late, alone]) {
      const { size, announced, endsOfRib, runs } = scene.books.get(id)!;
      expect({ size, announced, endsOfRib }).toEqual({
        size: COUNT,
        announced: COUNT,
        endsOfRib: 1,
      });
      expect(runs).toBe((COUNT - IN_THE_LAST) / OF_ONE_SET + 1);
    }
    expect(scene.slices).toBeGreaterThan(20);
    scene.expectBounded();
  });

  test("what changes while it is told is told once more, and what is gone is withdrawn if it was told", () => {
    const { scene, source } = stage();
    const other = scene.add(17);
    const late = scene.add(13);
    let changed = 0;
    // The other peer's routes are better in some slices, and gone in others.
    scene.settle((slice) => {
      const from = (slice * 7919) % (COUNT - UPDATE_SIZE);
      if (slice % 2 === 0 && slice < 120)
        scene.announce(source, from, from + 300, 1_000_000 + slice);
      if (slice % 2 === 1 && slice < 120) changed += withdraw(scene, source, from, from + 200);
    });
    expect(changed).toBeGreaterThan(1000);
    const { known, endsOfRib } = scene.books.get(late)!;
    expect(endsOfRib).toBe(1);
    expect(known).toEqual(scene.books.get(other)!.known);
    expect(scene.books.get(late)!.size).toBe(scene.rib.counts().prefixes);
    scene.expectBounded();
  });

  test("is told again on request, and what is asked for meanwhile comes after that", () => {
    const { scene, listener } = stage();
    const book = scene.books.get(listener)!;
    const ends: number[] = [];
    for (let count = 0; count < 2; count++) {
      scene.once(() => scene.rib.refresh(listener, 4, () => ends.push(book.announced)));
    }
    scene.settle((slice) => {
      if (slice === 3) scene.rib.refresh(listener, 4, () => ends.push(book.announced));
    });
    expect(ends).toEqual([2 * COUNT, 2 * COUNT, 3 * COUNT]);
    expect([book.size, book.endsOfRib]).toEqual([COUNT, 1]);
    scene.expectBounded();
  });

  test("waits for a peer that takes nothing, and keeps no other waiting", () => {
    const { scene, source } = stage();
    const [slow, prompt] = [scene.add(13), scene.add(14)];
    scene.settle((slice) => {
      if ((scene.books.get(slow)?.announced ?? 0) > 20_000) scene.rib.lag(slow);
      if (slice === 100) scene.announce(source, 0, UPDATE_SIZE, 1_000_000);
    });
    const told = scene.books.get(slow)!.announced;
    expect(scene.books.get(prompt)).toMatchObject({ size: COUNT, endsOfRib: 1 });
    expect(told).toBeLessThan(20_000 + 2 * MOST_TOLD);
    expect(scene.books.get(slow)!.endsOfRib).toBe(0);
    scene.rib.catchUp(slow);
    scene.settle();
    expect(scene.books.get(slow)).toMatchObject({ size: COUNT, endsOfRib: 1 });
    expect(scene.books.get(slow)!.known).toEqual(scene.books.get(prompt)!.known);
    scene.expectBounded();
  });

  test("changes for a peer whose export policy is another, but for what stays as it is", () => {
    const { scene, listener } = stage();
    const book = scene.books.get(listener)!;
    const half: RoutePolicy = ({ prefix }) => ({
      accept: ((prefix.w0 >>> 8) & 1) === 0,
      reason: "every other one",
    });
    const even = { ...policies, importPolicy: scene.judge, exportPolicy: half, exportKey: "half" };
    scene.once(() => scene.rib.setPolicies(listener, even));
    scene.settle();
    expect([book.size, book.announced]).toEqual([COUNT / 2, COUNT]);
    scene.once(() => scene.rib.setPolicies(listener, { ...policies, importPolicy: scene.judge }));
    scene.settle();
    expect([book.size, book.announced]).toEqual([COUNT, 1.5 * COUNT]);
    scene.expectBounded();
  });

  test("is judged anew by another import policy", () => {
    const { scene, source, listener } = stage();
    const refuse: RoutePolicy = (route) => ({ ...scene.judge(route), accept: false });
    scene.once(() => scene.rib.setPolicies(source, { ...policies, importPolicy: refuse }));
    scene.settle();
    expect(scene.rib.peerCounts(source)).toMatchObject({ received: COUNT, accepted: 0, best: 0 });
    expect(scene.books.get(listener)!.size).toBe(0);
    scene.expectBounded();
  });

  test("is decided anew when next hops or choices are others", () => {
    const { scene } = stage();
    const { decisions } = scene.rib.effort;
    scene.cost = 1;
    scene.once(() => scene.rib.nextHopsChanged());
    scene.settle();
    expect(scene.rib.effort.decisions - decisions).toBe(COUNT);
    const selection = { ...PLAIN_SELECTION, alwaysCompareMed: true };
    scene.once(() => scene.rib.setSelection(selection));
    scene.settle();
    expect(scene.rib.effort.decisions - decisions).toBe(2 * COUNT);
    scene.expectBounded();
  });

  test("goes with its peer: nobody sees or chooses what is left of it", () => {
    const { scene, source, listener } = stage();
    const other = scene.add(17);
    scene.announce(other, 0, 10);
    scene.settle();
    scene.remove(source);
    const { announced } = scene.books.get(listener)!;
    // What is decided for another reason meanwhile is decided among the peers that are there.
    scene.announce(other, COUNT - 10, COUNT);
    expect(scene.rib.counts().paths).toBe(20);
    expect(scene.rib.routes().length).toBe(20);
    expect(scene.rib.lookup(prefixAt(COUNT - 1))?.paths.map(({ peer }) => peer)).toEqual([
      "external 17",
    ]);
    expect(scene.rib.lookup(prefixAt(1000))).toBeUndefined();
    scene.settle(() => expect(scene.rib.counts().paths).toBe(20));
    expect(scene.books.get(listener)).toMatchObject({ size: 20 });
    expect(scene.books.get(listener)!.announced - announced).toBeLessThanOrEqual(20);
    expect(scene.rib.counts()).toMatchObject({ prefixes: 20, paths: 20 });
    scene.expectBounded();
  });

  test("becomes stale, long-lived stale, is told again in part, and the rest is swept", () => {
    const { scene, source, listener } = stage();
    scene.once(() => scene.rib.retain(source, [4]));
    scene.settle();
    expect(scene.rib.peerCounts(source)).toMatchObject({ stale: COUNT, best: COUNT });
    scene.once(() => scene.rib.age(source, 4));
    scene.settle();
    // Who does not know long-lived stale routes is told none (RFC 9494 section 4.3).
    expect(scene.books.get(listener)!.size).toBe(0);
    const peer = peerAt(11, "external", { importPolicy: scene.judge });
    const record = { ...peer, wire: { ...peer.wire, families: [4 as const] } };
    scene.once(() => scene.rib.resume(source, record));
    scene.announce(source, 0, 5000);
    scene.settle();
    expect(scene.books.get(listener)!.size).toBe(5000);
    scene.once(() => scene.rib.sweep(source, 4, "all"));
    // One that is swept already comes back before its row is gone.
    scene.announce(source, COUNT - 1, COUNT);
    expect(scene.rib.lookup(prefixAt(5000))).toBeUndefined();
    scene.settle();
    expect(scene.rib.peerCounts(source)).toMatchObject({
      received: 5001,
      accepted: 5001,
      best: 5001,
      stale: 0,
    });
    expect(scene.books.get(listener)!.size).toBe(5001);
    expect(scene.rib.counts()).toMatchObject({ prefixes: 5001, paths: 5001 });
    scene.expectBounded();
  });

  test("is told anew by its peer, who has less now (RFC 7313)", () => {
    const { scene, source, listener } = stage();
    scene.once(() => scene.rib.beginRefresh(source, 4));
    scene.announce(source, 0, 1000);
    scene.once(() => scene.rib.endRefresh(source, 4));
    scene.settle();
    expect(scene.rib.counts()).toMatchObject({ prefixes: 1000, paths: 1000 });
    expect(scene.books.get(listener)!.size).toBe(1000);
    scene.expectBounded();
  });

  test("is kept for a peer that has to hear that it is gone, and no longer", () => {
    const { scene, source, listener } = stage();
    scene.add(13);
    scene.settle();
    scene.rib.lag(listener);
    scene.remove(source);
    scene.settle();
    expect(scene.rib.counts()).toMatchObject({ prefixes: COUNT, paths: 0 });
    scene.rib.catchUp(listener);
    scene.settle();
    expect(scene.books.get(listener)!.size).toBe(0);
    expect(scene.rib.counts()).toMatchObject({ prefixes: 0, attributeSets: 0 });
    scene.expectBounded();
  });

  test("leaves nothing in a group that everybody has left", () => {
    const { scene, source } = stage();
    const alone = scene.add(16, { exportKey: "another" });
    scene.settle();
    scene.remove(alone);
    scene.remove(source);
    scene.settle();
    expect(scene.rib.counts()).toMatchObject({ prefixes: 0, attributeSets: 0, updateGroups: 1 });
    scene.expectBounded();
  });
});

/** How many were there. */
function withdraw(scene: Stage, id: PeerId, from: number, to: number): number {
  const withdrawn = Array.from({ length: to - from }, (_, at) => prefixAt(from + at));
  const update = {
    type: "update" as const,
    announced: [],
    withdrawn,
    attributes: undefined,
    faults: [],
  };
  const bytes = encode(update, { ...peerAt(11, "external").wire });
  return scene.rib.receive(id, bytes, HEADER_LENGTH, bytes.length).withdrawn;
}
