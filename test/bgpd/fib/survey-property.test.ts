/**
 * Whatever happens between the steps of comparisons, and while the kernel takes its time, by the RIB's wishes and by
 * others' hands, and however late it is told: in the end the kernel has what is wanted, and the FIB knows what it has.
 */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { FlushScope } from "../../../bgpd/fib/fib.ts";
import type { Request } from "../../../kernel/kernel.ts";
import { formatAddress } from "../../../lib/address.ts";
import { formatPrefix } from "../../../lib/prefix.ts";
import { type Daemon, ip, METRIC, PROTOCOL, Scene } from "./scene.ts";

const PREFIXES = [
  "10.0.0.0/8",
  "10.0.0.0/24",
  "10.1.0.0/24",
  "10.2.0.0/24",
  "10.3.0.0/24",
  "2001:db8:1::/48",
  "2001:db8:2::/48",
  "2001:db8:3::/48",
];
const FOUR = ["172.30.0.1", "172.30.0.12", "172.31.0.1"];
const SIX = ["fd00:30::1", "fd00:31::1"];

const METRICS = [METRIC, 2000, 3000];
/** No FIB needs so many turns for so little. */
const MOST_TURNS = 10_000;

const isSix = (prefix: string): boolean => prefix.includes(":");

class World {
  readonly scene: Scene;
  daemon: Daemon;
  /** Events were lost since the last comparison began. */
  #isOutdated = false;
  /** What the next requests are refused with. */
  #refusals: string[] = [];
  wasRefused = false;
  /** Another has made a route in our name where none was. */
  wasMade = false;

  /** `delays`: how long the kernel takes for requests; it answers at once where there are none. */
  constructor(dumpPart: number, delays: readonly number[]) {
    let next = 0;
    const delay = (): number => delays[next++ % delays.length] ?? 0;
    this.scene = new Scene({ dumpPart, ...(delays.length > 0 ? { delay } : {}) });
    this.scene.address("eth0", "fd00:30::11/64");
    this.scene.address("eth1", "fd00:31::11/64");
    this.scene.host.inject((request) => this.#refusalOf(request));
    this.daemon = this.scene.begin();
  }

  do([what, prefix = "", choice = 0]: Deed): void {
    if (what === "step") this.step();
    else if (what === "step of routes") this.step("routes");
    else if (what === "move") this.daemon.move(METRICS[choice % METRICS.length] ?? METRIC);
    else if (what === "clear") this.daemon.fib.clear();
    else if (what.startsWith("refuse")) this.#refuse(what.split(" ")[1] ?? "", choice % 4);
    else if (what === "want") this.#want(prefix, choice);
    else if (what === "unwant") this.daemon.unwant(prefix);
    else if (what === "mend") this.daemon.mend();
    else if (what === "overrun") this.#overrun();
    else if (what === "resync") this.daemon.fib.resync();
    else if (what === "flap") this.#flap();
    else if (what === "sweep") this.daemon.fib.sweep();
    else if (what === "restart") this.#restart();
    else this.#disturb(what, prefix);
  }

  /** A daemon that has yet to read what this one leaves, be it with another metric. */
  #restart(): void {
    this.scene.deliver();
    this.daemon.stop();
    const { metrics } = this.daemon;
    this.daemon = this.scene.begin();
    for (const metric of [...METRICS, metrics[4]]) this.daemon.move(metric);
  }

