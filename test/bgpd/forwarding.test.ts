/** When everything is compared with the kernel, and how long others wait for it: by a clock that reading dumps moves. */

import { beforeEach, describe, expect, test } from "bun:test";
import { Forwarding, ROUTE_METRIC, ROUTE_PROTOCOL } from "../../bgpd/forwarding.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { createMemoryHost, type MemoryHost } from "../../kernel/memory.ts";
import { parseAddress } from "../../lib/address.ts";
import { type Clock, type Timer, VirtualClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { formatPrefix, type Prefix, parseInterfaceAddress, parsePrefix } from "../../lib/prefix.ts";

const COUNT = 100;
/** As the daemon's, ms. */
const SLICE = 5;
/** What reading one route of a dump takes, ms. */
const READ = 1;

class BusyClock implements Clock {
  readonly virtual = new VirtualClock();
  #spent = 0;

  now(): number {
    return this.virtual.now() + this.#spent;
  }

  date(): number {
    return this.now();
  }

  after(delay: number, run: () => void): Timer {
    return this.virtual.after(delay, run);
  }

  spend(milliseconds: number): void {
    this.#spent += milliseconds;
  }
}

let clock: BusyClock;
let host: MemoryHost;
let kernel: Kernel;
let forwarding: Forwarding;
/** How long each turn of work took, ms. */
let turns: number[];
/** When comparisons began. */
let began: number[];
/** Dumps of routes that were taken in one turn. */
let wholeDumps: number;
/** How often next hops may have moved. */
let moves: number;
/** Links that were asked for, one by one. */
let questions: number;

const destinationOf = (index: number): Prefix => parsePrefix(`10.0.${index}.0/24`);

/** Reading takes time. */
function busy(kernel: Kernel): Kernel {
  const routesInParts: Kernel["routesInParts"] = (filter) => {
    if (filter.family === 4) began.push(clock.now());
    const dump = kernel.routesInParts(filter);
    const next = () => {
      const part = dump.next();
      clock.spend(READ * (part?.length ?? 0));
      return part;
    };
    return { isTorn: false, next, close: () => dump.close() };
  };
  return new Proxy(kernel, {
    get(target, key) {
      if (key === "routesInParts") return routesInParts;
      if (key === "routes") wholeDumps++;
      if (key === "link") questions++;
      const value = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Works as the daemon does: in turns, as long as there is more. */
function start(table = 254): void {
  let isDue = false;
  const schedule = (): void => {
    if (isDue) return;
    isDue = true;
    clock.after(1, () => {
      isDue = false;
      const start = clock.now();
      const isMore = forwarding.flush(SLICE, "all");
      turns.push(clock.now() - start);
      if (isMore) schedule();
    });
  };
  forwarding = new Forwarding({
    clock,
    log: silentLogger(),
    kernel: busy(host.kernel()),
    table,
    nextHopsOf: () => [],
    bestOf: () => undefined,
    onMoved: () => moves++,
    onReaddressed: () => {},
    onWork: schedule,
  });
  schedule();
}

function want(index: number): void {
  const best = { source: "local" as const, nextHop: undefined, peer: "" };
  forwarding.install({ prefix: destinationOf(index), best }, { unprogrammed: [] });
}

const remove = (index: number): void =>
  kernel.apply({
    type: "delete route",
    route: { destination: destinationOf(index), protocol: ROUTE_PROTOCOL, metric: ROUTE_METRIC },
  });

const installed = (): string[] =>
  kernel.routes({ protocol: ROUTE_PROTOCOL }).map(({ destination }) => formatPrefix(destination));

/** Let time go on, by single milliseconds, until it is so. */
function until(isSo: () => boolean): void {
  for (let count = 0; !isSo(); count++) {
    if (count > 5000) throw new Error("it does not come to that");
    clock.virtual.advance(1);
  }
}

const isComparing = (): boolean => forwarding.fib?.isComparing === true;

beforeEach(() => {
  clock = new BusyClock();
  host = createMemoryHost({ defer: (run) => void clock.after(0, run), dumpPart: 1 });
  kernel = host.kernel();
  turns = [];
  began = [];
  moves = 0;
  wholeDumps = 0;
  questions = 0;
  start();
  for (let index = 0; index < COUNT; index++) want(index);
  clock.virtual.advance(10);
  expect(installed().length).toBe(COUNT);
  turns = [];
  began = [];
});

describe("when events were lost", () => {
  test("everything is compared, and nobody waits longer than a slice and a part", () => {
    remove(7);
    wholeDumps = 0;
    host.overrun();
    until(() => installed().length === COUNT);
    expect(wholeDumps).toBe(0);
    expect(began.length).toBe(1);
    expect(Math.max(...turns)).toBeLessThanOrEqual(SLICE + READ);
    expect(turns.reduce((sum, one) => sum + one)).toBeGreaterThanOrEqual(COUNT * READ - 1);
  });

  test("again meanwhile, it comes to its end and is told before it is done once more, after a rest", () => {
    host.overrun();
    until(isComparing);
    want(COUNT);
    clock.virtual.advance(5);
    // It has been read.
    remove(0);
    host.overrun();
    until(() => !isComparing());
    clock.virtual.advance(1);
    const ended = clock.now();
    expect(installed()).toContain("10.0.100.0/24");
    until(isComparing);
    expect(clock.now() - ended).toBeGreaterThanOrEqual(5 * COUNT * READ - 10);
    until(() => installed().length === COUNT + 1);
    expect(began.length).toBe(2);
    // The rest after the second is for the second alone.
    const endedAgain = clock.now();
    host.overrun();
    until(() => began.length === 3);
    expect(clock.now() - endedAgain).toBeLessThanOrEqual(5 * (COUNT + 1) * READ + 50);
  });

  test("while it rests from a comparison, one more follows and no two", () => {
    host.overrun();
    until(isComparing);
    until(() => !isComparing());
    remove(3);
    for (const wait of [20, 20, 20]) {
      host.overrun();
      clock.virtual.advance(wait);
    }
    expect(began.length).toBe(1);
    until(() => installed().length === COUNT);
    clock.virtual.advance(5000);
    expect(began.length).toBe(2);
  });

  test("and routes move meanwhile, the next rest is for the comparison that this takes", () => {
    host.overrun();
    until(isComparing);
    until(() => !isComparing());
    // Most of the rest is over.
    clock.virtual.advance(4 * COUNT * READ);
    forwarding.move({ 4: 512, 6: 512 });
    until(() => began.length === 2);
    until(() => !isComparing());
    const ended = clock.now();
    host.overrun();
    until(() => began.length === 3);
    expect(clock.now() - ended).toBeGreaterThanOrEqual(5 * COUNT * READ - 10);
    until(() => !isComparing());
    clock.virtual.advance(5000);
    expect(began.length).toBe(3);
  });

  /** So many ms after the events of a moment. */
  const stopped = (after: number): void => {
    host.overrun();
    clock.virtual.advance(after);
    forwarding.stop();
  };
  const compared = (): void => {
    host.overrun();
    until(isComparing);
    until(() => !isComparing());
  };

  test.each([
    ["after it was stopped", [() => forwarding.stop(), () => host.overrun()], 0],
    ["and it is stopped before it looks", [() => stopped(5)], 0],
    ["and it is stopped while it rests", [compared, () => stopped(20)], 1],
  ])("%s, no comparison begins any more", (_, steps, comparisons) => {
    for (const step of steps) step();
    clock.virtual.advance(5000);
    expect(began.length).toBe(comparisons);
  });
});

test("next hops are asked for anew after a comparison that finds others' routes changed, and after no other", () => {
  const nextHop = parseAddress("192.0.2.1");
  const compare = (): void => {
    host.overrun();
    until(isComparing);
    until(() => !isComparing());
    clock.virtual.advance(20);
  };
  expect(forwarding.resolve(nextHop).reason).toBe("no route to next hop 192.0.2.1");
  moves = 0;
  compare();
  expect(moves).toBe(0);
  const theirs = { destination: parsePrefix("192.0.2.0/24"), protocol: 4 };
  kernel.apply({ type: "add route", route: { ...theirs, type: "blackhole" } });
  until(() => began.length === 1);
  compare();
  expect(moves).toBe(1);
  expect(forwarding.resolve(nextHop).reason).not.toBe("no route to next hop 192.0.2.1");
});

test("in a table of our own routes are compared as well, and others' in the main table", () => {
  forwarding.stop();
  start(100);
  for (const index of [COUNT, COUNT + 1]) want(index);
  clock.virtual.advance(1000);
  expect(installed().length).toBe(COUNT + 2);
  const destination = destinationOf(COUNT);
  const ours = { protocol: ROUTE_PROTOCOL, metric: ROUTE_METRIC };
  kernel.apply({ type: "delete route", route: { destination, table: 100, ...ours } });
  const theirs = { destination: parsePrefix("192.0.2.0/24"), protocol: 4 };
  kernel.apply({ type: "add route", route: { ...theirs, type: "blackhole" } });
  moves = 0;
  wholeDumps = 0;
  host.overrun();
  until(() => installed().length === COUNT + 2);
  expect(wholeDumps).toBe(0);
  clock.virtual.advance(20);
  expect(moves).toBe(1);
});

test("a successor knows at once that somebody was here, and reads the rest in slices", () => {
  forwarding.stop();
  turns = [];
  const before = clock.now();
  start();
  expect(clock.now() - before).toBeLessThanOrEqual(2 * READ);
  expect(forwarding.fib?.counts().stale).toBeGreaterThan(0);
  expect(isComparing()).toBe(true);
  until(() => !isComparing());
  expect(forwarding.fib?.counts().stale).toBe(COUNT);
  expect(Math.max(...turns)).toBeLessThanOrEqual(SLICE + READ);
});

test("all is taken out at the end, also what is still being read", () => {
  forwarding.stop();
  start();
  forwarding.stop();
  forwarding.clear(SLICE);
  expect(installed()).toEqual([]);
});

test("the link of a next hop is known by events: no question for each route that a filter asks about", () => {
  kernel.apply({ type: "create veth", end: { name: "eth0" }, peer: { name: "far" } });
  for (const link of ["far", "eth0"]) kernel.apply({ type: "set link", link, up: true });
  kernel.apply({ type: "add address", link: "eth0", ...parseInterfaceAddress("172.30.0.11/24") });
  clock.virtual.advance(10);
  const nextHop = parseAddress("172.30.0.1");
  expect(forwarding.interfaceOf(nextHop)).toBe("eth0");
  const index = kernel.link("eth0")?.index ?? 0;
  expect(forwarding.linkName(index)).toBe("eth0");
  kernel.apply({ type: "set link", link: "eth0", up: false });
  kernel.apply({ type: "set link", link: "eth0", name: "uplink0" });
  kernel.apply({ type: "set link", link: "uplink0", up: true });
  clock.virtual.advance(10);
  expect(forwarding.interfaceOf(nextHop)).toBe("uplink0");
  kernel.apply({ type: "delete link", link: "uplink0" });
  clock.virtual.advance(10);
  expect(forwarding.interfaceOf(nextHop)).toBeUndefined();
  expect(forwarding.linkName(index)).toBe(`link ${index}`);
  expect(questions).toBe(0);
});

test("where others have many routes, what only a dump can tell is read in slices, and once more where it changes meanwhile", () => {
  const [MANY, PART] = [4001, 50];
  forwarding.stop();
  host = createMemoryHost({ defer: (run) => void clock.after(0, run), dumpPart: PART });
  kernel = host.kernel();
  start();
  for (let index = 0; index < MANY; index++) {
    const destination = parsePrefix(`198.${18 + (index >> 8)}.${index & 255}.0/24`);
    kernel.apply({ type: "add route", route: { destination, protocol: 4, type: "blackhole" } });
  }
  kernel.apply({ type: "set link", link: "lo", up: true });
  kernel.apply({ type: "add nexthop", nexthop: { id: 7, blackhole: true } });
  const theirs = { destination: parsePrefix("192.0.2.0/24"), protocol: 4, nexthop: 7 };
  kernel.apply({ type: "add route", route: theirs });
  clock.virtual.advance(6 * MANY * READ);
  wholeDumps = 0;
  turns = [];
  began = [];
  const change = (): void =>
    kernel.apply({ type: "change nexthop", nexthop: { id: 7, blackhole: true } });
  change();
  until(isComparing);
  clock.virtual.advance(MANY / PART / 2);
  expect(isComparing()).toBe(true);
  change();
  until(() => !isComparing());
  expect(began.length).toBe(1);
  clock.virtual.advance(6 * MANY * READ);
  until(() => !isComparing());
  clock.virtual.advance(12 * MANY * READ);
  expect(began.length).toBe(2);
  expect(wholeDumps).toBe(0);
  expect(Math.max(...turns)).toBeLessThanOrEqual(SLICE + PART * READ);
  expect(forwarding.resolve(parseAddress("192.0.2.1")).reason).toContain("blackhole");
});
