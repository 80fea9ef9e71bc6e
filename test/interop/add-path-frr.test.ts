/**
 * ADD-PATH (RFC 7911) with FRR, in both families: it takes the paths that we reflect to it, and reflects them on to
 * another of ours, with identifiers of its own.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { which } from "bun";
import type { PeerAnswer, RouteAnswer } from "../../resource/answer.ts";
import { createNetwork, eventually, isInside, type Network } from "./network.ts";

const manx = process.env.MANX_EXECUTABLE ?? "";
const bird = which("bird") ?? "";
const birdc = which("birdc") ?? "";

/** Of the packages that are unpacked and not installed; empty where they are installed. */
const ROOT = process.env.MANX_DEBIAN_ROOT ?? "";
const bgpd = [join(ROOT, "usr/lib/frr/bgpd"), "/usr/lib/frr/bgpd"].find(existsSync) ?? "";
const vtysh = [join(ROOT, "usr/bin/vtysh"), "/usr/bin/vtysh"].find(existsSync) ?? "";
const TRIPLET = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
const LIBRARIES = ["usr/lib", "lib"]
  .flatMap((folder) => [`${folder}/${TRIPLET}/frr`, `${folder}/${TRIPLET}`])
  .map((folder) => join(ROOT, folder))
  .join(":");

const HOSTS: Readonly<Record<string, number>> = { rr: 1, frr: 2, n1: 11, e1: 21, e2: 22 };
const EDGES = ["e1", "e2"];
const PREFIX = "192.0.2.0/24";
const PREFIX6 = "2001:db8:2::/48";

const address4 = (name: string): string => `172.30.0.${HOSTS[name]}`;
const address6 = (name: string): string => `fd00:30::${HOSTS[name]}`;

