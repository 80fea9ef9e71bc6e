import { describe, expect, test } from "bun:test";
import {
  attributesAnswer,
  kernelAnswer,
  pathAnswer,
  routeAnswer,
  whyAnswer,
} from "../../bgpd/answer.ts";
import type { PathView } from "../../bgpd/rib/route.ts";
import type { Attributes } from "../../bgpd/wire/attributes.ts";
import { parseAddress } from "../../lib/address.ts";
import { parsePrefix } from "../../lib/prefix.ts";

const attributes: Attributes = {
  origin: 0,
  asPath: [
    { type: "sequence", asNumbers: [65000, 64999] },
    { type: "set", asNumbers: [1, 2] },
  ],
  nextHop: parseAddress("172.30.0.1"),
  communities: [0xfde8_0064],
  largeCommunities: [[65000, 1, 2]],
  extendedCommunities: ["0002fde800000064", "4300000000000002"],
  ipv6ExtendedCommunities: ["000220010db80000000000000000000000010007"],
  aigp: "01000b8000000000000001",
  onlyToCustomer: 65000,
  originatorId: 0xac1e_0007,
  clusterList: [0xf400_0002, 0xf400_0001],
};

function path(change: Partial<PathView>): PathView {
  return {
    peer: "tor",
    source: "external",
    received: attributes,
    attributes,
    state: "best",
    reason: "only path",
    ...change,
  };
}

const prefix = parsePrefix("192.0.2.0/24");
const facts = {
  asked: "192.0.2.0/24",
  target: prefix,
  kernel: "installed via 172.30.0.1 dev eth0",
  advertised: [],
  peers: { configured: 3, established: 2 },
  node: "n1",
  services: [],
  aggregates: [],
};

describe("answers", () => {
  test("attributes: sequences are spliced in, sets stay lists, communities are AS:value", () => {
    expect(attributesAnswer(attributes)).toEqual({
      origin: "IGP",
      asPath: [65000, 64999, [1, 2]],
      nextHop: "172.30.0.1",
      localPref: null,
      multiExitDisc: null,
      communities: ["65000:100"],
      largeCommunities: ["65000:1:2"],
      extendedCommunities: ["rt:65000:100", "0x4300000000000002", "rt:[2001:db8::1]:7"],
      aigp: "9223372036854775809",
      onlyToCustomer: 65000,
      originatorId: "172.30.0.7",
      clusterList: ["244.0.0.2", "244.0.0.1"],
    });
  });

  test("a route lists its paths best first, then who shares, then valid, then rejected", () => {
    const states = ["rejected", "valid", "multipath", "best"] as const;
    const paths = states.map((state) => path({ state }));
    expect(routeAnswer({ prefix, paths }, "").paths.map(({ state }) => state)).toEqual([
      "best",
      "multipath",
      "valid",
      "rejected",
    ]);
  });

  test("the kernel's state in words", () => {
    const name = (link: number): string => `eth${link}`;
    const way = { gateway: parseAddress("172.30.0.1"), link: 0, weight: 1 };
    const other = { gateway: parseAddress("fe80::7"), link: 1, weight: 3 };
    expect([
      kernelAnswer(undefined, name),
      kernelAnswer({ state: "pending" }, name),
      kernelAnswer({ state: "failed", error: "no memory" }, name),
      kernelAnswer({ state: "installed", target: [way] }, name),
      kernelAnswer({ state: "installed", target: [way, other] }, name),
      kernelAnswer({ state: "installed", target: "blackhole" }, name),
    ]).toEqual([
      "not installed: no path is used",
      "not installed: on its way to the kernel",
      "not installed: no memory",
      "installed via 172.30.0.1 dev eth0",
      "installed via 172.30.0.1 dev eth0 and via fe80::7 dev eth1 weight 3",
      "blackhole",
    ]);
  });
});

