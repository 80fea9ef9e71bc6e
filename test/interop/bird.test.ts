/**
 * bgpd against BIRD 2, each in a namespace of its own on one bridge.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { which } from "bun";
import type { PeerAnswer, RouteAnswer, WhyAnswer } from "../../resource/answer.ts";
import { createNetwork, eventually, isInside, type Network } from "./network.ts";

const manx = process.env.MANX_EXECUTABLE ?? "";
const bird = which("bird") ?? "";
const birdc = which("birdc") ?? "";

const CLUSTER = `
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: { name: default }
spec: { asNumber: 64512, holdTime: 3s, keepaliveTime: 1s, connectRetryTime: 1s }
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: { name: pods }
spec: { cidr: 10.244.0.0/16, blockSize: 24 }
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: n1 }
spec:
  bgp: { ipv4Address: 172.30.0.11/24 }
  blocks: [10.244.1.0/24]
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: { name: tor }
spec: { peerIP: 172.30.0.1, asNumber: 4200000001 PASSIVE }
`;

const BIRD = `
router id 172.30.0.1;
log stderr all;
protocol device { scan time 1; }
protocol direct { disabled; }
protocol static outside {
  ipv4;
  route 192.0.2.0/24 blackhole { bgp_med = 50; bgp_community.add((65000,100)); bgp_large_community.add((65000,1,2)); };
  route 198.51.100.0/24 blackhole { bgp_path.prepend(64999); };
  route 0.0.0.0/0 blackhole;
  route 10.244.7.0/24 blackhole;
  route 169.254.5.0/24 blackhole;
}
protocol bgp n1 {
  local 172.30.0.1 as 4200000001;
  neighbor 172.30.0.11 as 64512;
  hold time 3; keepalive time 1; connect retry time 1; connect delay time 1; error wait time 1, 2;
  MODE
  ipv4 { import all; export all; };
}
`;

let network: Network;

beforeEach(() => {
  network = createNetwork({ n1: "172.30.0.11/24", tor: "172.30.0.1/24" });
});

afterEach(async () => {
  await network.remove();
});

function startBird(mode = "", text = BIRD): void {
  const file = network.file("bird.conf", text.replace("MODE", mode));
  network.start("tor", "bird", [bird, "-f", "-c", file, "-s", `${network.folder}/bird.ctl`]);
}

function startManx(passive = "", text = CLUSTER): ReturnType<Network["start"]> {
  const file = network.file("cluster.yaml", text.replace("PASSIVE", passive));
  const api = `${network.folder}/bgpd.sock`;
  const args = ["bgpd", "--config", file, "--node", "n1", "--api", api];
  return network.start("n1", "bgpd", [manx, ...args]);
}

function ask<Answer>(...args: string[]): Answer {
  return JSON.parse(
    network.run("n1", manx, ...args, "--json", "--api", `${network.folder}/bgpd.sock`),
  );
}

function askBird(...words: string[]): string {
  return network.run("tor", birdc, "-s", `${network.folder}/bird.ctl`, ...words);
}

async function established(): Promise<PeerAnswer> {
  return eventually("the session is Established", () => {
    const [peer] = ask<PeerAnswer[]>("peers");
    return peer?.state === "Established" && peer.prefixes.received === 5 ? peer : undefined;
  });
}

const here = isInside && manx !== "" && bird !== "";

describe.skipIf(!here)("interop with BIRD", () => {
  for (const [mode, passive] of [
    ["", ""],
    ["passive;", ""],
    ["", ", passive: true"],
  ] as const) {
    const who = mode !== "" ? "only Manx connects" : passive !== "" ? "only BIRD connects" : "both";
    test(`the session comes up with four-octet AS numbers when ${who} may open it`, async () => {
      startBird(mode);
      startManx(passive);
      const peer = await established();
      expect([peer.remoteAs, peer.identifier, peer.holdTime]).toEqual([
        4200000001,
        "172.30.0.1",
        3,
      ]);
      expect(askBird("show", "protocols", "n1")).toContain("Established");
    });
  }

  test("BIRD has our block with our AS and next hop, and nothing else", async () => {
    startBird();
    startManx();
    const route = await eventually("BIRD has the block", () => {
      const text = askBird("show", "route", "protocol", "n1", "all");
      return text.includes("10.244.1.0/24") && text;
    });
    expect(route).toContain("BGP.as_path: 64512\n");
    expect(route).toContain("BGP.next_hop: 172.30.0.11");
    expect(route).toContain("BGP.origin: IGP");
    expect(route.match(/unicast \[n1 /g)).toHaveLength(1);
  });

  test("what BIRD announces is used or refused for a reason, and the kernel follows", async () => {
    startBird();
    startManx();
    await established();
    const routes = ask<RouteAnswer[]>("routes");
    const states = Object.fromEntries(
      routes.map(({ prefix, paths }) => [prefix, paths.map(({ state }) => state).join()]),
    );
    expect(states).toEqual({
      "0.0.0.0/0": "rejected",
      "10.244.1.0/24": "best",
      "10.244.7.0/24": "rejected",
      "169.254.5.0/24": "rejected",
      "192.0.2.0/24": "best",
      "198.51.100.0/24": "best",
    });
    const outside = routes.find(({ prefix }) => prefix === "192.0.2.0/24");
    expect(outside?.paths[0]?.attributes).toMatchObject({
      asPath: [4200000001],
      nextHop: "172.30.0.1",
      multiExitDisc: null,
      communities: ["65000:100"],
    });
    const prepended = routes.find(({ prefix }) => prefix === "198.51.100.0/24");
    expect(prepended?.paths[0]?.attributes.asPath).toEqual([4200000001, 64999]);
    const kernel = await eventually("the kernel has them", () => {
      const text = network.run("n1", "ip", "-4", "route", "show", "proto", "77");
      return text.includes("198.51.100.0/24") && text.includes("192.0.2.0/24") && text;
    });
    expect(
      kernel
        .trim()
        .split("\n")
        .map((line) => line.trim().replace(/ nhid \d+/, ""))
        .sort(),
    ).toEqual([
      "192.0.2.0/24 via 172.30.0.1 dev eth0 metric 1024",
      "198.51.100.0/24 via 172.30.0.1 dev eth0 metric 1024",
      "blackhole 10.244.1.0/24 metric 1024",
    ]);
    expect(ask<WhyAnswer>("why", "10.244.7.0/24").summary).toContain("our own pool 10.244.0.0/16");
    expect(ask<WhyAnswer>("why", "192.0.2.77").summary).toContain("learned from tor");
  });

  test("a route that BIRD withdraws leaves table and kernel, and comes back with it", async () => {
    startBird();
    startManx();
    await established();
    const inKernel = (): boolean => network.run("n1", "ip", "route").includes("192.0.2.0/24");
    await eventually("installed", inKernel);
    askBird("disable", "outside");
    await eventually("withdrawn", () => !inKernel());
    askBird("enable", "outside");
    await eventually("back", inKernel);
    expect(ask<PeerAnswer[]>("peers")[0]?.flaps).toBe(0);
  });

  test("BIRD's route refresh request is answered with the table", async () => {
    startBird();
    startManx();
    await established();
    const sent = (): number => ask<PeerAnswer[]>("peers")[0]?.messages.updatesSent ?? 0;
    await eventually("told", () => askBird("show", "route").includes("10.244.1.0/24"));
    const before = sent();
    askBird("reload", "in", "n1");
    await eventually("told again", () => sent() > before);
    expect(askBird("show", "route")).toContain("10.244.1.0/24");
    expect(ask<PeerAnswer[]>("peers")[0]?.flaps).toBe(0);
  });

  test("SIGTERM says Administrative Shutdown, which BIRD shows, and routes stay in the kernel", async () => {
    // It would keep our routes, and then it is told nothing.
    startBird("graceful restart off;");
    const daemon = startManx();
    await established();
    await eventually("installed", () => network.run("n1", "ip", "route").includes("192.0.2.0/24"));
    daemon.kill("SIGTERM");
    expect(await daemon.exited).toBe(0);
    expect(network.log("bird")).toContain("Administrative shutdown");
    expect(network.run("n1", "ip", "route")).toContain("192.0.2.0/24");
  });

  test("BIRD's shutdown is shown as the reason why the session is down", async () => {
    startBird();
    startManx();
    await established();
    askBird("disable", "n1");
    const peer = await eventually("down", () =>
      ask<PeerAnswer[]>("peers").find(({ state }) => state !== "Established"),
    );
    expect(peer.lastError).toContain("Administrative Shutdown");
    await eventually(
      "its routes are gone",
      () => !network.run("n1", "ip", "route").includes("192.0.2"),
    );
  });

  test("a wrong AS number is refused with Bad Peer AS and said to people", async () => {
    startBird("", BIRD.replace("local 172.30.0.1 as 4200000001", "local 172.30.0.1 as 65001"));
    startManx();
    const peer = await eventually("refused", () =>
      ask<PeerAnswer[]>("peers").find(({ lastError }) => lastError.includes("Bad Peer AS")),
    );
    expect(peer.state).not.toBe("Established");
    await eventually("BIRD heard it", () => network.log("bird").includes("Bad peer AS"));
  });

  test("killed with -9 and started again, bgpd adopts its routes and sweeps the stale one", async () => {
    startBird();
    const first = startManx();
    await established();
    await eventually("installed", () =>
      network.run("n1", "ip", "route").includes("198.51.100.0/24"),
    );
    first.kill("SIGKILL");
    await first.exited;
    const stale = "203.0.113.0/24 via 172.30.0.1 metric 1024 proto 77".split(" ");
    network.run("n1", "ip", "route", "add", ...stale);
    network.run(
      "n1",
      "ip",
      "route",
      "add",
      "203.0.114.0/24",
      "via",
      "172.30.0.1",
      "proto",
      "static",
    );
    startManx();
    await established();
    await eventually(
      "the stale route is gone",
      () => !network.run("n1", "ip", "route").includes("203.0.113.0/24"),
    );
    const routes = network.run("n1", "ip", "route");
    expect(routes).toContain("192.0.2.0/24");
    expect(routes).toContain("203.0.114.0/24");
  });

  test("what another deletes from the kernel is put back, another's route is left alone", async () => {
    startBird();
    startManx();
    await established();
    const inKernel = (): boolean => network.run("n1", "ip", "route").includes("192.0.2.0/24");
    await eventually("installed", inKernel);
    network.run("n1", "ip", "route", "del", "192.0.2.0/24");
    await eventually("healed", inKernel, 2_000);
    network.run("n1", "ip", "route", "add", "192.0.2.0/24", "dev", "lo", "proto", "static");
    // Events come in order: who puts this one back has heard of the other's.
    network.run("n1", "ip", "route", "del", "198.51.100.0/24");
    await eventually(
      "healed after the other's came",
      () => network.run("n1", "ip", "route").includes("198.51.100.0/24"),
      2_000,
    );
    expect(network.run("n1", "ip", "route")).toContain("192.0.2.0/24 dev lo");
  });

  test("a changed document changes only what it names: the session does not flap", async () => {
    startBird();
    startManx();
    await established();
    const more = CLUSTER.replace("[10.244.1.0/24]", "[10.244.1.0/24, 10.244.2.0/24]");
    network.file("cluster.yaml", more.replace("PASSIVE", ", acceptDefaultRoute: true"));
    await eventually("the new block is announced", () =>
      askBird("show", "route").includes("10.244.2.0/24"),
    );
    await eventually("the default route is accepted", () =>
      /default nhid \d+ via 172\.30\.0\.1 /.test(network.run("n1", "ip", "route")),
    );
    expect(ask<PeerAnswer[]>("peers")[0]?.flaps).toBe(0);
  });
});
