/** The lab's network as data, and what its speakers are told of it. */

import { describe, expect, test } from "bun:test";
import { parseAllDocuments } from "yaml";
import { birdConfiguration, clusterDocuments, routerDocuments } from "../../lab/documents.ts";
import { LabError } from "../../lab/error.ts";
import { LIMITS, namespacesOf, planTopology } from "../../lab/topology.ts";
import { formatAddress } from "../../lib/address.ts";
import { formatPrefix } from "../../lib/prefix.ts";

const small = planTopology({ nodes: 2, pods: 2 });

describe("topology", () => {
  test("nodes and blocks are numbered alike", () => {
    const nodes = small.nodes.map(({ name, address, block, pods }) => ({
      name,
      address: formatAddress(address),
      block: formatPrefix(block),
      pods,
    }));
    expect(nodes).toEqual([
      { name: "n1", address: "172.30.0.11", block: "10.244.1.0/24", pods: ["n1-1", "n1-2"] },
      { name: "n2", address: "172.30.0.12", block: "10.244.2.0/24", pods: ["n2-1", "n2-2"] },
    ]);
  });

  test("every node and pod, the router, the outside host and the fabric have a namespace", () => {
    expect(namespacesOf(small)).toEqual([
      "fabric",
      "tor",
      "outside",
      "n1",
      "n1-1",
      "n1-2",
      "n2",
      "n2-1",
      "n2-2",
    ]);
  });

  test("the largest lab has distinct addresses and blocks inside fabric and pool", () => {
    const { nodes, router, fabric, pool } = planTopology({ nodes: LIMITS.nodes, pods: 5 });
    const addresses = [router.address, ...nodes.map((node) => node.address)].map(formatAddress);
    const blocks = nodes.map(({ block }) => formatPrefix(block));
    expect(new Set(addresses).size).toBe(LIMITS.nodes + 1);
    expect(new Set(blocks).size).toBe(LIMITS.nodes);
    expect(addresses.at(-1)).toBe("172.30.0.210");
    expect(blocks.at(-1)).toBe("10.244.200.0/24");
    expect([fabric.prefix, pool].map(formatPrefix)).toEqual(["172.30.0.0/24", "10.244.0.0/16"]);
  });

  const bad = [
    { name: "no nodes", shape: { nodes: 0, pods: 2 }, says: "--nodes: 0" },
    { name: "too many nodes", shape: { nodes: 201, pods: 1 }, says: "from 1 to 200" },
    { name: "half a pod", shape: { nodes: 1, pods: 0.5 }, says: "--pods: 0.5" },
    { name: "more pods than a block holds", shape: { nodes: 1, pods: 251 }, says: "from 1 to 250" },
    {
      name: "too many pods in all",
      shape: { nodes: 200, pods: 200 },
      says: "--nodes times --pods",
    },
  ];
  for (const { name, shape, says } of bad) {
    test(`${name}: refused with exit code 2, naming flag and range`, () => {
      const plan = () => planTopology(shape);
      expect(plan).toThrow(LabError);
      expect(plan).toThrow(says);
      expect(plan).toThrow(expect.objectContaining({ exitCode: 2 }));
    });
  }
});

describe("documents", () => {
  const parse = (files: readonly { text: string }[]) =>
    files.flatMap(({ text }) => parseAllDocuments(text).map((document) => document.toJS()));

  test("the cluster: short timers, the router as a peer of all, a node each, the pool", () => {
    const head = { apiVersion: "projectcalico.org/v3" };
    expect(parse(clusterDocuments(small))).toEqual([
      {
        ...head,
        kind: "BGPConfiguration",
        metadata: { name: "default" },
        spec: { asNumber: 64512, holdTime: "3s", keepaliveTime: "1s", connectRetryTime: "1s" },
      },
      {
        ...head,
        kind: "BGPPeer",
        metadata: { name: "tor" },
        spec: { peerIP: "172.30.0.1", asNumber: 65000 },
      },
      ...[1, 2].map((number) => ({
        ...head,
        kind: "Node",
        metadata: { name: `n${number}` },
        spec: {
          bgp: { ipv4Address: `172.30.0.1${number}/24` },
          blocks: [`10.244.${number}.0/24`],
        },
      })),
      {
        ...head,
        kind: "IPPool",
        metadata: { name: "pods" },
        spec: { cidr: "10.244.0.0/16", blockSize: 24 },
      },
    ]);
  });

  test("the router as a Manx: one node of its own AS, without a mesh, a peer per node", () => {
    const documents = parse(routerDocuments(small));
    expect(documents.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      "BGPConfiguration default",
      "Node tor",
      "BGPPeer n1",
      "BGPPeer n2",
    ]);
    expect(documents[0].spec).toMatchObject({ asNumber: 65000, nodeToNodeMeshEnabled: false });
    expect(documents[1].spec).toEqual({
      bgp: { ipv4Address: "172.30.0.1/24" },
      blocks: ["192.0.2.0/24"],
    });
    expect(documents[3].spec).toEqual({ peerIP: "172.30.0.12", asNumber: 64512 });
  });

  test("BIRD's configuration peers with each node and announces the outside alone", () => {
    const text = birdConfiguration(small, "/run/lab/log/tor.log");
    expect(text).toContain('log "/run/lab/log/tor.log" all;');
    expect(text).toContain("local 172.30.0.1 as 65000;");
    expect(text).toContain("neighbor as 64512;");
    expect(text).toContain("hold time 3;");
    expect(text).toContain("export where net = 192.0.2.0/24;");
    expect(text.match(/^protocol bgp .*$/gm)).toEqual([
      "protocol bgp n1 from node { neighbor 172.30.0.11; }",
      "protocol bgp n2 from node { neighbor 172.30.0.12; }",
    ]);
  });
});
