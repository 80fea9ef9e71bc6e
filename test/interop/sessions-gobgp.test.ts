/**
 * Sessions with GoBGP 3: a key that changes under a living session, last words, dynamic neighbours of its and ours.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
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
spec: { holdTime: 6s, connectRetryTime: 1s, nodeToNodeMeshEnabled: false COMMON }
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
spec: { PEER }
`;

const GOBGP = `
[global.config]
  as = 65000
  router-id = "172.30.0.1"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "172.30.0.11"
    peer-as = 64512
    PASSWORD
  [neighbors.timers.config]
    hold-time = 6
    connect-retry = 1
    idle-hold-time-after-reset = 1
  [neighbors.transport.config]
    passive-mode = PASSIVE
`;

let network: Network;

beforeEach(() => {
  network = createNetwork({ n1: "172.30.0.11/24", n2: "172.30.0.12/24", tor: "172.30.0.1/24" });
});

afterEach(async () => {
  await network.remove();
});

function startGobgp(passive = "false", password = ""): void {
  const text = GOBGP.replace("PASSIVE", passive).replace("PASSWORD", password);
  network.start("tor", "gobgpd", [gobgpd, "-f", network.file("gobgp.toml", text), "-l", "debug"]);
}

function startManx(spec: string, node = "n1", common = ""): ReturnType<Network["start"]> {
  const text = CLUSTER.replaceAll("n1", node)
    .replace("PEER", spec)
    .replace("COMMON", common)
    .replace("172.30.0.11/24", node === "n1" ? "172.30.0.11/24" : "172.30.0.12/24");
  const api = ["--api", `${network.folder}/${node}.sock`];
  const config = ["--config", network.file(`${node}.yaml`, text), "--node", node];
  return network.start(node, node, [manx, "bgpd", ...config, ...api]);
}

function peers(node = "n1"): PeerAnswer[] {
  return JSON.parse(
    network.run(node, manx, "peers", "--json", "--api", `${network.folder}/${node}.sock`),
  );
}

function askGobgp(...words: string[]): string {
  return network.run("tor", gobgp, ...words);
}

function key(name: string, text: string): string {
  const file = network.file(name, text);
  chmodSync(file, 0o600);
  return file;
}

function established(node = "n1"): Promise<PeerAnswer> {
  return eventually("Established", () => peers(node).find(({ state }) => state === "Established"));
}

const TOR = "peerIP: 172.30.0.1, asNumber: 65000";
const here = isInside && manx !== "" && gobgpd !== "" && gobgp !== "";

describe.skipIf(!here)("sessions with GoBGP", () => {
  test.each([
    ["GoBGP waits", "true", ""],
    ["Manx waits", "false", ", passive: true"],
  ])("TCP-MD5: %s", async (_name, waits, passive) => {
    startGobgp(waits, 'auth-password = "one"');
    startManx(`${TOR}, password: { file: ${key("tor.key", "one")} } ${passive}`);
    await established();
    askGobgp("global", "rib", "add", "192.0.2.0/24");
    await eventually("received", () => peers()[0]?.prefixes.received === 1);
  });

  test("its text is shown by us, and ours by it", async () => {
    startGobgp();
    const daemon = startManx(TOR, "n1", ", shutdownMessage: kernel update until noon");
    await established();
    askGobgp("neighbor", "172.30.0.11", "shutdown", "--reason=rack b moves");
    const peer = await eventually("down", () =>
      peers().find(({ lastError }) => lastError.includes("rack b moves")),
    );
    expect(peer.lastError).toBe('the peer sent Cease/Administrative Shutdown: "rack b moves"');
    askGobgp("neighbor", "172.30.0.11", "enable");
    await established();
    daemon.kill("SIGTERM");
    await daemon.exited;
    await eventually("read", () => network.log("gobgpd").includes("kernel update until noon"));
  });

  test("it is a neighbour of our range", async () => {
    startManx("listenRange: 172.30.0.0/28, asNumber: 65000");
    startGobgp();
    const peer = await established();
    expect([peer.name, peer.range]).toEqual(["tor 172.30.0.1", "tor"]);
    await eventually("our block", () => askGobgp("global", "rib").includes("10.244.1.0/24"));
  });

  test("a refresh that it asks for comes with begin and end", async () => {
    startGobgp();
    startManx(TOR);
    const peer = await established();
    await eventually("our block", () => askGobgp("global", "rib").includes("10.244.1.0/24"));
    const before = peers()[0]?.messages.sent ?? 0;
    askGobgp("neighbor", "172.30.0.11", "softresetin");
    await eventually("told again", () => (peers()[0]?.messages.sent ?? 0) > before);
    expect(peers()[0]?.flaps).toBe(0);
    expect(peer.capabilities).toContain("route refresh");
  });
});

describe.skipIf(!(isInside && manx !== ""))("a key that changes under a living session", () => {
  test("between two of ours: neither flaps, and routes go on in both directions", async () => {
    const [a, b] = [key("a.key", "one"), key("b.key", "one")];
    startManx(`peerIP: 172.30.0.12, asNumber: 64512, password: { file: ${a} }`);
    startManx(`peerIP: 172.30.0.11, asNumber: 64512, password: { file: ${b} }`, "n2");
    await established("n1");
    await established("n2");
    for (const [node, file] of [
      ["n1", "a.key"],
      ["n2", "b.key"],
    ] as const) {
      key(file, "another");
      await eventually(`${node} has it`, () =>
        network.log(node).includes("the session has another key"),
      );
    }
    const heard = peers("n1")[0]?.messages.received ?? 0;
    // Two more keepalives of two seconds: signed with the new key.
    await eventually("it speaks on", () => (peers("n1")[0]?.messages.received ?? 0) > heard + 1);
    expect(peers("n1")[0]).toMatchObject({ state: "Established", flaps: 0 });
    expect(peers("n2")[0]).toMatchObject({ state: "Established", flaps: 0 });
  });
});
