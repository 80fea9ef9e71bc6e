/**
 * ADD-PATH (RFC 7911) with BIRD 2, both ways and in both families: it tells us several paths and our kernel uses them;
 * we reflect several to it, and one to who takes one.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { which } from "bun";
import type { PeerAnswer, RouteAnswer, WhyAnswer } from "../../resource/answer.ts";
import { createNetwork, eventually, isInside, type Network, withoutObjects } from "./network.ts";

const manx = process.env.MANX_EXECUTABLE ?? "";
const bird = which("bird") ?? "";
const birdc = which("birdc") ?? "";

const HOSTS: Readonly<Record<string, number>> = { rr: 1, n1: 11, n2: 12, e1: 21, e2: 22 };
const PREFIX = "192.0.2.0/24";
const PREFIX6 = "2001:db8:2::/48";
const PREFIXES = [PREFIX, PREFIX6];

const address4 = (name: string): string => `172.30.0.${HOSTS[name]}`;
const address6 = (name: string): string => `fd00:30::${HOSTS[name]}`;

/** One of ours, with a session over IPv4 with each of the others; `addPath` by their names. */
function node(name: string, others: Readonly<Record<string, string>>, more = ""): string {
  const peers = Object.entries(others).map(
    ([other, addPath]) => `---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: { name: ${other} }
spec: { peerIP: ${address4(other)}, asNumber: 64512${addPath === "" ? "" : `, addPath: ${addPath}`} }
`,
  );
  return `
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: { name: default }
spec: { nodeToNodeMeshEnabled: false, holdTime: 9s, keepaliveTime: 3s, connectRetryTime: 1s }
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: ${name} }
spec:
  bgp: { ipv4Address: ${address4(name)}/24, ipv6Address: "${address6(name)}/64"${more} }
${peers.join("")}`;
}

/** BIRD with a session with each of `others`; `channel` is of both families, `routes` are protocols. */
function router(name: string, others: readonly string[], channel: string, routes: string): string {
  const sessions = others.map(
    (other) => `
protocol bgp to_${other} {
  local ${address4(name)} as 64512;
  neighbor ${address4(other)} as 64512;
  hold time 9; keepalive time 3; connect retry time 1; connect delay time 1; error wait time 1, 2;
  ipv4 { import all; export all; ${channel} };
  ipv6 { import all; export all; ${channel} };
}`,
  );
  return `
router id ${address4(name)};
log stderr all;
protocol device { scan time 1; }
protocol direct { ipv4; ipv6; interface "eth0"; }
${routes}
${sessions.join("")}
`;
}

/** Static routes to both prefixes by another machine. */
const by = (hop: string): string => `
protocol static by_${hop}_4 { ipv4; route ${PREFIX} via ${address4(hop)}; }
protocol static by_${hop}_6 { ipv6; route ${PREFIX6} via ${address6(hop)}; }
`;

const mine = `
protocol static mine4 { ipv4; route ${PREFIX} blackhole; }
protocol static mine6 { ipv6; route ${PREFIX6} blackhole; }
`;

let network: Network;

beforeEach(() => {
  const members = Object.keys(HOSTS).map((name) => [
    name,
    [`${address4(name)}/24`, `${address6(name)}/64`],
  ]);
  network = createNetwork(Object.fromEntries(members));
});

afterEach(async () => {
  await network.remove();
});

const socketOf = (name: string): string => `${network.folder}/${name}.sock`;

function startBird(name: string, text: string): void {
  const conf = network.file(`${name}.conf`, text);
  network.start(name, `bird-${name}`, [bird, "-f", "-c", conf, "-s", socketOf(name)]);
}

function startManx(name: string, text: string): void {
  const file = network.file(`${name}.yaml`, text);
  const args = ["bgpd", "--config", file, "--node", name, "--api", socketOf(name)];
  network.start(name, `bgpd-${name}`, [manx, ...args]);
}

function ask<Answer>(name: string, ...args: string[]): Answer {
  return JSON.parse(network.run(name, manx, ...args, "--json", "--api", socketOf(name)));
}

const askBird = (name: string, ...words: string[]): string =>
  network.run(name, birdc, "-s", socketOf(name), ...words);

/** Identifier and next hop of each path of one of ours. */
function pathsAt(name: string, prefix: string): (readonly [number | undefined, string | null])[] {
  const route = ask<RouteAnswer[]>(name, "routes").find((one) => one.prefix === prefix);
  return (route?.paths ?? [])
    .map(({ pathId, attributes: { nextHop } }) => [pathId, nextHop] as const)
    .sort((a, b) => String(a[1]).localeCompare(String(b[1])));
}

/** Next hops that a BIRD has of a prefix by BGP. */
function hopsAt(name: string, prefix: string): string[] {
  const text = askBird(name, "show", "route", prefix, "all");
  return [...text.matchAll(/BGP\.next_hop: (\S+)/g)].map(([, hop = ""]) => hop).sort();
}

/** Gateways of the kernel's route of ours. */
function gatewaysAt(name: string, prefix: string): string[] {
  const family = prefix.includes(":") ? "-6" : "-4";
  const text = withoutObjects(
    network.run(name, "ip", family, "route", "show", prefix, "proto", "77"),
  );
  return [...text.matchAll(/via (\S+)/g)].map(([, hop = ""]) => hop).sort();
}

