/**
 * bgpd against BIRD 2, each in a namespace of its own on one bridge.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Subprocess } from "bun";
import type { PeerAnswer, RouteAnswer, WhyAnswer } from "../../resource/answer.ts";
import { type Bird, birdOn, birdRoutes, birdSession, birdText, hasBird } from "./bird.ts";
import { configuration, document, documents, N1, torPeer } from "./documents.ts";
import { hasManx, type Manx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network } from "./network.ts";

const cluster = (peer = ""): string =>
  documents(
    configuration(),
    document("IPPool", "pods", "cidr: 10.244.0.0/16, blockSize: 24"),
    N1,
    torPeer("peerIP: 172.30.0.1, asNumber: 4200000001", peer),
  );

const COMMUNITIES = "bgp_community.add((65000,100)); bgp_large_community.add((65000,1,2));";

const router = (options = "", as = "4200000001"): string =>
  birdText(
    "172.30.0.1",
    birdRoutes(
      `192.0.2.0/24 blackhole { bgp_med = 50; ${COMMUNITIES} }`,
      "198.51.100.0/24 blackhole { bgp_path.prepend(64999); }",
      "0.0.0.0/0 blackhole",
      "10.244.7.0/24 blackhole",
      "169.254.5.0/24 blackhole",
    ),
    birdSession({ local: `172.30.0.1 as ${as}`, options }),
  );

let network: Network;
let n1: Manx;
let tor: Bird;

beforeEach(() => {
  network = createNetwork({ n1: "172.30.0.11/24", tor: "172.30.0.1/24" });
  n1 = manxOn(network, "n1");
  tor = birdOn(network, "tor");
});

afterEach(async () => {
  await network.remove();
});

function startManx(peer = ""): Subprocess {
  n1.configure(cluster(peer));
  return n1.start();
}

describe.skipIf(!hasManx || !hasBird)("interop with BIRD", () => {
  for (const [mode, passive] of [
    ["", ""],
    ["passive;", ""],
    ["", "passive: true"],
  ] as const) {
    const who = mode !== "" ? "only Manx connects" : passive !== "" ? "only BIRD connects" : "both";
    test(`the session comes up with four-octet AS numbers when ${who} may open it`, async () => {
      tor.start(router(mode));
      startManx(passive);
      const peer = await n1.established(5);
      expect([peer.remoteAs, peer.identifier, peer.holdTime]).toEqual([
        4200000001,
        "172.30.0.1",
        3,
      ]);
      expect(tor.ask("show", "protocols", "n1")).toContain("Established");
    });
  }

  test("BIRD has our block with our AS and next hop, and nothing else", async () => {
    tor.start(router());
    startManx();
    const route = await eventually("BIRD has the block", () => {
      const text = tor.ask("show", "route", "protocol", "n1", "all");
      return text.includes("10.244.1.0/24") && text;
    });
    expect(route).toContain("BGP.as_path: 64512\n");
    expect(route).toContain("BGP.next_hop: 172.30.0.11");
    expect(route).toContain("BGP.origin: IGP");
    expect(route.match(/unicast \[n1 /g)).toHaveLength(1);
  });

  test("what BIRD announces is used or refused for a reason, and the kernel follows", async () => {
    tor.start(router());
    startManx();
    await n1.established(5);
    const routes = n1.ask<RouteAnswer[]>("routes");
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
    expect(n1.ask<WhyAnswer>("why", "10.244.7.0/24").summary).toContain(
      "our own pool 10.244.0.0/16",
    );
    expect(n1.ask<WhyAnswer>("why", "192.0.2.77").summary).toContain("learned from tor");
  });

  test("a route that BIRD withdraws leaves table and kernel, and comes back with it", async () => {
    tor.start(router());
    startManx();
    await n1.established(5);
    const inKernel = (): boolean => network.run("n1", "ip", "route").includes("192.0.2.0/24");
    await eventually("installed", inKernel);
    tor.ask("disable", "outside");
    await eventually("withdrawn", () => !inKernel());
    tor.ask("enable", "outside");
    await eventually("back", inKernel);
    expect(n1.peer().flaps).toBe(0);
  });

  test("BIRD's route refresh request is answered with the table", async () => {
    tor.start(router());
    startManx();
    await n1.established(5);
    const sent = (): number => n1.peer().messages.updatesSent;
    await eventually("told", () => tor.ask("show", "route").includes("10.244.1.0/24"));
    const before = sent();
    tor.ask("reload", "in", "n1");
    await eventually("told again", () => sent() > before);
    expect(tor.ask("show", "route")).toContain("10.244.1.0/24");
    expect(n1.peer().flaps).toBe(0);
  });

  test("SIGTERM says Administrative Shutdown, which BIRD shows, and routes stay in the kernel", async () => {
    // It would keep our routes, and then it is told nothing.
    tor.start(router("graceful restart off;"));
    const daemon = startManx();
    await n1.established(5);
    await eventually("installed", () => network.run("n1", "ip", "route").includes("192.0.2.0/24"));
    daemon.kill("SIGTERM");
    expect(await daemon.exited).toBe(0);
    expect(tor.log()).toContain("Administrative shutdown");
    expect(network.run("n1", "ip", "route")).toContain("192.0.2.0/24");
  });

  test("BIRD's shutdown is shown as the reason why the session is down", async () => {
    tor.start(router());
    startManx();
    await n1.established(5);
    tor.ask("disable", "n1");
    const peer = await eventually("down", () =>
      n1.ask<PeerAnswer[]>("peers").find(({ state }) => state !== "Established"),
    );
    expect(peer.lastError).toContain("Administrative Shutdown");
    await eventually(
      "its routes are gone",
      () => !network.run("n1", "ip", "route").includes("192.0.2"),
    );
  });

  test("a wrong AS number is refused with Bad Peer AS and said to people", async () => {
    tor.start(router("", "65001"));
    startManx();
    const peer = await eventually("refused", () =>
      n1.ask<PeerAnswer[]>("peers").find(({ lastError }) => lastError.includes("Bad Peer AS")),
    );
    expect(peer.state).not.toBe("Established");
    await eventually("BIRD heard it", () => tor.log().includes("Bad peer AS"));
  });

  test("killed with -9 and started again, bgpd adopts its routes and sweeps the stale one", async () => {
    tor.start(router());
    const first = startManx();
    await n1.established(5);
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
    await n1.established(5);
    await eventually(
      "the stale route is gone",
      () => !network.run("n1", "ip", "route").includes("203.0.113.0/24"),
    );
    const routes = network.run("n1", "ip", "route");
    expect(routes).toContain("192.0.2.0/24");
    expect(routes).toContain("203.0.114.0/24");
  });

  test("what another deletes from the kernel is put back, another's route is left alone", async () => {
    tor.start(router());
    startManx();
    await n1.established(5);
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
    tor.start(router());
    startManx();
    await n1.established(5);
    const more = cluster().replace("[10.244.1.0/24]", "[10.244.1.0/24, 10.244.2.0/24]");
    n1.configure(more.replace("asNumber: 42", "acceptDefaultRoute: true, asNumber: 42"));
    await eventually("the new block is announced", () =>
      tor.ask("show", "route").includes("10.244.2.0/24"),
    );
    await eventually("the default route is accepted", () =>
      /default nhid \d+ via 172\.30\.0\.1 /.test(network.run("n1", "ip", "route")),
    );
    expect(n1.peer().flaps).toBe(0);
  });
});
