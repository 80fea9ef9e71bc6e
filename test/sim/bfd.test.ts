/** Two sessions over a link that loses and delays packets, on a virtual clock, from seeds. */

import { describe, expect, test } from "bun:test";
import type { Bfd, SessionChange, SessionPlan } from "../../bgpd/bfd/bfd.ts";
import { MemoryBfdNetwork } from "../../bgpd/bfd/memory.ts";
import { parseAddress } from "../../lib/address.ts";
import { VirtualClock } from "../../lib/clock.ts";
import { seeded } from "./world.ts";

const SEEDS = Array.from({ length: 40 }, (_, index) => index + 1);
const [A, B] = [parseAddress("10.0.0.1"), parseAddress("10.0.0.2")];

const PLAN: SessionPlan = {
  local: A,
  remote: B,
  link: 0,
  multihop: false,
  minimumTtl: 1,
  detectMultiplier: 3,
  minTransmitInterval: 100,
  minReceiveInterval: 100,
  authentication: undefined,
};

type Pair = {
  readonly clock: VirtualClock;
  readonly network: MemoryBfdNetwork;
  readonly ends: readonly [Bfd, Bfd];
  readonly changes: (SessionChange & { readonly at: number })[];
  /** Other parameters for one end. */
  set(index: 0 | 1, plan: Partial<SessionPlan>): void;
  isUp(): boolean;
  /** ms until it holds. */
  until(condition: () => boolean, limit: number): number;
};

function pair(
  seed: number,
  conditions: { readonly loss?: number; readonly latency?: number } = {},
  plan: Partial<SessionPlan> = {},
): Pair {
  const clock = new VirtualClock();
  const random = seeded(seed);
  const { loss = 0, latency = 20 } = conditions;
  const network = new MemoryBfdNetwork({ clock, random, loss, latency: () => random() * latency });
  const changes: Pair["changes"] = [];
  const join = (): Bfd => network.join()((change) => changes.push({ ...change, at: clock.now() }));
  const ends = [join(), join()] as const;
  const set = (index: 0 | 1, more: Partial<SessionPlan>): void => {
    const sides = index === 0 ? { local: A, remote: B } : { local: B, remote: A };
    ends[index].set("peer", { ...PLAN, ...plan, ...more, ...sides });
  };
  set(0, {});
  clock.advance(random() * 1000);
  set(1, {});
  return {
    clock,
    network,
    ends,
    changes,
    set,
    isUp: () => ends.every((end) => end.status("peer")?.state === "Up"),
    until(condition, limit) {
      const start = clock.now();
      while (!condition()) {
        if (clock.now() - start > limit) throw new Error(`seed ${seed}: not within ${limit} ms`);
        clock.advance(1);
      }
      return clock.now() - start;
    },
  };
}

const failures = ({ changes }: Pair): number => changes.filter(({ failure }) => failure).length;

describe("two sessions", () => {
  for (const detectMultiplier of [1, 3]) {
    test(`Detect Mult ${detectMultiplier}: Up within 3 s, and no failure in 10 minutes of a link without loss`, () => {
      for (const seed of SEEDS.slice(0, 8)) {
        // One packet in each detection time, however jitter and latency fall: 100 - 90 - 8 ms are left.
        const latency = detectMultiplier === 1 ? 8 : 20;
        const stage = pair(seed, { latency }, { detectMultiplier });
        stage.until(stage.isUp, 3000);
        stage.clock.advance(600_000);
        expect([seed, stage.isUp(), failures(stage)]).toEqual([seed, true, 0]);
      }
    });
  }

  test("a link that loses every fifth packet still comes up, and agrees on the timers", () => {
    for (const seed of SEEDS) {
      const stage = pair(seed, { loss: 0.2 });
      stage.until(
        () =>
          stage.isUp() &&
          stage.ends.every((end) => end.status("peer")?.detectionTime === 300) &&
          stage.ends.every((end) => end.status("peer")?.transmitInterval === 100),
        60_000,
      );
    }
  });

  test("a cut is noticed by both within the detection time, and not before its last packet allows", () => {
    for (const seed of SEEDS) {
      const stage = pair(seed);
      stage.until(stage.isUp, 3000);
      stage.clock.advance(5000 + seed * 17);
      const cut = stage.clock.now();
      stage.network.cut();
      stage.until(() => failures(stage) === 2, 400);
      for (const { at, failure, cause } of stage.changes) {
        if (!failure) continue;
        expect(cause).toBe("detection time expired");
        // The last one came up to an interval and a latency before.
        expect(at - cut).toBeLessThanOrEqual(300);
        expect(at - cut).toBeGreaterThanOrEqual(300 - 100 - 20);
      }
      stage.network.mend();
      stage.until(stage.isUp, 3000);
    }
  });

  test("timers that change again and again are agreed, whatever is lost, and the sessions stay Up", () => {
    for (const seed of SEEDS) {
      const stage = pair(seed, { loss: 0.05 }, { detectMultiplier: 8 });
      stage.until(stage.isUp, 30_000);
      const random = seeded(seed + 1000);
      for (let round = 0; round < 10; round++) {
        const interval = (): number => 50 + Math.floor(random() * 300);
        stage.set(random() < 0.5 ? 0 : 1, {
          minTransmitInterval: interval(),
          minReceiveInterval: interval(),
        });
        stage.clock.advance(random() * 400);
      }
      stage.set(0, { minTransmitInterval: 60, minReceiveInterval: 70 });
      stage.set(1, { minTransmitInterval: 80, minReceiveInterval: 90 });
      stage.until(() => {
        const [a, b] = stage.ends.map((end) => end.status("peer"));
        const isAgreed = a?.transmitInterval === 90 && b?.transmitInterval === 80;
        return isAgreed && a.detectionTime === 8 * 80 && b.detectionTime === 8 * 90;
      }, 10_000);
      expect([seed, failures(stage)]).toEqual([seed, 0]);
    }
  });

  test("keys of every type hold over loss, and a changed key takes the session down", () => {
    for (const type of [
      "keyed MD5",
      "meticulous keyed MD5",
      "keyed SHA1",
      "meticulous keyed SHA1",
    ] as const) {
      for (const seed of SEEDS.slice(0, 5)) {
        const key = (text: string) => ({ type, keyId: 1, key: new TextEncoder().encode(text) });
        const plan = { detectMultiplier: 5, authentication: key("one") };
        const stage = pair(seed, { loss: 0.05 }, plan);
        stage.until(stage.isUp, 30_000);
        stage.clock.advance(20_000);
        expect(failures(stage)).toBe(0);
        stage.set(0, { authentication: key("other") });
        stage.until(() => !stage.isUp(), 1000);
        stage.set(0, {});
        stage.until(stage.isUp, 30_000);
      }
    }
  });

  test("an end that restarts is Up again, and the other has known it", () => {
    for (const seed of SEEDS) {
      const stage = pair(seed);
      stage.until(stage.isUp, 3000);
      stage.clock.advance(1000);
      stage.ends[0].remove("peer");
      stage.until(() => stage.ends[1].status("peer")?.state === "Down", 20);
      stage.set(0, {});
      stage.until(stage.isUp, 5000);
      // AdminDown came first: the path itself has not failed.
      expect(failures(stage)).toBe(0);
    }
  });

  test("the same seed gives the same run", () => {
    const run = (): unknown => {
      const stage = pair(7, { loss: 0.3 });
      stage.clock.advance(60_000);
      return [stage.changes, stage.network.packets];
    };
    expect(run()).toEqual(run());
  });
});
