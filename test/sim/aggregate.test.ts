/**
 * Aggregates: two nodes of a rack, a node elsewhere and a router.
 */

import { describe, expect, test } from "bun:test";
import { whyAnswer } from "../../bgpd/answer.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import { documentOf, nodeOf } from "../resource/documents.ts";
import { DocumentsScene, planFor } from "./documents-scene.ts";

const inRack = (text: string, name: string): string =>
  text.replace(`{name: ${name}}`, `{name: ${name}, labels: {rack: a}}`);

function documents(aggregate: string, blocks: { n1?: string; n2?: string } = {}): string[] {
  const { n1 = "10.244.1.0/24", n2 = "10.244.2.0/24" } = blocks;
  return [
    documentOf(
      "BGPConfiguration",
      "default",
      `aggregates: [${aggregate === "" ? "" : `{cidr: 10.244.0.0/20, nodeSelector: rack == 'a'${aggregate}}`}]`,
    ),
    documentOf("IPPool", "pods", "cidr: 10.244.0.0/16\nblockSize: 24"),
    inRack(nodeOf("n1", 11, n1), "n1"),
    inRack(nodeOf("n2", 12, n2), "n2"),
    nodeOf("n3", 13, "10.244.100.0/24"),
    documentOf(
      "BGPPeer",
      "tor",
      "node: n1\npeerIP: 172.30.0.1\nasNumber: 65000\nexportPolicy: pools",
    ),
  ];
}

const ROUTER = [
  documentOf("BGPConfiguration", "default", "asNumber: 65000\nimportPolicy: all"),
  nodeOf("tor", 1),
  documentOf("BGPPeer", "n1", "peerIP: 172.30.0.11\nasNumber: 64512"),
];

function scene(written: string[]): DocumentsScene {
  const all = new DocumentsScene();
  all.apply(planFor("tor", ROUTER));
  all.apply(planFor("n1", written), "kernel");
  for (const node of ["n2", "n3"]) all.apply(planFor(node, written));
  all.pass(20);
  return all;
}

const OTHER = "10.244.100.0/24";
const DEFAULTS = ", summaryOnly: true";

