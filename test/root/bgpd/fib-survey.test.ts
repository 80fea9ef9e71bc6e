/** Linux's own routes compared in steps, while another changes them. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createFib, type Fib } from "../../../bgpd/fib/fib.ts";
import type { Kernel, Request } from "../../../kernel/kernel.ts";
import { openKernel } from "../../../kernel/netlink.ts";
import { createNamespace, removeNamespace } from "../../../kernel/netns.ts";
import { formatPrefix, parsePrefix } from "../../../lib/prefix.ts";
import { isInside } from "../../interop/network.ts";

const PATH = "/run/fib-survey";
const PROTOCOL = 77;
const METRIC = 1024;
/** Routes of each family. */
const COUNT = 4000;

let kernel: Kernel;
let other: Kernel;
let fib: Fib;
let stop: () => void;

const destinations = {
  4: (index: number): string => `10.${index >> 8}.${index & 255}.0/24`,
  6: (index: number): string => `2001:db8:${index.toString(16)}::/48`,
};

const blackhole = (type: "add" | "replace" | "delete", destination: string): Request => ({
  type: `${type} route`,
  route: {
    destination: parsePrefix(destination),
    protocol: PROTOCOL,
    metric: METRIC,
    type: "blackhole",
  },
});

const there = (): string[] =>
  other
    .routes({ protocol: PROTOCOL })
    .map(({ destination }) => formatPrefix(destination))
    .sort();

describe.skipIf(!isInside)("a comparison with many routes", () => {
  beforeEach(() => {
    createNamespace(PATH);
    kernel = openKernel({ namespace: PATH });
    other = openKernel({ namespace: PATH });
    kernel.apply({ type: "set link", link: "lo", up: true });
    const resolve = () => ({ reachable: false, cost: 0 });
    const metrics = { 4: METRIC, 6: METRIC };
    fib = createFib({ kernel, protocol: PROTOCOL, metrics, resolve, now: () => 0 });
    stop = kernel.watch(["route", "nexthop"], (event) => fib.observe(event), "others");
    while (fib.isComparing || fib.flush(1000));
  });

  afterEach(() => {
    stop();
    kernel.close();
    other.close();
    removeNamespace(PATH);
  });

  for (const family of [4, 6] as const) {
    test(`of IPv${family} is done in steps, and right whatever another does between them`, async () => {
      const destinationOf = destinations[family];
      for (let index = 0; index < COUNT; index++) {
        fib.want(parsePrefix(destinationOf(index)), "blackhole");
      }
      fib.sweep();
      while (fib.flush(1000));
      const all = there();
      expect(all.length).toBe(COUNT);
      // What others do before is not told of: as if events had been lost.
      stop();
      other.apply(blackhole("delete", destinationOf(1)));
      stop = kernel.watch(["route", "nexthop"], (event) => fib.observe(event), "others");
      fib.resync();
      let steps = 0;
      let next = 2;
      while (fib.isComparing) {
        fib.flush(0);
        steps++;
        // Of those that have been read and of those that have not.
        for (const index of [next, COUNT - next]) {
          if (steps < 40) other.apply(blackhole("delete", destinationOf(index)));
        }
        next++;
        await Bun.sleep(0);
      }
      // A part holds some hundred.
      expect(steps).toBeGreaterThan(COUNT / 1000);
      expect(there().length).toBeLessThan(COUNT - 5);
      const end = performance.now() + 5000;
      while (there().length < COUNT) {
        if (performance.now() > end) throw new Error(`${COUNT - there().length} are missing`);
        while (fib.flush(1000));
        await Bun.sleep(1);
      }
      expect(there()).toEqual(all);
      expect(fib.failures()).toEqual([]);
    });
  }
});
