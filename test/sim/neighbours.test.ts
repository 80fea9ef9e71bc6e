/**
 * Speakers whose documents change under living sessions: ranges of neighbours, keys, shutdowns. On a
 * virtual clock.
 */

import { describe, expect, test } from "bun:test";
import { parseAddress } from "../../lib/address.ts";
import { type Host, type Spec, to, World } from "./speakers.ts";

describe("neighbours of a range", () => {
  const range = { listenRange: "10.0.0.0/28", asNumbers: ["65002-65004"], listenLimit: 2 };

  test("come as they call, up to the limit, and are forgotten when they leave", async () => {
    const world = new World();
    const [hub, two, three, four] = [1, 2, 3, 4].map((n) => world.host(n));
    hub!.configure({ leaves: range });
    expect(hub!.peers).toEqual([]);
    for (const leaf of [two!, three!]) leaf.configure({ hub: to(1) });
    world.pass(5);
    expect(hub!.peers.sort()).toEqual([
      "leaves 10.0.0.2 Established",
      "leaves 10.0.0.3 Established",
    ]);
    four!.configure({ hub: to(1) });
    world.pass(5);
    expect(four!.status("hub")?.lastError).toContain("Connection Rejected");
    expect(hub!.daemon.rib?.counts().byFamily).toEqual({ 4: 3, 6: 3 });
    await leave(world, two!);
    world.pass(5);
    expect(hub!.peers).not.toContain("leaves 10.0.0.2 Established");
    world.pass(60);
    expect(hub!.peers.sort()).toEqual([
      "leaves 10.0.0.3 Established",
      "leaves 10.0.0.4 Established",
    ]);
  });

  test("are kept with their routes while they may come back from a restart, and then forgotten", async () => {
    const world = new World();
    const [hub, two] = [world.host(1), world.host(2)];
    hub.configure({ leaves: range });
    two.configure({ hub: to(1, { maxRestartTime: "60s" }) });
    world.pass(5);
    await leave(world, two, { withdraw: false });
    world.pass(50);
    expect(hub.peers).toEqual(["leaves 10.0.0.2 Active"]);
    expect(hub.daemon.rib?.counts().prefixes).toBe(4);
    world.pass(10);
    expect(hub.peers).toEqual([]);
    expect(hub.daemon.rib?.counts().prefixes).toBe(2);
  });

  test("are forgotten at once when BFD says that the path to one that is away has failed", async () => {
    const world = new World();
    const [hub, two] = [world.host(1), world.host(2)];
    hub.configure({ leaves: { ...range, bfd: {} } });
    two.configure({ hub: to(1) });
    world.pass(5);
    hub.path("leaves 10.0.0.2", "Up");
    await leave(world, two, { withdraw: false });
    world.pass(5);
    expect(hub.peers).toEqual(["leaves 10.0.0.2 Active"]);
    hub.path("leaves 10.0.0.2", "Down", { independent: true });
    world.pass(1);
    expect([hub.peers, [...hub.watched]]).toEqual([[], []]);
    expect(hub.daemon.rib?.counts().prefixes).toBe(2);
  });

  test("of another AS are refused, and hold no place for longer than they are damped", () => {
    const world = new World();
    const [hub, five] = [world.host(1), world.host(5)];
    hub.configure({ leaves: range });
    five.configure({ hub: to(1, { connectRetryTime: 600 }) });
    world.pass(0.3);
    expect(five.status("hub")?.lastError).toContain("Bad Peer AS");
    expect(hub.status("leaves 10.0.0.5")?.lastError).toBe(
      "the peer is AS 65005, not one of AS 65002-65004; we sent OPEN Message Error/Bad Peer AS",
    );
    world.network.kill(parseAddress("10.0.0.5"));
    five.configure({});
    world.pass(70);
    expect(hub.peers).toEqual([]);
  });

  test("are of the most specific range that has their address", () => {
    const world = new World();
    const [hub, two, three] = [1, 2, 3].map((n) => world.host(n));
    const asNumbers = [65_002, 65_003];
    hub!.configure({
      all: { listenRange: "10.0.0.0/24", asNumbers },
      few: { listenRange: "10.0.0.2/31", asNumbers },
      two: { listenRange: "10.0.0.2/32", asNumbers },
    });
    for (const leaf of [two!, three!]) leaf.configure({ hub: to(1) });
    world.pass(5);
    expect(hub!.peers.sort()).toEqual(["few 10.0.0.3 Established", "two 10.0.0.2 Established"]);
  });

  test("stay when the limit changes, and go when the range does or a document names them", () => {
    const world = new World();
    const [hub, two, three] = [world.host(1), world.host(2), world.host(3)];
    hub.configure({ leaves: range });
    for (const leaf of [two, three]) leaf.configure({ hub: to(1) });
    world.pass(5);
    hub.configure({ leaves: { ...range, listenLimit: 1 } });
    world.pass(5);
    expect([two.status("hub")?.flaps, three.status("hub")?.flaps]).toEqual([0, 0]);
    hub.configure({ leaves: range, named: to(2) });
    world.pass(0.5);
    expect(two.status("hub")?.lastError).toContain("Other Configuration Change");
    world.pass(10);
    expect(hub.peers.sort()).toEqual(["leaves 10.0.0.3 Established", "named Established"]);
    hub.configure({ named: to(2) });
    world.pass(0.5);
    expect(three.status("hub")?.lastError).toContain("Peer De-configured");
    expect(hub.peers).toEqual(["named Established"]);
  });
});

