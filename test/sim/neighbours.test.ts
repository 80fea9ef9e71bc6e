/**
 * Speakers whose documents change under living sessions: ranges of neighbours, keys, shutdowns, and one that does not
 * read. On a virtual clock.
 */

import { describe, expect, test } from "bun:test";
import { planSpeaker } from "../../bgpd/cluster/plan.ts";
import { Daemon } from "../../bgpd/daemon.ts";
import type { PeerStatus } from "../../bgpd/peer.ts";
import type { Connection, Transport } from "../../bgpd/transport.ts";
import { MemoryNetwork } from "../../bgpd/transport-memory.ts";
import { parseAddress } from "../../lib/address.ts";
import { VirtualClock } from "../../lib/clock.ts";
import { fromHex, toHex } from "../../lib/hex.ts";
import { silentLogger } from "../../lib/log.ts";
import { Secret } from "../../lib/secret.ts";
import { readDocuments } from "../../resource/document.ts";
import { formatFault } from "../../resource/fault.ts";
import { seeded } from "./world.ts";

const TIMERS = { holdTime: 9, keepaliveTime: 3, connectRetryTime: 2, nodeToNodeMeshEnabled: false };

type Spec = Readonly<Record<string, unknown>>;

/** One speaker at 10.0.0.N with AS 65000 + N and a block of its own. */
class Host {
  readonly daemon: Daemon;
  readonly #n: number;
  readonly #files: ReadonlyMap<string, string>;
  /** Names of the BFD sessions that it has, and what tells it how one of them is. */
  readonly watched = new Set<string>();
  path: (name: string, to: "Up" | "Down") => void = () => {};

  constructor(world: World, n: number) {
    this.#n = n;
    this.#files = world.files;
    this.daemon = new Daemon({
      clock: world.clock,
      transport: world.transport(n),
      kernel: undefined,
      log: silentLogger(),
      random: world.random,
      onConverged: () => {},
      bfd: (onChange) => {
        this.path = (name, to) => {
          const failure = to === "Down";
          onChange({ name, from: "Init", to, cause: "why", failure, independent: false });
        };
        return {
          set: (name) => this.watched.add(name),
          remove: (name) => this.watched.delete(name),
          status: () => undefined,
          stop: async () => {},
        };
      },
    });
  }

