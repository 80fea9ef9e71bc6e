/**
 * Unnumbered peers: the neighbour on a link is found by router advertisements, the session is between link-local
 * addresses, and IPv4 goes by them. With FRR, BIRD and another of our own; the kernels' tables are compared.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { which } from "bun";
import type {
  AdvertisedAnswer,
  PeerAnswer,
  StatusAnswer,
  WhyAnswer,
} from "../../resource/answer.ts";
import { frrOn, hasFrr } from "./frr.ts";
import { createNetwork, eventually, isInside, type Network } from "./network.ts";

const manx = process.env.MANX_EXECUTABLE ?? "";
const bird = which("bird") ?? "";
const birdc = which("birdc") ?? "";
const tshark = which("tshark") ?? "";

const CLUSTER = `
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: { name: default }
spec: { asNumber: 64512, holdTime: 3s, keepaliveTime: 1s, connectRetryTime: 1s, nodeToNodeMeshEnabled: false }
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: n1 }
spec:
  bgp: { ipv4Address: 172.30.0.11/32, ipv6Address: "fd00:30::11/128" }
  blocks: [10.244.1.0/24, "fd00:244::100/120"]
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: tor }
spec:
  bgp: { ipv4Address: 172.30.0.1/32, ipv6Address: "fd00:30::1/128", asNumber: 65000 }
  blocks: [192.0.2.0/24, "2001:db8::100/120"]
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: { name: uplink }
spec: { interface: eth1, asNumber: external, importPolicy: all }
`;

const FRR = `
router bgp 65000
 bgp router-id 172.30.0.1
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor eth1 interface remote-as external
 neighbor eth1 timers 1 3
 neighbor eth1 timers connect 1
 neighbor eth1 advertisement-interval 0
 address-family ipv4 unicast
  network 192.0.2.0/24
 exit-address-family
 address-family ipv6 unicast
  network 2001:db8::100/120
  neighbor eth1 activate
 exit-address-family
`;

const BIRD = `
router id 172.30.0.1;
log stderr all;
protocol device { scan time 1; }
protocol bfd { interface "eth1" { interval 100 ms; multiplier 3; }; }
protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }
protocol kernel { ipv6 { import none; export where source = RTS_BGP; }; }
protocol static { ipv4; route 192.0.2.0/24 blackhole; }
protocol static { ipv6; route 2001:db8::100/120 blackhole; }
protocol radv { interface "eth1" { max ra interval 5; solicited ra unicast no; default lifetime 0; }; }
protocol bgp n1 {
  local as 65000;
  neighbor LINKLOCAL%eth1 as 64512;
  hold time 3; keepalive time 1; connect retry time 1; connect delay time 1; error wait time 1, 2;
  ipv4 { import all; export all; extended next hop; };
  ipv6 { import all; export all; };
}
`;

let network: Network;

beforeEach(() => {
  network = createNetwork({ n1: [], tor: [] });
  network.run("n1", "ip", "address", "add", "172.30.0.11/32", "dev", "lo");
  network.run("n1", "ip", "address", "add", "fd00:30::11/128", "dev", "lo");
  network.run("tor", "ip", "address", "add", "172.30.0.1/32", "dev", "lo");
  network.run("tor", "ip", "address", "add", "fd00:30::1/128", "dev", "lo");
  for (const name of ["n1", "tor"]) {
    network.run(name, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1");
  }
  cable();
});

afterEach(async () => {
  await network.remove();
});

/** A cable from a link of the node to the router's of the same name. */
function cable(link = "eth1"): void {
  const ends = ["type", "veth", "peer", "name", link, "netns", "tor"];
  network.run("n1", "ip", "link", "add", link, ...ends);
  for (const name of ["n1", "tor"]) network.run(name, "ip", "link", "set", link, "up");
}

/** Of eth1, once it may be used. */
async function linkLocal(namespace: string): Promise<string> {
  return eventually(`${namespace} has a link-local address`, () => {
    const text = network.run(namespace, "ip", "-6", "address", "show", "dev", "eth1");
    return text.includes("tentative") ? undefined : /inet6 (fe80[^/]*)/.exec(text)?.[1];
  });
}