describe("neighbours of an IPv6 range", () => {
  const range = { listenRange: "fd00::/112", asNumbers: ["65001-65004"] };
  const over6 = { peerIP: "fd00::1", asNumber: 65_001 };

  test("come with both families, and their key", () => {
    const world = new World();
    const [hub, two, three] = [world.host(1), world.host(2), world.host(3)];
    world.files.set("/key", "secret");
    const password = { file: "/key" };
    hub.configure({ leaves: { ...range, password } });
    two.configure({ hub: { ...over6, password } });
    three.configure({ hub: over6 });
    world.pass(20);
    expect(hub.peers).toEqual(["leaves fd00::2 Established"]);
    expect(hub.daemon.rib?.counts().byFamily).toEqual({ 4: 2, 6: 2 });
    expect(three.status("hub")?.lastError).toBe("no answer to our connection requests");
  });

  test("have the policies of their AS, which only their OPEN tells", () => {
    const world = new World();
    const [hub, two, three] = [world.host(1), world.host(2), world.host(3)];
    hub.configure({ leaves: { ...range, localASNumber: 65_003, exportPolicy: "none" } });
    two.configure({ hub: { ...over6, asNumber: 65_003 } });
    three.configure({ hub: { ...over6, asNumber: 65_003 } });
    world.pass(5);
    expect(hub.peers.sort()).toEqual(["leaves fd00::2 Established", "leaves fd00::3 Established"]);
    const { rib, neighbours } = hub.daemon;
    const told = (name: string): number => rib!.peerCounts(neighbours.get(name)!.id!).advertised;
    // To external ones nothing, to internal ones what is ours and what the external one says.
    expect([told("leaves fd00::2"), told("leaves fd00::3")]).toEqual([0, 4]);
  });

  test("are watched by BFD while they are there", async () => {
    const world = new World();
    const [hub, two] = [world.host(1), world.host(2)];
    hub.configure({ leaves: { ...range, bfd: {} } });
    expect([...hub.watched]).toEqual([]);
    two.configure({ hub: over6 });
    world.pass(5);
    expect([...hub.watched]).toEqual(["leaves fd00::2"]);
    hub.path("leaves fd00::2", "Up");
    hub.path("leaves fd00::2", "Down");
    world.pass(0.1);
    expect(two.status("hub")?.lastError).toContain("BFD Down");
    two.configure({});
    world.pass(60);
    expect([[...hub.watched], hub.peers]).toEqual([[], []]);
  });
});

