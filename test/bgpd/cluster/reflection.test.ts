/** Which nodes reflect, and who their clients are. */

import { describe, expect, test } from "bun:test";
import { planSpeaker } from "../../../bgpd/cluster/plan.ts";
import type { PeerPolicy } from "../../../bgpd/cluster/speaker.ts";
import { parseAddress } from "../../../lib/address.ts";
import { formatFault } from "../../../resource/fault.ts";
import { documentOf, faultsOf, nodeOf, resourcesOf } from "../../resource/documents.ts";

const NO_MESH = documentOf("BGPConfiguration", "default", "nodeToNodeMeshEnabled: false");

function reflector(name: string, host: number, clusterId: string, more = ""): string {
  const bgp = `bgp: {ipv4Address: 172.30.0.${host}/24, routeReflectorClusterID: ${clusterId}${more}}`;
  return documentOf("Node", name, bgp);
}

function peer(name: string, host: number, more = ""): string {
  return documentOf("BGPPeer", name, `peerIP: 172.30.0.${host}\nasNumber: 64512\n${more}`);
}

/** What the node reflects, by peer. */
function reflections(
  node: string,
  ...documents: string[]
): Record<string, PeerPolicy["reflection"]> {
  const planned = planSpeaker(resourcesOf(...documents), node);
  if ("faults" in planned) throw new Error(planned.faults.map(formatFault).join("\n"));
  return Object.fromEntries(
    planned.plan.peers.map(({ name, policy }) => [name, policy.reflection]),
  );
}

const CLUSTER = { clusterId: parseAddress("244.0.0.1").w0, clientToClient: true };
const CLIENT = { ...CLUSTER, client: true };
const OTHER = { ...CLUSTER, client: false };

describe("a node with a cluster ID", () => {
  const documents = [
    NO_MESH,
    reflector("rr1", 1, "244.0.0.1"),
    reflector("rr2", 2, "244.0.0.1"),
    reflector("rr3", 3, "244.0.0.3"),
    nodeOf("n1", 11),
    ...[1, 2, 3, 11].map((host) => peer(`p${host}`, host)),
    peer("router", 99),
    documentOf("BGPPeer", "tor", "peerIP: 172.30.0.100\nasNumber: 65000"),
  ];

  test("has for clients all of its AS but those with the same cluster ID", () => {
    expect(reflections("rr1", ...documents)).toEqual({
      p2: OTHER,
      p3: CLIENT,
      p11: CLIENT,
      router: CLIENT,
      tor: undefined,
    });
  });

  test("its clients reflect nothing", () => {
    expect(Object.values(reflections("n1", ...documents)).every((one) => one === undefined)).toBe(
      true,
    );
  });
});

describe("routeReflectorClient", () => {
  test("false: a peer is none although the cluster IDs say so", () => {
    const documents = [NO_MESH, reflector("rr1", 1, "244.0.0.1")];
    const plain = peer("plain", 99, "routeReflectorClient: false");
    expect(reflections("rr1", ...documents, plain)).toEqual({ plain: OTHER });
  });

  test("true on a node without a cluster ID: its BGP Identifier is it", () => {
    const own = { clusterId: parseAddress("172.30.0.11").w0, clientToClient: true };
    const documents = [
      NO_MESH,
      nodeOf("n1", 11),
      peer("a", 98, "routeReflectorClient: true"),
      peer("b", 99),
    ];
    expect(reflections("n1", ...documents)).toEqual({
      a: { ...own, client: true },
      b: { ...own, client: false },
    });
  });

  test("its sessions of the mesh are with no clients", () => {
    const one = peer("a", 98, "node: n1\nrouteReflectorClient: true");
    const planned = reflections("n1", nodeOf("n1", 11), nodeOf("n2", 12), one);
    expect(planned["mesh n2"]?.client).toBe(false);
    expect(planned.a?.client).toBe(true);
  });

  test("holds for the nodes that the document selects, and not for the other ends", () => {
    const both = documentOf(
      "BGPPeer",
      "both",
      "node: n1\npeerSelector: all()\nrouteReflectorClient: true",
    );
    const documents = [NO_MESH, nodeOf("n1", 11), nodeOf("n2", 12), both];
    expect(Object.values(reflections("n1", ...documents)).map((one) => one?.client)).toEqual([
      true,
    ]);
    expect(Object.values(reflections("n2", ...documents))).toEqual([undefined]);
  });

  test("of a peer of another AS is a fault", () => {
    const tor = documentOf(
      "BGPPeer",
      "tor",
      "peerIP: 172.30.0.99\nasNumber: 65000\nrouteReflectorClient: true",
    );
    const planned = planSpeaker(resourcesOf(nodeOf("n1", 11), tor), "n1");
    expect("faults" in planned ? planned.faults.map(formatFault) : []).toEqual([
      "c.yaml:14: BGPPeer tor: spec.routeReflectorClient: true: for peers of our own AS: this one is of AS 65000, and Node n1 of AS 64512",
    ]);
  });
});

