/** RFC 4724, graceful restart, by clause; and what RFC 5882 and RFC 7313 say beside it. */

import { describe, expect, test } from "bun:test";
import type { Capability } from "../../bgpd/wire/message.ts";
import { restart, Scene, type Scripted } from "./restart-scene.ts";

const ONE = "192.0.2.0/24";
const OTHER = "198.51.100.0/24";
const BOTH = [ONE, OTHER];

/** With a neighbour that has told two routes, and all of its table. */
function established(capabilities: readonly Capability[] = [restart()], spec = {}) {
  const scene = new Scene();
  const peer = scene.neighbour(1);
  peer.capabilities = capabilities;
  scene.configure(spec);
  scene.pass(1);
  peer.announce(BOTH);
  peer.endOfRib();
  scene.pass(1);
  expect(scene.routes).toEqual([`${ONE} p1 best`, `${OTHER} p1 best`]);
  return { scene, peer };
}

/** The same, and its process has ended a moment ago. */
function away(capabilities?: readonly Capability[], spec = {}) {
  const both = established(capabilities, spec);
  both.peer.isDeaf = true;
  both.peer.close();
  both.scene.pass(0.1);
  return both;
}

/** It is back. */
function returns({ scene, peer }: { scene: Scene; peer: Scripted }, said: Capability[]): void {
  peer.isDeaf = false;
  peer.capabilities = said;
  scene.pass(5);
}

const STALE = [`${ONE} p1 best restart`, `${OTHER} p1 best restart`];

describe("section 3: the capability", () => {
  const said = (scene: Scene, type: Capability["type"]) => {
    const peer = scene.neighbour(1);
    return (spec = {}) => {
      scene.configure(spec);
      scene.pass(1);
      return peer.open?.capabilities.filter((one) => one.type === type);
    };
  };

  test("is said by default, with 120 s and every family; nothing was before", () => {
    const families = [1, 2].map((afi) => ({ afi, safi: 1, forwarding: false }));
    expect(said(new Scene(), "graceful restart")()).toEqual([restart({ families })]);
  });

  test("has R and F where packets have been forwarded all the while", () => {
    const families = [1, 2].map((afi) => ({ afi, safi: 1, forwarding: true }));
    expect(said(new Scene([ONE]), "graceful restart")({ maxRestartTime: "5m" })).toEqual([
      restart({ families, restarted: true, time: 300 }),
    ]);
  });

  test("has no family where we only help, and is not there where it is switched off", () => {
    const helper = { gracefulRestart: { mode: "Helper" } };
    expect(said(new Scene([ONE]), "graceful restart")(helper)).toEqual([restart({ families: [] })]);
    const none = { gracefulRestart: { mode: "None" } };
    expect(said(new Scene(), "graceful restart")(none)).toEqual([]);
  });

  test("of several of a peer's the last one counts", () => {
    const { scene } = away([restart({ time: 500 }), restart({ time: 10 })]);
    scene.pass(11);
    expect(scene.routes).toEqual([]);
  });
});

