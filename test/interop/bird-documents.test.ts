/**
 * Aggregates and peers behind a named gateway between bgpd and BIRD 2, in the kernel's tables.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { which } from "bun";
import type { WhyAnswer } from "../../resource/answer.ts";
import { createNetwork, eventually, isInside, type Network } from "./network.ts";

const manx = process.env.MANX_EXECUTABLE ?? "";
const bird = which("bird") ?? "";
const birdc = which("birdc") ?? "";

function cluster(configuration: string, ...more: string[]): string {
  return [
    `
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: { name: default }
spec:
  asNumber: 64512
  holdTime: 3s
  keepaliveTime: 1s
  connectRetryTime: 1s
  ${configuration}
`,
    `
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: n1 }
spec:
  bgp: { ipv4Address: 172.30.0.11/24 }
  blocks: [10.244.1.0/24]
`,
    ...more,
  ].join("---");
}

const NEIGHBOUR = `
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: n2 }
spec:
  bgp: { ipv4Address: 172.30.0.12/24, asNumber: 64513 }
`;

function peer(address: string, more = ""): string {
  return `
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: { name: tor }
spec:
  peerIP: ${address}
  asNumber: 65000
  exportPolicy: pools
  ${more}
`;
}

const POOL = `
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: { name: pods }
spec: { cidr: 10.244.0.0/16 }
`;

/** BIRD with this address and AS, a static route, and a session with n1. */
function router(address: string, as: number, prefix: string, options = ""): string {
  return `
router id ${address};
log stderr all;
protocol device { scan time 1; }
protocol static outside { ipv4; route ${prefix} blackhole; }
protocol bgp n1 {
  local ${address} as ${as};
  neighbor 172.30.0.11 as 64512;
  hold time 3; keepalive time 1; connect retry time 1; connect delay time 1; error wait time 1, 2;
  ${options}
  ipv4 { import all; export all; };
}
`;
}

let network: Network;

beforeEach(() => {
  network = createNetwork({
    n1: "172.30.0.11/24",
    n2: "172.30.0.12/24",
    tor: "172.30.0.1/24",
  });
});

afterEach(async () => {
  await network.remove();
});

function startBird(name: string, text: string): void {
  const conf = network.file(`${name}.conf`, text);
  network.start(name, `bird-${name}`, [bird, "-f", "-c", conf, "-s", control(name)]);
}

const control = (name: string): string => `${network.folder}/${name}.ctl`;
const api = (): string => `${network.folder}/bgpd.sock`;

function startManx(text: string): void {
  const file = network.file("cluster.yaml", text);
  network.start("n1", "bgpd", [manx, "bgpd", "--config", file, "--node", "n1", "--api", api()]);
}

function askBird(name: string, ...words: string[]): string {
  return network.run(name, birdc, "-s", control(name), ...words);
}

const kernel = (): string => network.run("n1", "ip", "route", "show", "proto", "77");

const here = isInside && manx !== "" && bird !== "";

describe.skipIf(!here)("BIRD and", () => {
  test("an aggregate in place of its parts, with what section 9.2.2.2 says of it", async () => {
    const aggregates = "aggregates: [{ cidr: 10.244.0.0/20, nodeSelector: all() }]";
    startBird("tor", router("172.30.0.1", 65_000, "192.0.2.0/24"));
    startManx(cluster(aggregates, POOL, NEIGHBOUR, peer("172.30.0.1")));
    const alone = await eventually("BIRD has the aggregate", () => {
      const text = askBird("tor", "show", "route", "10.244.0.0/20", "all");
      return text.includes("BGP.aggregator") && text;
    });
    expect(alone).toContain("BGP.aggregator: 172.30.0.11 AS64512");
    expect(alone).toContain("BGP.as_path: 64512\n");
    expect(alone).not.toContain("BGP.atomic_aggr");
    await eventually("it lies on a discard route", () =>
      kernel().includes("blackhole 10.244.0.0/20"),
    );

    startBird("n2", router("172.30.0.12", 64_513, "10.244.2.0/24"));
    await eventually("what the other AS has is in it, without its number", () =>
      askBird("tor", "show", "route", "10.244.0.0/20", "all").includes("BGP.atomic_aggr"),
    );
    expect(askBird("tor", "show", "route")).not.toMatch(/10\.244\.[12]\.0/);
    const why: WhyAnswer = JSON.parse(
      network.run("n1", manx, "why", "10.244.2.0/24", "--json", "--api", api()),
    );
    expect(why.advertised.find(({ peer: name }) => name === "tor")?.reason).toBe(
      "in the aggregate 10.244.0.0/20, which is told in its place (summaryOnly)",
    );
    const whole: WhyAnswer = JSON.parse(
      network.run("n1", manx, "why", "10.244.0.0/20", "--json", "--api", api()),
    );
    expect(whole.summary).toContain("it has to 2 parts");
  });

  test("a peer that one gateway alone reaches", async () => {
    network.run("tor", "ip", "address", "add", "203.0.113.9/32", "dev", "lo");
    startBird("tor", router("203.0.113.9", 65_000, "192.0.2.0/24", "multihop;"));
    startManx(cluster("", POOL, peer("203.0.113.9", "reachableBy: 172.30.0.1")));
    await eventually("the peer's route is behind the gateway", () =>
      /192\.0\.2\.0\/24 .*via 172\.30\.0\.1 /.test(kernel()),
    );
    expect(kernel()).toMatch(/203\.0\.113\.9 .*via 172\.30\.0\.1 /);
  });
});
