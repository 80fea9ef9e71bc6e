/** What every Kernel does with dumps that are taken in parts; part of the suite of `kernel.ts`. */

import { beforeEach, describe, expect, test } from "bun:test";
import type { Kernel, Request, RouteDump } from "../../kernel/kernel.ts";
import { formatPrefix } from "../../lib/prefix.ts";
import { BLACKHOLES, blackhole, destinationOf, type KernelHarness, net } from "./kernel-words.ts";

/** More than some parts hold. */
const COUNT = 2000;

export function kernelDumpSuite(current: () => KernelHarness): void {
  describe("a dump of routes in parts", () => {
    let host: Kernel;
    let second: Kernel;

    beforeEach(() => {
      ({ host, second } = current());
      const all = Array.from({ length: COUNT }, (_, index) => destinationOf(index));
      host.applyAll(all.map((destination) => blackhole("add", destination)));
    });

    /** What the parts tell, calling `between` with their number after each. */
    function told(dump: RouteDump, between: (part: number) => void = () => {}): string[] {
      const routes: string[] = [];
      let part = 0;
      for (let some = dump.next(); some !== undefined; some = dump.next()) {
        routes.push(...some.map(({ destination }) => formatPrefix(destination)));
        between(part++);
      }
      return routes;
    }

    const all = (): string[] =>
      host
        .routes({ family: 4, protocol: BLACKHOLES })
        .map(({ destination }) => formatPrefix(destination));

    test("tells what a dump tells, of one family, table and protocol", () => {
      host.apply(blackhole("add", "10.9.0.0/24", 100));
      host.apply({
        ...blackhole("add", "10.8.0.0/24"),
        route: { destination: net("10.8.0.0/24"), type: "blackhole" },
      } as Request);
      let parts = 0;
      const routes = told(host.routesInParts({ family: 4, protocol: BLACKHOLES }), () => parts++);
      expect(routes.toSorted()).toEqual(all().toSorted());
      expect(routes).toContain("10.9.0.0/24");
      expect(routes).not.toContain("10.8.0.0/24");
      expect(parts).toBeGreaterThan(2);
      const other = { family: 4, table: 100, protocol: BLACKHOLES } as const;
      expect(told(host.routesInParts(other))).toEqual(["10.9.0.0/24"]);
      expect(told(host.routesInParts({ ...other, table: 101 }))).toEqual([]);
    });

    test("leaves room for whatever else is asked", () => {
      const routes = told(host.routesInParts({ family: 4, protocol: BLACKHOLES }), (part) => {
        expect(host.links().length).toBeGreaterThan(0);
        if (part > 2) return;
        expect(host.routes({ protocol: BLACKHOLES }).length).toBe(COUNT + part);
        // Behind what is told: it may be in the dump or not.
        host.apply(blackhole("add", `10.200.${part}.0/24`));
      });
      expect(routes.filter((text) => text.startsWith("10.1.")).length).toBe(COUNT);
    });

    test("tells once of each route of IPv4 that nobody touches, whatever comes and goes beside it", () => {
      const gone = (index: number): boolean => index % 3 === 0;
      let next = 0;
      const routes = told(host.routesInParts({ family: 4, protocol: BLACKHOLES }), (part) => {
        second.apply(blackhole("add", `10.0.${part}.0/24`));
        for (; next < Math.min(COUNT, 600 * (part + 1)); next++) {
          if (gone(next)) second.apply(blackhole("delete", destinationOf(next)));
        }
      });
      const stayed = Array.from({ length: COUNT }, (_, index) => index)
        .filter((index) => !gone(index))
        .map(destinationOf);
      const seen = new Set(stayed);
      expect(routes.filter((text) => seen.has(text)).toSorted()).toEqual(stayed.toSorted());
    });

    test("is broken off by closing it", () => {
      const dump = host.routesInParts({ family: 4, protocol: BLACKHOLES });
      expect(dump.next()?.length).toBeGreaterThan(0);
      dump.close();
      dump.close();
      expect(dump.next()).toBeUndefined();
      expect(all().length).toBe(COUNT);
    });
  });
}