describe("what keeps a peer down", () => {
  const limited = { prefixLimit: { max: 1, restartTime: 5 }, bfd: { strict: true } };

  /** Two speakers, the first of which wants BFD before all else. */
  function stage(spec: Spec) {
    const world = new World();
    const [one, two] = [world.host(1), world.host(2)];
    one.configure({ other: to(2, spec) });
    two.configure({ other: to(1) });
    world.pass(5);
    expect(one.peers).toEqual(["other Idle"]);
    one.path("other", "Up");
    world.pass(2);
    return { world, one, two };
  }

  test("its document, though the path works", () => {
    const { world, one, two } = stage({ shutdown: "", bfd: { strict: true } });
    world.pass(30);
    expect([one.peers, two.status("other")?.flaps]).toEqual([["other Idle"], 0]);
  });

  test("its prefixes, though the path works again", () => {
    const { world, one, two } = stage({ ...limited, prefixLimit: { max: 1 } });
    one.path("other", "Down");
    one.path("other", "Up");
    world.pass(30);
    expect([one.peers, two.status("other")?.flaps]).toEqual([["other Idle"], 1]);
  });

  test("its path, though its prefixes may come again", () => {
    const { world, one, two } = stage(limited);
    expect(two.status("other")?.flaps).toBe(1);
    one.path("other", "Down");
    world.pass(30);
    expect([one.peers, two.status("other")?.flaps]).toEqual([["other Idle"], 1]);
    one.path("other", "Up");
    world.pass(2);
    expect(two.status("other")?.flaps).toBe(2);
  });

  test("its path, until its document does not ask for one any more", () => {
    const { world, one } = stage({ bfd: { strict: true } });
    expect(one.peers).toEqual(["other Established"]);
    one.path("other", "Down");
    world.pass(30);
    expect(one.peers).toEqual(["other Idle"]);
    one.configure({ other: to(2, { bfd: {} }) });
    world.pass(10);
    expect(one.peers).toEqual(["other Established"]);
  });
});

/** A speaker that ends as its process does, for good unless it is to come back. */
async function leave(world: World, host: Host, { withdraw } = { withdraw: true }): Promise<void> {
  const ended = host.daemon.stop({ withdraw });
  world.pass(5);
  await ended;
}