describe("section 4.1: the restarting speaker", () => {
  /** Over a kernel with routes, among three neighbours. */
  function restarted() {
    const scene = new Scene(BOTH);
    const peers = [1, 2, 3].map((n) => scene.neighbour(n)) as [Scripted, Scripted, Scripted];
    return { scene, peers };
  }

  test("chooses, and tells, when every peer has sent its End-of-RIB, and then sends its own", () => {
    const { scene, peers } = restarted();
    scene.configure();
    scene.pass(1);
    for (const [index, peer] of peers.entries()) {
      expect(scene.routes.filter((line) => line.includes("best"))).toHaveLength(
        index === 0 ? 0 : 1,
      );
      expect(peers.map(({ updates }) => updates)).toEqual([[], [], []]);
      if (index === 0) peer.announce([ONE]);
      peer.endOfRib();
      scene.pass(1);
    }
    for (const { updates } of peers) {
      expect(updates).toContain("+10.244.1.0/24");
      expect(updates.at(-1)).toStartWith("end");
    }
    expect(scene.installed).toEqual([ONE]);
  });

  test("does not wait for a peer that has restarted too, nor for a family that a session does not carry", () => {
    const { scene, peers } = restarted();
    peers[0].capabilities = [restart({ restarted: true })];
    scene.configure();
    scene.pass(1);
    peers[1].endOfRib();
    peers[2].endOfRib();
    scene.pass(0.1);
    expect(peers[0].updates).toEqual(["+10.244.1.0/24", "end 4"]);
  });

  test("tells the others End-of-RIB when a peer that has restarted too has told its table, away for a moment or not", () => {
    const { scene, peers } = restarted();
    peers[0].capabilities = [restart({ restarted: true })];
    scene.configure();
    scene.pass(1);
    peers[1].endOfRib();
    peers[2].endOfRib();
    scene.pass(0.1);
    expect(peers[1].updates).toEqual(["+10.244.1.0/24"]);
    peers[0].close();
    scene.live(20);
    expect(peers[1].updates).toEqual(["+10.244.1.0/24"]);
    peers[0].endOfRib();
    scene.pass(0.1);
    expect(peers[1].updates).toEqual(["+10.244.1.0/24", "end 4"]);
  });

  test("and at the deadline, or without it in the documents, where it never does", () => {
    const { scene, peers } = restarted();
    peers[0].capabilities = [restart({ restarted: true })];
    scene.configure({ holdTime: 30 });
    scene.pass(1);
    peers[1].endOfRib();
    peers[2].endOfRib();
    scene.live(32);
    expect(peers[1].updates).toEqual(["+10.244.1.0/24"]);
    scene.live(5);
    expect(peers[1].updates).toEqual(["+10.244.1.0/24", "end 4"]);
    const other = restarted();
    other.peers[0].capabilities = [restart({ restarted: true })];
    other.scene.configure();
    other.scene.pass(1);
    other.peers[1].endOfRib();
    other.peers[2].endOfRib();
    other.scene.configureEach((peer) => (peer === other.peers[0] ? undefined : {}));
    other.scene.pass(0.1);
    expect(other.peers[1].updates).toEqual(["+10.244.1.0/24", "end 4"]);
  });

  test("does not have a peer wait for it that has restarted since, and chooses after it", () => {
    const { scene, peers } = restarted();
    peers[0].isDeaf = true;
    scene.configure();
    scene.pass(1);
    peers[1].endOfRib();
    peers[2].endOfRib();
    scene.pass(10);
    peers[2].close();
    peers[2].capabilities = [restart({ restarted: true })];
    scene.pass(5);
    expect(peers[2].updates).toEqual(["+10.244.1.0/24", "end 4"]);
    expect(peers[1].updates).toEqual(["+10.244.1.0/24"]);
  });

  test("decides each family by itself", () => {
    const { scene, peers } = restarted();
    for (const peer of peers) peer.families = [4, 6];
    scene.configure();
    scene.pass(1);
    for (const peer of peers) peer.endOfRib(6);
    scene.pass(0.1);
    expect(peers[0].updates).toEqual(["end 6"]);
    for (const peer of peers) peer.endOfRib(4);
    scene.pass(0.1);
    expect(peers[0].updates).toEqual(["end 6", "+10.244.1.0/24", "end 4"]);
  });

  test("waits no longer for a peer that is not there than it takes to call it, and keeps the kernel's routes", () => {
    const { scene, peers } = restarted();
    peers[0].isDeaf = true;
    scene.configure();
    scene.pass(1);
    peers[1].endOfRib();
    peers[2].announce([ONE]);
    peers[2].endOfRib();
    scene.pass(7);
    expect(peers[1].updates).toEqual([]);
    scene.pass(3);
    // The absent one may have told what is missing: its time to come back is not over, here or there.
    expect(peers[1].updates).toEqual(["+10.244.1.0/24"]);
    expect(scene.installed).toEqual(BOTH);
    scene.live(100);
    expect(peers[1].updates).toEqual(["+10.244.1.0/24", "end 4"]);
    expect(scene.installed).toEqual([ONE]);
  });

  test("waits for a peer that is there and silent until the deadline, and no longer", () => {
    const { scene, peers } = restarted();
    scene.configure({ holdTime: 30 });
    for (const peer of [peers[1], peers[2]]) {
      scene.pass(0.5);
      peer.endOfRib();
    }
    scene.live(30);
    expect(peers[1].updates).toEqual([]);
    scene.live(5);
    expect(peers[1].updates).toEqual(["+10.244.1.0/24", "end 4"]);
  });

  describe("with a range of neighbours", () => {
    const range = { peerIP: undefined, asNumber: undefined, listenRange: "172.30.0.0/29" };

    function ranged() {
      const both = restarted();
      both.scene.configureEach((peer) =>
        peer === both.peers[0] ? { ...range, asNumbers: ["65001-65003"] } : undefined,
      );
      return both;
    }

    test("waits for as long as it takes them to call, and keeps the kernel's routes", () => {
      const { scene, peers } = ranged();
      scene.pass(2);
      peers[1].call();
      scene.pass(1);
      peers[1].announce([ONE]);
      peers[1].endOfRib();
      scene.pass(4);
      peers[2].call();
      scene.pass(1);
      expect([peers[1].updates, scene.installed]).toEqual([[], BOTH]);
      expect(scene.daemon.waitingFor()).toEqual(["p1"]);
      // Two attempts to call and some time to answer are over, and one has still to tell its table.
      scene.pass(2);
      expect([peers[1].updates, scene.installed]).toEqual([[], BOTH]);
      peers[2].announce([OTHER]);
      peers[2].endOfRib();
      scene.pass(0.1);
      expect(peers[1].updates).toEqual(["+10.244.1.0/24", "end 4"]);
      expect([scene.installed, scene.daemon.converged]).toEqual([BOTH, true]);
    });

    test("and takes away what none of them has told", () => {
      const { scene, peers } = ranged();
      peers[1].call();
      scene.pass(1);
      peers[1].announce([ONE]);
      peers[1].endOfRib();
      peers[2].call();
      scene.pass(7);
      peers[2].close();
      expect(scene.installed).toEqual(BOTH);
      scene.pass(3);
      expect([scene.installed, scene.daemon.converged]).toEqual([[ONE], true]);
    });

    test("does not wait for one that leaves the documents, nor for one that came later", () => {
      const { scene, peers } = ranged();
      scene.pass(1);
      scene.configureEach((peer) => (peer === peers[1] ? {} : undefined));
      scene.pass(1);
      peers[1].endOfRib();
      scene.pass(0.1);
      expect(scene.daemon.converged).toBe(true);
      scene.configureEach((peer) =>
        peer === peers[0] ? { ...range, asNumbers: [65_003] } : undefined,
      );
      scene.pass(0.1);
      expect(scene.daemon.waitingFor()).toEqual([]);
    });
  });

  test("does not wait for one that leaves the documents", () => {
    const { scene, peers } = restarted();
    scene.configure();
    scene.pass(1);
    peers[1].endOfRib();
    peers[2].endOfRib();
    scene.pass(0.1);
    expect(peers[1].updates).toEqual([]);
    scene.configureEach((peer) => (peer === peers[0] ? undefined : {}));
    scene.pass(0.1);
    expect(peers[1].updates).toEqual(["+10.244.1.0/24", "end 4"]);
  });

  test("has no R bit any more when it has chosen", () => {
    const { scene, peers } = restarted();
    scene.configure();
    scene.pass(1);
    for (const peer of peers) peer.endOfRib();
    scene.pass(1);
    peers[0].close();
    scene.pass(5);
    const families = [1, 2].map((afi) => ({ afi, safi: 1, forwarding: true }));
    expect(peers[0].open?.capabilities).toContainEqual(restart({ families }));
  });

  test("tells an aggregate, which is made of what it has chosen, before its End-of-RIB", () => {
    const { scene, peers } = restarted();
    scene.configure({}, { aggregates: [{ cidr: "10.244.16.0/20" }] });
    scene.pass(1);
    peers[1].announce(["10.244.17.0/24"]);
    for (const peer of peers) peer.endOfRib();
    scene.pass(1);
    expect(peers[0].updates).toEqual(["+10.244.1.0/24", "+10.244.16.0/20", "end 4"]);
  });

  test("a node that has just booted waits for nobody", () => {
    const scene = new Scene();
    const peer = scene.neighbour(1);
    scene.configure();
    scene.pass(0.5);
    expect(peer.updates).toEqual(["+10.244.1.0/24", "end 4"]);
  });
});