function node(name: string, more: string, peers: Readonly<Record<string, string>>): string {
  const sessions = Object.entries(peers).map(
    ([other, addPath]) => `---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: { name: ${other} }
spec: { peerIP: ${address4(other)}, asNumber: 64512${addPath} }
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
${sessions.join("")}`;
}

const edge = (name: string): string => `
router id ${address4(name)};
log stderr all;
protocol device { scan time 1; }
protocol direct { ipv4; ipv6; interface "eth0"; }
protocol static mine4 { ipv4; route ${PREFIX} blackhole; }
protocol static mine6 { ipv6; route ${PREFIX6} blackhole; }
protocol bgp to_rr {
  local ${address4(name)} as 64512;
  neighbor ${address4("rr")} as 64512;
  hold time 9; keepalive time 3; connect retry time 1; connect delay time 1; error wait time 1, 2;
  ipv4 { import all; export where source = RTS_STATIC; };
  ipv6 { import all; export where source = RTS_STATIC; };
}
`;

const family = (name: string): string => `
 address-family ${name} unicast
  neighbor ${address4("rr")} activate
  neighbor ${address4("rr")} route-reflector-client
  neighbor ${address4("n1")} activate
  neighbor ${address4("n1")} route-reflector-client
  neighbor ${address4("n1")} addpath-tx-all-paths
 exit-address-family`;

const FRR = `
router bgp 64512
 bgp router-id ${address4("frr")}
 no bgp network import-check
${["rr", "n1"]
  .map(
    (name) => ` neighbor ${address4(name)} remote-as 64512
 neighbor ${address4(name)} timers 3 9
 neighbor ${address4(name)} timers connect 1
 neighbor ${address4(name)} advertisement-interval 0`,
  )
  .join("\n")}${family("ipv4")}${family("ipv6")}
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

function startBird(name: string): void {
  const conf = network.file(`${name}.conf`, edge(name));
  network.start(name, `bird-${name}`, [bird, "-f", "-c", conf, "-s", socketOf(name)]);
}

function startManx(name: string, text: string): void {
  const file = network.file(`${name}.yaml`, text);
  const args = ["bgpd", "--config", file, "--node", name, "--api", socketOf(name)];
  network.start(name, `bgpd-${name}`, [manx, ...args]);
}

function startFrr(): void {
  const { folder } = network;
  network.file("vtysh.conf", "username root nopassword\n");
  const script = network.file(
    "frr.sh",
    [
      // Its group for the terminal must exist, and a folder for crashes; the mounts go with the program.
      "mount -t tmpfs tmpfs /var/tmp",
      `{ cat /etc/group; echo frrvty:x:0:root; } > ${folder}/group`,
      `mount --bind ${folder}/group /etc/group`,
      `export LD_LIBRARY_PATH='${LIBRARIES}'`,
      `exec ${bgpd} -f ${network.file("frr.conf", FRR)} -i ${folder}/frr.pid -u root -g root -Z -P 0 --vty_socket ${folder}`,
      "",
    ].join("\n"),
  );
  network.start("frr", "frr", ["unshare", "--mount", "sh", script]);
}

function ask<Answer>(name: string, ...args: string[]): Answer {
  return JSON.parse(network.run(name, manx, ...args, "--json", "--api", socketOf(name)));
}

/** Next hops and identifiers of the paths that FRR has from us. */
function atFrr(afi: "ipv4" | "ipv6", prefix: string): { hop: string; id: number }[] {
  const words = `show bgp ${afi} unicast ${prefix} json`;
  const library = `LD_LIBRARY_PATH=${LIBRARIES}`;
  const places = ["--vty_socket", network.folder, "--config_dir", network.folder];
  const args = ["env", library, vtysh, ...places, "-d", "bgpd", "-c", words];
  const { paths = [] } = JSON.parse(network.run("frr", ...args)) as {
    paths?: {
      readonly addpathRxId?: number;
      readonly nexthops: readonly { readonly ip: string; readonly scope?: string }[];
    }[];
  };
  return paths
    .map(({ addpathRxId = 0, nexthops }) => ({ hop: nexthops[0]?.ip ?? "", id: addpathRxId }))
    .sort((a, b) => a.hop.localeCompare(b.hop));
}

/** Next hops and identifiers of the paths that the last of ours has. */
function atNode(prefix: string): { hop: string | null; id: number | undefined }[] {
  const route = ask<RouteAnswer[]>("n1", "routes").find((one) => one.prefix === prefix);
  return (route?.paths ?? [])
    .map(({ pathId, attributes: { nextHop } }) => ({ hop: nextHop, id: pathId }))
    .sort((a, b) => String(a.hop).localeCompare(String(b.hop)));
}

const here = isInside && manx !== "" && bird !== "" && bgpd !== "" && vtysh !== "";

describe.skipIf(!here)("ADD-PATH with FRR", () => {
  test("takes our several paths, gives us several, and both are withdrawn one by one", async () => {
    startFrr();
    const toFrr = { e1: "", e2: "", frr: ", addPath: { send: All }" };
    startManx("rr", node("rr", ", routeReflectorClusterID: 244.0.0.1", toFrr));
    startManx("n1", node("n1", "", { frr: ", addPath: { receive: true }" }));
    for (const name of EDGES) startBird(name);
    const families = [
      ["ipv4", PREFIX, EDGES.map(address4)],
      ["ipv6", PREFIX6, EDGES.map(address6)],
    ] as const;
    for (const [afi, prefix, hops] of families) {
      const seen = await eventually(`FRR has both paths to ${prefix}`, () => {
        const paths = atFrr(afi, prefix);
        return paths.length === 2 && paths;
      });
      expect(seen.map(({ hop }) => hop)).toEqual([...hops]);
      expect(new Set(seen.map(({ id }) => id)).size).toBe(2);
      const far = await eventually(`n1 has both paths to ${prefix}`, () => {
        const paths = atNode(prefix);
        return paths.length === 2 && paths;
      });
      expect(far.map(({ hop }) => hop)).toEqual([...hops]);
      expect(far.every(({ id }) => id !== undefined)).toBe(true);
    }
    network.run("e1", birdc, "-s", socketOf("e1"), "disable", '"mine*"');
    for (const [afi, prefix, [, hop]] of families) {
      await eventually(`FRR has one path to ${prefix}`, () => {
        const paths = atFrr(afi, prefix);
        return paths.length === 1 && paths[0]?.hop === hop;
      });
      await eventually(`n1 has one path to ${prefix}`, () => {
        const paths = atNode(prefix);
        return paths.length === 1 && paths[0]?.hop === hop;
      });
    }
    for (const name of ["rr", "n1"]) {
      expect(ask<PeerAnswer[]>(name, "peers").every(({ flaps }) => flaps === 0)).toBe(true);
    }
  });
});