describe("why", () => {
  const why = (paths: readonly PathView[], asked = facts.asked): string =>
    whyAnswer({ ...facts, asked, view: { prefix, paths } }).summary;

  test("a chosen prefix: where, from whom, by which rule, and in the kernel", () => {
    const reason = "shorter AS_PATH: 1 < 2";
    expect(why([path({ reason }), path({ peer: "tor2", state: "valid" })])).toBe(
      "192.0.2.0/24 goes by 172.30.0.1, learned from tor: shorter AS_PATH: 1 < 2, chosen over 1 other. Kernel: installed via 172.30.0.1 dev eth0.",
    );
  });

  test("paths that share the traffic are all told, the best one by name", () => {
    const other = { ...attributes, nextHop: parseAddress("172.30.0.2") };
    const shared = path({ peer: "tor2", state: "multipath", attributes: other });
    expect(why([path({ reason: "lower BGP Identifier: 1.1.1.1 < 2.2.2.2" }), shared])).toBe(
      "192.0.2.0/24 goes by 172.30.0.1 and 172.30.0.2, learned from tor and tor2, which share the traffic, the best being from tor: lower BGP Identifier: 1.1.1.1 < 2.2.2.2. Kernel: installed via 172.30.0.1 dev eth0.",
    );
  });

  test("paths of one peer that share the traffic name it once, and have their identifiers", () => {
    const other = { ...attributes, nextHop: parseAddress("172.30.0.2") };
    const paths = [
      path({ pathId: 1, reason: "lower path identifier: 1 < 2" }),
      path({ pathId: 2, state: "multipath", attributes: other }),
    ];
    expect(why(paths)).toBe(
      "192.0.2.0/24 goes by 172.30.0.1 and 172.30.0.2, learned from tor, whose paths share the traffic: lower path identifier: 1 < 2. Kernel: installed via 172.30.0.1 dev eth0.",
    );
    const { route } = whyAnswer({ ...facts, view: { prefix, paths } });
    expect(route?.paths.map(({ pathId }) => pathId)).toEqual([1, 2]);
    expect("pathId" in pathAnswer(path({}))).toBe(false);
  });

  test("an address names the prefix that it lies in", () => {
    expect(why([path({})], "192.0.2.7")).toStartWith(
      "192.0.2.7 lies in 192.0.2.0/24, which goes by",
    );
  });

  test("a rejected prefix says by whom and why", () => {
    const reason = "BGPFilter tor-in: importV4 rule 1: Reject";
    expect(why([path({ state: "rejected", reason })])).toBe(
      `192.0.2.0/24 is not used: tor: ${reason}.`,
    );
  });

  test("an address of a service is no block, and has what is known of it beside", () => {
    const prefix = parsePrefix("192.0.2.7/32");
    const view = {
      prefix,
      paths: [path({ peer: undefined, source: "local", reason: "only path" })],
    };
    const services = [parsePrefix("192.0.2.0/24")];
    const asked = "192.0.2.7";
    const remarks = ["192.0.2.7 is the ClusterIP of Service a/b, announced by n1: why."];
    expect(whyAnswer({ ...facts, asked, services, view, remarks }).summary).toBe(
      "192.0.2.7 lies in 192.0.2.7/32, which is an address of a service, announced by itself (only path); it needs no route here. 192.0.2.7 is the ClusterIP of Service a/b, announced by n1: why.",
    );
    expect(whyAnswer({ ...facts, asked, view: undefined, remarks }).summary).toEndWith(
      `Established). ${remarks[0]}`,
    );
  });

  test("a range of services says so, and that it needs no route", () => {
    const own = path({ peer: undefined, source: "local", reason: "only path" });
    const view = { prefix, paths: [own] };
    expect(whyAnswer({ ...facts, services: [prefix], view }).summary).toBe(
      "192.0.2.0/24 is a range of services, which every node announces (only path); it needs no route here.",
    );
  });

  test("what a peer asks to drop is dropped, and not on its way", () => {
    const view = { prefix, paths: [path({ reason: "only path" })] };
    expect(whyAnswer({ ...facts, kernel: "blackhole", view }).summary).toBe(
      "192.0.2.0/24 is dropped, as tor asks by BLACKHOLE (RFC 7999): only path.",
    );
  });

  test("a block of our own says so", () => {
    const own = path({ peer: undefined, source: "local", reason: "locally originated" });
    expect(why([own])).toContain("is this node's own block (locally originated)");
  });

  test("an absent prefix says what was looked at", () => {
    const answer = whyAnswer({ ...facts, view: undefined });
    expect(answer.prefix).toBeNull();
    expect(answer.summary).toContain("is not in the table of n1");
    expect(answer.summary).toContain("2 of 3 sessions are Established");
  });
});
