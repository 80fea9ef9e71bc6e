/**
 * Sessions with GoBGP 3: a key that changes under a living session, last words, dynamic neighbours of its and ours.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import type { Subprocess } from "bun";
import type { PeerAnswer } from "../../resource/answer.ts";
import { configuration, documents, N1, node, TOR, torPeer } from "./documents.ts";
import { type Gobgp, gobgpOn, hasGobgp } from "./gobgp.ts";
import { hasManx, type Manx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network } from "./network.ts";

const router = (passive = "false", password = ""): string => `
[global.config]
  as = 65000
  router-id = "172.30.0.1"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "172.30.0.11"
    peer-as = 64512
    ${password}
  [neighbors.timers.config]
    hold-time = 6
    connect-retry = 1
    idle-hold-time-after-reset = 1
  [neighbors.transport.config]
    passive-mode = ${passive}
`;

/** Both sides change a key within the hold time. */
const SLOWER = "holdTime: 6s, connectRetryTime: 1s";
const N2 = node("n2", "172.30.0.12/24", "10.244.2.0/24");

let network: Network;
let n1: Manx;
let n2: Manx;
let tor: Gobgp;

beforeEach(() => {
  network = createNetwork({ n1: "172.30.0.11/24", n2: "172.30.0.12/24", tor: "172.30.0.1/24" });
  n1 = manxOn(network, "n1");
  n2 = manxOn(network, "n2");
  tor = gobgpOn(network, "tor");
});

afterEach(async () => {
  await network.remove();
});

function startManx(daemon: Manx, peer: string, more = ""): Subprocess {
  const common = configuration(`nodeToNodeMeshEnabled: false, ${more}`, SLOWER);
  daemon.configure(documents(common, N1, N2, peer));
  return daemon.start();
}

function key(name: string, text: string): string {
  const file = network.file(name, text);
  chmodSync(file, 0o600);
  return file;
}

describe.skipIf(!hasManx || !hasGobgp)("sessions with GoBGP", () => {
  test.each([
    ["GoBGP waits", "true", ""],
    ["Manx waits", "false", "passive: true"],
  ])("TCP-MD5: %s", async (_name, waits, passive) => {
    tor.start(router(waits, 'auth-password = "one"'));
    startManx(n1, torPeer(TOR, `password: { file: ${key("tor.key", "one")} }`, passive));
    await n1.established();
    tor.ask("global", "rib", "add", "192.0.2.0/24");
    await eventually("received", () => n1.peer().prefixes.received === 1);
  });

  test("its text is shown by us, and ours by it", async () => {
    tor.start(router());
    const daemon = startManx(n1, torPeer(TOR), "shutdownMessage: kernel update until noon");
    await n1.established();
    tor.ask("neighbor", "172.30.0.11", "shutdown", "--reason=rack b moves");
    const peer = await eventually("down", () =>
      n1.ask<PeerAnswer[]>("peers").find(({ lastError }) => lastError.includes("rack b moves")),
    );
    expect(peer.lastError).toBe('the peer sent Cease/Administrative Shutdown: "rack b moves"');
    tor.ask("neighbor", "172.30.0.11", "enable");
    await n1.established();
    daemon.kill("SIGTERM");
    await daemon.exited;
    await eventually("read", () => tor.log().includes("kernel update until noon"));
  });

  test("it is a neighbour of our range", async () => {
    startManx(n1, torPeer("listenRange: 172.30.0.0/28, asNumber: 65000"));
    tor.start(router());
    const peer = await n1.established();
    expect([peer.name, peer.range]).toEqual(["tor 172.30.0.1", "tor"]);
    await eventually("our block", () => tor.ask("global", "rib").includes("10.244.1.0/24"));
  });

  test("a refresh that it asks for comes with begin and end", async () => {
    tor.start(router());
    startManx(n1, torPeer(TOR));
    const peer = await n1.established();
    await eventually("our block", () => tor.ask("global", "rib").includes("10.244.1.0/24"));
    const before = n1.peer().messages.sent;
    tor.ask("neighbor", "172.30.0.11", "softresetin");
    await eventually("told again", () => n1.peer().messages.sent > before);
    expect(n1.peer().flaps).toBe(0);
    expect(peer.capabilities).toContain("route refresh");
  });
});

describe.skipIf(!hasManx)("a key that changes under a living session", () => {
  test("between two of ours: neither flaps, and routes go on in both directions", async () => {
    const [a, b] = [key("a.key", "one"), key("b.key", "one")];
    startManx(n1, torPeer(`peerIP: 172.30.0.12, asNumber: 64512, password: { file: ${a} }`));
    startManx(n2, torPeer(`peerIP: 172.30.0.11, asNumber: 64512, password: { file: ${b} }`));
    await n1.established();
    await n2.established();
    for (const [node, file] of [
      [n1, "a.key"],
      [n2, "b.key"],
    ] as const) {
      key(file, "another");
      await eventually(`${file} is used`, () => node.log().includes("the session has another key"));
    }
    const heard = n1.peer().messages.received;
    // Two more keepalives of two seconds: signed with the new key.
    await eventually("it speaks on", () => n1.peer().messages.received > heard + 1);
    expect(n1.peer()).toMatchObject({ state: "Established", flaps: 0 });
    expect(n2.peer()).toMatchObject({ state: "Established", flaps: 0 });
  });
});
