/**
 * What sessions have besides routes, against BIRD 2: keys, hops, extended messages, refresh, last words.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import type { Subprocess } from "bun";
import type { PeerAnswer } from "../../resource/answer.ts";
import { type Bird, birdOn, birdRoutes, birdSession, birdText, hasBird } from "./bird.ts";
import { configuration, documents, N1, TOR, torPeer } from "./documents.ts";
import { hasManx, type Manx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network } from "./network.ts";

const cluster = (peer: string, more = ""): string => documents(configuration(more), N1, peer);

const router = (options: string): string =>
  birdText(
    "172.30.0.1",
    "debug protocols { events, states, packets };",
    birdRoutes("192.0.2.0/24 blackhole", "198.51.100.0/24 blackhole"),
    birdSession({ options }),
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

function startManx(peer = torPeer(TOR), more = ""): Subprocess {
  n1.configure(cluster(peer, more));
  return n1.start();
}

function key(text: string): string {
  const file = network.file("tor.key", `${text}\n`);
  chmodSync(file, 0o600);
  return file;
}

describe.skipIf(!hasManx || !hasBird)("sessions with BIRD", () => {
  test.each([
    ["both", "", ""],
    ["only Manx connects", "passive;", ""],
    ["only BIRD connects", "", "passive: true"],
  ])("TCP-MD5: %s", async (_name, mode, passive) => {
    tor.start(router(`password "one"; ${mode}`));
    startManx(torPeer(TOR, `password: { file: ${key("one")} }`, passive));
    await n1.established(2);
  });

  test("TCP-MD5: with another key nobody comes up, without one neither", async () => {
    tor.start(router('password "one"; connect retry time 1;'));
    startManx(torPeer(TOR, `password: { file: ${key("two")} }`));
    const peer = await eventually("tried", () => {
      const one = n1.peer();
      return one.lastError === "no answer to our connection requests" ? one : undefined;
    });
    expect(peer.state).not.toBe("Established");
    key("one");
    await n1.established(2);
    expect(n1.log()).not.toContain('"one"');
  });

  test("TCP-MD5: a changed key is taken by the living session, first here and then there", async () => {
    tor.start(router('password "one";'));
    startManx(torPeer(TOR, `password: { file: ${key("one")} }`));
    await n1.established(2);
    key("two");
    await eventually("the key is another", () => n1.log().includes("the session has another key"));
    // BIRD resets its own side for another password: it comes back with it.
    tor.configure(router('password "two";'));
    tor.ask("configure");
    await eventually("up with the new key", () => {
      const peer = n1.peer();
      return peer.state === "Established" && peer.since < 60_000 && peer.prefixes.received === 2;
    });
    tor.ask("disable", "n1");
    await eventually("down", () => n1.peer().state !== "Established");
    tor.ask("enable", "n1");
    await n1.established(2);
  });

  test.each([
    ["only Manx connects", "passive;", ""],
    ["only BIRD connects", "", "passive: true"],
  ])("GTSM: %s", async (_name, mode, passive) => {
    tor.start(router(`ttl security on; ${mode}`));
    startManx(torPeer(TOR, `ttlSecurity: 1`, passive));
    await n1.established(2);
  });

  test("GTSM: a peer whose packets may have come from afar is not heard", async () => {
    tor.start(router("multihop 3;"));
    startManx(torPeer(TOR, `ttlSecurity: 1`));
    await eventually("BIRD has spoken", () => tor.log().includes("Sending OPEN"));
    const peer = n1.peer();
    expect([peer.state === "Established", peer.messages.received]).toEqual([false, 0]);
  });

  test("extended messages and enhanced route refresh are agreed upon and used", async () => {
    tor.start(router("enable extended messages on;"));
    startManx();
    const peer = await n1.established(2);
    expect(peer.capabilities).toContain("extended messages");
    expect(peer.capabilities).toContain("enhanced route refresh");
    expect(tor.ask("show", "protocols", "all", "n1")).toContain("Extended message");
    const refreshes = (): number => tor.log().split("Got BEGIN-OF-RR").length - 1;
    tor.ask("reload", "in", "n1");
    await eventually("our begin", () => refreshes() === 1);
    await eventually("our end", () => tor.log().includes("Got END-OF-RR"));
    expect(tor.ask("show", "route")).toContain("10.244.1.0/24");
    expect(n1.peer().flaps).toBe(0);
  });

  test("what we say at the end is shown by BIRD, and what BIRD says by us", async () => {
    tor.start(router(""));
    const last = "shutdownMessage: kernel update until noon, gracefulRestart: { mode: Helper }";
    const daemon = startManx(torPeer(TOR), last);
    await n1.established(2);
    tor.ask("disable", "n1", '"rack b moves"');
    const peer = await eventually("down", () =>
      n1.ask<PeerAnswer[]>("peers").find(({ state }) => state !== "Established"),
    );
    expect(peer.lastError).toBe('the peer sent Cease/Administrative Shutdown: "rack b moves"');
    tor.ask("enable", "n1");
    await n1.established(2);
    daemon.kill("SIGTERM");
    await daemon.exited;
    await eventually("BIRD has read it", () => tor.log().includes("kernel update until noon"));
  });

  test("a document shuts a session down, and lets it up again", async () => {
    tor.start(router(""));
    startManx();
    await n1.established(2);
    n1.configure(cluster(torPeer(TOR, "shutdown: do not touch")));
    await eventually("BIRD has read it", () => tor.log().includes("do not touch"));
    const peer = n1.peer();
    expect([peer.state, peer.shutdown]).toEqual(["Idle", "do not touch"]);
    expect(n1.tell("peers")).toContain("shut down: do not touch");
    n1.configure(cluster(torPeer(TOR)));
    await n1.established(2);
  });

  test("a neighbour of a range comes, is seen, and is forgotten when it leaves", async () => {
    startManx(torPeer('listenRange: 172.30.0.0/28, asNumbers: ["64990-65010"]'));
    await eventually("listening", () => n1.log().includes("listening"));
    expect(n1.ask<PeerAnswer[]>("peers")).toEqual([]);
    tor.start(router(""));
    const peer = await n1.established(2);
    expect([peer.name, peer.range, peer.remoteAs]).toEqual(["tor 172.30.0.1", "tor", 65000]);
    await eventually("BIRD has our block", () =>
      tor.ask("show", "route").includes("10.244.1.0/24"),
    );
    tor.ask("disable", "n1");
    await eventually("forgotten", () => n1.ask<PeerAnswer[]>("peers").length === 0);
    expect(network.run("n1", "ip", "route")).not.toContain("192.0.2.0/24");
  });

  test("an AS that the range does not have is refused", async () => {
    startManx(torPeer("listenRange: 172.30.0.0/28, asNumbers: [64990]"));
    tor.start(router(""));
    await eventually("BIRD heard it", () => tor.log().includes("Bad peer AS"));
  });

  test("we are a neighbour of its range", async () => {
    tor.start(router("").replace("neighbor 172.30.0.11", "neighbor range 172.30.0.0/24"));
    startManx();
    await n1.established(2);
    await eventually("BIRD has our block, of a dynamic session", () =>
      /10\.244\.1\.0\/24.*dynbgp1/.test(tor.ask("show", "route")),
    );
  });

  test("a speaker of two-octet AS numbers tells the others beside its path, and is told ours so", async () => {
    const wide = "bgp_path.prepend(4200000001);";
    tor.start(
      router("enable as4 off;").replace(
        "192.0.2.0/24 blackhole",
        `192.0.2.0/24 blackhole { ${wide} }`,
      ),
    );
    startManx();
    const { capabilities } = await n1.established(2);
    expect(capabilities).not.toContain("four-octet AS numbers");
    expect((await n1.path("192.0.2.0/24")).attributes.asPath).toEqual([65_000, 4_200_000_001]);
    expect(await tor.told("10.244.1.0/24")).toContain("BGP.as_path: 64512\n");
  });

  test("our own identifier at a peer of our AS is refused, and said to people", async () => {
    const session = birdSession({ local: "172.30.0.1 as 64512" });
    tor.start(birdText("172.30.0.11", session));
    startManx(torPeer("peerIP: 172.30.0.1, asNumber: 64512"));
    const { lastError } = await eventually("refused", () => {
      const peer = n1.peer();
      return peer.lastError.includes("Identifier") && peer;
    });
    expect(lastError).toContain("Bad BGP Identifier");
  });

  test("at another port than 179", async () => {
    tor.start(router("").replace("172.30.0.1 as", "172.30.0.1 port 1179 as"));
    startManx(torPeer("peerIP: '172.30.0.1:1179', asNumber: 65000"));
    await n1.established(2);
  });
});
