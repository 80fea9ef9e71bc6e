/**
 * Graceful restart against BIRD, each side as the one that restarts and as the one that helps (RFC 4724, RFC 9494).
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { which } from "bun";
import type { PeerAnswer, RouteAnswer } from "../../resource/answer.ts";
import {
  createNetwork,
  eventually,
  isInside,
  type Network,
  watchRoutes,
  withoutObjects,
} from "./network.ts";

const manx = process.env.MANX_EXECUTABLE ?? "";
const bird = which("bird") ?? "";
const birdc = which("birdc") ?? "";

const CLUSTER = `
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: { name: default }
spec: { asNumber: 64512, connectRetryTime: 1s, importPolicy: all }
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
spec: { peerIP: 172.30.0.1, asNumber: 65000 PEER }
`;

const BIRD = `
router id 172.30.0.1;
log stderr all;
debug protocols { states };
graceful restart wait 10;
protocol device { scan time 1; }
protocol kernel { persist; graceful restart; ipv4 { export where source = RTS_BGP; }; }
protocol static outside { ipv4; route 192.0.2.0/24 blackhole; route 198.51.100.0/24 blackhole; }
protocol bgp n1 {
  local 172.30.0.1 as 65000;
  neighbor 172.30.0.11 as 64512;
  hold time 9; connect retry time 1; connect delay time 1; error wait time 1, 2;
  graceful restart on;
  RESTART
  ipv4 { import all; export where source = RTS_STATIC; };
}
`;

const LEARNED = "10.244.1.0/24";

let network: Network;

beforeEach(() => {
  network = createNetwork({ n1: "172.30.0.11/24", tor: "172.30.0.1/24" });
});

afterEach(async () => {
  await network.remove();
});

function startBird(restart = "", ...flags: readonly string[]) {
  const file = network.file("bird.conf", BIRD.replace("RESTART", restart));
  const control = `${network.folder}/bird.ctl`;
  return network.start("tor", "bird", [bird, "-f", ...flags, "-c", file, "-s", control]);
}

function startManx(peer = "") {
  const file = network.file("cluster.yaml", CLUSTER.replace("PEER", peer));
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

const peer = (): PeerAnswer | undefined => ask<PeerAnswer[]>("peers")[0];
const isUp = (): boolean => peer()?.state === "Established";
const kernelOf = (name: string, ...more: string[]): string =>
  withoutObjects(network.run(name, "ip", "-4", "route", "show", ...more));

/** Both have what the other announces. */
async function established(): Promise<void> {
  await eventually("both have each other's routes", () => {
    const isHere = peer()?.prefixes.best === 2;
    return isHere && kernelOf("tor").includes(LEARNED);
  });
}

const here = isInside && manx !== "" && bird !== "";

