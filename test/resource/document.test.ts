import { describe, expect, test } from "bun:test";
import { parseAddress } from "../../lib/address.ts";
import { formatPrefix } from "../../lib/prefix.ts";
import { readDocuments } from "../../resource/document.ts";
import { formatFault } from "../../resource/fault.ts";
import { blockSizeOf } from "../../resource/ip-pool.ts";
import type { Resources } from "../../resource/resource.ts";
import { documentOf, dualNode, faultsOf, nodeOf, resourcesOf } from "./documents.ts";
import { ADDRESS, goodPeer, peer } from "./faults.ts";

describe("readDocuments", () => {
  test("a list is as good as its documents, each fault at its own line", () => {
    const item = (peerIP: string, name: string): string =>
      `- apiVersion: projectcalico.org/v3\n  kind: BGPPeer\n  metadata: {name: ${name}, uid: u}\n  spec: {peerIP: ${peerIP}, asNumber: 65000}\n`;
    const list = (...items: string[]): string =>
      `apiVersion: projectcalico.org/v3\nkind: BGPPeerList\nmetadata: {resourceVersion: "7"}\nitems:\n${items.join("")}`;
    const names = ({ peers }: Resources): string[] => peers.map(({ resource: { name } }) => name);
    expect(names(resourcesOf(list(item("172.30.0.1", "a"), item("172.30.0.2", "b"))))).toEqual([
      "a",
      "b",
    ]);
    expect(faultsOf(list(item("172.30.0.1", "a"), item("here", "b")))).toEqual([
      `c.yaml:12: BGPPeer b: spec.peerIP: "here": ${ADDRESS}`,
    ]);
    expect(faultsOf(list().replace("items:", "items: []"))).toEqual([]);
  });

  test("what means nothing here may stand, and is noted", () => {
    const text = [
      documentOf("BGPConfiguration", "default", "logSeverityScreen: Debug\nignoredInterfaces: []"),
      `${nodeOf("n1", 11)}  wireguard: {interfaceIPv4Address: 10.9.9.9}\nstatus: {podCIDRs: []}\n`.replace(
        "{name: n1}",
        '{name: n1, annotations: {projectcalico.org/ASNumber: "65000", other: x}}',
      ),
    ].join("---\n");
    const { faults, notes } = readDocuments([{ file: "c.yaml", text }]);
    expect(faults.map(formatFault)).toEqual([]);
    expect(notes.map(formatFault)).toEqual([
      'c.yaml:5: BGPConfiguration default: spec.logSeverityScreen: "Debug": means nothing to this version of Manx: each daemon\'s log has the level that --log-level or MANX_LOG says',
      'c.yaml:10: Node n1: metadata.annotations.projectcalico.org/ASNumber: "65000": is for Nodes of Kubernetes and means nothing here: this one has spec.bgp.asNumber',
      "c.yaml:14: Node n1: spec.wireguard: means nothing to this version of Manx: nothing is encrypted between nodes",
    ]);
  });

  test("a node of both families, an IPv6 pool, and a peer with an IPv6 address and a port", () => {
    const { nodes, peers, pools } = resourcesOf(
      dualNode("n1", 11, "fd00::11/64", "10.244.1.0/24", "fd00:244::40/122"),
      documentOf("IPPool", "six", 'cidr: "fd00:244::/48"\nblockSize: 122'),
      peer('peerIP: "[fd00::1]:1179"\nasNumber: 65000'),
    );
    const [node] = nodes.map(({ resource }) => resource);
    expect(node?.ipv6).toEqual({ address: parseAddress("fd00::11"), length: 64 });
    expect(node?.blocks.map(formatPrefix)).toEqual(["10.244.1.0/24", "fd00:244::40/122"]);
    expect(pools[0]?.resource.blockSize).toBe(122);
    expect(peers[0]?.resource.remote).toMatchObject({
      address: parseAddress("fd00::1"),
      port: 1179,
    });
  });

  test("a cluster of one Node with a block and no IPPool is valid", () => {
    const { nodes, configuration, pools } = resourcesOf(nodeOf("n1", 11, "10.244.1.0/24"));
    expect(nodes.map(({ resource }) => resource.blocks.map(formatPrefix))).toEqual([
      ["10.244.1.0/24"],
    ]);
    expect(configuration).toBeUndefined();
    expect(pools).toEqual([]);
  });

  test("faults of several files come in the order of files and lines", () => {
    const { faults } = readDocuments([
      { file: "b.yaml", text: `${peer("peerIP: x\nasNumber: y")}` },
      { file: "a.yaml", text: "kind: {" },
    ]);
    expect(faults.map(formatFault).map((text) => text.split(": ")[0])).toEqual([
      "a.yaml:1",
      "b.yaml:5",
      "b.yaml:6",
    ]);
  });

  test("empty documents and comments say nothing", () => {
    expect(faultsOf("", "# only a comment\n", "", nodeOf("n1", 11), "")).toEqual([]);
  });

  test("fields of Calico's at the values that mean nothing new may stand", () => {
    const pool =
      "cidr: 10.244.0.0/16\nipipMode: Never\nvxlanMode: Never\nnodeSelector: all()\nallowedUses: [Workload, Tunnel]";
    const configuration = documentOf("BGPConfiguration", "default", "logSeverityScreen: Info");
    expect(faultsOf(documentOf("IPPool", "pods", pool), configuration)).toEqual([]);
  });

  test("a pool has the defaults that docs/resources.md gives, of each family", () => {
    const { pools } = resourcesOf(
      documentOf("IPPool", "four", "cidr: 10.244.0.0/16"),
      documentOf("IPPool", "six", 'cidr: "fd00:10:244::/48"'),
      documentOf("IPPool", "tiny", "cidr: 10.9.9.0/28"),
    );
    expect(pools.map(({ resource }) => [resource.name, blockSizeOf(resource)])).toEqual([
      ["four", 24],
      ["six", 120],
      ["tiny", 28],
    ]);
    const { prefix, name, nodeSelector, ...rest } = pools[0]!.resource;
    expect(nodeSelector({})).toBe(true);
    expect(rest).toEqual({
      blockSize: undefined,
      disabled: false,
      allowedUses: ["Workload", "Tunnel"],
      assignmentMode: "Automatic",
      natOutgoing: false,
      skipFirstAndLast: false,
      maxBlocksPerNode: undefined,
      spareAddresses: undefined,
      idleTime: 600,
      disableBGPExport: false,
    });
  });

  test("a reservation has prefixes and single addresses of both families", () => {
    const { reservations } = resourcesOf(
      documentOf("IPReservation", "r", 'reservedCIDRs: [10.244.1.0/28, 10.244.2.7, "fd00::1"]'),
    );
    expect(reservations[0]?.resource.prefixes.map(formatPrefix)).toEqual([
      "10.244.1.0/28",
      "10.244.2.7/32",
      "fd00::1/128",
    ]);
  });

  test("a static block needs no pool of its family, whatever the other family has", () => {
    expect(
      faultsOf(nodeOf("n1", 11, "10.1.0.0/24"), documentOf("IPPool", "six", 'cidr: "fd00::/48"')),
    ).toEqual([]);
  });

  test("what a cluster's store writes into metadata is no fault", () => {
    const text = nodeOf("n1", 11).replace(
      "{name: n1}",
      "{name: n1, uid: a, resourceVersion: '7', creationTimestamp: 2026-01-01T00:00:00Z, generation: 1, annotations: {a: b}}",
    );
    expect(faultsOf(text)).toEqual([]);
  });

  test.each([
    ["64512", 64512],
    ['"64512"', 64512],
    ['"1.10"', 65546],
    ["4200000000", 4200000000],
  ])("the AS number %s", (text, number) => {
    const { peers } = resourcesOf(peer(`peerIP: 172.30.0.1\nasNumber: ${text}`));
    expect(peers[0]?.resource.remote).toMatchObject({ asNumber: number });
  });

  test.each([
    ["90", 90],
    ["90s", 90],
    ["1m30s", 90],
    ["1h", 3600],
    ["0", 0],
  ])("the duration %s", (text, seconds) => {
    const { peers } = resourcesOf(peer(`${goodPeer}\nholdTime: ${text}`));
    expect(peers[0]?.resource.timers.holdTime).toBe(seconds);
  });

  test.each([
    ["deep nesting", "[".repeat(100_000)],
    ["aliases of aliases", aliases()],
    ["a control character", "\0"],
  ])("%s is a fault and no crash", (_name, text) => {
    expect(readDocuments([{ file: "c.yaml", text }]).faults.length).toBeGreaterThan(0);
  });
});

/** A document that would be a billion entries when written out. */
function aliases(): string {
  const names = [..."abcdefghi"];
  const lines = names.map((name, index) => {
    const before = index === 0 ? "x" : `*${names[index - 1]}`;
    return `${name}: &${name} [${Array(10).fill(before).join(", ")}]`;
  });
  return lines.join("\n");
}
