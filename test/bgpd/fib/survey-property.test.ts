/**
 * Whatever happens between the steps of comparisons, and while the kernel takes its time, by the RIB's wishes and by
 * others' hands, and however late it is told: in the end the kernel has what is wanted, and the FIB knows what it has.
 */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatAddress } from "../../../lib/address.ts";
import { formatPrefix } from "../../../lib/prefix.ts";
import { type Daemon, ip, PROTOCOL, Scene } from "./scene.ts";

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

const isSix = (prefix: string): boolean => prefix.includes(":");

class World {
  readonly scene: Scene;
  daemon: Daemon;
  /** Events were lost since the last comparison began. */
  #isOutdated = false;

  /** `delays`: how long the kernel takes for requests; it answers at once where there are none. */
  constructor(dumpPart: number, delays: readonly number[]) {
    let next = 0;
    const delay = (): number => delays[next++ % delays.length] ?? 0;
    this.scene = new Scene({ dumpPart, ...(delays.length > 0 ? { delay } : {}) });
    this.scene.address("eth0", "fd00:30::11/64");
    this.scene.address("eth1", "fd00:31::11/64");
    this.daemon = this.scene.begin();
  }

  do([what, prefix = "", choice = 0]: Deed): void {
    if (what === "step") this.step();
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

  /** A daemon that has yet to read what this one leaves. */
  #restart(): void {
    this.scene.deliver();
    this.daemon.stop();
    this.daemon = this.scene.begin();
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
    const otherwise = { nextHops: [{ gateway: ip(way ?? "") }] };
    try {
      if (what === "delete") this.scene.route("delete", prefix);
      if (what === "lead elsewhere") this.scene.route("replace", prefix, otherwise);
      if (what === "take the place")
        this.scene.route("replace", prefix, { protocol: 4, ...otherwise });
      if (what === "leave the place") this.scene.route("delete", prefix, { protocol: 4 });
      if (what === "delete an object") {
        const { id } = this.scene.kernel.nexthops()[0] ?? { id: 0 };
        this.scene.kernel.apply({ type: "delete nexthop", id });
      }
    } catch {}
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

  step(): void {
    this.daemon.fib.flush(0);
    if (this.daemon.fib.isComparing || !(this.#isOutdated || this.daemon.fib.isUnsure)) return;
    this.#isOutdated = false;
    this.daemon.fib.resync();
  }

  /** All is told and done. */
  settle(): void {
    for (let times = 0; times < 3; times++) {
      this.daemon.settle();
      this.step();
    }
    this.daemon.settle();
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

const prefixes = fc.constantFrom(...PREFIXES);
const others = fc.constantFrom(
  "delete",
  "lead elsewhere",
  "take the place",
  "leave the place",
  "delete an object",
);
const rest = fc.constantFrom("mend", "mend", "overrun", "resync", "flap", "sweep", "restart");
const deeds: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Deed>(["step"]) },
  { weight: 4, arbitrary: fc.tuple(fc.constant("want"), prefixes, fc.nat(9)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("unwant"), prefixes) },
  { weight: 5, arbitrary: fc.tuple(others, prefixes) },
  { weight: 7, arbitrary: fc.tuple(rest) },
);

describe("after whatever has happened", () => {
  test("the kernel has what is wanted, and the FIB knows what it has", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.oneof(fc.constant([]), fc.array(fc.nat(4), { minLength: 1, maxLength: 20 })),
        fc.array(deeds, { minLength: 15, maxLength: 80, size: "max" }),
        (part, delays, all) => {
          const world = new World(part, delays);
          for (const deed of all) world.do(deed);
          world.yield();
          world.settle();
          world.daemon.fib.sweep();
          world.settle();
          // What another has made in our name where we want nothing is found by a comparison alone.
          expect(world.there()).toEqual(expect.arrayContaining(world.wanted()));
          world.daemon.resync();
          expect(world.there()).toEqual(world.wanted());
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