describe("clientToClientReflection", () => {
  const off = documentOf(
    "BGPConfiguration",
    "default",
    "nodeToNodeMeshEnabled: false\nclientToClientReflection: false",
  );

  test.each([
    ["", false],
    [", clientToClientReflection: true", true],
  ])("false for the cluster, of the node %p", (more, expected) => {
    const node = reflector("rr1", 1, "244.0.0.1", more);
    expect(reflections("rr1", off, node, peer("a", 98)).a?.clientToClient).toBe(expected);
  });
});

test.each(["0.0.0.0", "fd00::1", "rack-1", "12"])("%s is no cluster ID", (text) => {
  expect(faultsOf(reflector("rr1", 1, `"${text}"`))).toEqual([
    `c.yaml:5: Node rr1: spec.bgp.routeReflectorClusterID: "${text}": expected a cluster ID of four octets such as 244.0.0.1, not 0.0.0.0`,
  ]);
});

describe("neighbours of a range", () => {
  const range = (spec: string): string =>
    documentOf("BGPPeer", "pods", `listenRange: 172.30.0.128/25\n${spec}`);

  function planOf(...documents: string[]) {
    return planSpeaker(resourcesOf(NO_MESH, ...documents), "n1");
  }

  test.each<[name: string, node: string, spec: string, expected: PeerPolicy["reflection"]]>([
    ["a reflector's, of its AS", reflector("n1", 1, "244.0.0.1"), "asNumber: 64512", CLIENT],
    ["of another AS", reflector("n1", 1, "244.0.0.1"), "asNumber: 65000", undefined],
    [
      "as the document says",
      reflector("n1", 1, "244.0.0.1"),
      "asNumber: 64512\nrouteReflectorClient: false",
      OTHER,
    ],
    [
      "clients make the node a reflector",
      nodeOf("n1", 1),
      "asNumbers: [64512, 65000]\nrouteReflectorClient: true",
      { ...CLIENT, clusterId: parseAddress("172.30.0.1").w0 },
    ],
    ["of a node that reflects nothing", nodeOf("n1", 1), "asNumber: 64512", undefined],
  ])("%s", (_name, node, spec, expected) => {
    const planned = planOf(node, range(spec));
    if ("faults" in planned) throw new Error(planned.faults.map(formatFault).join("\n"));
    expect(planned.plan.ranges?.[0]?.session.policy.reflection).toEqual(expected);
  });

  test("of another AS alone are no clients", () => {
    const planned = planOf(nodeOf("n1", 1), range("asNumber: 65000\nrouteReflectorClient: true"));
    expect("faults" in planned ? planned.faults.map(({ message }) => message) : []).toEqual([
      "for peers of our own AS: none of these is of AS 64512, like Node n1",
    ]);
  });
});
