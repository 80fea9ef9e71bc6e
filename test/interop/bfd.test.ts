/**
 * BFD against BIRD: sessions of both kinds, keys, what a cut path does to BGP, and how fast.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { which } from "bun";
import type { BfdAnswer, PeerAnswer, StatusAnswer } from "../../resource/answer.ts";
import { createNetwork, eventually, isInside, type Network } from "./network.ts";

const manx = process.env.MANX_EXECUTABLE ?? "";
const bird = which("bird") ?? "";
const birdc = which("birdc") ?? "";

const PEER = "peerIP: 172.30.0.1, asNumber: 65000";
const TIMERS = "minTransmitInterval: 100ms, minReceiveInterval: 100ms, detectMultiplier: 3";
/** Detection time of the timers above, ms. */
const DETECTION = 300;
/** What the test's own looking and a loaded machine may add, ms. */
const SLACK = 700;
/** A whole table where there is time for one. */
const ROUTES = process.env.MANX_TEST_LONG === undefined ? 100_000 : 1_000_000;
/** Until it has arrived, ms. */
const LONG = 120_000;

const documents = (peer: string, node = "172.30.0.11/24"): string => `
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: { name: default }
spec: { asNumber: 64512, connectRetryTime: 1s }
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: n1 }
spec: { bgp: { ipv4Address: ${node} }, blocks: [10.244.1.0/24] }
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: { name: tor }
spec: { ${peer} }
`;

/** `bfd` and `session`: more of the two protocols; `routes`: more of what it announces. */
type Router = { readonly bfd?: string; readonly session?: string; readonly routes?: string };