/** `peer` is what the BGPPeer has besides. */
function startManx(
  node: string,
  { peer = "", common = "", documents = "", options = [] as readonly string[] } = {},
): ReturnType<Network["start"]> {
  const text = CLUSTER.replace("importPolicy: all", `importPolicy: all${peer}`);
  const file = network.file(
    `${node}.yaml`,
    text.replace("asNumber: 64512,", `$&${common}`) + documents,
  );
  const where = ["--config", file, "--node", node, "--api", `${network.folder}/${node}.sock`];
  return network.start(node, `manx-${node}`, [manx, "bgpd", ...where, ...options]);
}

/** Why there is no neighbour. */
async function waits(node: string, words: string): Promise<void> {
  await eventually(`${node} waits: ${words}`, () => {
    const [peer] = ask<PeerAnswer[]>(node, "peers");
    return peer?.address === "eth1" && peer.lastError.includes(words);
  });
}

function ask<Answer>(node: string, ...args: string[]): Answer {
  const api = ["--json", "--api", `${network.folder}/${node}.sock`];
  return JSON.parse(network.run(node, manx, ...args, ...api));
}

/** With both prefixes of the other end in use. */
async function established(node: string): Promise<PeerAnswer> {
  return eventually(
    `${node} has its session`,
    () => {
      const [peer] = ask<PeerAnswer[]>(node, "peers");
      return peer?.state === "Established" && peer.prefixes.accepted === 2 ? peer : undefined;
    },
    30_000,
  );
}

type KernelRoute = {
  readonly dst: string;
  readonly dev?: string;
  readonly gateway?: string;
  readonly via?: { readonly family: string; readonly host: string };
};

/** `PREFIX via GATEWAY dev LINK` of those who learn by BGP, sorted. */
function learned(namespace: string, protocol: string): string[] {
  return (["-4", "-6"] as const)
    .flatMap((family) => {
      const text = network.run(namespace, "ip", "-j", family, "route", "show", "proto", protocol);
      return JSON.parse(text || "[]") as KernelRoute[];
    })
    .filter(({ gateway, via }) => gateway !== undefined || via !== undefined)
    .map(({ dst, gateway, via, dev }) => {
      const way = via === undefined ? gateway : `${via.family} ${via.host}`;
      return `${dst} via ${way} dev ${dev}`;
    })
    .sort();
}

const by = (gateway: string): string[] => [
  `192.0.2.0/24 via inet6 ${gateway} dev eth1`,
  `2001:db8::100/120 via ${gateway} dev eth1`,
];

const back = (gateway: string): string[] => [
  `10.244.1.0/24 via inet6 ${gateway} dev eth1`,
  `fd00:244::100/120 via ${gateway} dev eth1`,
];

const here = isInside && manx !== "";

