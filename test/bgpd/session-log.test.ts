/**
 * What the log says of sessions: one line for each change, with its cause, and nothing more above debug.
 */

import { describe, expect, test } from "bun:test";
import { pino } from "pino";
import { Daemon } from "../../bgpd/daemon.ts";
import { MemoryNetwork } from "../../bgpd/transport-memory.ts";
import { parseAddress } from "../../lib/address.ts";
import { VirtualClock } from "../../lib/clock.ts";
import { document, planOf } from "../sim/plan.ts";
import { ProcessClock } from "../sim/world.ts";

const ADDRESSES = { n1: "172.30.0.11", tor: "172.30.0.1" } as const;
const TIMERS = { holdTime: 9, keepaliveTime: 3, connectRetryTime: 2 };

type Name = keyof typeof ADDRESSES;

/** Another AS number, or a limit of prefixes, for the peer as n1 sees it. */
function plans(peer: object = {}) {
  const node = (name: Name, blocks: readonly string[]) =>
    document("Node", name, { bgp: { ipv4Address: `${ADDRESSES[name]}/24` }, blocks });
  return {
    n1: planOf(
      "n1",
      document("BGPConfiguration", "default", TIMERS),
      node("n1", ["10.244.1.0/24"]),
      document("BGPPeer", "tor", { peerIP: ADDRESSES.tor, asNumber: 65_000, ...peer }),
    ),
    tor: planOf(
      "tor",
      document("BGPConfiguration", "default", { asNumber: 65_000, ...TIMERS }),
      node("tor", ["20.0.0.0/24", "20.0.1.0/24"]),
      document("BGPPeer", "n1", { peerIP: ADDRESSES.n1, asNumber: 64_512, passive: true }),
    ),
  };
}

class Scene {
  readonly clock = new VirtualClock();
  readonly network = new MemoryNetwork({ clock: this.clock });
  /** Lines of n1 about the session, `info: …`. */
  readonly lines: string[] = [];
  readonly n1: Daemon;
  readonly #processes = new Map<Name, ProcessClock>();

  constructor() {
    for (const address of Object.values(ADDRESSES)) this.network.host(parseAddress(address));
    this.n1 = this.start("n1");
  }

  start(name: Name): Daemon {
    const clock = new ProcessClock(this.clock);
    this.#processes.set(name, clock);
    const write = (line: string): void => {
      const { level, msg, peer } = JSON.parse(line);
      if (peer === "tor") this.lines.push(`${pino.levels.labels[level]}: ${msg}`);
    };
    return new Daemon({
      clock,
      kernel: undefined,
      transport: this.network.host(parseAddress(ADDRESSES[name])),
      log: name === "n1" ? pino({ level: "info" }, { write }) : pino({ level: "silent" }),
      random: () => 0.5,
      onConverged: () => {},
    });
  }

  kill(name: Name): void {
    this.#processes.get(name)?.stop();
    this.network.kill(parseAddress(ADDRESSES[name]));
  }

  /** What was said meanwhile. */
  pass(seconds: number): string[] {
    this.clock.advance(seconds * 1000);
    return this.lines.splice(0);
  }
}

const UP = "info: session established: we opened the connection";

/** With an Established session. */
function established(): { readonly scene: Scene; readonly tor: Daemon } {
  const scene = new Scene();
  const tor = scene.start("tor");
  tor.apply(plans().tor);
  scene.n1.apply(plans().n1);
  expect(scene.pass(4)).toEqual([UP]);
  return { scene, tor };
}

describe("the log has one line for", () => {
  test("a session that comes up, and who opened it", () => {
    established();
  });

  test("the same where the peer opens the connection", () => {
    const scene = new Scene();
    const tor = scene.start("tor");
    scene.n1.apply(plans({ passive: true }).n1);
    const { peers, ...rest } = plans().tor;
    tor.apply({ ...rest, peers: peers.map((peer) => ({ ...peer, passive: false })) });
    expect(scene.pass(5)).toEqual(["info: session established: the peer opened it"]);
  });

  test("a peer that ends it, with its NOTIFICATION, and for the attempts after that", () => {
    const { scene, tor } = established();
    void tor.stop({ withdraw: true });
    expect(scene.pass(60)).toEqual([
      "warn: session ended: the peer sent Cease/Administrative Shutdown",
      "info: no session: connection refused",
    ]);
  });

  test("a peer that dies", () => {
    const { scene } = established();
    scene.kill("tor");
    expect(scene.pass(0.1)).toEqual(["warn: session ended: connection reset by peer"]);
  });

  test("a peer that falls silent, with the NOTIFICATION that we sent", () => {
    const { scene } = established();
    scene.network.cut(parseAddress(ADDRESSES.n1), parseAddress(ADDRESSES.tor));
    expect(scene.pass(9.5)).toEqual([
      "warn: session ended: hold timer expired: the peer sent nothing for 9 s; we sent Hold Timer Expired",
    ]);
    expect(scene.pass(120)).toEqual(["info: no session: no answer to our connection requests"]);
  });

  test("a peer that is taken out of the documents", () => {
    const { scene } = established();
    scene.n1.apply({ ...plans().n1, peers: [] });
    expect(scene.pass(30)).toEqual([
      "info: session ended: stopped: we sent Cease/Peer De-configured",
    ]);
  });

  test("our own end", () => {
    const { scene } = established();
    void scene.n1.stop({ withdraw: true });
    expect(scene.pass(0.1)).toEqual([
      "info: session ended: stopped: we sent Cease/Administrative Shutdown",
    ]);
  });

  test("our own end with routes that the peer keeps", () => {
    const { scene } = established();
    void scene.n1.stop({ withdraw: false });
    expect(scene.pass(0.1)).toEqual([
      "info: session ended: stopped: we closed the connection, for the peer to keep our routes",
    ]);
  });

  test("a peer with more prefixes than it may have", () => {
    const scene = new Scene();
    scene.start("tor").apply(plans().tor);
    scene.n1.apply(plans({ prefixLimit: { max: 1, restartTime: 600 } }).n1);
    expect(scene.pass(60)).toEqual([
      UP,
      "warn: session ended: 2 prefixes exceed the limit of 1; we sent Cease/Maximum Number of Prefixes Reached, and it may come back after 600 s",
    ]);
    const status = scene.n1.neighbours.get("tor")?.peer.status();
    expect(status?.lastErrorClass).toBe("sent Cease/Maximum Number of Prefixes Reached");
  });

  test("a peer whose OPEN we refuse, and once however often it comes", () => {
    const scene = new Scene();
    scene.start("tor").apply(plans().tor);
    scene.n1.apply(plans({ asNumber: 65_001 }).n1);
    const lines = scene.pass(120);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toStartWith("info: no session: ");
    expect(lines[0]).toEndWith("; we sent OPEN Message Error/Bad Peer AS");
  });
});
