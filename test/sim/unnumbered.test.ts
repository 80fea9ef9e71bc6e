/**
 * Unnumbered peers on twin kernels and a virtual clock: a node with two links, and a router at the end of each. Both
 * routers have the same link-local address, as two whom nobody coordinates may.
 */

import { describe, expect, test } from "bun:test";
import { Daemon } from "../../bgpd/daemon.ts";
import { ROUTE_PROTOCOL } from "../../bgpd/forwarding.ts";
import { discoveryIn } from "../../bgpd/nd/discovery.ts";
import { MemoryNdNetwork, type NdEnd } from "../../bgpd/nd/memory.ts";
import type { Connection, Transport } from "../../bgpd/transport.ts";
import { MemoryNetwork } from "../../bgpd/transport-memory.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { createMemoryHost, type MemoryHost } from "../../kernel/memory.ts";
import {
  type Address,
  formatAddress,
  isLinkLocal,
  parseAddress,
  withZone,
} from "../../lib/address.ts";
import { VirtualClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { formatPrefix, parsePrefix } from "../../lib/prefix.ts";
import { documentOf } from "../resource/documents.ts";
import { planFor } from "./documents-scene.ts";
import { seeded } from "./world.ts";

const CONFIGURATION = documentOf(
  "BGPConfiguration",
  "default",
  "asNumber: 64512\nholdTime: 9\nkeepaliveTime: 3\nconnectRetryTime: 2\nnodeToNodeMeshEnabled: false\nmultipath: {relaxedASPath: true}",
);

const nodeOf = (name: string, number: number, asNumber: number): string =>
  documentOf(
    "Node",
    name,
    `bgp: {ipv4Address: 172.30.0.${number}/32, asNumber: ${asNumber}}\nblocks: [10.244.${number}.0/24]`,
  );

const peerOf = (name: string, spec: string): string =>
  documentOf("BGPPeer", name, `importPolicy: all\n${spec}`);

/** Every machine in one world; cables join links of two of them. */
class Scene {
  readonly clock = new VirtualClock();
  readonly #random = seeded(11);
  readonly network = new MemoryNetwork({ clock: this.clock, latency: () => this.#random() * 5 });
  readonly wire = new MemoryNdNetwork(this.clock);
  readonly #host: MemoryHost = createMemoryHost({ defer: (run) => void this.clock.after(0, run) });
  readonly #namespaces = new Map<string, number>();
  readonly #wires = new Map<string, string>();
  readonly daemons = new Map<string, Daemon>();
  readonly transports = new Map<string, Transport>();

  kernel(name: string): Kernel {
    const known = this.#namespaces.get(name);
    if (known !== undefined) return this.#host.kernel(known);
    const namespace = this.#host.createNamespace(name);
    const kernel = this.#host.kernel(namespace);
    // The network in memory knows hosts by their addresses: two must not have one on links of one number.
    for (let count = 0; count < 10 * this.#namespaces.size; count++) {
      kernel.apply({ type: "create bridge", name: `br${count}` });
    }
    this.#namespaces.set(name, namespace);
    return kernel;
  }

  /** A cable: `NODE LINK ADDRESS` of both ends. */
  cable(a: string, b: string): void {
    const [one, other] = [a, b].map((text) => text.split(" ") as [string, string, string]);
    const [here, there] = [this.kernel(one![0]), this.kernel(other![0])];
    const peer = { name: other![1], namespace: this.#namespaces.get(other![0])! };
    here.apply({ type: "create veth", end: { name: one![1] }, peer });
    const ends = [
      this.#raise(here, one![0], one![1], { wire: a, address: one![2] }),
      this.#raise(there, other![0], other![1], { wire: a, address: other![2] }),
    ];
    this.network.join(ends[0]!, ends[1]!);
  }

  #raise(
    kernel: Kernel,
    node: string,
    link: string,
    { wire, address: text }: { readonly wire: string; readonly address: string },
  ): Address {
    const address = parseAddress(text);
    kernel.apply({ type: "set link", link, up: true });
    kernel.apply({ type: "add address", link, address, length: 64, scope: "link" });
    const { index = 0 } = kernel.link(link) ?? {};
    this.#wires.set(`${node} ${index}`, wire);
    return withZone(address, index);
  }

  apply(node: string, number: number, ...documents: string[]): Daemon {
    return this.applyAlone(node, number, CONFIGURATION, ...documents);
  }

  /** With a BGPConfiguration among the documents. */
  applyAlone(node: string, number: number, ...documents: string[]): Daemon {
    const plan = planFor(node, documents);
    const running = this.daemons.get(node) ?? this.#start(node, number);
    this.daemons.set(node, running);
    running.apply(plan);
    return running;
  }

  #start(node: string, number: number): Daemon {
    const kernel = this.kernel(node);
    const { clock } = this;
    const log = silentLogger();
    const endOf = (index: number): NdEnd | undefined => {
      const own = kernel.addresses(6).find((one) => one.link === index && isLinkLocal(one.address));
      const wire = this.#wires.get(`${node} ${index}`);
      return own === undefined || wire === undefined ? undefined : { wire, address: own.address };
    };
    const open = this.wire.host(() => kernel.links().map(({ index }) => index), endOf);
    const transport = this.network.host(parseAddress(`172.30.0.${number}`));
    this.transports.set(node, transport);
    return new Daemon({
      clock,
      transport,
      kernel,
      log,
      random: this.#random,
      onConverged: () => {},
      discovery: discoveryIn({ clock, kernel, open, random: this.#random, log }),
    });
  }

  /** End a node's daemon so that it may restart; its kernel goes on. */
  async stop(node: string): Promise<void> {
    const daemon = this.daemons.get(node);
    this.daemons.delete(node);
    const stopped = daemon?.stop({ withdraw: false });
    this.pass(1);
    await stopped;
  }

  pass(seconds: number): void {
    this.clock.advance(seconds * 1000);
  }

  /** `NAME STATE ADDRESS%LINK`, each, and `NAME waits: REASON` of those without a neighbour. */
  peers(node: string): string[] {
    const daemon = this.daemons.get(node)!;
    const kernel = this.kernel(node);
    const all = [...daemon.neighbours.values()].map(({ plan, peer }) => {
      const link = kernel.link(plan.address.zone ?? 0)?.name;
      const address = formatAddress({ ...plan.address }).replace(/%.*/, "");
      return `${plan.name} ${peer.status().state} ${address}%${link}`;
    });
    return [
      ...all,
      ...daemon.unnumbered.waiting.map(({ plan, reason }) => `${plan.name} waits: ${reason}`),
    ].sort();
  }

  /** What we have put into a kernel, with all its ways. */
  installed(node: string): string[] {
    const kernel = this.kernel(node);
    return kernel
      .routes({ family: 4, protocol: ROUTE_PROTOCOL })
      .map(({ destination, type, nextHops }) => {
        const ways = nextHops
          .map(
            ({ gateway, link }) =>
              `${gateway && formatAddress(gateway)}%${kernel.link(link!)?.name}`,
          )
          .sort();
        return `${formatPrefix(destination)} ${ways.join(" ") || type}`;
      })
      .sort();
  }

  why(node: string, prefix: string): string[] {
    const paths = this.daemons.get(node)?.rib?.lookup(parsePrefix(prefix))?.paths ?? [];
    return paths.map(({ state, reason }) => `${state}: ${reason}`);
  }
}

const LEAF = [
  nodeOf("n1", 11, 64_512),
  peerOf("one", "interface: eth1\nasNumber: external"),
  peerOf("two", "interface: eth2\nasNumber: 65002"),
];
const router = (number: number, more = ""): string[] => [
  nodeOf("router", number, 65_000 + number),
  peerOf("leaf", `interface: down0\nasNumber: external\n${more}`),
];

function scene(): Scene {
  const all = new Scene();
  all.cable("n1 eth1 fe80::11", "r1 down0 fe80::1");
  all.cable("n1 eth2 fe80::12", "r2 down0 fe80::1");
  return all;
}

/** Both routers run, by the same name in documents of their own. */
function started(): Scene {
  const all = scene();
  all.apply("n1", 11, ...LEAF);
  for (const number of [1, 2]) startRouter(all, number);
  all.pass(20);
  return all;
}

function startRouter(all: Scene, number: number, more = ""): void {
  const kernel = `r${number}`;
  const texts = router(number, more).map((text) => text.replace("name: router", `name: ${kernel}`));
  all.apply(kernel, number, ...texts);
}

describe("a node with two links", () => {
  test("has a session on each, though both routers have one address, and a route by each", () => {
    const all = started();
    expect(all.peers("n1")).toEqual([
      "one Established fe80::1%eth1",
      "two Established fe80::1%eth2",
    ]);
    expect(all.installed("n1")).toEqual([
      "10.244.1.0/24 fe80::1%eth1",
      "10.244.11.0/24 blackhole",
      "10.244.2.0/24 fe80::1%eth2",
    ]);
    expect(all.installed("r1")).toContain("10.244.11.0/24 fe80::11%down0");
    expect(all.installed("r2")).toContain("10.244.11.0/24 fe80::12%down0");
  });

  test("shares the traffic over both where both lead to one prefix", () => {
    const all = started();
    for (const number of [1, 2]) {
      const kernel = `r${number}`;
      const more = nodeOf(kernel, number, 65_000 + number).replace(
        /blocks: .*/,
        `blocks: [10.244.${number}.0/24, 10.244.99.0/24]`,
      );
      all.apply(kernel, number, more, router(number)[1]!);
    }
    all.pass(5);
    expect(all.installed("n1")).toContain("10.244.99.0/24 fe80::1%eth1 fe80::1%eth2");
    all.kernel("r1").apply({ type: "set link", link: "down0", up: false });
    all.pass(1);
    expect(all.installed("n1")).toContain("10.244.99.0/24 fe80::1%eth2");
    expect(all.peers("n1")).toEqual([
      "one waits: the link eth1 has no carrier",
      "two Established fe80::1%eth2",
    ]);
  });

  test("tells the one what the other told with a next hop of its own on that link", () => {
    const all = started();
    const open = peerOf("two", "interface: eth2\nasNumber: 65002\nfilters: [all]");
    const filter = documentOf("BGPFilter", "all", "exportV4: [{action: Accept}]");
    all.apply("n1", 11, LEAF[0]!, LEAF[1]!, open, filter);
    all.pass(5);
    expect(all.installed("r2")).toContain("10.244.1.0/24 fe80::12%down0");
    expect(all.peers("n1")).toHaveLength(2);
    expect(all.daemons.get("n1")?.neighbours.get("two")?.peer.status().flaps).toBe(0);
  });

  test("has rules that ask for the link that packets leave by", () => {
    const all = started();
    const filter = documentOf(
      "BGPFilter",
      "far",
      "importV4: [{action: Reject, interface: eth2}, {action: Accept}]",
    );
    const [one, two] = ["eth1", "eth2"].map((link, index) =>
      peerOf(index === 0 ? "one" : "two", `interface: ${link}\nasNumber: external\nfilters: [far]`),
    );
    all.apply("n1", 11, LEAF[0]!, one!, two!, filter);
    all.pass(20);
    expect(all.peers("n1")).toEqual([
      "one Established fe80::1%eth1",
      "two Established fe80::1%eth2",
    ]);
    expect(all.installed("n1")).toEqual(["10.244.1.0/24 fe80::1%eth1", "10.244.11.0/24 blackhole"]);
    expect(all.why("n1", "10.244.2.0/24")[0]).toContain("rejected: BGPFilter far");
  });

  test("tells peers of its own AS its own address in place of a link-local one", () => {
    const all = new Scene();
    all.cable("n1 eth1 fe80::11", "r1 down0 fe80::1");
    all.cable("n1 eth2 fe80::12", "n2 eth1 fe80::2");
    const inner = peerOf("inner", "interface: eth2\nasNumber: internal");
    all.apply("n1", 11, LEAF[0]!, LEAF[1]!, inner);
    all.apply(
      "n2",
      12,
      nodeOf("n2", 12, 64_512),
      peerOf("inner", "interface: eth1\nasNumber: internal"),
    );
    startRouter(all, 1);
    all.pass(20);
    expect(all.installed("n2")).toEqual([
      "10.244.1.0/24 fe80::12%eth1",
      "10.244.11.0/24 fe80::12%eth1",
      "10.244.12.0/24 blackhole",
    ]);
  });
});

describe("a session", () => {
  test("stays when policies change, and goes with its document or its link", () => {
    const all = started();
    const changed = peerOf(
      "one",
      "interface: eth1\nasNumber: external\nnumAllowedLocalASNumbers: 1",
    );
    all.apply("n1", 11, LEAF[0]!, changed, LEAF[2]!);
    all.pass(5);
    expect(all.daemons.get("n1")?.neighbours.get("one")?.peer.status()).toMatchObject({
      state: "Established",
      flaps: 0,
    });
    all.apply("n1", 11, LEAF[0]!, changed);
    all.pass(1);
    expect(all.peers("n1")).toEqual(["one Established fe80::1%eth1"]);
    expect(all.installed("n1")).not.toContain("10.244.2.0/24 fe80::1%eth2");
    all.apply("n1", 11, LEAF[0]!, peerOf("one", "interface: eth2\nasNumber: external"));
    all.pass(20);
    expect(all.peers("n1")).toEqual(["one Established fe80::1%eth2"]);
    expect(all.installed("n1")).toContain("10.244.2.0/24 fe80::1%eth2");
  });

  test("that restarts keeps its routes in use, whatever other documents say meanwhile", async () => {
    const all = started();
    const lost: string[] = [];
    all.kernel("n1").watch(["route"], (event) => {
      if (event.type === "route" && event.change === "deleted") {
        lost.push(formatPrefix(event.route.destination));
      }
    });
    await all.stop("r1");
    all.pass(5);
    expect(all.peers("n1")[0]).toMatch(/^one (Idle|Connect|Active) fe80::1%eth1$/);
    all.apply("n1", 11, ...LEAF.slice(0, 2));
    all.pass(5);
    startRouter(all, 1);
    all.pass(20);
    expect(all.peers("n1")).toEqual(["one Established fe80::1%eth1"]);
    expect(all.installed("n1")).toContain("10.244.1.0/24 fe80::1%eth1");
    // The other peer has left the documents.
    expect(lost).toEqual(["10.244.2.0/24"]);
  });

  test("with an AS that was not meant does not come up, and says which it is", () => {
    const all = scene();
    all.apply("n1", 11, LEAF[0]!, peerOf("one", "interface: eth1\nasNumber: internal"));
    startRouter(all, 1);
    all.pass(5);
    const status = all.daemons.get("n1")?.neighbours.get("one")?.peer.status();
    expect(status?.state).not.toBe("Established");
    expect(status?.lastError).toContain("Bad Peer AS");
  });

  test("follows the neighbour to another address", () => {
    const all = started();
    const [kernel, link] = [all.kernel("r1"), "down0"];
    const [from, to] = [parseAddress("fe80::1"), parseAddress("fe80::1:1")];
    kernel.apply({ type: "delete address", link, address: from, length: 64 });
    all.pass(1);
    expect(all.peers("r1")).toEqual(["leaf waits: the link down0 has no link-local IPv6 address"]);
    kernel.apply({ type: "add address", link, address: to, length: 64, scope: "link" });
    const zoned = (node: string, name: string, address: Address): Address =>
      withZone(address, all.kernel(node).link(name)?.index ?? 0);
    all.network.join(zoned("n1", "eth1", parseAddress("fe80::11")), zoned("r1", "down0", to));
    // Silence for 30 s, and the time for which the one that was refused meanwhile holds back.
    all.pass(60);
    expect(all.peers("n1")[0]).toBe("one Established fe80::1:1%eth1");
    expect(all.installed("n1")).toContain("10.244.1.0/24 fe80::1:1%eth1");
  });

  test("is not with a stranger on the link while the neighbour advertises", () => {
    const all = started();
    const { index: zone = 0 } = all.kernel("n1").link("eth1") ?? {};
    const stranger = all.wire.host(
      () => [],
      () => ({ wire: "n1 eth1 fe80::11", address: parseAddress("fe80::bad") }),
    )(
      () => {},
      () => {},
    );
    const advertise = (): void => {
      stranger.send(
        Uint8Array.of(134, ...new Uint8Array(15)),
        parseAddress("ff02::1"),
        withZone(parseAddress("fe80::bad"), zone),
      );
    };
    for (let count = 0; count < 20; count++) {
      advertise();
      all.pass(3);
    }
    expect(all.peers("n1")[0]).toBe("one Established fe80::1%eth1");
    void all.daemons.get("r1")?.stop({ withdraw: false });
    all.pass(20);
    advertise();
    all.pass(1);
    expect(all.peers("n1")[0]).toMatch(/^one \w+ fe80::1%eth1$/);
    all.pass(20);
    advertise();
    all.pass(1);
    expect(all.peers("n1")[0]).toMatch(/^one \w+ fe80::bad%eth1$/);
  });
});

describe("the node's own socket on a link", () => {
  const withKey = "password: {file: /k}";

  test("takes who signs with the peer's key", () => {
    const all = scene();
    const one = peerOf("one", `interface: eth1\nasNumber: external\npassive: true\n${withKey}`);
    all.apply("n1", 11, LEAF[0]!, one);
    startRouter(all, 1, withKey);
    all.pass(20);
    expect(all.peers("n1")).toEqual(["one Established fe80::1%eth1"]);
  });

  test("is not there with listen: false, and the node calls", () => {
    const all = scene();
    const waiting = documentOf("BGPConfiguration", "default", "listen: false");
    all.applyAlone("n1", 11, waiting, LEAF[0]!, LEAF[1]!);
    startRouter(all, 1, "passive: true");
    all.pass(20);
    expect(all.peers("n1")).toEqual(["one Established fe80::1%eth1"]);
    const refused: string[] = [];
    const zone = all.kernel("r1").link("down0")?.index ?? 0;
    const [remote, local] = ["fe80::11", "fe80::1"].map((text) =>
      withZone(parseAddress(text), zone),
    );
    all.transports
      .get("r1")
      ?.connect(
        { remote: remote!, local: local!, port: 179 },
        { onOpen: () => refused.push("open"), onFail: (reason) => refused.push(reason) },
      );
    all.pass(5);
    expect(refused).toEqual(["connection refused"]);
  });
});

describe("a caller", () => {
  const call = (all: Scene): { readonly ends: string[]; readonly states: string[] } => {
    const ends: string[] = [];
    const states: string[] = [];
    const at = (node: string, name: string, text: string): Address =>
      withZone(parseAddress(text), all.kernel(node).link(name)?.index ?? 0);
    const open = (connection: Connection): void => {
      states.push("open");
      connection.receive({
        onData: (bytes) => states.push(`type ${bytes[18]}`),
        onDrain: () => {},
        onEnd: (reason) => ends.push(reason),
      });
    };
    all.network.host(parseAddress("172.30.0.1")).connect(
      {
        remote: withZone(parseAddress("fe80::11"), at("r1", "down0", "fe80::1").zone ?? 0),
        local: at("r1", "down0", "fe80::1"),
        port: 179,
      },
      { onOpen: open, onFail: (reason) => ends.push(reason) },
    );
    return { ends, states };
  };

  test("is the neighbour, before it has advertised", () => {
    const all = scene();
    all.apply("n1", 11, LEAF[0]!, LEAF[1]!);
    all.pass(1);
    const { states } = call(all);
    all.pass(0.2);
    expect(states).toEqual(["open", "type 1"]);
    expect(all.peers("n1")[0]).toMatch(/^one \w+ fe80::1%eth1$/);
  });

  test("that signs nothing is not let in where there is a password", () => {
    const all = scene();
    all.apply(
      "n1",
      11,
      LEAF[0]!,
      peerOf("one", "interface: eth1\nasNumber: external\npassword: {file: /k}"),
    );
    all.pass(1);
    const { states } = call(all);
    all.pass(0.2);
    expect(states).toEqual(["open", "type 3"]);
    expect(all.peers("n1")[0]).toContain("one waits: no router advertisement has come on eth1");
  });
});
