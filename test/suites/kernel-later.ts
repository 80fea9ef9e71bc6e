/** What every Kernel does with requests while the caller goes on; part of the suite of `kernel.ts`. */

import { beforeEach, describe, expect, test } from "bun:test";
import type { Kernel, KernelError, RoutingRequest, Undertaking } from "../../kernel/kernel.ts";
import { formatPrefix } from "../../lib/prefix.ts";
import { BLACKHOLES, blackhole, destinationOf, type KernelHarness, net } from "./kernel-words.ts";

/** More than one write takes. */
const COUNT = 1500;

export function kernelLaterSuite(current: () => KernelHarness): void {
  describe("requests that are told by another", () => {
    let host: Kernel;
    let second: Kernel;

    beforeEach(() => {
      ({ host, second } = current());
    });

    const all = (type: "add" | "delete"): RoutingRequest[] =>
      Array.from({ length: COUNT }, (_, index) => blackhole(type, destinationOf(index)));

    const there = (): string[] =>
      second
        .routes({ family: 4, protocol: BLACKHOLES })
        .map(({ destination }) => formatPrefix(destination));

    function landed(undertaking: Undertaking): readonly (KernelError | undefined)[] {
      for (;;) {
        const outcomes = undertaking.outcomes(1000);
        if (outcomes !== undefined) return outcomes;
      }
    }

    test("are done once the outcomes are there, one for each", () => {
      const outcomes = landed(host.applyLater(all("add")));
      expect(outcomes).toEqual(Array.from({ length: COUNT }, () => undefined));
      expect(there().length).toBe(COUNT);
      expect(landed(host.applyLater(all("delete"))).every((error) => error === undefined)).toBe(
        true,
      );
      expect(there()).toEqual([]);
    });

    test("tell the same outcomes whenever they are asked for", () => {
      const undertaking = host.applyLater([blackhole("delete", "10.9.0.0/16")]);
      const outcomes = landed(undertaking);
      expect(outcomes.map((error) => error?.code)).toEqual(["ESRCH"]);
      expect(undertaking.outcomes(0)).toEqual([...outcomes]);
    });

    test("fail each on its own, in their places", () => {
      host.applyAll(all("add").filter((_, index) => index % 3 === 0));
      const outcomes = landed(host.applyLater(all("add")));
      expect(outcomes.map((error) => error?.code)).toEqual(
        Array.from({ length: COUNT }, (_, index) => (index % 3 === 0 ? "EEXIST" : undefined)),
      );
      expect(outcomes[0]?.message).toBe(
        "RTM_NEWROUTE blackhole 10.1.0.0/32: exists already (EEXIST)",
      );
      expect(there().length).toBe(COUNT);
    });

    test("that nobody can write fail in their places too", () => {
      const nowhere: RoutingRequest = {
        type: "add nexthop",
        nexthop: { id: 7, link: "nope" },
      };
      const outcomes = landed(
        host.applyLater([
          blackhole("add", "10.1.0.0/24"),
          nowhere,
          blackhole("add", "10.2.0.0/24"),
        ]),
      );
      expect(outcomes.map((error) => error?.code)).toEqual([undefined, "ENODEV", undefined]);
      expect(there()).toEqual(["10.1.0.0/24", "10.2.0.0/24"]);
    });

    test("may be none", () => {
      expect(host.applyLater([]).outcomes(0)).toEqual([]);
    });

    test("leave the kernel free for what is asked meanwhile", () => {
      const undertaking = host.applyLater(all("add"));
      expect(host.link("lo")?.index).toBe(1);
      host.apply({
        type: "add route",
        route: { destination: net("10.9.0.0/16"), type: "blackhole" },
      });
      expect(landed(undertaking).every((error) => error === undefined)).toBe(true);
      expect(there().length).toBe(COUNT);
    });

    test("are not told to who listens to others", async () => {
      const heard: string[] = [];
      const stop = host.watch(
        ["route"],
        (event) => {
          if (event.type === "route") heard.push(formatPrefix(event.route.destination));
        },
        "others",
      );
      landed(host.applyLater(all("add").slice(0, 10)));
      second.apply(blackhole("add", "10.9.0.0/16"));
      await current().until(() => heard.length > 0);
      expect(heard).toEqual(["10.9.0.0/16"]);
      stop();
    });

    test("are at an end when the kernel is closed under them", () => {
      host.applyLater(all("add"));
      host.close();
      expect(() => host.applyLater(all("add"))).toThrow("the kernel is closed (EBADF)");
    });
  });
}