const birdText = ({ bfd = "", session = "bfd on;", routes = "" }: Router): string => `
router id 172.30.0.1;
log stderr all;
protocol device { scan time 1; }
protocol static outside { ipv4; route 192.0.2.0/24 blackhole; ${routes} }
protocol bfd watch {
  interface "eth0" { interval 100 ms; multiplier 3; ${bfd} };
  multihop { interval 100 ms; multiplier 3; };
  ${session.includes("neighbor") ? session : ""}
}
protocol bgp n1 {
  local 172.30.0.1 as 65000;
  neighbor 172.30.0.11 as 64512;
  hold time 90; connect retry time 1; connect delay time 1; error wait time 1, 2;
  ${session.includes("neighbor") ? "" : session}
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

function startBird(router: Router = {}): void {
  const file = network.file("bird.conf", birdText(router));
  network.start("tor", "bird", [bird, "-f", "-c", file, "-s", `${network.folder}/bird.ctl`]);
}

function startManx(text: string): ReturnType<Network["start"]> {
  const file = network.file("cluster.yaml", text);
  const api = `${network.folder}/bgpd.sock`;
  const args = ["bgpd", "--config", file, "--node", "n1", "--api", api];
  return network.start("n1", "bgpd", [manx, ...args]);
}

function ask<Answer>(what: string): Answer {
  const api = `${network.folder}/bgpd.sock`;
  return JSON.parse(network.run("n1", manx, what, "--json", "--api", api));
}

function peer(): PeerAnswer {
  const [answer] = ask<PeerAnswer[]>("peers");
  if (answer === undefined) throw new Error("the daemon has no peer");
  return answer;
}

const askBird = (...words: string[]): string =>
  network.run("tor", birdc, "-s", `${network.folder}/bird.ctl`, ...words);

/** Both protocols are up, at both ends, with the timers that were agreed. */
function up(): Promise<BfdAnswer> {
  return eventually("BGP and BFD are up", () => {
    const { state, bfd } = peer();
    const isUp = state === "Established" && bfd?.state === "Up" && bfd.detectionTime === DETECTION;
    return isUp && /\bUp\b/.test(askBird("show", "bfd", "sessions")) ? bfd : undefined;
  });
}

/** The lines of the daemon's log that tell of BFD, with their instants in ms. */
const logged = (): { time: number; msg: string }[] =>
  network
    .log("bgpd")
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));

const here = isInside && manx !== "" && bird !== "";

describe.skipIf(!here)("BFD with BIRD", () => {
  test("a single hop comes up with the agreed timers, and a cut path ends the BGP session in time", async () => {
    startBird();
    startManx(documents(`${PEER}, bfd: { ${TIMERS} }`));
    const bfd = await up();
    expect([bfd.multihop, bfd.transmitInterval, bfd.failures]).toEqual([false, 100, 0]);
    expect(network.run("n1", "ip", "-4", "route")).toContain("192.0.2.0/24");
    const cut = Date.now();
    network.run("fabric", "ip", "link", "set", "tor", "nomaster");
    const down = await eventually("the session is over", () => {
      const answer = peer();
      return answer.state !== "Established" && answer;
    });
    expect(down.lastError).toBe("BFD down: detection time expired; we sent Cease/BFD Down");
    expect(down.bfd).toMatchObject({ diagnostic: "detection time expired", failures: 1 });
    await eventually("its routes are gone", () => {
      return !network.run("n1", "ip", "-4", "route").includes("192.0.2.0/24");
    });
    const ended = logged().find(({ msg }) => msg.startsWith("session ended: BFD down"));
    expect((ended?.time ?? Number.NaN) - cut).toBeLessThan(DETECTION + SLACK);
    expect((ended?.time ?? Number.NaN) - cut).toBeGreaterThan(100);
    network.run("fabric", "ip", "link", "set", "tor", "master", "br0");
    await up();
  });

  test("other timers are agreed by a poll sequence, without a flap of either protocol", async () => {
    startBird();
    startManx(documents(`${PEER}, bfd: { ${TIMERS} }`));
    const before = await up();
    const slower = TIMERS.replaceAll("100ms", "200ms").replace("Multiplier: 3", "Multiplier: 5");
    network.file("cluster.yaml", documents(`${PEER}, bfd: { ${slower} }`));
    const after = await eventually("the new timers hold", () => {
      const { bfd } = peer();
      return bfd?.transmitInterval === 200 && bfd.detectionTime === 600 && bfd;
    });
    expect(after.localDiscriminator).toBe(before.localDiscriminator);
    expect([after.state, after.failures, peer().flaps]).toEqual(["Up", 0, 0]);
    await eventually("BIRD has them", () =>
      /\bUp\b.*0\.200\s+1\.000/.test(askBird("show", "bfd", "sessions")),
    );
  });

  for (const [ours, theirs] of [
    ["KeyedMD5", "keyed md5"],
    ["MeticulousKeyedMD5", "meticulous keyed md5"],
    ["KeyedSHA1", "keyed sha1"],
    ["MeticulousKeyedSHA1", "meticulous keyed sha1"],
  ] as const) {
    test(`authentication by ${theirs}: the right key, another one, and the right one again`, async () => {
      const key = network.file("key", "wrong\n");
      chmodSync(key, 0o600);
      const auth = `auth: { type: ${ours}, keyId: 7, keyFile: ${key} }`;
      startBird({ bfd: `authentication ${theirs}; password "secret" { id 7; };` });
      startManx(documents(`${PEER}, bfd: { ${TIMERS}, ${auth} }`));
      const { bfd } = await eventually("the wrong key is told", () => {
        const answer = peer();
        return (answer.bfd?.packets.discarded ?? 0) > 0 && answer;
      });
      expect([bfd?.state, bfd?.packets.received]).toEqual(["Down", 0]);
      expect(bfd?.lastFault).toContain("digest is wrong");
      network.file("key", "secret\n");
      expect((await up()).authentication).toBe(
        theirs.replace("md5", "MD5").replace("sha1", "SHA1"),
      );
    });
  }

  test("a packet that came through a router is none of a single hop", async () => {
    startBird();
    startManx(documents(`${PEER}, bfd: { ${TIMERS} }`));
    await up();
    const rule = ["-A", "OUTPUT", "-p", "udp", "--dport", "3784", "-j", "TTL", "--ttl-set", "254"];
    network.run("tor", "iptables", "-t", "mangle", ...rule);
    const down = await eventually("the session is over", () => {
      const { bfd } = peer();
      return bfd?.state === "Down" && bfd;
    });
    expect(down.lastFault).toBe("arrived with TTL 254: expected 255");
  });

  test("several hops: the least TTL counts", async () => {
    const multihop = "bfd on; multihop;";
    startBird({ session: multihop });
    const spec = `bfd: { ${TIMERS}, multihop: true`;
    startManx(documents(`${PEER}, ${spec} }`));
    expect((await up()).multihop).toBe(true);
    network.file("cluster.yaml", documents(`${PEER}, ${spec}, minimumTtl: 250 }`));
    const down = await eventually("BIRD's TTL is too low", () => {
      const { bfd } = peer();
      return bfd?.state === "Down" && bfd;
    });
    expect(down.lastFault).toBe("arrived with TTL 64: expected 250 or more");
  });

  test(
    `3 x 100 ms hold while ${ROUTES} routes arrive and go into the kernel`,
    async () => {
      const routes = Array.from({ length: ROUTES }, (_, index) => {
        const [high, low] = [(index >>> 16) & 0xff, (index >>> 8) & 0xff];
        return `route ${20 + high}.${low}.${index & 0xff}.0/24 blackhole;`;
      });
      startBird({ routes: routes.join("\n"), session: "bfd on; hold time 240;" });
      startManx(documents(`${PEER}, bfd: { ${TIMERS} }`));
      await up();
      const { bfd, flaps } = await eventually(
        "every route is there and in the kernel",
        () => {
          const answer = peer();
          const { fib } = ask<StatusAnswer>("status");
          return answer.prefixes.received > ROUTES && fib.installed > ROUTES && answer;
        },
        LONG,
      );
      expect([bfd?.state, bfd?.failures, flaps]).toEqual(["Up", 0, 0]);
      const changes = logged().filter(({ msg }) => /^bfd: (Down|Init|Up)/.test(msg));
      expect(changes.map(({ msg }) => msg)).toEqual([
        "bfd: Init: no diagnostic",
        "bfd: Up: no diagnostic",
      ]);
    },
    2 * LONG,
  );

  test("strict: no BGP without BFD", async () => {
    startBird({ session: "neighbor 172.30.0.11 local 172.30.0.1;" });
    startManx(documents(`${PEER}, bfd: { ${TIMERS}, strict: true }`));
    await up();
    askBird("disable", "n1");
    askBird("enable", "n1");
    await up();
    network.run("fabric", "ip", "link", "set", "tor", "nomaster");
    await eventually("down", () => peer().state === "Idle");
    network.run("fabric", "ip", "link", "set", "tor", "master", "br0");
    await up();
  });
});