const families = (name: string): PeerAnswer["families"] =>
  ask<PeerAnswer[]>(name, "peers").flatMap((peer) => peer.families);

const here = isInside && manx !== "" && bird !== "";

describe.skipIf(!here)("ADD-PATH with BIRD", () => {
  test("it tells several paths in both families: all are in use, and withdrawn one by one", async () => {
    startBird("rr", router("rr", ["n1"], "add paths tx;", by("e1") + by("e2")));
    startManx("n1", node("n1", { rr: "{ receive: true }" }));
    for (const [index, prefix] of PREFIXES.entries()) {
      const paths = await eventually(`two paths to ${prefix}`, () => {
        const seen = pathsAt("n1", prefix);
        return seen.length === 2 && seen;
      });
      const address = index === 0 ? address4 : address6;
      expect(paths.map(([, hop]) => hop)).toEqual([address("e1"), address("e2")]);
      expect(new Set(paths.map(([id]) => id)).size).toBe(2);
    }
    expect(families("n1").map(({ addPath }) => addPath)).toEqual([
      { receive: true, send: null },
      { receive: true, send: null },
    ]);
    await eventually("the kernel has both ways of both", () => {
      const ways = PREFIXES.map((prefix) => gatewaysAt("n1", prefix));
      return `${ways}` === `${["e1", "e2"].map(address4)},${["e1", "e2"].map(address6)}`;
    });
    askBird("rr", "disable", '"by_e1_*"');
    for (const [index, prefix] of PREFIXES.entries()) {
      const address = index === 0 ? address4 : address6;
      await eventually(`one path to ${prefix}`, () => {
        const hops = pathsAt("n1", prefix).map(([, hop]) => hop);
        return `${hops}` === address("e2");
      });
    }
    expect(ask<PeerAnswer[]>("n1", "peers").map(({ flaps }) => flaps)).toEqual([0]);
  });

  test("we reflect several paths to who takes them, the best to who does not, and withdraw one by one", async () => {
    const told = { e1: "", e2: "", n1: "{ send: All }", n2: "" };
    startManx("rr", node("rr", told, ", routeReflectorClusterID: 244.0.0.1"));
    for (const edge of ["e1", "e2"]) startBird(edge, router(edge, ["rr"], "", mine));
    startBird("n1", router("n1", ["rr"], "add paths rx;", ""));
    startBird("n2", router("n2", ["rr"], "", ""));
    for (const [index, prefix] of PREFIXES.entries()) {
      const address = index === 0 ? address4 : address6;
      const all = ["e1", "e2"].map(address);
      await eventually(
        `n1 has both paths to ${prefix}`,
        () => `${hopsAt("n1", prefix)}` === `${all}`,
      );
      await eventually(`n2 has one path to ${prefix}`, () => hopsAt("n2", prefix).length === 1);
    }
    const { advertised } = ask<WhyAnswer>("rr", "why", PREFIX);
    const toN1 = advertised.filter(({ peer }) => peer === "n1");
    expect(toN1.map((line) => line.advertised)).toEqual([true, true]);
    expect(new Set(toN1.map(({ pathId }) => pathId)).size).toBe(2);
    askBird("e1", "disable", '"mine*"');
    for (const [index, prefix] of PREFIXES.entries()) {
      const left = (index === 0 ? address4 : address6)("e2");
      await eventually(
        `n1 has the other path to ${prefix}`,
        () => `${hopsAt("n1", prefix)}` === left,
      );
      await eventually(
        `n2 has the other path to ${prefix}`,
        () => `${hopsAt("n2", prefix)}` === left,
      );
    }
    askBird("e1", "enable", '"mine*"');
    await eventually("n1 has both again", () => hopsAt("n1", PREFIX6).length === 2);
    // A refresh is answered with the same paths, and nothing is left behind.
    askBird("n1", "reload", "in", "to_rr");
    await eventually("n1 has both still", () => hopsAt("n1", PREFIX).length === 2);
    expect(ask<PeerAnswer[]>("rr", "peers").map(({ flaps }) => flaps)).toEqual([0, 0, 0, 0]);
  });

  test("both ways on one session: the best few of what others say, and none of what the peer says", async () => {
    const told = { e1: "", e2: "", n1: "{ receive: true, send: BestN, count: 1 }" };
    startManx("rr", node("rr", told, ", routeReflectorClusterID: 244.0.0.1"));
    for (const edge of ["e1", "e2"]) startBird(edge, router(edge, ["rr"], "", mine));
    startBird(
      "n1",
      router("n1", ["rr"], "add paths;", by("n2").replaceAll(PREFIX, "198.51.100.0/24")),
    );
    await eventually("n1 has the best path", () => `${hopsAt("n1", PREFIX)}` === address4("e1"));
    const [path] = await eventually("we have what it says", () => {
      const seen = pathsAt("rr", "198.51.100.0/24");
      return seen.length === 1 && seen;
    });
    expect(path).toEqual([expect.any(Number), address4("n2")]);
    expect(hopsAt("n1", "198.51.100.0/24")).toEqual([]);
  });
});
