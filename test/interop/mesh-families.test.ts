/** The mesh with both families, between two daemons of ours over the real kernel: packets of both arrive. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { configuration, document, documents, N1_BOTH } from "./documents.ts";
import { hasManx, type Manx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network } from "./network.ts";

const CLUSTER = documents(
  configuration(),
  N1_BOTH,
  document(
    "Node",
    "n2",
    'bgp: { ipv4Address: 172.30.0.12/24, ipv6Address: "fd00:30::12/64" }, blocks: [10.244.2.0/24, "fd00:244::80/122"]',
  ),
);
const OLD = CLUSTER.replace(', ipv6Address: "fd00:30::12/64"', "").replace(
  ', "fd00:244::80/122"',
  "",
);

let network: Network;
let n1: Manx;
let n2: Manx;

beforeEach(() => {
  network = createNetwork({
    n1: ["172.30.0.11/24", "fd00:30::11/64"],
    n2: ["172.30.0.12/24", "fd00:30::12/64"],
  });
  n1 = manxOn(network, "n1");
  n2 = manxOn(network, "n2");
});

afterEach(async () => {
  await network.remove();
});

function start(daemon: Manx, cluster: string): void {
  daemon.configure(cluster);
  daemon.start();
}

const routes = (daemon: Manx): string[] =>
  daemon.kernelRoutes().filter((line) => line.includes(" via "));

describe.skipIf(!hasManx)("the mesh with both families", () => {
  test("one session over IPv4 carries both, and packets of both find their way", async () => {
    start(n1, CLUSTER);
    start(n2, CLUSTER);
    await eventually("routes on both", () => routes(n1).length + routes(n2).length === 4);
    expect(routes(n1)).toEqual([
      "10.244.2.0/24 via 172.30.0.12 dev eth0 metric 1024",
      "fd00:244::80/122 via fd00:30::12 dev eth0 metric 1024",
    ]);
    const peer = n1.peer();
    expect([peer.name, peer.address]).toEqual(["mesh n2", "172.30.0.12"]);
    expect(peer.families.map(({ name }) => name)).toEqual(["IPv4 unicast", "IPv6 unicast"]);
    for (const [node, four, six] of [
      ["n1", "10.244.1.7", "fd00:244::47"],
      ["n2", "10.244.2.7", "fd00:244::87"],
    ] as const) {
      network.run(node, "ip", "address", "add", `${four}/32`, "dev", "lo");
      network.run(node, "ip", "address", "add", `${six}/128`, "dev", "lo", "nodad");
    }
    for (const [from, to] of [
      ["10.244.1.7", "10.244.2.7"],
      ["fd00:244::47", "fd00:244::87"],
    ] as const) {
      const answer = network.run("n1", "ping", "-c", "1", "-W", "5", "-I", from, to);
      expect(answer).toContain("1 received");
    }
  });

  test("a node without IPv6 has IPv4 with one that has it", async () => {
    start(n1, OLD);
    start(n2, OLD);
    await eventually("routes on both", () => routes(n1).length + routes(n2).length === 2);
    expect(n1.peer().families.map(({ name }) => name)).toEqual(["IPv4 unicast"]);
    expect(routes(n2)).toEqual(["10.244.1.0/24 via 172.30.0.11 dev eth0 metric 1024"]);
  });
});