describe.skipIf(!here)("with BIRD, a restart", () => {
  test("is agreed: each says what it can", async () => {
    startBird();
    startManx();
    await established();
    expect(peer()?.capabilities).toContain("graceful restart (120 s; IPv4 unicast not preserved)");
    const said = askBird("show", "protocols", "all", "n1");
    expect(said).toMatch(/Neighbor capabilities(.*\n)*?\s+Restart time: 120/);
    expect(said).toMatch(/Neighbor capabilities(.*\n)*?\s+AF supported: ipv4/);
  });

  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    test(`of Manx by ${signal} takes no route away at either end`, async () => {
      startBird();
      const first = startManx();
      await established();
      await eventually(
        "the first daemon has converged",
        () => ask<{ ready: { ok: boolean } }>("status").ready.ok,
      );
      const before = [kernelOf("n1"), kernelOf("tor")];
      const changes = {
        n1: await watchRoutes(network, "n1"),
        tor: await watchRoutes(network, "tor"),
      };
      first.kill(signal);
      await first.exited;
      await eventually("BIRD keeps the routes of a peer that restarts", () =>
        askBird("show", "protocols", "all", "n1").includes("Neighbor graceful restart active"),
      );
      expect(askBird("show", "route", "protocol", "n1")).toContain(LEARNED);
      startManx();
      await established();
      await eventually(
        "the new daemon has converged",
        () => ask<{ ready: { ok: boolean } }>("status").ready.ok,
      );
      await eventually("BIRD has got our End-of-RIB", () => {
        const text = askBird("show", "protocols", "all", "n1");
        return text.includes("Established") && !text.includes("graceful restart active");
      });
      expect([kernelOf("n1"), kernelOf("tor")]).toEqual(before);
      expect([changes.n1(), changes.tor()].join("")).not.toContain("Deleted");
    });
  }

  test("with --withdraw is none: BIRD drops the routes at once", async () => {
    startBird();
    const api = `${network.folder}/bgpd.sock`;
    const file = network.file("cluster.yaml", CLUSTER.replace("PEER", ""));
    const args = ["bgpd", "--config", file, "--node", "n1", "--api", api, "--withdraw"];
    const daemon = network.start("n1", "bgpd", [manx, ...args]);
    await established();
    daemon.kill("SIGTERM");
    await daemon.exited;
    await eventually("gone", () => !kernelOf("tor").includes(LEARNED), 3000);
  });

  test("of BIRD takes no route away at either end, and what it does not tell again goes", async () => {
    const first = startBird();
    startManx();
    await established();
    const before = kernelOf("n1");
    const changes = await watchRoutes(network, "n1");
    first.kill("SIGKILL");
    await first.exited;
    const kept = await eventually("the routes are kept as stale", () => {
      const one = peer();
      return one?.state !== "Established" && one?.stale[0]?.prefixes === 2 && one;
    });
    expect(kept.stale[0]).toMatchObject({ name: "IPv4 unicast", stage: "restart" });
    expect(kept.prefixes.best).toBe(2);
    const [route] = ask<RouteAnswer[]>("routes", "192.0.2.0/24");
    expect(route?.paths[0]).toMatchObject({ state: "best", stale: "restart" });
    startBird("", "-R");
    await eventually(
      "it is back, and has told its table",
      () => isUp() && peer()?.stale.length === 0,
    );
    expect(peer()?.capabilities.join()).toContain("has restarted");
    expect(kernelOf("n1")).toBe(before);
    expect(changes()).not.toContain("Deleted");
    expect(peer()?.prefixes.best).toBe(2);
  });

  test("of BIRD that ends with less than before: the rest goes with its End-of-RIB", async () => {
    const first = startBird();
    startManx();
    await established();
    first.kill("SIGKILL");
    await first.exited;
    await eventually("the routes are kept", () => peer()?.stale[0]?.prefixes === 2);
    const text = BIRD.replace("RESTART", "").replace("route 198.51.100.0/24 blackhole;", "");
    const file = network.file("less.conf", text);
    const control = `${network.folder}/bird.ctl`;
    network.start("tor", "bird", [bird, "-f", "-R", "-c", file, "-s", control]);
    await eventually("one is left", () => isUp() && peer()?.prefixes.received === 1);
    expect(kernelOf("n1")).not.toContain("198.51.100.0/24");
    expect(kernelOf("n1")).toContain("192.0.2.0/24");
  });

  test("that BIRD does not come back from ends with its restart time", async () => {
    const daemon = startBird("graceful restart time 2; long lived graceful restart off;");
    startManx();
    await established();
    daemon.kill("SIGKILL");
    await daemon.exited;
    await eventually("kept at first", () => peer()?.stale[0]?.prefixes === 2);
    await eventually(
      "gone then",
      () => peer()?.stale.length === 0 && peer()?.prefixes.received === 0,
    );
    expect(kernelOf("n1")).not.toContain("192.0.2.0/24");
  });
});

describe.skipIf(!here)("with BIRD, a long absence (RFC 9494)", () => {
  test("of BIRD leaves its routes as a last resort, with LLGR_STALE, until their time is over", async () => {
    const daemon = startBird(
      "graceful restart time 1; long lived graceful restart on; long lived stale time 4;",
    );
    startManx();
    await established();
    daemon.kill("SIGKILL");
    await daemon.exited;
    await eventually("long-lived stale", () => peer()?.stale[0]?.stage === "long-lived");
    const [route] = ask<RouteAnswer[]>("routes", "192.0.2.0/24");
    expect(route?.paths[0]).toMatchObject({
      state: "best",
      stale: "long-lived",
      attributes: { communities: ["65535:6"] },
    });
    expect(kernelOf("n1")).toContain("192.0.2.0/24");
    await eventually("gone", () => peer()?.prefixes.received === 0);
    expect(kernelOf("n1")).not.toContain("192.0.2.0/24");
  });

  test("of Manx leaves ours at BIRD as a last resort", async () => {
    startBird("long lived graceful restart on;");
    const asked = ", maxRestartTime: 1s, gracefulRestart: { longLivedStaleTime: 60s }";
    const daemon = startManx(asked);
    await established();
    daemon.kill("SIGKILL");
    await daemon.exited;
    await eventually("BIRD has marked our route", () =>
      askBird("show", "route", "protocol", "n1", "all").includes("(65535,6)"),
    );
    expect(kernelOf("tor")).toContain(LEARNED);
    startManx(asked);
    await established();
    await eventually("the route counts again", () => {
      const text = askBird("show", "route", "protocol", "n1", "all");
      return text.includes(LEARNED) && !text.includes("(65535,6)");
    });
  });
});
