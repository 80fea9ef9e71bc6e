/**
 * Route reflection (RFC 4456) between bgpd and BIRD 2, each as the other's reflector.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { PeerAnswer } from "../../resource/answer.ts";
import { birdOn, birdRoutes, birdSession, birdText, hasBird } from "./bird.ts";
import { configuration, document, documents } from "./documents.ts";
import { hasManx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network } from "./network.ts";

const ADDRESS: Readonly<Record<string, string>> = {
  rr: "172.30.0.1",
  n1: "172.30.0.11",
  n2: "172.30.0.12",
};
const CLUSTER = "244.0.0.1";

/** One node's documents: it has a session with each of `others`. */
function reflecting(name: string, more: string, block: string, others: readonly string[]): string {
  const bgp = `bgp: { ipv4Address: ${ADDRESS[name]}/24${more} }`;
  return documents(
    configuration("nodeToNodeMeshEnabled: false"),
    document("Node", name, `${bgp}, blocks: [${block}]`),
    ...others.map((other) =>
      document("BGPPeer", other, `peerIP: ${ADDRESS[other]}, asNumber: 64512`),
    ),
  );
}

/** BIRD with a static route, and a session with each of `others`; `options` are of these sessions. */
function router(name: string, route: string, others: readonly string[], options = ""): string {
  return birdText(
    `${ADDRESS[name]}`,
    'protocol direct { ipv4; interface "eth0"; }',
    birdRoutes(`${route} blackhole`),
    ...others.map((other) =>
      birdSession({
        name: `to_${other}`,
        local: `${ADDRESS[name]} as 64512`,
        neighbour: `${ADDRESS[other]} as 64512`,
        options,
      }),
    ),
  );
}

let network: Network;

beforeEach(() => {
  const members = Object.entries(ADDRESS).map(([name, address]) => [name, `${address}/24`]);
  network = createNetwork(Object.fromEntries(members));
});

afterEach(async () => {
  await network.remove();
});

function startManx(name: string, text: string): void {
  const daemon = manxOn(network, name);
  daemon.configure(text);
  daemon.start();
}

describe.skipIf(!hasManx || !hasBird)("route reflection", () => {
  test("two BIRDs are clients of ours: each has the other's route as it was told, with both attributes", async () => {
    const id = `, routeReflectorClusterID: ${CLUSTER}`;
    startManx("rr", reflecting("rr", id, "10.244.1.0/24", ["n1", "n2"]));
    birdOn(network, "n1").start(router("n1", "192.0.2.0/24", ["rr"]));
    birdOn(network, "n2").start(router("n2", "198.51.100.0/24", ["rr"]));
    const [atN1, atN2] = [
      await birdOn(network, "n1").told("198.51.100.0/24"),
      await birdOn(network, "n2").told("192.0.2.0/24"),
    ];
    expect(atN1).toContain("BGP.next_hop: 172.30.0.12\n");
    expect(atN1).toContain("BGP.originator_id: 172.30.0.12\n");
    expect(atN1).toContain(`BGP.cluster_list: ${CLUSTER}\n`);
    expect(atN2).toContain("BGP.next_hop: 172.30.0.11\n");
    expect(atN2).toContain("BGP.originator_id: 172.30.0.11\n");
    // What begins at the reflector is not reflected.
    const own = await birdOn(network, "n1").told("10.244.1.0/24");
    expect(own).not.toContain("originator_id");
    expect(own).not.toContain("cluster_list");
  });

  test("client-to-client is switched off while the sessions are up", async () => {
    const id = `, routeReflectorClusterID: ${CLUSTER}`;
    startManx("rr", reflecting("rr", id, "10.244.1.0/24", ["n1", "n2"]));
    birdOn(network, "n1").start(router("n1", "192.0.2.0/24", ["rr"]));
    birdOn(network, "n2").start(router("n2", "198.51.100.0/24", ["rr"]));
    await birdOn(network, "n1").told("198.51.100.0/24");
    const off = `${id}, clientToClientReflection: false`;
    manxOn(network, "rr").configure(reflecting("rr", off, "10.244.1.0/24", ["n1", "n2"]));
    await eventually(
      "it was taken back",
      () => !birdOn(network, "n1").ask("show", "route").includes("198.51.100.0/24"),
    );
    await birdOn(network, "n1").told("10.244.1.0/24");
    expect(
      manxOn(network, "rr")
        .ask<PeerAnswer[]>("peers")
        .map(({ flaps }) => flaps),
    ).toEqual([0, 0]);
  });

  test("two of ours are clients of BIRD: each has the other's block, and it is used", async () => {
    const options = `rr client; rr cluster id ${CLUSTER};`;
    birdOn(network, "rr").start(router("rr", "203.0.113.0/24", ["n1", "n2"], options));
    startManx("n1", reflecting("n1", "", "10.244.1.0/24", ["rr"]));
    startManx("n2", reflecting("n2", "", "10.244.2.0/24", ["rr"]));
    const path = await manxOn(network, "n1").path("10.244.2.0/24");
    expect(path).toMatchObject({ state: "best", source: "internal" });
    expect(path.attributes).toMatchObject({
      nextHop: "172.30.0.12",
      originatorId: "172.30.0.12",
      clusterList: [CLUSTER],
    });
    await eventually("the kernel has it", () =>
      network.run("n1", "ip", "route", "show", "10.244.2.0/24").includes("via 172.30.0.12"),
    );
  });

  test("BIRD reflects to a reflector of ours with the same cluster ID: a loop, and it says so", async () => {
    const options = `rr client; rr cluster id ${CLUSTER};`;
    birdOn(network, "rr").start(router("rr", "203.0.113.0/24", ["n1", "n2"], options));
    startManx("n1", reflecting("n1", "", "10.244.1.0/24", ["rr"]));
    startManx(
      "n2",
      reflecting("n2", `, routeReflectorClusterID: ${CLUSTER}`, "10.244.2.0/24", ["rr"]),
    );
    const path = await manxOn(network, "n2").path("10.244.1.0/24");
    expect(path.state).toBe("rejected");
    expect(path.reason).toBe(
      "reflection loop: its CLUSTER_LIST holds our own CLUSTER_ID 244.0.0.1",
    );
  });
});