describe.skipIf(!here)("with another of our own", () => {
  test("both find each other, and IPv4 packets go by link-local next hops", async () => {
    startManx("n1");
    const [waiting] = await eventually("it waits", () => {
      const all = ask<PeerAnswer[]>("n1", "peers");
      return all[0]?.lastError.includes("waiting for a neighbour") && all;
    });
    expect(waiting).toMatchObject({ name: "uplink", address: "eth1", link: "eth1", state: "Idle" });
    startManx("tor");
    const [n1, tor] = [await linkLocal("n1"), await linkLocal("tor")];
    const peer = await established("n1");
    expect(peer).toMatchObject({
      address: `${tor}%eth1`,
      localAddress: `${n1}%eth1`,
      remoteAs: 65_000,
      flaps: 0,
    });
    expect(
      peer.families.map(({ nextHop, nextHopLinkLocal }) => [nextHop, nextHopLinkLocal]),
    ).toEqual([
      [n1, null],
      [n1, null],
    ]);
    await established("tor");
    await eventually("both have the other's", () => {
      return learned("n1", "77").length === 2 && learned("tor", "77").length === 2;
    });
    expect(learned("n1", "77")).toEqual(by(tor));
    expect(learned("tor", "77")).toEqual(back(n1));
    expect(ask<WhyAnswer>("n1", "why", "192.0.2.7").summary).toContain(`goes by ${tor}%eth1`);
    network.run("n1", manx, "fib", "check", "--api", `${network.folder}/n1.sock`);
    network.run("n1", "ip", "address", "add", "10.244.1.1/32", "dev", "lo");
    network.run("tor", "ip", "address", "add", "192.0.2.1/32", "dev", "lo");
    network.run("n1", "ping", "-c", "1", "-W", "2", "-I", "10.244.1.1", "192.0.2.1");
  });

  test("the session follows the link: down, up with another address, gone, and there again", async () => {
    for (const node of ["n1", "tor"]) startManx(node);
    const before = (await established("n1")).address;
    network.run("tor", "ip", "link", "set", "eth1", "down");
    await waits("n1", "the link eth1 has no carrier");
    await waits("tor", "the link eth1 is down");
    expect(learned("n1", "77")).toEqual([]);
    network.run("tor", "ip", "link", "set", "eth1", "address", "02:00:00:00:00:99", "up");
    const after = await established("n1");
    expect(after.address).toBe("fe80::ff:fe00:99%eth1");
    expect(after.address).not.toBe(before);
    await eventually("routes by the new one", () => learned("n1", "77").length === 2);
    expect(learned("n1", "77")).toEqual(by("fe80::ff:fe00:99"));
    network.run("n1", "ip", "link", "delete", "eth1");
    await waits("n1", "there is no link eth1");
    await waits("tor", "there is no link eth1");
    cable();
    await established("n1");
    await eventually("routes again", () => learned("n1", "77").length === 2);
    expect(learned("n1", "77")).toEqual(by(await linkLocal("tor")));
  });

  test("a link without link-local address is told as the reason, and used once it has one", async () => {
    network.run("n1", "ip", "-6", "address", "flush", "dev", "eth1", "scope", "link");
    for (const node of ["n1", "tor"]) startManx(node);
    const reason = "the link eth1 has no link-local IPv6 address";
    await waits("n1", reason);
    const { peers } = ask<StatusAnswer>("n1", "status");
    expect(peers.unnumbered).toEqual([{ name: "uplink", link: "eth1", address: null, reason }]);
    network.run("n1", "ip", "address", "add", "fe80::11/64", "dev", "eth1");
    expect((await established("n1")).localAddress).toBe("fe80::11%eth1");
    expect((await established("tor")).address).toBe("fe80::11%eth1");
  });

  test.skipIf(tshark === "")("tshark reads what is advertised, and has no complaint", async () => {
    const n1 = await linkLocal("n1");
    await linkLocal("tor");
    const fields = [
      ...["icmpv6.type", "ipv6.dst", "ipv6.hlim", "icmpv6.checksum.status"],
      ...["icmpv6.nd.ra.router_lifetime", "icmpv6.opt.src_linkaddr"],
      ...["_ws.malformed", "_ws.expert.severity"],
    ];
    const capture = [
      tshark,
      "-n",
      "-l",
      "-i",
      "eth1",
      "-Y",
      `ipv6.src == ${n1} && icmpv6.type < 135`,
    ];
    const columns = [
      "-T",
      "fields",
      "-E",
      "separator=,",
      ...fields.flatMap((name) => ["-e", name]),
    ];
    network.start("tor", "tshark", ["env", `HOME=${network.folder}`, ...capture, ...columns]);
    await eventually("it listens", () => network.log("tshark").includes("Capturing"));
    startManx("n1");
    const [link] = JSON.parse(network.run("n1", "ip", "-j", "link", "show", "eth1"));
    const lines = await eventually("both kinds", () => {
      const all = network
        .log("tshark")
        .split("\n")
        .filter((line) => /^13[34],/.test(line));
      return all.length >= 2 && all.slice(0, 2);
    });
    // A checksum status of 1 is good.
    expect(lines.sort()).toEqual([
      `133,ff02::2,255,1,,${link.address},,`,
      `134,ff02::1,255,1,0,${link.address},,`,
    ]);
  });

  test("an AS that is not the one that was meant is refused by its number", async () => {
    startManx("n1");
    startManx("tor", { peer: ", localASNumber: 64512" });
    const [peer] = await eventually("refused", () => {
      const all = ask<PeerAnswer[]>("n1", "peers");
      return all[0]?.lastError.includes("Bad Peer AS") && all;
    });
    expect(peer?.state).not.toBe("Established");
  });

  test("two links to one router share the traffic, though its address is the same on both", async () => {
    cable("eth2");
    for (const link of ["eth1", "eth2"]) {
      network.run("tor", "ip", "-6", "address", "flush", "dev", link, "scope", "link");
      network.run("tor", "ip", "address", "add", "fe80::1/64", "dev", link, "nodad");
    }
    const second = CLUSTER.slice(CLUSTER.lastIndexOf("---"))
      .replace("uplink", "uplink-2")
      .replace("eth1", "eth2");
    startManx("tor", { documents: second });
    startManx("n1", { documents: second });
    const ways = (): string[] => {
      const text = network.run("n1", "ip", "-4", "route", "show", "192.0.2.0/24");
      return [...text.matchAll(/via inet6 (\S+) dev (\S+)/g)].map(
        ([, via, dev]) => `${via} ${dev}`,
      );
    };
    await eventually("both ways", () => ways().length === 2, 30_000);
    expect(ways().sort()).toEqual(["fe80::1 eth1", "fe80::1 eth2"]);
    expect(ask<PeerAnswer[]>("n1", "peers").map(({ address, state }) => [address, state])).toEqual([
      ["fe80::1%eth1", "Established"],
      ["fe80::1%eth2", "Established"],
    ]);
    network.run("tor", "ip", "link", "set", "eth2", "down");
    await eventually("one way", () => ways().join() === "fe80::1 eth1");
    network.run("n1", manx, "fib", "check", "--api", `${network.folder}/n1.sock`);
  });

  test("a killed daemon's routes stay, and its successor takes them over", async () => {
    const daemon = startManx("n1");
    startManx("tor");
    await established("n1");
    await eventually("installed", () => learned("n1", "77").length === 2);
    const before = learned("n1", "77");
    daemon.kill("SIGKILL");
    await daemon.exited;
    expect(learned("n1", "77")).toEqual(before);
    const lost = Bun.spawn(["ip", "-n", "n1", "monitor", "route"], { stdout: "pipe" });
    startManx("n1");
    await established("n1");
    await eventually("converged", () => {
      const { fib, ready } = ask<StatusAnswer>("n1", "status");
      return ready.ok && fib.stale === 0;
    });
    expect(learned("n1", "77")).toEqual(before);
    lost.kill();
    const changes = (await new Response(lost.stdout).text()).split("\n");
    expect(changes.filter((line) => line.startsWith("Deleted 192.0.2.0/24"))).toEqual([]);
  });

  test("a speaker that installs nothing has the session too", async () => {
    startManx("n1", { options: ["--fib", "none"] });
    startManx("tor");
    await established("n1");
    network.run("tor", "ip", "link", "set", "eth1", "down");
    await waits("n1", "the link eth1 has no carrier");
  });
});

