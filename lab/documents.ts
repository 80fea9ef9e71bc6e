/**
 * What the lab's speakers are configured with: the cluster's documents, and the router's.
 *
 * Pure: topology in, text of files out. The same documents are what a user's cluster has.
 */

import { stringify } from "yaml";
import { formatAddress } from "../lib/address.ts";
import { formatPrefix } from "../lib/prefix.ts";
import type { Topology } from "./topology.ts";

/** A file of a directory of documents. */
export type DocumentFile = { readonly name: string; readonly text: string };

/** Short enough that a cut is noticed while one watches; real clusters keep the defaults. */
const TIMERS = { holdTime: "3s", keepaliveTime: "1s", connectRetryTime: "1s" } as const;

/** The cluster as every node's daemon reads it. */
export function clusterDocuments(topology: Topology): DocumentFile[] {
  const { asNumber, router, pool } = topology;
  return [
    file("bgp.yaml", [
      document("BGPConfiguration", "default", { asNumber, ...TIMERS }),
      document("BGPPeer", router.name, {
        peerIP: formatAddress(router.address),
        asNumber: router.asNumber,
      }),
    ]),
    file("nodes.yaml", nodeDocuments(topology)),
    file("pool.yaml", [
      document("IPPool", "pods", { cidr: formatPrefix(pool), blockSize: blockLength(topology) }),
    ]),
  ];
}

/** The router as a second Manx reads it, where there is no BIRD: one node of an AS of its own. */
export function routerDocuments(topology: Topology): DocumentFile[] {
  const { router, outside, nodes, asNumber } = topology;
  return [
    file("bgp.yaml", [
      document("BGPConfiguration", "default", {
        asNumber: router.asNumber,
        nodeToNodeMeshEnabled: false,
        ...TIMERS,
      }),
      document("Node", router.name, {
        bgp: { ipv4Address: onFabric(topology, formatAddress(router.address)) },
        blocks: [formatPrefix(outside.prefix)],
      }),
      ...nodes.map((node) =>
        document("BGPPeer", node.name, { peerIP: formatAddress(node.address), asNumber }),
      ),
    ]),
  ];
}

/** BIRD's configuration for the same role: announces the outside, takes what the nodes announce. */
export function birdConfiguration(topology: Topology, logFile: string): string {
  const { router, outside, nodes, asNumber } = topology;
  const prefix = formatPrefix(outside.prefix);
  const peers = nodes.map(
    (node) => `protocol bgp ${node.name} from node { neighbor ${formatAddress(node.address)}; }`,
  );
  return `log "${logFile}" all;
router id ${formatAddress(router.address)};

protocol device { scan time 1; }

# Only the interface to the outside host: the fabric is no route of ours to announce.
protocol direct {
  ipv4;
  interface "${OUTSIDE_LINK}";
}

protocol kernel {
  merge paths on;
  ipv4 {
    import none;
    export where source = RTS_BGP;
  };
}

template bgp node {
  local ${formatAddress(router.address)} as ${router.asNumber};
  neighbor as ${asNumber};
  hold time 3;
  keepalive time 1;
  connect retry time 1;
  connect delay time 1;
  error wait time 1, 2;
  ipv4 {
    import all;
    export where net = ${prefix};
  };
}

${peers.join("\n")}
`;
}

/** Interface of the router towards the outside host. */
export const OUTSIDE_LINK = "eth1";

function nodeDocuments(topology: Topology): unknown[] {
  return topology.nodes.map((node) =>
    document("Node", node.name, {
      bgp: { ipv4Address: onFabric(topology, formatAddress(node.address)) },
      blocks: [formatPrefix(node.block)],
    }),
  );
}

function onFabric({ fabric }: Topology, address: string): string {
  return `${address}/${fabric.prefix.length}`;
}

function blockLength({ nodes }: Topology): number {
  return nodes[0]?.block.length ?? 24;
}

function document(kind: string, name: string, spec: Record<string, unknown>): unknown {
  return { apiVersion: "projectcalico.org/v3", kind, metadata: { name }, spec };
}

function file(name: string, documents: readonly unknown[]): DocumentFile {
  return { name, text: documents.map((entry) => stringify(entry)).join("---\n") };
}
