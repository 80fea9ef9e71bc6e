/**
 * What sessions have besides routes, against BIRD 2: keys, hops, extended messages, refresh, last words.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { which } from "bun";
import type { PeerAnswer } from "../../resource/answer.ts";
import { createNetwork, eventually, isInside, type Network } from "./network.ts";

const manx = process.env.MANX_EXECUTABLE ?? "";
const bird = which("bird") ?? "";
const birdc = which("birdc") ?? "";

/** What `PEER` adds to the BGPPeer and `COMMON` to the BGPConfiguration. */
const CLUSTER = `
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: { name: default }
spec: { holdTime: 6s, connectRetryTime: 1s COMMON }
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

const BIRD = `
router id 172.30.0.1;
log stderr all;
debug protocols { events, states, packets };
protocol device { scan time 1; }
protocol static outside {
  ipv4;
  route 192.0.2.0/24 blackhole;
  route 198.51.100.0/24 blackhole;
}
protocol bgp n1 {
  local 172.30.0.1 as 65000;
  neighbor 172.30.0.11 as 64512;
  hold time 6; connect retry time 1; connect delay time 1; error wait time 1, 2;
  OPTIONS
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

function startBird(options: string): void {
  const file = network.file("bird.conf", BIRD.replace("OPTIONS", options));
  network.start("tor", "bird", [bird, "-f", "-c", file, "-s", `${network.folder}/bird.ctl`]);
}

const TOR = "peerIP: 172.30.0.1, asNumber: 65000";

function documents(peer: string, common: string): string {
  return network.file("cluster.yaml", CLUSTER.replace("PEER", peer).replace("COMMON", common));
}

function startManx(peer = TOR, common = ""): ReturnType<Network["start"]> {
  const args = ["--config", documents(peer, common), "--node", "n1"];
  return network.start("n1", "bgpd", [
    manx,
    "bgpd",
    ...args,
    "--api",
    `${network.folder}/bgpd.sock`,
  ]);
}

function key(text: string): string {
  const file = network.file("tor.key", `${text}\n`);
  chmodSync(file, 0o600);
  return file;
}

function peers(): PeerAnswer[] {
  const api = ["--api", `${network.folder}/bgpd.sock`];
  return JSON.parse(network.run("n1", manx, "peers", "--json", ...api));
}

function askBird(...words: string[]): string {
  return network.run("tor", birdc, "-s", `${network.folder}/bird.ctl`, ...words);
}

async function established(received = 2): Promise<PeerAnswer> {
  return eventually("the session is Established", () => {
    const [peer] = peers();
    return peer?.state === "Established" && peer.prefixes.received === received ? peer : undefined;
  });
}

const here = isInside && manx !== "" && bird !== "";

describe.skipIf(!here)("sessions with BIRD", () => {
  test.each([
    ["both", "", ""],
    ["only Manx connects", "passive;", ""],
    ["only BIRD connects", "", ", passive: true"],
  ])("TCP-MD5: %s", async (_name, mode, passive) => {
    startBird(`password "one"; ${mode}`);
    startManx(`${TOR}, password: { file: ${key("one")} } ${passive}`);
    await established();
  });

  test("TCP-MD5: with another key nobody comes up, without one neither", async () => {
    startBird('password "one"; connect retry time 1;');
    startManx(`${TOR}, password: { file: ${key("two")} }`);
    const peer = await eventually("tried", () => {
      const [one] = peers();
      return one?.lastError === "no answer to our connection requests" ? one : undefined;
    });
    expect(peer.state).not.toBe("Established");
    key("one");
    await established();
    expect(network.log("bgpd")).not.toContain('"one"');
  });

  test("TCP-MD5: a changed key is taken by the living session, first here and then there", async () => {
    startBird('password "one";');
    startManx(`${TOR}, password: { file: ${key("one")} }`);
    await established();
    key("two");
    await eventually("the key is another", () =>
      network.log("bgpd").includes("the session has another key"),
    );
    // BIRD resets its own side for another password: it comes back with it.
    network.file("bird.conf", BIRD.replace("OPTIONS", 'password "two";'));
    askBird("configure");
    await eventually("up with the new key", () => {
      const [peer] = peers();
      return peer?.state === "Established" && peer.since < 60_000 && peer.prefixes.received === 2;
    });
    askBird("disable", "n1");
    await eventually("down", () => peers()[0]?.state !== "Established");
    askBird("enable", "n1");
    await established();
  });

  test.each([
    ["only Manx connects", "passive;", ""],
    ["only BIRD connects", "", ", passive: true"],
  ])("GTSM: %s", async (_name, mode, passive) => {
    startBird(`ttl security on; ${mode}`);
    startManx(`${TOR}, ttlSecurity: 1 ${passive}`);
    await established();
  });

  test("GTSM: a peer whose packets may have come from afar is not heard", async () => {
    startBird("multihop 3;");
    startManx(`${TOR}, ttlSecurity: 1`);
    await eventually("BIRD has spoken", () => network.log("bird").includes("Sending OPEN"));
    const [peer] = peers();
    expect([peer?.state === "Established", peer?.messages.received]).toEqual([false, 0]);
  });

  test("extended messages and enhanced route refresh are agreed upon and used", async () => {
    startBird("enable extended messages on;");
    startManx();
    const peer = await established();
    expect(peer.capabilities).toContain("extended messages");
    expect(peer.capabilities).toContain("enhanced route refresh");
    expect(askBird("show", "protocols", "all", "n1")).toContain("Extended message");
    const refreshes = (): number => network.log("bird").split("Got BEGIN-OF-RR").length - 1;
    askBird("reload", "in", "n1");
    await eventually("our begin", () => refreshes() === 1);
    await eventually("our end", () => network.log("bird").includes("Got END-OF-RR"));
    expect(askBird("show", "route")).toContain("10.244.1.0/24");
    expect(peers()[0]?.flaps).toBe(0);
  });

  test("what we say at the end is shown by BIRD, and what BIRD says by us", async () => {
    startBird("");
    const last = ", shutdownMessage: kernel update until noon, gracefulRestart: { mode: Helper }";
    const daemon = startManx(undefined, last);
    await established();
    askBird("disable", "n1", '"rack b moves"');
    const peer = await eventually("down", () =>
      peers().find(({ state }) => state !== "Established"),
    );
    expect(peer.lastError).toBe('the peer sent Cease/Administrative Shutdown: "rack b moves"');
    askBird("enable", "n1");
    await established();
    daemon.kill("SIGTERM");
    await daemon.exited;
    await eventually("BIRD has read it", () =>
      network.log("bird").includes("kernel update until noon"),
    );
  });

  test("a document shuts a session down, and lets it up again", async () => {
    startBird("");
    startManx();
    await established();
    documents(`${TOR}, shutdown: do not touch`, "");
    await eventually("BIRD has read it", () => network.log("bird").includes("do not touch"));
    const [peer] = peers();
    expect([peer?.state, peer?.shutdown]).toEqual(["Idle", "do not touch"]);
    expect(network.run("n1", manx, "peers", "--api", `${network.folder}/bgpd.sock`)).toContain(
      "shut down: do not touch",
    );
    documents(TOR, "");
    await established();
  });

  test("a neighbour of a range comes, is seen, and is forgotten when it leaves", async () => {
    startManx('listenRange: 172.30.0.0/28, asNumbers: ["64990-65010"]');
    await eventually("listening", () => network.log("bgpd").includes("listening"));
    expect(peers()).toEqual([]);
    startBird("");
    const peer = await established();
    expect([peer.name, peer.range, peer.remoteAs]).toEqual(["tor 172.30.0.1", "tor", 65000]);
    await eventually("BIRD has our block", () =>
      askBird("show", "route").includes("10.244.1.0/24"),
    );
    askBird("disable", "n1");
    await eventually("forgotten", () => peers().length === 0);
    expect(network.run("n1", "ip", "route")).not.toContain("192.0.2.0/24");
  });

  test("an AS that the range does not have is refused", async () => {
    startManx("listenRange: 172.30.0.0/28, asNumbers: [64990]");
    startBird("");
    await eventually("BIRD heard it", () => network.log("bird").includes("Bad peer AS"));
  });
});