  #refuse(code: string, more: number): void {
    this.wasRefused = true;
    for (let count = 0; count <= more; count++) this.#refusals.push(code);
  }

  admit(): void {
    this.#refusals = [];
  }

  /** Linux finds no fault with the removal of what is there. */
  #refusalOf({ type }: Request): { readonly code: string } | undefined {
    if (!/ (route|nexthop)$/.test(type)) return undefined;
    if (type.startsWith("delete") && this.#refusals[0] !== "ENOBUFS") return undefined;
    const code = this.#refusals.shift();
    return code === undefined ? undefined : { code };
  }

  #want(prefix: string, choice: number): void {
    const hops = isSix(prefix) ? SIX : FOUR;
    const single = hops[choice % hops.length] ?? "";
    if (choice === 9) this.daemon.want(prefix, "blackhole");
    else if (choice > 5) this.daemon.want(prefix, ...hops.slice(0, 2));
    else this.daemon.want(prefix, single);
  }

  /** Another's hand; what it asks for in vain is nothing. */
  #disturb(what: string, prefix: string): void {
    const way = isSix(prefix) ? SIX[1] : FOUR[2];
    const metric = this.daemon.metrics[isSix(prefix) ? 6 : 4];
    const otherwise = { metric, nextHops: [{ gateway: ip(way ?? "") }] };
    const { scene } = this;
    try {
      if (what === "delete") scene.route("delete", prefix, { metric });
      if (what.startsWith("lead ") && !this.#has(prefix)) this.wasMade = true;
      if (what === "lead elsewhere") scene.route("replace", prefix, otherwise);
      if (what === "lead nowhere") scene.route("replace", prefix, { metric, type: "blackhole" });
      if (what === "take the place") scene.route("replace", prefix, { protocol: 4, ...otherwise });
      if (what === "leave the place") scene.route("delete", prefix, { protocol: 4, metric });
      if (what === "delete an object") {
        const all = scene.kernel.nexthops();
        const { id } = all[PREFIXES.indexOf(prefix) % all.length] ?? { id: 0 };
        scene.kernel.apply({ type: "delete nexthop", id });
      }
    } catch {}
  }

  #has(prefix: string): boolean {
    const metric = this.daemon.metrics[isSix(prefix) ? 6 : 4];
    return this.scene.kernel
      .routes({ protocol: PROTOCOL })
      .some((route) => route.metric === metric && formatPrefix(route.destination) === prefix);
  }

  #flap(): void {
    this.scene.set("eth0", "down");
    this.scene.set("eth0", "up");
    // Linux takes those of IPv6 along.
    this.scene.address("eth0", "fd00:30::11/64");
  }

  #overrun(): void {
    this.scene.host.overrun();
    this.#isOutdated = true;
  }

  step(scope: FlushScope = "all"): void {
    this.daemon.fib.flush(0, scope);
    if (this.daemon.fib.isComparing || !(this.#isOutdated || this.daemon.fib.isUnsure)) return;
    this.#isOutdated = false;
    this.daemon.fib.resync();
  }

  /** All is told and done. */
  settle(): void {
    for (let times = 0; times < 4; times++) {
      this.daemon.mend();
      this.#flush();
      if (times < 3) this.step();
    }
  }

  /** Everything is compared, and once more where the kernel had no room. */
  compare(): void {
    do {
      this.daemon.mend();
      this.daemon.fib.resync();
      this.#flush();
    } while (this.daemon.fib.isUnsure);
  }

  /** It comes to an end, however slow the kernel is. */
  #flush(): void {
    let turns = 0;
    while (this.daemon.fib.flush(1000)) if (++turns > MOST_TURNS) throw new Error("no end");
    // What was sent is forgotten.
    this.daemon.flush();
  }

  there(): string[] {
    return this.scene.kernel
      .routes({ protocol: PROTOCOL })
      .map(({ destination, nextHops }) =>
        [
          formatPrefix(destination),
          ...nextHops.map(({ gateway }) => (gateway === undefined ? "" : formatAddress(gateway))),
        ]
          .filter((word) => word !== "")
          .join(" "),
      )
      .toSorted();
  }

  /** What should be there: what is wanted and leads anywhere. */
  wanted(): string[] {
    return [...this.daemon.fib.wanted()]
      .filter(({ ways }) => ways.length > 0)
      .map(({ prefix, ways }) =>
        [
          formatPrefix(prefix),
          ...(ways === "blackhole" ? [] : ways.map(({ gateway }) => formatAddress(gateway))),
        ].join(" "),
      )
      .toSorted();
  }

  /** Others take their hands off our places. */
  yield(): void {
    for (const prefix of PREFIXES) this.#disturb("leave the place", prefix);
  }
}

type Deed = readonly [what: string, prefix?: string, choice?: number];

/** Mostly some few, of which more is told. */
const prefixes = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...PREFIXES) },
  { weight: 2, arbitrary: fc.constantFrom("10.0.0.0/8", "10.1.0.0/24", "2001:db8:1::/48") },
);
const others = fc.constantFrom(
  "delete",
  "lead elsewhere",
  "take the place",
  "leave the place",
  "lead nowhere",
  "delete an object",
);
const rest = fc.constantFrom("mend", "mend", "overrun", "resync", "flap", "sweep", "restart");
const rare = fc.constantFrom("move", "move", "clear", "refuse ENOBUFS", "refuse EINVAL");
const deeds: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom<Deed>(["step"], ["step"], ["step of routes"]) },
  { weight: 4, arbitrary: fc.tuple(fc.constant("want"), prefixes, fc.nat(9)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("unwant"), prefixes) },
  { weight: 3, arbitrary: fc.tuple(others, prefixes) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("delete"), prefixes) },
  { weight: 7, arbitrary: fc.tuple(rest) },
  { weight: 2, arbitrary: fc.tuple(rare, fc.constant(""), fc.nat(9)) },
);

describe("after whatever has happened", () => {
  test("the kernel has what is wanted, and the FIB knows what it has", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.oneof(fc.constant([]), fc.array(fc.nat(6), { minLength: 1, maxLength: 20 })),
        fc.array(deeds, { minLength: 15, maxLength: 80, size: "max" }),
        (part, delays, all) => {
          const world = new World(part, delays);
          for (const deed of all) world.do(deed);
          world.admit();
          world.yield();
          world.settle();
          world.daemon.fib.sweep();
          world.settle();
          // What is refused is asked for again when it is wanted anew, or after a comparison; and what another has
          // made in our name where we want nothing is found by a comparison alone.
          const wanted = world.wanted();
          if (!world.wasRefused) {
            expect(world.there()).toEqual(world.wasMade ? expect.arrayContaining(wanted) : wanted);
          }
          world.compare();
          expect(world.there()).toEqual(world.wanted());
          const { fib } = world.daemon;
          expect(fib.failures()).toEqual([]);
          expect(fib.outstanding()).toEqual({ pending: 0, refused: 0, unresolved: 0 });
          expect(fib.counts()).toMatchObject({ installed: world.there().length, stale: 0 });
          expect(world.daemon.resync()).toEqual([]);
          world.daemon.fib.clear();
          world.daemon.flush();
          expect(world.there()).toEqual([]);
          expect(world.scene.objects()).toEqual([]);
        },
      ),
      { numRuns: 800 },
    );
  });
});