describe("section 4.2: the receiving speaker", () => {
  test("keeps the routes in use when the connection ends, and tells nobody anything", () => {
    const scene = new Scene();
    const [peer, other] = [scene.neighbour(1), scene.neighbour(2, { internal: true })];
    scene.configure();
    scene.pass(1);
    peer.announce(BOTH);
    peer.endOfRib();
    scene.pass(1);
    expect(other.updates).toEqual(["+10.244.1.0/24", "end 4", `+${ONE}`, `+${OTHER}`]);
    other.heard.length = 0;
    peer.isDeaf = true;
    peer.close();
    scene.pass(60);
    expect(scene.routes).toEqual(STALE);
    expect(scene.installed).toEqual(BOTH);
    expect(other.updates).toEqual([]);
  });

  test("deletes them after the peer's restart time, or what we grant of it", () => {
    const { scene } = away([restart({ time: 40 })]);
    scene.pass(39);
    expect(scene.routes).toEqual(STALE);
    scene.pass(1);
    expect([scene.routes, scene.installed]).toEqual([[], []]);
    const granted = away([restart({ time: 4000 })], {
      gracefulRestart: { peerRestartTime: "20s" },
    });
    granted.scene.pass(19);
    expect(granted.scene.routes).toEqual(STALE);
    granted.scene.pass(1);
    expect(granted.scene.routes).toEqual([]);
  });

  test.each<[string, readonly Capability[], object]>([
    ["who has not said the capability", [], {}],
    ["who has said it without families", [restart({ families: [] })], {}],
    [
      "who has said it of another family",
      [restart({ families: [{ afi: 2, safi: 1, forwarding: true }] })],
      {},
    ],
    ["anybody, where it is switched off here", [restart()], { gracefulRestart: { mode: "None" } }],
    ["anybody, where nothing is granted", [restart()], { gracefulRestart: { peerRestartTime: 0 } }],
  ])("keeps nothing of %s", (_, capabilities, spec) => {
    const { scene } = away(capabilities, spec);
    expect([scene.routes, scene.installed]).toEqual([[], []]);
  });

  test("keeps nothing after a NOTIFICATION, sent or received, nor after the hold timer", () => {
    const received = established();
    received.peer.say({ type: "notification", code: 6, subcode: 4, data: new Uint8Array() });
    received.scene.pass(0.1);
    expect(received.scene.routes).toEqual([]);
    const silent = established([restart()], { holdTime: 9 });
    silent.scene.pass(8.5);
    expect(silent.scene.routes).toEqual([]);
  });

  test("of a peer that is back, deletes with its End-of-RIB what it has not told again", () => {
    const both = away();
    returns(both, [restart({ restarted: true })]);
    expect(both.scene.routes).toEqual(STALE);
    both.peer.announce([ONE]);
    both.scene.pass(60);
    expect(both.scene.routes).toEqual([`${ONE} p1 best`, `${OTHER} p1 best restart`]);
    both.peer.endOfRib();
    both.scene.pass(0.1);
    expect([both.scene.routes, both.scene.installed]).toEqual([[`${ONE} p1 best`], [ONE]]);
  });

  test.each<[string, Capability[]]>([
    ["has not preserved", [restart({ families: [{ afi: 1, safi: 1, forwarding: false }] })]],
    ["does not name", [restart({ families: [] })]],
    ["does not know the capability for", []],
  ])("deletes at once what a peer that is back %s", (_, said) => {
    const both = away();
    returns(both, said);
    expect(both.scene.routes).toEqual([]);
  });

  test("waits for the End-of-RIB of a peer that is back for six minutes", () => {
    const both = away();
    returns(both, [restart()]);
    both.scene.live(354);
    expect(both.scene.routes).toEqual(STALE);
    both.scene.live(6);
    expect(both.scene.routes).toEqual([]);
  });

  test("a second restart before the End-of-RIB deletes what was stale from the first", () => {
    const both = away();
    returns(both, [restart()]);
    both.peer.announce([ONE]);
    both.scene.pass(1);
    both.peer.isDeaf = true;
    both.peer.close();
    both.scene.pass(0.1);
    expect(both.scene.routes).toEqual([`${ONE} p1 best restart`]);
  });

  test("a connection beside the Established one is the peer's restart", () => {
    const { scene, peer } = established();
    scene.pass(10);
    peer.call();
    scene.pass(0.1);
    expect(scene.routes).toEqual(STALE);
    expect(scene.daemon.neighbours.get("p1")?.peer.status()).toMatchObject({
      state: "Established",
      flaps: 1,
      lastError: "the peer has restarted: it called again",
    });
    const without = established([]);
    without.scene.pass(10);
    without.peer.call();
    without.scene.pass(0.1);
    expect(without.scene.routes).toEqual([`${ONE} p1 best`, `${OTHER} p1 best`]);
  });

  test("removal from the documents, another AS number and a limit of prefixes leave nothing", () => {
    const removed = away();
    removed.scene.configureEach(() => undefined);
    removed.scene.pass(0.1);
    expect([removed.scene.routes, removed.scene.installed]).toEqual([[], []]);
    const another = away();
    another.scene.configure({ asNumber: 65_009 });
    another.scene.pass(0.1);
    expect(another.scene.routes).toEqual([]);
    const down = away();
    down.scene.configure({ shutdown: "new cables" });
    down.scene.pass(0.1);
    expect(down.scene.routes).toEqual([]);
    const limited = established([restart()], { prefixLimit: { max: 2 } });
    limited.peer.announce(["203.0.113.0/24"]);
    limited.scene.pass(0.1);
    expect(limited.scene.routes).toEqual([]);
  });

  test("what is stale does not count towards a limit of prefixes, and the new table does", () => {
    const both = away(undefined, { prefixLimit: { max: 2 } });
    returns(both, [restart()]);
    const { scene, peer } = both;
    const state = () => scene.daemon.neighbours.get("p1")?.peer.status().state;
    peer.announce(["203.0.113.0/25", "203.0.113.128/25"]);
    scene.pass(1);
    expect([state(), scene.routes.length]).toEqual(["Established", 4]);
    scene.configure({ prefixLimit: { max: 3 } });
    scene.pass(1);
    expect([state(), scene.routes.length]).toEqual(["Established", 4]);
    scene.configure({ prefixLimit: { max: 2 } });
    peer.endOfRib();
    scene.pass(1);
    expect([state(), scene.routes.length]).toEqual(["Established", 2]);
    peer.close();
    scene.pass(5);
    peer.announce([...BOTH, "203.0.113.0/25"]);
    scene.pass(0.1);
    expect([state(), scene.routes]).toEqual(["Idle", []]);
  });

  test("nor may it be a table of any size", () => {
    const both = away(undefined, { prefixLimit: { max: 2 } });
    returns(both, [restart()]);
    both.peer.announce([0, 1, 2, 3, 4].map((n) => `203.0.113.${n}/32`));
    both.scene.pass(0.1);
    expect(both.scene.routes).toEqual([]);
  });

  test("another import policy judges stale routes too", () => {
    const { scene } = away();
    scene.configure({ importPolicy: "none" });
    scene.pass(0.1);
    expect(scene.routes).toEqual([`${ONE} p1 rejected restart`, `${OTHER} p1 rejected restart`]);
  });

  test("our own end leaves a peer that keeps our routes without a word", async () => {
    const { scene, peer } = established();
    peer.heard.length = 0;
    const stopped = scene.daemon.stop({ withdraw: false });
    scene.pass(1);
    await stopped;
    expect(peer.heard).toEqual([]);
    expect(scene.installed).toEqual(BOTH);
  });

  test("and one whose KEEPALIVE has not come, which may be Established already", async () => {
    const scene = new Scene();
    const peer = scene.neighbour(1);
    peer.isSlow = true;
    scene.configure();
    scene.pass(1);
    expect(scene.daemon.neighbours.get("p1")?.peer.status().state).toBe("OpenConfirm");
    peer.heard.length = 0;
    const stopped = scene.daemon.stop({ withdraw: false });
    scene.pass(1);
    await stopped;
    expect(peer.heard).toEqual([]);
  });

  test("and any other with Cease/Administrative Shutdown", async () => {
    const { scene, peer } = established([]);
    peer.heard.length = 0;
    const stopped = scene.daemon.stop({ withdraw: false });
    scene.pass(1);
    await stopped;
    expect(peer.heard).toMatchObject([{ type: "notification", code: 6, subcode: 2 }]);
    expect(scene.installed).toEqual(BOTH);
  });
});

