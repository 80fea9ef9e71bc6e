/**
 * Graceful restart against GoBGP 3, which has the N bit and Hard Reset too (RFC 8538), each side as the one that restarts.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { which } from "bun";
import type { PeerAnswer } from "../../resource/answer.ts";
import { createNetwork, eventually, isInside, type Network } from "./network.ts";

const manx = process.env.MANX_EXECUTABLE ?? "";
const gobgpd = which("gobgpd") ?? "";
const gobgp = which("gobgp") ?? "";

const CLUSTER = `
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: { name: default }
spec: { connectRetryTime: 1s, importPolicy: all, gracefulRestart: { notifications: NOTIFIED } }
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
spec: { peerIP: 172.30.0.1, asNumber: 65000 }
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
    restart-time = 60
    notification-enabled = NOTIFIED
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = true
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

function startGobgp(notified: boolean, ...flags: readonly string[]) {
  const file = network.file("gobgp.toml", GOBGP.replace("NOTIFIED", `${notified}`));
  return network.start("tor", "gobgpd", [gobgpd, "-f", file, "-l", "debug", ...flags]);
}

function startManx(notified: boolean, ...flags: readonly string[]) {
  const file = network.file("n1.yaml", CLUSTER.replace("NOTIFIED", `${notified}`));
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
    startGobgp(notified);
    const first = startManx(notified);
    await established();
    first.kill(signal);
    await first.exited;
    await eventually("GoBGP has seen the end", () => {
      return !network.run("tor", gobgp, "neighbor").includes("Establ");
    });
    expect(lineOf(OURS)).toBeDefined();
    startManx(notified);
    await eventually("it is back, and its routes count", () => {
      const isUp = peer()?.state === "Established" && peer()?.prefixes.best === 1;
      return isUp && lineOf(OURS)?.startsWith("S") === false;
    });
  });

  test("with the N bit and --withdraw is none: a Hard Reset takes our route along", async () => {
    startGobgp(true);
    const daemon = startManx(true, "--withdraw");
    await established();
    daemon.kill("SIGTERM");
    await daemon.exited;
    await eventually("gone", () => lineOf(OURS) === undefined, 5000);
  });

  test("of GoBGP leaves its route here until it has told its table again", async () => {
    const first = startGobgp(false);
    startManx(false);
    await established();
    first.kill("SIGKILL");
    await first.exited;
    await eventually("kept as stale", () => peer()?.stale[0]?.prefixes === 1);
    expect(network.run("n1", "ip", "route")).toContain(THEIRS);
    startGobgp(false, "-r");
    await eventually("it is back", () => announce() !== undefined);
    await eventually("its routes count", () => {
      return (
        peer()?.state === "Established" && peer()?.prefixes.best === 1 && peer()?.stale.length === 0
      );
    });
    expect(peer()?.capabilities.join()).toContain("has restarted");
  });
});