describe.skipIf(!here || !hasFrr)("with FRR", () => {
  const startFrr = async (more = ""): Promise<void> => {
    const text = FRR.replace(" neighbor eth1 timers 1 3", `$&\n${more}`);
    await frrOn(network, "tor").start({ configuration: text });
  };

  test("each finds the other, and both families are installed by link-local next hops", async () => {
    await startFrr();
    startManx("n1");
    const [n1, tor] = [await linkLocal("n1"), await linkLocal("tor")];
    const peer = await established("n1");
    expect(peer).toMatchObject({ address: `${tor}%eth1`, remoteAs: 65_000, flaps: 0 });
    expect(peer.capabilities).toContain("IPv4 unicast with IPv6 next hops");
    await eventually("both have the other's", () => {
      return learned("n1", "77").length === 2 && learned("tor", "bgp").length === 2;
    });
    expect(learned("n1", "77")).toEqual(by(tor));
    expect(learned("tor", "bgp")).toEqual(back(n1));
    const told = ask<AdvertisedAnswer[]>("n1", "routes", "--advertised", "uplink");
    const hops = told
      .filter(({ advertised }) => advertised)
      .map(({ attributes }) => attributes?.nextHop);
    expect(hops).toEqual([n1, n1]);
  });

  test("it may call itself, from no farther than the link, with a global address beside", async () => {
    network.run("tor", "ip", "address", "add", "2001:db8:ffff::1/64", "dev", "eth1", "nodad");
    await startFrr(" neighbor eth1 ttl-security hops 1");
    startManx("n1", { peer: ", passive: true, ttlSecurity: 1", common: " bindMode: None," });
    await established("n1");
    const tor = await linkLocal("tor");
    await eventually("the kernel has them", () => learned("n1", "77").length === 2);
    expect(learned("n1", "77")).toEqual(by(tor));
  });
});