describe("RFC 5882 section 4.3: BFD beside it", () => {
  const BFD = { bfd: { enabled: true } };

  test("a path that fails while the session is up takes the routes along", () => {
    const { scene } = established([restart()], BFD);
    scene.path("p1", {});
    scene.pass(0.1);
    expect(scene.routes).toEqual([]);
  });

  test("a failure after the session's end is the restart's, unless the peer's BFD does not end with it (C bit)", () => {
    const { scene } = away([restart()], BFD);
    scene.path("p1", { independent: false });
    scene.pass(0.1);
    expect(scene.routes).toEqual(STALE);
    scene.path("p1", { independent: true });
    scene.pass(0.1);
    expect([scene.routes, scene.installed]).toEqual([[], []]);
  });
});

describe("RFC 7313 section 4: a refresh", () => {
  const refresh = (subtype: 1 | 2) =>
    ({ type: "route refresh", afi: 1, safi: 1, subtype }) as const;

  test("that does not end has a limit in time", () => {
    const { scene, peer } = established();
    peer.say(refresh(1));
    peer.announce([ONE]);
    scene.live(359);
    expect(scene.routes).toEqual([`${ONE} p1 best`, `${OTHER} p1 best refresh`]);
    scene.live(2);
    expect(scene.routes).toEqual([`${ONE} p1 best`]);
  });

  test("that a restart interrupts leaves all routes stale, told again or not", () => {
    const { scene, peer } = established();
    peer.say(refresh(1));
    peer.announce([ONE]);
    scene.pass(1);
    peer.isDeaf = true;
    peer.close();
    scene.pass(0.1);
    expect(scene.routes).toEqual(STALE);
  });

  test("before the End-of-RIB of a restart begins and ends nothing", () => {
    const both = away();
    returns(both, [restart()]);
    both.peer.announce([ONE]);
    both.peer.say(refresh(1));
    both.peer.say(refresh(2));
    both.scene.pass(0.1);
    expect(both.scene.routes).toEqual([`${ONE} p1 best`, `${OTHER} p1 best restart`]);
    both.peer.endOfRib();
    both.scene.pass(0.1);
    expect(both.scene.routes).toEqual([`${ONE} p1 best`]);
  });
});
