/** A network for ADD-PATH with other daemons: ours and BIRDs of one AS, with sessions over IPv4 for both families. */

import { type Bird, birdOn, birdSession, birdText } from "./bird.ts";
import { configuration, document, documents } from "./documents.ts";
import { type Manx, manxOn } from "./manx.ts";
import { createNetwork, type Network } from "./network.ts";

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

/** The edges' addresses of the prefix's family: the next hops of its paths. */
export function hopsOf(prefix: string): string[] {
  return EDGES.map((name) => addressFor(prefix, name));
}

export type Scene = {
  readonly network: Network;
  /** Start one of ours, with a session with each of the others and `addPath` of it; `more` is of the node's `bgp`. */
  startManx(name: string, others: Readonly<Record<string, string>>, more?: string): Manx;
  /** Start a BIRD with a session with another; `channel` is of both families, `routes` are protocols. */
  startBird(name: string, other: string, channel?: string, routes?: string): Bird;
  /** Start both edges, with sessions with the reflector. */
  startEdges(): Readonly<Record<(typeof EDGES)[number], Bird>>;
};

/** A reflector's part of `bgp`. */
export const REFLECTOR = ", routeReflectorClusterID: 244.0.0.1";

const ORIGINATED = `
protocol static mine4 { ipv4; route ${PREFIX} blackhole; }
protocol static mine6 { ipv6; route ${PREFIX6} blackhole; }
`;

export function createScene(): Scene {
  const members = Object.keys(HOSTS).map((name) => [
    name,
    [`${address4(name)}/24`, `${address6(name)}/64`],
  ]);
  const network = createNetwork(Object.fromEntries(members));
  const scene: Scene = {
    network,
    startManx(name, others, more = "") {
      const manx = manxOn(network, name);
      manx.configure(documentsOf(name, others, more));
      manx.start();
      return manx;
    },
    startBird(name, other, channel = "", routes = "") {
      const bird = birdOn(network, name);
      const export4 = `import all; export where source = RTS_STATIC; ${channel}`;
      const session = birdSession({
        name: `to_${other}`,
        local: `${address4(name)} as 64512`,
        neighbour: `${address4(other)} as 64512`,
        channels: `ipv4 { ${export4} };\n  ipv6 { ${export4} };`,
      });
      const direct = 'protocol direct { ipv4; ipv6; interface "eth0"; }\n';
      bird.start(birdText(address4(name), direct, routes, session));
      return bird;
    },
    startEdges: () => ({
      e1: scene.startBird("e1", "rr", "", ORIGINATED),
      e2: scene.startBird("e2", "rr", "", ORIGINATED),
    }),
  };
  return scene;
}

/** Identifier and next hop of each path that one of ours has. */
export function pathsAt(
  manx: Manx,
  prefix: string,
): (readonly [pathId: number | undefined, nextHop: string | null])[] {
  return manx
    .paths(prefix)
    .map(({ pathId, attributes: { nextHop } }) => [pathId, nextHop] as const)
    .sort((a, b) => String(a[1]).localeCompare(String(b[1])));
}

/** A busy machine must not end sessions here. */
const TIMERS = "holdTime: 9s, keepaliveTime: 3s, connectRetryTime: 1s";

function documentsOf(name: string, others: Readonly<Record<string, string>>, more: string): string {
  const addresses = `ipv4Address: ${address4(name)}/24, ipv6Address: "${address6(name)}/64"`;
  return documents(
    configuration("nodeToNodeMeshEnabled: false", TIMERS),
    document("Node", name, `bgp: { ${addresses}${more} }`),
    ...Object.entries(others).map(([other, addPath]) => {
      const paths = addPath === "" ? "" : `, addPath: ${addPath}`;
      return document("BGPPeer", other, `peerIP: ${address4(other)}, asNumber: 64512${paths}`);
    }),
  );
}
