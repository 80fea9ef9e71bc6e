/** A network for ADD-PATH with other daemons: ours and BIRDs of one AS, with sessions over IPv4 for both families. */

import { which } from "bun";
import { createNetwork, type Network } from "./network.ts";

const manx = process.env.MANX_EXECUTABLE ?? "";
const bird = which("bird") ?? "";
const birdc = which("birdc") ?? "";

/** Whether what the scene runs is there. */
export const isReady = manx !== "" && bird !== "";

/** Names of machines, and the last number of their addresses. */
const HOSTS: Readonly<Record<string, number>> = { rr: 1, far: 2, n1: 11, n2: 12, e1: 21, e2: 22 };

/** What both edges originate. */
export const PREFIX = "192.0.2.0/24";
export const PREFIX6 = "2001:db8:2::/48";
export const PREFIXES = [PREFIX, PREFIX6] as const;
export const EDGES = ["e1", "e2"] as const;

export const address4 = (name: string): string => `172.30.0.${HOSTS[name]}`;
export const address6 = (name: string): string => `fd00:30::${HOSTS[name]}`;

/** The machine's address of the prefix's family. */
export function addressFor(prefix: string, name: string): string {
  return prefix.includes(":") ? address6(name) : address4(name);
}

/** Documents of one of ours, with a session with each of the others and `addPath` of it; `more` is of its `bgp`. */
export function node(name: string, others: Readonly<Record<string, string>>, more = ""): string {
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

/** A reflector's part of `bgp`. */
export const REFLECTOR = ", routeReflectorClusterID: 244.0.0.1";

/** BIRD with a session with another; `channel` is of both families, `routes` are protocols. */
export function router(name: string, other: string, channel: string, routes: string): string {
  return `
router id ${address4(name)};
log stderr all;
protocol device { scan time 1; }
protocol direct { ipv4; ipv6; interface "eth0"; }
${routes}
protocol bgp to_${other} {
  local ${address4(name)} as 64512;
  neighbor ${address4(other)} as 64512;
  hold time 9; keepalive time 3; connect retry time 1; connect delay time 1; error wait time 1, 2;
  ipv4 { import all; export where source = RTS_STATIC; ${channel} };
  ipv6 { import all; export where source = RTS_STATIC; ${channel} };
}
`;
}

/** What an edge has for its router. */
export const ORIGINATED = `
protocol static mine4 { ipv4; route ${PREFIX} blackhole; }
protocol static mine6 { ipv6; route ${PREFIX6} blackhole; }
`;

export type Scene = {
  readonly network: Network;
  startManx(name: string, text: string): void;
  startBird(name: string, text: string): void;
  /** The JSON that `manx` answers on one of ours. */
  ask<Answer>(name: string, ...args: string[]): Answer;
  askBird(name: string, ...words: string[]): string;
};

export function createScene(): Scene {
  const members = Object.keys(HOSTS).map((name) => [
    name,
    [`${address4(name)}/24`, `${address6(name)}/64`],
  ]);
  const network = createNetwork(Object.fromEntries(members));
  const socketOf = (name: string): string => `${network.folder}/${name}.sock`;
  return {
    network,
    startManx(name, text) {
      const file = network.file(`${name}.yaml`, text);
      const args = ["bgpd", "--config", file, "--node", name, "--api", socketOf(name)];
      network.start(name, `bgpd-${name}`, [manx, ...args]);
    },
    startBird(name, text) {
      const conf = network.file(`${name}.conf`, text);
      network.start(name, `bird-${name}`, [bird, "-f", "-c", conf, "-s", socketOf(name)]);
    },
    ask: (name, ...args) =>
      JSON.parse(network.run(name, manx, ...args, "--json", "--api", socketOf(name))),
    askBird: (name, ...words) => network.run(name, birdc, "-s", socketOf(name), ...words),
  };
}
