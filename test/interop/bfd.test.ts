/**
 * BFD against BIRD: sessions of both kinds, keys, what a cut path does to BGP, and how fast.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import type { BfdAnswer, StatusAnswer } from "../../resource/answer.ts";
import {
  type Bird,
  birdOn,
  birdRoutes,
  birdSession,
  birdTable,
  birdText,
  hasBird,
} from "./bird.ts";
import { configuration, documents, N1, TOR, torPeer } from "./documents.ts";
import { hasManx, type Manx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network } from "./network.ts";

const TIMERS = "minTransmitInterval: 100ms, minReceiveInterval: 100ms, detectMultiplier: 3";
/** Detection time of the timers above, ms. */
const DETECTION = 300;
/** What the test's own looking and a loaded machine may add, ms. */
const SLACK = 700;
/** A whole table where there is time for one. */
const ROUTES = process.env.MANX_TEST_LONG === undefined ? 100_000 : 1_000_000;
/** Until it has arrived, ms. */
const LONG = 120_000;

const cluster = (bfd: string): string =>
  documents(configuration("", "connectRetryTime: 1s"), N1, torPeer(TOR, bfd));

/** `bfd`: more of its interface; `watched`: a session of BFD's own; `table`: more prefixes that it announces. */
type Router = {
  readonly bfd?: string;
  readonly watched?: string;
  readonly options?: string;
  readonly table?: number;
};

const router = ({ bfd = "", watched = "", options = "bfd on;", table = 0 }: Router): string =>
  birdText(
    "172.30.0.1",
    birdRoutes("192.0.2.0/24 blackhole"),
    birdTable(table),
    `
protocol bfd watch {
  interface "eth0" { interval 100 ms; multiplier 3; ${bfd} };
  multihop { interval 100 ms; multiplier 3; };
  ${watched}
}
`,
    birdSession({ options: `hold time 90; ${options}` }),
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

function startBird(more: Router = {}): void {
  tor.start(router(more));
}

function startManx(text: string): void {
  n1.configure(text);
  n1.start();
}

/** Both protocols are up, at both ends, with the timers that were agreed. */
function up(): Promise<BfdAnswer> {
  return eventually("BGP and BFD are up", () => {
    const { state, bfd } = n1.peer();
    const isUp = state === "Established" && bfd?.state === "Up" && bfd.detectionTime === DETECTION;
    return isUp && /\bUp\b/.test(tor.ask("show", "bfd", "sessions")) ? bfd : undefined;
  });
}

/** The lines of the daemon's log that tell of BFD, with their instants in ms. */
const logged = (): { time: number; msg: string }[] =>
  n1
    .log()
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));

describe.skipIf(!hasManx || !hasBird)("BFD with BIRD", () => {
  test("a single hop comes up with the agreed timers, and a cut path ends the BGP session in time", async () => {
    startBird();
    startManx(cluster(`bfd: { ${TIMERS} }`));
    const bfd = await up();
    expect([bfd.multihop, bfd.transmitInterval, bfd.failures]).toEqual([false, 100, 0]);
    expect(network.run("n1", "ip", "-4", "route")).toContain("192.0.2.0/24");
    const cut = Date.now();
    network.run("fabric", "ip", "link", "set", "tor", "nomaster");
    const down = await eventually("the session is over", () => {
      const answer = n1.peer();
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
    startManx(cluster(`bfd: { ${TIMERS} }`));
    const before = await up();
    const slower = TIMERS.replaceAll("100ms", "200ms").replace("Multiplier: 3", "Multiplier: 5");
    n1.configure(cluster(`bfd: { ${slower} }`));
    const after = await eventually("the new timers hold", () => {
      const { bfd } = n1.peer();
      return bfd?.transmitInterval === 200 && bfd.detectionTime === 600 && bfd;
    });
    expect(after.localDiscriminator).toBe(before.localDiscriminator);
    expect([after.state, after.failures, n1.peer().flaps]).toEqual(["Up", 0, 0]);
    await eventually("BIRD has them", () =>
      /\bUp\b.*0\.200\s+1\.000/.test(tor.ask("show", "bfd", "sessions")),
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
      startManx(cluster(`bfd: { ${TIMERS}, ${auth} }`));
      const { bfd } = await eventually("the wrong key is told", () => {
        const answer = n1.peer();
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
    startManx(cluster(`bfd: { ${TIMERS} }`));
    await up();
    const rule = ["-A", "OUTPUT", "-p", "udp", "--dport", "3784", "-j", "TTL", "--ttl-set", "254"];
    network.run("tor", "iptables", "-t", "mangle", ...rule);
    const down = await eventually("the session is over", () => {
      const { bfd } = n1.peer();
      return bfd?.state === "Down" && bfd;
    });
    expect(down.lastFault).toBe("arrived with TTL 254: expected 255");
  });

  test("several hops: the least TTL counts", async () => {
    const multihop = "bfd on; multihop;";
    startBird({ options: multihop });
    const spec = `bfd: { ${TIMERS}, multihop: true`;
    startManx(cluster(`${spec} }`));
    expect((await up()).multihop).toBe(true);
    n1.configure(cluster(`${spec}, minimumTtl: 250 }`));
    const down = await eventually("BIRD's TTL is too low", () => {
      const { bfd } = n1.peer();
      return bfd?.state === "Down" && bfd;
    });
    expect(down.lastFault).toBe("arrived with TTL 64: expected 250 or more");
  });

  test(
    `3 x 100 ms hold while ${ROUTES} routes arrive and go into the kernel`,
    async () => {
      startBird({ table: ROUTES, options: "bfd on; hold time 240;" });
      startManx(cluster(`bfd: { ${TIMERS} }`));
      await up();
      const { bfd, flaps } = await eventually(
        "every route is there and in the kernel",
        () => {
          const answer = n1.peer();
          const { fib } = n1.ask<StatusAnswer>("status");
          return answer.prefixes.received > ROUTES && fib.installed > ROUTES && answer;
        },
        LONG,
      );
      expect([bfd?.state, bfd?.failures, flaps]).toEqual(["Up", 0, 0]);
      // Who is told Init while he is down is up without having been in Init himself.
      const changes = logged().filter(({ msg }) => /^bfd: (Down|Up)/.test(msg));
      expect(changes.map(({ msg }) => msg)).toEqual(["bfd: Up: no diagnostic"]);
    },
    2 * LONG,
  );

  test("strict: no BGP without BFD", async () => {
    startBird({ watched: "neighbor 172.30.0.11 local 172.30.0.1;", options: "" });
    startManx(cluster(`bfd: { ${TIMERS}, strict: true }`));
    await up();
    tor.ask("disable", "n1");
    tor.ask("enable", "n1");
    await up();
    network.run("fabric", "ip", "link", "set", "tor", "nomaster");
    await eventually("down", () => n1.peer().state === "Idle");
    network.run("fabric", "ip", "link", "set", "tor", "master", "br0");
    await up();
  });
});
