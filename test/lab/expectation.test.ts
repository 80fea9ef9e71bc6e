/** What kernels are to have, and the cables' plan. */

import { describe, expect, test } from "bun:test";
import type { Route } from "../../kernel/kernel.ts";
import { expectedRoutes, hasRoute, missingRoutes } from "../../lab/expectation.ts";
import { planFabric } from "../../lab/fabric.ts";
import { addressOf } from "../../lab/pod.ts";
import { planTopology } from "../../lab/topology.ts";
import { formatAddress, parseAddress } from "../../lib/address.ts";
import { formatPrefix, parsePrefix } from "../../lib/prefix.ts";

const topology = planTopology({ nodes: 2, pods: 1 });

function route(destination: string, ...gateways: string[]): Route {
  return {
    destination: parsePrefix(destination),
    type: "unicast",
    table: 254,
    protocol: 77,
    scope: "global",
    metric: 1024,
    nextHops: gateways.map((gateway) => ({ gateway: parseAddress(gateway), link: 2 })),
  };
}

describe("expected routes", () => {
  const text = (name: string) =>
    expectedRoutes(topology, name).map(
      ({ destination, gateway }) => `${formatPrefix(destination)} ${formatAddress(gateway)}`,
    );

  test("a node has the other nodes' blocks and the outside", () => {
    expect(text("n1")).toEqual(["10.244.2.0/24 172.30.0.12", "192.0.2.0/24 172.30.0.1"]);
  });

  test("the router has every node's block", () => {
    expect(text("tor")).toEqual(["10.244.1.0/24 172.30.0.11", "10.244.2.0/24 172.30.0.12"]);
  });

  const expected = expectedRoutes(topology, "n1");
  const outside = route("192.0.2.0/24", "172.30.0.1");
  const cases = [
    { name: "all there", routes: [outside, route("10.244.2.0/24", "172.30.0.12")], missing: [] },
    {
      name: "one of several next hops",
      routes: [outside, route("10.244.2.0/24", "172.30.0.13", "172.30.0.12")],
      missing: [],
    },
    {
      name: "by another gateway",
      routes: [outside, route("10.244.2.0/24", "172.30.0.1")],
      missing: ["10.244.2.0/24 via 172.30.0.12"],
    },
    {
      name: "a less specific route alone",
      routes: [outside, route("10.244.0.0/16", "172.30.0.12")],
      missing: ["10.244.2.0/24 via 172.30.0.12"],
    },
    {
      name: "a next hop that is dead",
      routes: [
        outside,
        {
          ...route("10.244.2.0/24"),
          nextHops: [{ gateway: parseAddress("172.30.0.12"), link: 2, dead: true }],
        },
      ],
      missing: ["10.244.2.0/24 via 172.30.0.12"],
    },
    {
      name: "nothing",
      routes: [],
      missing: ["10.244.2.0/24 via 172.30.0.12", "192.0.2.0/24 via 172.30.0.1"],
    },
  ];
  for (const { name, routes, missing } of cases) {
    test(`${name}: ${missing.length} missing`, () => {
      expect(missingRoutes(routes, expected)).toEqual(missing);
    });
  }

  test("withdrawn means that no route to just that prefix is left", () => {
    const block = parsePrefix("10.244.2.0/24");
    expect(hasRoute([route("10.244.2.0/24", "172.30.0.99")], block)).toBe(true);
    expect(hasRoute([route("10.244.0.0/16", "172.30.0.99")], block)).toBe(false);
  });
});

test("everybody hangs on the fabric's bridge, the outside host on the router", () => {
  const steps = planFabric(topology, (name) => 100 + name.length);
  const text = steps.map(({ namespace, requests }) => {
    const lines = requests.map((request) => {
      if (request.type === "create bridge") return `bridge ${request.name}`;
      if (request.type === "create veth") {
        return `${request.end.name} = ${request.peer.name}@${request.peer.namespace}`;
      }
      if (request.type === "set link") {
        return `${request.link}${request.master === undefined ? "" : ` of ${request.master}`} up`;
      }
      if (request.type === "add address") {
        return `${request.link} ${formatAddress(request.address)}/${request.length}`;
      }
      return request.type === "add route"
        ? `${formatPrefix(request.route.destination)} by a gateway`
        : request.type;
    });
    return `${namespace}: ${lines.join(", ")}`;
  });
  expect(text.join("\n")).toMatchInlineSnapshot(`
    "fabric: bridge bridge, bridge up, tor = eth0@103, tor of bridge up, n1 = eth0@102, n1 of bridge up, n2 = eth0@102, n2 of bridge up
    tor: lo up, eth0 172.30.0.1/24, eth0 up
    n1: lo up, eth0 172.30.0.11/24, eth0 up
    n2: lo up, eth0 172.30.0.12/24, eth0 up
    tor: eth1 = eth0@107, eth1 192.0.2.1/24, eth1 up
    outside: lo up, eth0 192.0.2.10/24, eth0 up, 0.0.0.0/0 by a gateway"
  `);
});

describe("result of an ADD", () => {
  test("its first address is the pod's", () => {
    const result = JSON.stringify({
      cniVersion: "1.0.0",
      ips: [{ address: "10.244.1.7/32" }, { address: "fd00::7/128" }],
    });
    expect(formatAddress(addressOf(result))).toBe("10.244.1.7");
  });

  for (const result of ["", "{}", '{"ips":[]}', '{"ips":[{"address":"10.244.1.7"}]}']) {
    test(`${JSON.stringify(result)} has none`, () => {
      expect(() => addressOf(result)).toThrow();
    });
  }
});