describe("a document that changes", () => {
  const keyed = (n: number, file: string): Spec => to(n, { password: { file } });

  test("a key, on one side and a while later on the other, and the session stays", () => {
    const world = new World();
    const [one, two] = [world.host(1), world.host(2)];
    world.files.set("/one", "old").set("/two", "old");
    const configure = (): void => {
      one.configure({ other: keyed(2, "/one") });
      two.configure({ other: keyed(1, "/two") });
    };
    configure();
    world.pass(5);
    world.files.set("/one", "new");
    configure();
    world.pass(5);
    world.files.set("/two", "new");
    configure();
    world.pass(60);
    expect([...one.peers, ...two.peers]).toEqual(["other Established", "other Established"]);
    expect([one.status("other")?.flaps, two.status("other")?.flaps]).toEqual([0, 0]);
    world.files.set("/two", "third");
    configure();
    world.pass(12);
    expect(one.status("other")?.flaps).toBe(1);
  });

  test("a Secret that comes late, changes, and is another key in time", () => {
    const world = new World();
    const [one, two] = [world.host(1), world.host(2)];
    const secret = (n: number, key: string): Spec =>
      to(n, { password: { secretKeyRef: { name: "bgp", key } } });
    const configure = (): void => {
      one.configure({ other: secret(2, "one") });
      two.configure({ other: secret(1, "two") });
    };
    configure();
    world.pass(20);
    // Neither runs without its key, though both would be let in.
    expect([...one.peers, ...two.peers]).toEqual(["other Idle", "other Idle"]);
    world.secrets.set("bgp", { one: "old" });
    configure();
    world.pass(20);
    expect(one.peers).not.toContain("other Established");
    world.secrets.set("bgp", { one: "old", two: "old" });
    configure();
    world.pass(20);
    expect([...one.peers, ...two.peers]).toEqual(["other Established", "other Established"]);
    world.secrets.set("bgp", { one: "new", two: "old" });
    configure();
    world.pass(5);
    world.secrets.set("bgp", { one: "new", two: "new" });
    configure();
    world.pass(60);
    expect([one.status("other")?.flaps, two.status("other")?.flaps]).toEqual([0, 0]);
    world.secrets.set("bgp", { one: "new", two: "third" });
    configure();
    world.pass(12);
    expect(one.status("other")?.flaps).toBe(1);
  });

  test("a range without its key lets nobody in", () => {
    const world = new World();
    const [hub, two] = [world.host(1), world.host(2)];
    const password = { secretKeyRef: { name: "bgp", key: "leaves" } };
    hub.configure({ leaves: { listenRange: "10.0.0.0/28", asNumber: 65_002, password } });
    two.configure({ hub: to(1) });
    world.pass(20);
    expect([...hub.peers, ...two.peers].join()).not.toContain("Established");
  });

  test("a key on one side alone lets nobody in, and the key of a range all of it", () => {
    const world = new World();
    const [hub, two, three] = [world.host(1), world.host(2), world.host(3)];
    world.files.set("/key", "secret");
    const range = { listenRange: "10.0.0.0/28", asNumbers: ["65002-65003"] };
    hub.configure({ leaves: { ...range, password: { file: "/key" } } });
    two.configure({ hub: keyed(1, "/key") });
    three.configure({ hub: to(1) });
    world.pass(20);
    expect(hub.peers).toEqual(["leaves 10.0.0.2 Established"]);
    expect(three.status("hub")?.lastError).toBe("no answer to our connection requests");
  });

  test("shutdown ends the session with its text, keeps it down, and lets it up again", () => {
    const world = new World();
    const [one, two] = [world.host(1), world.host(2)];
    one.configure({ other: to(2) });
    two.configure({ other: to(1) });
    world.pass(5);
    one.configure({ other: to(2, { shutdown: "new cables" }) });
    world.pass(60);
    expect(one.peers).toEqual(["other Idle"]);
    expect(two.status("other")?.flaps).toBe(1);
    expect(two.status("other")?.lastError).not.toBe("");
    one.configure({ other: to(2) });
    world.pass(5);
    expect(one.peers).toEqual(["other Established"]);
  });

  const NOTIFIED = { gracefulRestart: { notifications: true } };
  test.each([
    [{}, true, 'the peer sent Cease/Administrative Shutdown: "kernel update"'],
    [{}, false, "closed by the peer"],
    [
      NOTIFIED,
      true,
      'the peer sent Cease/Hard Reset (Cease/Administrative Shutdown: "kernel update")',
    ],
    [NOTIFIED, false, 'the peer sent Cease/Administrative Reset: "kernel update"'],
    [
      { gracefulRestart: { mode: "Helper" } },
      false,
      'the peer sent Cease/Administrative Shutdown: "kernel update"',
    ],
    [
      { gracefulRestart: { mode: "None" } },
      false,
      'the peer sent Cease/Administrative Shutdown: "kernel update"',
    ],
  ])(
    "the daemon's last words reach who may have them: %j, withdraw %j",
    async (common, withdraw, words) => {
      const world = new World();
      const [one, two] = [world.host(1), world.host(2)];
      one.configure({ other: to(2) }, { shutdownMessage: "kernel update", ...common });
      two.configure({ other: to(1, { passive: true }) }, common);
      world.pass(5);
      await leave(world, one, { withdraw });
      expect(two.status("other")?.lastError).toBe(words);
    },
  );
});