describe("an aggregate", () => {
  test("is told to routers in place of its parts, and lies on a discard route; nodes are told the parts", () => {
    const all = scene(documents(DEFAULTS));
    expect(all.routes("tor")).toEqual(["10.244.0.0/20", OTHER]);
    expect(all.routes("n3")).toEqual(["10.244.1.0/24", "10.244.2.0/24", OTHER]);
    expect(all.installed("n1")).toEqual([
      "10.244.0.0/20 blackhole",
      "10.244.1.0/24 blackhole",
      "10.244.100.0/24 via 172.30.0.13",
      "10.244.2.0/24 via 172.30.0.12",
    ]);
    expect(all.best("tor", "10.244.0.0/20")?.attributes).toMatchObject({
      asPath: [{ type: "sequence", asNumbers: [64512] }],
      aggregator: { asNumber: 64512 },
    });
    expect(all.best("tor", "10.244.0.0/20")?.attributes.atomicAggregate).toBeUndefined();
  });

  test("lives as long as one part, be it another node's", () => {
    const all = scene(documents(DEFAULTS));
    const without = documents(DEFAULTS, { n1: "10.244.30.0/24" });
    all.apply(planFor("n1", without));
    all.pass(5);
    expect(all.routes("tor")).toEqual(["10.244.0.0/20", "10.244.30.0/24", OTHER]);
    all.apply(planFor("n2", documents(DEFAULTS, { n2: "10.244.31.0/24" })));
    all.pass(5);
    expect(all.routes("tor")).toEqual(["10.244.30.0/24", "10.244.31.0/24", OTHER]);
    expect(all.installed("n1")).not.toContain("10.244.0.0/20 blackhole");
    all.apply(planFor("n2", documents(DEFAULTS)));
    all.pass(5);
    expect(all.routes("tor")).toContain("10.244.0.0/20");
    expect(all.routes("tor")).not.toContain("10.244.2.0/24");
  });

  test("dies with the node that has the last part", () => {
    const all = scene(documents(DEFAULTS, { n1: "10.244.30.0/24" }));
    expect(all.routes("tor")).toContain("10.244.0.0/20");
    all.stop("n2");
    all.pass(5);
    expect(all.routes("tor")).toEqual(["10.244.30.0/24", OTHER]);
  });

  test("with summaryOnly: false is told beside its parts", () => {
    const all = scene(documents(", summaryOnly: false"));
    expect(all.routes("tor")).toEqual(["10.244.0.0/20", "10.244.1.0/24", "10.244.2.0/24", OTHER]);
  });

  test("with audience: All takes the parts' place at nodes elsewhere, not at those that make it", () => {
    const all = scene(documents(", audience: All"));
    expect(all.routes("n3")).toEqual(["10.244.0.0/20", OTHER]);
    expect(all.routes("n2")).toEqual(["10.244.0.0/20", "10.244.1.0/24", "10.244.2.0/24", OTHER]);
    expect(all.best("n2", "10.244.0.0/20")?.source).toBe("local");
    expect(all.daemon("n2").rib?.lookup(parsePrefix("10.244.0.0/20"))?.paths).toHaveLength(1);
  });

  test("comes and goes with its document, while sessions stay", () => {
    const all = scene(documents(""));
    expect(all.routes("tor")).toEqual(["10.244.1.0/24", "10.244.2.0/24", OTHER]);
    all.apply(planFor("n1", documents(DEFAULTS)));
    all.pass(5);
    expect(all.routes("tor")).toEqual(["10.244.0.0/20", OTHER]);
    all.apply(planFor("n1", documents("")));
    all.pass(5);
    expect(all.routes("tor")).toEqual(["10.244.1.0/24", "10.244.2.0/24", OTHER]);
    expect(all.installed("n1")).not.toContain("10.244.0.0/20 blackhole");
    const flaps = [...all.daemon("n1").neighbours.values()].map(({ peer }) => peer.status().flaps);
    expect(flaps).toEqual([0, 0, 0]);
  });

  test("comes back with a speaker that starts anew as another AS", () => {
    const all = scene(documents(DEFAULTS));
    const other = documents(DEFAULTS).map((text) =>
      text.replace("aggregates:", "asNumber: 64600\n  aggregates:"),
    );
    all.apply(planFor("n1", other));
    all.pass(5);
    expect(all.routes("n1")).toEqual(["10.244.0.0/20", "10.244.1.0/24"]);
    expect(all.best("n1", "10.244.0.0/20")?.attributes.aggregator?.asNumber).toBe(64600);
    expect(all.installed("n1")).toEqual(["10.244.0.0/20 blackhole", "10.244.1.0/24 blackhole"]);
  });

  test("is explained: what is told of it and of a part, and that it is gone", () => {
    const all = scene(documents(DEFAULTS));
    const { rib, neighbours, aggregates } = all.daemon("n1");
    const told = (name: string, prefix: string) => {
      const id = neighbours.get(name)?.id;
      return id === undefined ? undefined : rib?.advertisedTo(id, parsePrefix(prefix))[0]?.reason;
    };
    expect(told("tor", "10.244.1.0/24")).toBe(
      "in the aggregate 10.244.0.0/20, which is told in its place (summaryOnly)",
    );
    expect(told("tor", "10.244.0.0/20")).toBe("built-in policy: this node's aggregate");
    expect(told("mesh n3", "10.244.0.0/20")).toBe(
      "an aggregate for routers: nodes are told its parts",
    );
    const target = parsePrefix("10.244.0.0/20");
    const facts = {
      target,
      asked: "10.244.0.0/20",
      kernel: "blackhole",
      advertised: [],
      peers: { configured: 1, established: 1 },
      node: "n1",
      services: [],
      aggregates: aggregates.counts(),
    };
    expect(whyAnswer({ ...facts, view: rib?.lookup(target) }).summary).toBe(
      "10.244.0.0/20 is an aggregate that this node announces while it has a route to a part of it: it has to 2 parts (only path); what no part holds is dropped by a blackhole (kernel: blackhole).",
    );
    expect(whyAnswer({ ...facts, view: undefined }).summary).toBe(
      "10.244.0.0/20 is an aggregate of n1, which is announced while there is a route to a part of it: now there is none.",
    );
  });

  test("of IPv6 blocks is one beside that of IPv4 blocks", () => {
    const dual = (name: string, host: number, block: string): string =>
      documentOf(
        "Node",
        name,
        `bgp: {ipv4Address: 172.30.0.${host}/24, ipv6Address: "fd00::${host}/64"}\nblocks: [${block}]`,
      );
    const nodes = [
      dual("n1", 11, '10.244.1.0/24, "fd00:244::100/120"'),
      dual("n2", 12, '"fd00:244::200/120"'),
    ];
    const aggregates = '[{cidr: 10.244.0.0/20}, {cidr: "fd00:244::/112"}]';
    const written = [
      documentOf("BGPConfiguration", "default", `aggregates: ${aggregates}`),
      ...nodes,
      documentOf("BGPPeer", "tor", "node: n1\npeerIP: 172.30.0.1\nasNumber: 65000"),
    ];
    const router = [ROUTER[0] ?? "", dual("tor", 1, ""), ROUTER[2] ?? ""];
    const all = new DocumentsScene();
    all.apply(planFor("tor", router));
    for (const node of ["n1", "n2"]) all.apply(planFor(node, written));
    all.pass(20);
    expect(all.routes("n1")).toEqual([
      "10.244.0.0/20",
      "10.244.1.0/24",
      "fd00:244::/112",
      "fd00:244::100/120",
      "fd00:244::200/120",
    ]);
    expect(all.routes("tor")).toEqual(["10.244.0.0/20", "fd00:244::/112"]);
  });

  test("is refused to a node that hears of the other parts by routers alone", () => {
    const lonely = documents(DEFAULTS).map((text) =>
      text.replace("aggregates:", "nodeToNodeMeshEnabled: false\n  aggregates:"),
    );
    expect(() => planFor("n1", lonely)).toThrow(
      "spec.aggregates[0]: Node n1 has no session with another Node, and of 10.244.0.0/20 the routers tell it nothing",
    );
  });
});
