/**
 * Route reflection (RFC 4456) between bgpd and BIRD 2, each as the other's reflector.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { which } from "bun";
import type { PathAnswer, PeerAnswer, RouteAnswer } from "../../resource/answer.ts";
import { createNetwork, eventually, isInside, type Network } from "./network.ts";

const manx = process.env.MANX_EXECUTABLE ?? "";
const bird = which("bird") ?? "";
const birdc = which("birdc") ?? "";

const ADDRESS: Readonly<Record<string, string>> = {
  rr: "172.30.0.1",
  n1: "172.30.0.11",
  n2: "172.30.0.12",
};
const CLUSTER = "244.0.0.1";

/** One node's documents: it has a session with each of `others`. */
function node(name: string, more: string, block: string, others: readonly string[]): string {
  const peers = others.map(
    (other) => `---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: { name: ${other} }
spec: { peerIP: ${ADDRESS[other]}, asNumber: 64512 }
`,
  );
  return `
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: { name: default }
spec: { nodeToNodeMeshEnabled: false, holdTime: 3s, keepaliveTime: 1s, connectRetryTime: 1s }
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: ${name} }
spec:
  bgp: { ipv4Address: ${ADDRESS[name]}/24${more} }
  blocks: [${block}]
${peers.join("")}`;
}

/** BIRD with a static route, and a session with each of `others`; `options` are of these sessions. */
function router(name: string, route: string, others: readonly string[], options = ""): string {
  const sessions = others.map(
    (other) => `
protocol bgp to_${other} {
  local ${ADDRESS[name]} as 64512;
  neighbor ${ADDRESS[other]} as 64512;
  hold time 3; keepalive time 1; connect retry time 1; connect delay time 1; error wait time 1, 2;
  ${options}
  ipv4 { import all; export all; };
}`,
  );
  return `
router id ${ADDRESS[name]};
log stderr all;
protocol device { scan time 1; }
protocol direct { ipv4; interface "eth0"; }
protocol static mine { ipv4; route ${route} blackhole; }
${sessions.join("")}
`;
}

let network: Network;

beforeEach(() => {
  const members = Object.entries(ADDRESS).map(([name, address]) => [name, `${address}/24`]);
  network = createNetwork(Object.fromEntries(members));
});

afterEach(async () => {
  await network.remove();
});

function startBird(name: string, text: string): void {
  const conf = network.file(`${name}.conf`, text);
  network.start(name, `bird-${name}`, [bird, "-f", "-c", conf, "-s", socketOf(name)]);
}

function startManx(name: string, text: string): void {
  const file = network.file(`${name}.yaml`, text);
  const args = ["bgpd", "--config", file, "--node", name, "--api", socketOf(name)];
  network.start(name, `bgpd-${name}`, [manx, ...args]);
}

const socketOf = (name: string): string => `${network.folder}/${name}.sock`;

function ask<Answer>(name: string, ...args: string[]): Answer {
  return JSON.parse(network.run(name, manx, ...args, "--json", "--api", socketOf(name)));
}

/** The path of a prefix at one of ours, when there is one. */
function pathAt(name: string, prefix: string): Promise<PathAnswer> {
  return eventually(`${name} has ${prefix}`, () => {
    const route = ask<RouteAnswer[]>(name, "routes").find((one) => one.prefix === prefix);
    return route?.paths[0];
  });
}

/** What BIRD says of a prefix, when it has it by BGP. */
function toldTo(name: string, prefix: string): Promise<string> {
  return eventually(`BIRD ${name} has ${prefix}`, () => {
    const args = ["-s", socketOf(name), "show", "route", prefix, "all"];
    const text = network.run(name, birdc, ...args);
    return text.includes("BGP.origin") && text;
  });
}

const here = isInside && manx !== "" && bird !== "";

describe.skipIf(!here)("route reflection", () => {
  test("two BIRDs are clients of ours: each has the other's route as it was told, with both attributes", async () => {
    const id = `, routeReflectorClusterID: ${CLUSTER}`;
    startManx("rr", node("rr", id, "10.244.1.0/24", ["n1", "n2"]));
    startBird("n1", router("n1", "192.0.2.0/24", ["rr"]));
    startBird("n2", router("n2", "198.51.100.0/24", ["rr"]));
    const [atN1, atN2] = [
      await toldTo("n1", "198.51.100.0/24"),
      await toldTo("n2", "192.0.2.0/24"),
    ];
    expect(atN1).toContain("BGP.next_hop: 172.30.0.12\n");
    expect(atN1).toContain("BGP.originator_id: 172.30.0.12\n");
    expect(atN1).toContain(`BGP.cluster_list: ${CLUSTER}\n`);
    expect(atN2).toContain("BGP.next_hop: 172.30.0.11\n");
    expect(atN2).toContain("BGP.originator_id: 172.30.0.11\n");
    // What begins at the reflector is not reflected.
    const own = await toldTo("n1", "10.244.1.0/24");
    expect(own).not.toContain("originator_id");
    expect(own).not.toContain("cluster_list");
  });

  test("client-to-client is switched off while the sessions are up", async () => {
    const id = `, routeReflectorClusterID: ${CLUSTER}`;
    startManx("rr", node("rr", id, "10.244.1.0/24", ["n1", "n2"]));
    startBird("n1", router("n1", "192.0.2.0/24", ["rr"]));
    startBird("n2", router("n2", "198.51.100.0/24", ["rr"]));
    await toldTo("n1", "198.51.100.0/24");
    const off = `${id}, clientToClientReflection: false`;
    network.file("rr.yaml", node("rr", off, "10.244.1.0/24", ["n1", "n2"]));
    await eventually("it was taken back", () => {
      const args = ["-s", socketOf("n1"), "show", "route"];
      return !network.run("n1", birdc, ...args).includes("198.51.100.0/24");
    });
    await toldTo("n1", "10.244.1.0/24");
    expect(ask<PeerAnswer[]>("rr", "peers").map(({ flaps }) => flaps)).toEqual([0, 0]);
  });

  test("two of ours are clients of BIRD: each has the other's block, and it is used", async () => {
    const options = `rr client; rr cluster id ${CLUSTER};`;
    startBird("rr", router("rr", "203.0.113.0/24", ["n1", "n2"], options));
    startManx("n1", node("n1", "", "10.244.1.0/24", ["rr"]));
    startManx("n2", node("n2", "", "10.244.2.0/24", ["rr"]));
    const path = await pathAt("n1", "10.244.2.0/24");
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
    startBird("rr", router("rr", "203.0.113.0/24", ["n1", "n2"], options));
    startManx("n1", node("n1", "", "10.244.1.0/24", ["rr"]));
    startManx("n2", node("n2", `, routeReflectorClusterID: ${CLUSTER}`, "10.244.2.0/24", ["rr"]));
    const path = await pathAt("n2", "10.244.1.0/24");
    expect(path.state).toBe("rejected");
    expect(path.reason).toBe(
      "reflection loop: its CLUSTER_LIST holds our own CLUSTER_ID 244.0.0.1",
    );
  });
});