describe.skipIf(!here || bird === "")("with BIRD", () => {
  const startBird = async (more = ""): Promise<void> => {
    const text = BIRD.replace("LINKLOCAL", await linkLocal("n1")).replace(
      "hold time 3;",
      `${more}$&`,
    );
    const conf = network.file("bird.conf", text);
    network.start("tor", "bird", [bird, "-f", "-c", conf, "-s", `${network.folder}/bird.ctl`]);
  };
  const askBird = (...words: string[]): string =>
    network.run("tor", birdc, "-s", `${network.folder}/bird.ctl`, ...words);

  test("its session with our link-local address carries IPv4 with extended next hops", async () => {
    await startBird();
    startManx("n1");
    const [n1, tor] = [await linkLocal("n1"), await linkLocal("tor")];
    const peer = await established("n1");
    expect(peer).toMatchObject({ address: `${tor}%eth1`, flaps: 0 });
    await eventually("both have the other's", () => {
      return learned("n1", "77").length === 2 && learned("tor", "bird").length === 2;
    });
    expect(learned("n1", "77")).toEqual(by(tor));
    expect(learned("tor", "bird")).toEqual(back(n1));
    expect(askBird("show", "route", "all", "protocol", "n1")).toContain(`BGP.next_hop: :: ${n1}`);
  });

  test("with a password, near hops and BFD on the link", async () => {
    const key = network.file("key", "secret\n");
    chmodSync(key, 0o600);
    await startBird('password "secret"; ttl security on; bfd on; ');
    const bfd = "bfd: { minTransmitInterval: 100ms, minReceiveInterval: 100ms }";
    startManx("n1", { peer: `, password: { file: ${key} }, ttlSecurity: 1, ${bfd}` });
    expect((await established("n1")).flaps).toBe(0);
    await eventually("BFD is up", () => ask<PeerAnswer[]>("n1", "peers")[0]?.bfd?.state === "Up");
    expect(ask<PeerAnswer[]>("n1", "peers")[0]?.bfd).toMatchObject({
      multihop: false,
      failures: 0,
    });
    expect(askBird("show", "bfd", "sessions")).toMatch(/fe80\S+\s+eth1\s+Up/);
  });

  test("with another password there is no session", async () => {
    const key = network.file("key", "another\n");
    chmodSync(key, 0o600);
    await startBird('password "secret"; ');
    startManx("n1", { peer: `, password: { file: ${key} }, connectRetryTime: 1` });
    const [peer] = await eventually("no answer", () => {
      const all = ask<PeerAnswer[]>("n1", "peers");
      return all[0]?.lastError.includes("no answer") && all;
    });
    expect(peer?.flaps).toBe(0);
  });
});
