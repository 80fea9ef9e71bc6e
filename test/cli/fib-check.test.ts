import { describe, expect, test } from "bun:test";
import { formatFibCheck } from "../../cli/fib.ts";
import { compareFib } from "../../cli/fib-check.ts";
import { PLAIN_LOOK } from "../../cli/style.ts";
import type { Link, Route } from "../../kernel/kernel.ts";
import { parseAddress } from "../../lib/address.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import type { FibRouteAnswer, FibTableAnswer } from "../../resource/answer.ts";

const LINKS: Link[] = ["eth0", "eth1"].map((name, at) => {
  return { index: at + 1, name, mtu: 1500, up: true, carrier: true };
});

const route = (destination: string, spec: Partial<Route> = {}): Route => {
  const ours = { table: 254, protocol: 77, metric: 1024, scope: "global" } as const;
  const nextHops = [{ gateway: parseAddress("172.30.0.1"), link: 1 }];
  return { destination: parsePrefix(destination), type: "unicast", ...ours, nextHops, ...spec };
};

const WAY = { gateway: "172.30.0.1", link: "eth0", weight: 1, onLink: false };
const SECOND = { ...WAY, gateway: "fe80::7", link: "eth1", weight: 3 };

const wants = (prefix: string, spec: Partial<FibRouteAnswer> = {}): FibRouteAnswer => {
  return { prefix, ways: [WAY], reason: "", ...spec };
};

const table = (...routes: FibRouteAnswer[]): FibTableAnswer => {
  return {
    mode: "kernel",
    protocol: 77,
    metrics: { 4: 1024, 6: 2048 },
    table: 254,
    routes,
    left: [],
  };
};

/** `10.1.0.0/24 missing: somebody removed it`. */
const compare = (wanted: FibTableAnswer, ...routes: Route[]): string[] =>
  compareFib(wanted, routes, LINKS).map(
    ({ prefix, problem, reason }) => `${prefix} ${problem}: ${reason}`,
  );

describe("nothing differs", () => {
  test("where each wanted route is there with its ways, in whatever order", () => {
    const both = [
      { gateway: parseAddress("fe80::7"), link: 2, weight: 3 },
      { gateway: parseAddress("172.30.0.1"), link: 1 },
    ];
    expect(
      compare(
        table(
          wants("10.1.0.0/24"),
          wants("10.2.0.0/24", { ways: "blackhole" }),
          wants("10.3.0.0/24", { ways: [WAY, SECOND] }),
        ),
        route("10.1.0.0/24"),
        route("10.2.0.0/24", { type: "blackhole", nextHops: [] }),
        route("10.3.0.0/24", { nextHops: both }),
      ),
    ).toEqual([]);
  });
});

describe("what is left to others", () => {
  const left = { ...table(), left: [{ prefix: "10.244.2.0/24", reason: "in the pool" }] };

  test("is right where somebody has put it there, by whatever way", () => {
    expect(compare(left, route("10.244.2.0/24", { protocol: 80, metric: 0 }))).toEqual([]);
    expect(formatFibCheck({ wanted: 0, left: 1, differences: [] }, PLAIN_LOOK)).toBe(
      "the kernel has what is wanted: 0 routes, and 1 of somebody else's (programClusterRoutes)\n",
    );
  });

  test("is missing where nobody has, and alien where we have", () => {
    expect(compare(left)).toEqual(["10.244.2.0/24 missing: nobody has put it there: in the pool"]);
    expect(compare(left, route("10.244.2.0/24"), route("10.244.2.0/24", { protocol: 80 }))).toEqual(
      ["10.244.2.0/24 alien: in the pool"],
    );
  });
});

describe("a difference", () => {
  test("is a route that is missing, with what the daemon knows of it", () => {
    const refused = { ways: [], reason: "no route to next hop 192.0.2.1" };
    expect(compare(table(wants("10.1.0.0/24"), wants("10.2.0.0/24", refused)))).toEqual([
      "10.1.0.0/24 missing: somebody removed it",
      "10.2.0.0/24 missing: no route to next hop 192.0.2.1",
    ]);
  });

  test("is a route that leads elsewhere, by gateway, link, weight, word or number", () => {
    const gateway = parseAddress("172.30.0.1");
    for (const nextHops of [
      [{ gateway: parseAddress("172.30.0.2"), link: 1 }],
      [{ gateway, link: 2 }],
      [{ gateway, link: 1, weight: 2 }],
      [{ gateway, link: 1, onLink: true }],
      [
        { gateway, link: 1 },
        { gateway, link: 2 },
      ],
    ]) {
      expect(compare(table(wants("10.1.0.0/24")), route("10.1.0.0/24", { nextHops }))).toEqual([
        "10.1.0.0/24 different: somebody changed it",
      ]);
    }
  });

  test("is a route of ours that nobody wants, or that is elsewhere", () => {
    expect(
      compare(
        table(wants("10.1.0.0/24")),
        route("10.1.0.0/24"),
        route("10.9.0.0/24"),
        route("10.1.0.0/24", { metric: 7 }),
      ),
    ).toEqual([
      "10.9.0.0/24 alien: no BGP route is used for it",
      "10.1.0.0/24 alien: it is in table 254 with metric 7: the daemon's are in table 254 with metric 1024",
    ]);
  });
});

test("each family has its own metric", () => {
  const wanted = table(wants("2001:db8::/48", { ways: "blackhole" }));
  const six = (metric: number) =>
    route("2001:db8::/48", { metric, type: "blackhole", nextHops: [] });
  expect(compare(wanted, six(2048))).toEqual([]);
  expect(compare(wanted, six(1024))).toEqual([
    "2001:db8::/48 missing: somebody removed it",
    "2001:db8::/48 alien: it is in table 254 with metric 1024: the daemon's are in table 254 with metric 2048",
  ]);
});

test("differences are a sentence and a table, and none are a sentence", () => {
  expect(formatFibCheck({ wanted: 2, left: 0, differences: [] }, PLAIN_LOOK)).toBe(
    "the kernel has what is wanted: 2 routes\n",
  );
  const differences = compareFib(table(wants("10.1.0.0/24")), [route("10.9.0.0/24")], LINKS);
  expect(formatFibCheck({ wanted: 1, left: 0, differences }, PLAIN_LOOK).split("\n")).toEqual([
    "2 differences between the kernel and the 1 route that are wanted",
    "",
    "PREFIX       PROBLEM  WANTED                   KERNEL                   REASON",
    "10.1.0.0/24  missing  via 172.30.0.1 dev eth0                           somebody removed it",
    "10.9.0.0/24  alien                             via 172.30.0.1 dev eth0  no BGP route is used for it",
    "",
  ]);
});