  /** BGPPeers by name, and what the BGPConfiguration has besides. */
  configure(peers: Readonly<Record<string, Spec>>, common: Spec = {}): void {
    const document = (kind: string, name: string, spec: Spec): string =>
      JSON.stringify({ apiVersion: "projectcalico.org/v3", kind, metadata: { name }, spec });
    const ipv4Address = `10.0.0.${this.#n}/24`;
    const bgp = { ipv4Address, ipv6Address: `fd00::${this.#n}/64`, asNumber: 65_000 + this.#n };
    const blocks = [`20.0.${this.#n}.0/24`, `fd20:0:0:${this.#n}::/120`];
    const text = [
      document("BGPConfiguration", "default", { ...TIMERS, ...common }),
      document("Node", "here", { bgp, blocks }),
      ...Object.entries(peers).map(([name, spec]) => document("BGPPeer", name, spec)),
    ].join("\n---\n");
    const { resources, faults } = readDocuments([{ file: "c.yaml", text }]);
    const read = (file: string): Secret =>
      new Secret(new TextEncoder().encode(this.#files.get(file) ?? ""));
    const planned = planSpeaker(resources, "here", read);
    const all = "plan" in planned ? faults : [...faults, ...planned.faults];
    if (!("plan" in planned) || all.length > 0) throw new Error(all.map(formatFault).join("\n"));
    this.daemon.apply(planned.plan);
  }

  status(name: string): PeerStatus | undefined {
    return this.daemon.neighbours.get(name)?.peer.status();
  }

  /** `NAME STATE`, each. */
  get peers(): string[] {
    return [...this.daemon.neighbours].map(([name, { peer }]) => `${name} ${peer.status().state}`);
  }
}

class World {
  readonly clock = new VirtualClock();
  readonly random = seeded(7);
  readonly network: MemoryNetwork;
  readonly files = new Map<string, string>();

  /** `window`: octets that TCP takes before the other side has read some. */
  constructor(window = 262_144) {
    this.network = new MemoryNetwork({ clock: this.clock, window });
  }

  transport(n: number): Transport {
    this.network.host(parseAddress(`fd00::${n}`));
    return this.network.host(parseAddress(`10.0.0.${n}`));
  }

  host(n: number): Host {
    return new Host(this, n);
  }

  pass(seconds: number): void {
    this.clock.advance(seconds * 1000);
  }
}

const to = (n: number, rest: Spec = {}): Spec => ({
  peerIP: `10.0.0.${n}`,
  asNumber: 65_000 + n,
  ...rest,
});

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

describe("a table on request", () => {
  const MARKER = "ff".repeat(16);
  /** Of AS 65002, with both families, route refresh and the enhanced one. */
  const OPEN = `${MARKER} 0035 01 04 fdea 005a 0a000002 18 0216 0104 0001 0001 0104 0002 0001 0200 4600 4104 0000fdea`;

  test("comes for the family that was asked for, between its begin and end (RFC 7313)", () => {
    const world = new World();
    const [one, three] = [world.host(1), world.host(3)];
    one.configure({ asker: to(2, { passive: true }), other: to(3) });
    three.configure({ other: to(1) });
    world.pass(5);
    const said: string[] = [];
    let asker: Connection | undefined;
    const options = { remote: parseAddress("10.0.0.1"), port: 179 };
    world.transport(2).connect(options, {
      onOpen: (opened) => {
        asker = opened;
        const onData = (bytes: Uint8Array): number => said.push(toHex(bytes));
        opened.receive({ onData, onDrain: () => {}, onEnd: (reason) => said.push(reason) });
        opened.write(fromHex(OPEN));
        opened.write(fromHex(`${MARKER} 0013 04`));
      },
      onFail: (reason) => said.push(reason),
    });
    world.pass(1);
    /** The messages that a request for the family is answered with, but KEEPALIVEs. */
    const ask = (afi: number): string[] => {
      said.length = 0;
      asker!.write(fromHex(`${MARKER} 0017 05 000${afi} 00 01`));
      world.pass(1);
      const messages = said.join("").split(MARKER).slice(1);
      return messages.map((text) => text.slice(4)).filter((text) => text !== "04");
    };
    const [begin6, ...table6] = ask(2);
    const end6 = table6.pop();
    expect([begin6, end6]).toEqual(["0500020101", "0500020201"]);
    // The block of each in MP_REACH_NLRI.
    expect(table6.join()).toContain("78fd2000000000000100000000000000");
    expect(table6.join()).not.toContain("18140001");
    const [begin4, ...table4] = ask(1);
    const end4 = table4.pop();
    expect([begin4, end4]).toEqual(["0500010101", "0500010201"]);
    expect(table4.join()).toContain("18140001");
    expect(table4.join()).not.toContain("fd20");
    expect(ask(3)).toEqual([]);
  });
});

describe("a peer that does not read", () => {
  const MARKER = "ff".repeat(16);
  const KEEPALIVE = fromHex(`${MARKER} 0013 04`);
  const hex = (value: number, octets: number): string =>
    value.toString(16).padStart(2 * octets, "0");

  /** A peer at 10.0.0.N that speaks by hand. */
  function speak(world: World, n: number, asNumber: number): Connection {
    let connection: Connection | undefined;
    const as = hex(asNumber, 2);
    const open = `${MARKER} 002d 01 04 ${as} 005a 0a0000${hex(n, 1)} 10 020e 0104 0001 0001 0200 4104 0000${as}`;
    world.transport(n).connect(
      { remote: parseAddress("10.0.0.1"), port: 179 },
      {
        onOpen: (opened) => {
          connection = opened;
          opened.receive({ onData: () => {}, onDrain: () => {}, onEnd: () => {} });
          opened.write(fromHex(open));
          opened.write(KEEPALIVE);
        },
        onFail: (reason) => {
          throw new Error(reason);
        },
      },
    );
    world.pass(1);
    return connection!;
  }

  /** An UPDATE with 900 prefixes and a MULTI_EXIT_DISC of its own. */
  function update(round: number): Uint8Array {
    const prefixes = Array.from({ length: 900 }, (_, at) => `18 15${hex(at, 2)}`).join("");
    const attributes = `400101 00 400206 0201 0000fdea 400304 0a000002 800404 ${hex(round, 4)}`;
    const octets = fromHex(attributes).length;
    const length = hex(23 + octets + 3600, 2);
    return fromHex(`${MARKER} ${length} 02 0000 ${hex(octets, 2)} ${attributes} ${prefixes}`);
  }

  test("makes no queue of what others say, nor of what it asks for, and is cut off in the end", () => {
    const world = new World(20_000);
    const one = world.host(1);
    const passive = { passive: true, holdTime: 90 };
    one.configure({
      flood: to(2, passive),
      deaf: to(3, { ...passive, asNumber: 65_001, sendHoldTime: 60 }),
    });
    const [flood, deaf] = [speak(world, 2, 65_002), speak(world, 3, 65_001)];
    expect(one.peers).toEqual(["flood Established", "deaf Established"]);
    flood.write(update(0));
    world.pass(1);
    deaf.pause();
    const refresh = fromHex(`${MARKER} 0017 05 0001 00 01`.repeat(1000));
    const backlog = (): number => one.daemon.neighbours.get("deaf")?.peer.backlog() ?? 0;
    let most = 0;
    for (let second = 0; second < 50; second++) {
      for (let count = 0; count < 20; count++) {
        flood.write(update(second * 20 + count));
        deaf.write(refresh);
        world.pass(0.05);
        most = Math.max(most, backlog());
      }
      for (const connection of [flood, deaf]) if (second % 20 === 0) connection.write(KEEPALIVE);
    }
    // Without a bound it would be the 3.6 MB that the other peers were told meanwhile.
    expect(most).toBeGreaterThan(1 << 20);
    expect(most).toBeLessThan(1.1 * 2 ** 20);
    expect(one.status("deaf")?.messages.received).toBeGreaterThan(500_000);
    expect(one.peers).toEqual(["flood Established", "deaf Established"]);
    world.pass(40);
    expect(one.status("deaf")?.lastError).toBe(
      "send hold timer expired: the peer's TCP took nothing for 60 s",
    );
  });

  test("is told the last of it when it reads again", () => {
    const world = new World(20_000);
    const one = world.host(1);
    const passive = { passive: true, holdTime: 90 };
    one.configure({ flood: to(2, passive), deaf: to(3, { ...passive, asNumber: 65_001 }) });
    const [flood, deaf] = [speak(world, 2, 65_002), speak(world, 3, 65_001)];
    deaf.pause();
    for (let round = 0; round < 600; round++) {
      flood.write(update(round));
      world.pass(0.05);
    }
    const { updatesSent } = one.status("deaf")!.messages;
    deaf.resume();
    world.pass(10);
    // The last round is one UPDATE; the one before it was told some time.
    expect(one.status("deaf")!.messages.updatesSent - updatesSent).toBeLessThanOrEqual(2);
    expect(one.daemon.neighbours.get("deaf")?.peer.backlog()).toBe(0);
    flood.write(update(1_000_000));
    world.pass(1);
    expect(one.status("deaf")!.messages.updatesSent - updatesSent).toBeLessThanOrEqual(3);
  });
});
