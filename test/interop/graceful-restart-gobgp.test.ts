/**
 * Graceful restart against GoBGP 3, which has the N bit and Hard Reset too (RFC 8538), each side as the one that restarts.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { which } from "bun";
import type { PeerAnswer, RouteAnswer } from "../../resource/answer.ts";
import { createNetwork, eventually, isInside, type Network } from "./network.ts";

const manx = process.env.MANX_EXECUTABLE ?? "";
const gobgpd = which("gobgpd") ?? "";
const gobgp = which("gobgp") ?? "";

const CLUSTER = `
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: { name: default }
spec: { connectRetryTime: 1s, importPolicy: all }
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
spec: { peerIP: 172.30.0.1, asNumber: 65000, OURS }
`;

const GOBGP = `
[global.config]
  as = 65000
  router-id = "172.30.0.1"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "172.30.0.11"
    peer-as = 64512
  [neighbors.timers.config]
    connect-retry = 1
    idle-hold-time-after-reset = 1
  [neighbors.graceful-restart.config]
    enabled = true
    THEIRS
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = true
    LONG
`;

const OURS = "10.244.1.0/24";
const THEIRS = "192.0.2.0/24";

let network: Network;

beforeEach(() => {
  network = createNetwork({ n1: "172.30.0.11/24", tor: "172.30.0.1/24" });
});

afterEach(async () => {
  await network.remove();
});

/** What each side says of restarts, and GoBGP of long absences in its family. */
type Restarts = { readonly ours: string; readonly theirs: string; readonly long?: string };

const restarts = (notified: boolean): Restarts => ({
  ours: `gracefulRestart: { notifications: ${notified} }`,
  theirs: `restart-time = 60\nnotification-enabled = ${notified}`,
});

/** GoBGP is believed to be away for a second, and then for so many more; we ask for 60. */
const absences = (seconds: number): Restarts => ({
  ours: "maxRestartTime: 1s, gracefulRestart: { longLivedStaleTime: 60s }",
  theirs: "restart-time = 1\nlong-lived-enabled = true",
  long: `[neighbors.afi-safis.long-lived-graceful-restart.config]
      enabled = true
      restart-time = ${seconds}`,
});

function startGobgp({ theirs, long = "" }: Restarts, ...flags: readonly string[]) {
  const text = GOBGP.replace("THEIRS", theirs).replace("LONG", long);
  const file = network.file("gobgp.toml", text);
  return network.start("tor", "gobgpd", [gobgpd, "-f", file, "-l", "debug", ...flags]);
}

function startManx({ ours }: Restarts, ...flags: readonly string[]) {
  const file = network.file("n1.yaml", CLUSTER.replace("OURS", ours));
  const api = `${network.folder}/n1.sock`;
  const args = ["bgpd", "--config", file, "--node", "n1", "--api", api, ...flags];
  return network.start("n1", "bgpd", [manx, ...args]);
}

function peer(): PeerAnswer | undefined {
  const api = `${network.folder}/n1.sock`;
  return JSON.parse(network.run("n1", manx, "peers", "--json", "--api", api))[0];
}

/** GoBGP's line of our block; it begins with S where that is stale. */
function lineOf(prefix: string): string | undefined {
  const table = network.run("tor", gobgp, "global", "rib");
  return table.split("\n").find((line) => line.includes(prefix));
}

const announce = (): string => network.run("tor", gobgp, "global", "rib", "add", THEIRS);

async function established(): Promise<void> {
  await eventually("GoBGP answers", () => announce() !== undefined);
  await eventually("both have each other's routes", () => {
    return peer()?.prefixes.best === 1 && lineOf(OURS) !== undefined;
  });
}

const here = isInside && manx !== "" && gobgpd !== "" && gobgp !== "";

describe.skipIf(!here)("with GoBGP, a restart", () => {
  test.each([
    ["SIGKILL", false],
    ["SIGTERM", false],
    ["SIGTERM", true],
  ] as const)("of Manx by %s, N bit %p, leaves our route there", async (signal, notified) => {
    startGobgp(restarts(notified));
    const first = startManx(restarts(notified));
    await established();
    first.kill(signal);
    await first.exited;
    await eventually("GoBGP has seen the end", () => {
      return !network.run("tor", gobgp, "neighbor").includes("Establ");
    });
    expect(lineOf(OURS)).toBeDefined();
    startManx(restarts(notified));
    await eventually("it is back, and its routes count", () => {
      const isUp = peer()?.state === "Established" && peer()?.prefixes.best === 1;
      return isUp && lineOf(OURS)?.startsWith("S") === false;
    });
  });

  test("with the N bit and --withdraw is none: a Hard Reset takes our route along", async () => {
    startGobgp(restarts(true));
    const daemon = startManx(restarts(true), "--withdraw");
    await established();
    daemon.kill("SIGTERM");
    await daemon.exited;
    await eventually("gone", () => lineOf(OURS) === undefined, 5000);
  });

  test("of GoBGP leaves its route here until it has told its table again", async () => {
    const first = startGobgp(restarts(false));
    startManx(restarts(false));
    await established();
    first.kill("SIGKILL");
    await first.exited;
    await eventually("kept as stale", () => peer()?.stale[0]?.prefixes === 1);
    expect(network.run("n1", "ip", "route")).toContain(THEIRS);
    startGobgp(restarts(false), "-r");
    await eventually("it is back", () => announce() !== undefined);
    await eventually("its routes count", () => {
      return (
        peer()?.state === "Established" && peer()?.prefixes.best === 1 && peer()?.stale.length === 0
      );
    });
    expect(peer()?.capabilities.join()).toContain("has restarted");
  });
});

describe.skipIf(!here)("with GoBGP, a long absence (RFC 9494)", () => {
  test("of GoBGP leaves its route as a last resort, with LLGR_STALE, until its time is over", async () => {
    const daemon = startGobgp(absences(4));
    startManx(absences(4));
    await established();
    daemon.kill("SIGKILL");
    await daemon.exited;
    await eventually("long-lived stale", () => peer()?.stale[0]?.stage === "long-lived");
    const api = `${network.folder}/n1.sock`;
    const [route] = JSON.parse(
      network.run("n1", manx, "routes", THEIRS, "--json", "--api", api),
    ) as RouteAnswer[];
    expect(route?.paths[0]).toMatchObject({
      state: "best",
      stale: "long-lived",
      attributes: { communities: ["65535:6"] },
    });
    expect(network.run("n1", "ip", "route")).toContain(THEIRS);
    await eventually("gone", () => peer()?.prefixes.received === 0);
    expect(network.run("n1", "ip", "route")).not.toContain(THEIRS);
  });

  test("of Manx leaves ours there as a last resort", async () => {
    startGobgp(absences(60));
    const daemon = startManx(absences(60));
    await established();
    daemon.kill("SIGKILL");
    await daemon.exited;
    await eventually("GoBGP has marked our route", () => lineOf(OURS)?.includes("llgr-stale"));
    startManx(absences(60));
    await eventually("it is back, and its routes count", () => {
      const line = lineOf(OURS);
      return peer()?.state === "Established" && line !== undefined && !line.includes("llgr-stale");
    });
  });
});
