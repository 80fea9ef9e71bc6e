/** Which addresses of Services a node announces by themselves, by Calico's rules, and what is said of the others. */

import { describe, expect, test } from "bun:test";
import { planSpeaker } from "../../../bgpd/cluster/plan.ts";
import { describeServices, serviceViewOf } from "../../../bgpd/cluster/services.ts";
import type { SpeakerPlan } from "../../../bgpd/cluster/speaker.ts";
import { parseAddress } from "../../../lib/address.ts";
import { formatPrefix } from "../../../lib/prefix.ts";
import { formatFault } from "../../../resource/fault.ts";
import { documentOf, nodeOf, resourcesOf } from "../../resource/documents.ts";
import { listOf, serviceItem, sliceItem } from "../../resource/kubectl.ts";

const RANGES = [
  'serviceClusterIPs: [{cidr: 10.96.0.0/12}, {cidr: "fd00:96::/112"}]',
  "serviceExternalIPs: [{cidr: 192.0.2.0/28}, {cidr: 203.0.113.7/32}]",
  "serviceLoadBalancerIPs: [{cidr: 198.51.100.0/24}, {cidr: 203.0.113.9/32}]",
].join("\n");

const configuration = (more = ""): string =>
  documentOf("BGPConfiguration", "default", `${RANGES}\n${more}`);

const SPLIT = "serviceLoadBalancerAggregation: Disabled";

type Scene = {
  readonly items: readonly string[];
  readonly more?: string;
  readonly node?: string;
};

function resourcesFor({ items, more = "", node = nodeOf("n1", 11) }: Scene) {
  const own = [configuration(more), node, nodeOf("n2", 12)];
  return resourcesOf(...own, ...(items.length === 0 ? [] : [listOf(...items)]));
}

function planned(scene: Scene): SpeakerPlan {
  const found = planSpeaker(resourcesFor(scene), "n1");
  if ("faults" in found) throw new Error(found.faults.map(formatFault).join("\n"));
  return found.plan;
}

const told = (scene: Scene): string[] =>
  planned(scene).serviceRoutes.map(({ prefix }) => formatPrefix(prefix));

function why(address: string, scene: Scene): string[] {
  const resources = resourcesFor(scene);
  const node = resources.nodes.find(({ resource }) => resource.name === "n1")?.resource;
  if (node === undefined) throw new Error("no n1");
  return describeServices(parseAddress(address), serviceViewOf(resources, node));
}

const WEB = {
  name: "web",
  cluster: "10.96.0.1",
  external: ["192.0.2.1", "8.8.8.8"],
  balancer: ["198.51.100.1"],
} as const;
const LOCAL = serviceItem({ ...WEB, policy: "Local" });
const CLUSTER = serviceItem({ ...WEB, policy: "Cluster" });
const ALL = ["10.96.0.1/32", "192.0.2.1/32", "198.51.100.1/32"];
const EXCLUDED = `metadata: {name: n1, labels: {node.kubernetes.io/exclude-from-external-load-balancers: "true"}}`;
const excluded = nodeOf("n1", 11).replace("metadata: {name: n1}", EXCLUDED);

describe("announced by themselves are", () => {
  const cases: readonly (readonly [string, Scene, readonly string[]])[] = [
    ["none without Services", { items: [] }, []],
    [
      "none of a Service for which any node will do",
      { items: [CLUSTER, sliceItem("web", ["n1"])] },
      [],
    ],
    [
      "all of a local one with a ready endpoint here",
      { items: [LOCAL, sliceItem("web", ["n1", "n2"])] },
      ALL,
    ],
    [
      "none of one whose endpoint here is not ready",
      { items: [LOCAL, sliceItem("web", ["n1!", "n2"])] },
      [],
    ],
    [
      "none of one whose endpoints are elsewhere",
      { items: [LOCAL, sliceItem("web", ["n2", "?"])] },
      [],
    ],
    ["none of one without endpoints", { items: [LOCAL, sliceItem("web", [])] }, []],
    ["none of one without slices", { items: [LOCAL, sliceItem("other", ["n1"])] }, []],
    ["those of the family that is ready", { items: [LOCAL, sliceItem("web", ["n1"], "IPv6")] }, []],
    [
      "IPv6 ones too",
      {
        items: [
          serviceItem({ name: "web", cluster: '"fd00:96::1"', policy: "Local" }),
          sliceItem("web", ["n1"], "IPv6"),
        ],
      },
      ["fd00:96::1/128"],
    ],
    [
      "those of two slices together",
      {
        items: [LOCAL, sliceItem("web", ["n2"]), sliceItem("web", ["n1"]).replace("web-ipv4", "b")],
      },
      ALL,
    ],
    [
      "none of one without a ClusterIP",
      {
        items: [
          serviceItem({ ...WEB, cluster: "None", policy: "Local" }),
          sliceItem("web", ["n1"]),
        ],
      },
      [],
    ],
    [
      "none of an ExternalName",
      {
        items: [
          LOCAL.replace("type: LoadBalancer", "type: ExternalName"),
          sliceItem("web", ["n1"]),
        ],
      },
      [],
    ],
    [
      "nothing by a node with the label",
      { items: [LOCAL, sliceItem("web", ["n1"])], node: excluded },
      [],
    ],
    [
      "all by one whose label says false",
      {
        items: [LOCAL, sliceItem("web", ["n1"])],
        node: excluded.replace('"true"', '"false"'),
      },
      ALL,
    ],
    [
      "load balancers' addresses where they are not aggregated, while any endpoint is ready",
      { items: [CLUSTER, sliceItem("web", ["n2"])], more: SPLIT },
      ["198.51.100.1/32"],
    ],
    ["and not without", { items: [CLUSTER, sliceItem("web", ["n2!"])], more: SPLIT }, []],
    ["nor of a local one elsewhere", { items: [LOCAL, sliceItem("web", ["n2"])], more: SPLIT }, []],
    [
      "addresses that are a range by themselves, of a Service that has them",
      {
        items: [
          serviceItem({
            ...WEB,
            external: ["203.0.113.7"],
            balancer: ["203.0.113.9"],
            policy: "Cluster",
          }),
        ],
      },
      ["203.0.113.7/32", "203.0.113.9/32"],
    ],
    [
      "not what a load balancer is only asked to have",
      {
        items: [
          serviceItem({
            ...WEB,
            balancer: [],
            policy: "Local",
            more: ["loadBalancerIP: 198.51.100.7"],
          }).replace("type: ClusterIP", "type: LoadBalancer"),
          sliceItem("web", ["n1"]),
        ],
      },
      ["10.96.0.1/32", "192.0.2.1/32"],
    ],
    [
      "those of a Node that Kubernetes calls otherwise",
      {
        items: [LOCAL, sliceItem("web", ["host-1"])],
        node: `${nodeOf("n1", 11)}  orchRefs: [{orchestrator: k8s, nodeName: host-1}]\n`,
      },
      ALL,
    ],
  ];
  test.each(cases.map((row) => [...row]))("%s", (_name, scene, routes) => {
    expect(told(scene as Scene)).toEqual(routes as string[]);
  });

  test("an address that two Services have, once", () => {
    const other = serviceItem({
      name: "b",
      cluster: "10.96.0.2",
      external: ["192.0.2.1"],
      policy: "Local",
    });
    const items = [LOCAL, other, sliceItem("web", ["n1"]), sliceItem("b", ["n1"])];
    expect(told({ items })).toEqual(["10.96.0.1/32", "10.96.0.2/32", ...ALL.slice(1)]);
  });
});

describe("ranges", () => {
  const ranges = (scene: Scene): string[] => planned(scene).services.map(formatPrefix);
  const SHARED = ["10.96.0.0/12", "fd00:96::/112", "192.0.2.0/28"];

  test("are announced, those of one address while no Service can have it", () => {
    const all = [...SHARED, "203.0.113.7/32", "198.51.100.0/24", "203.0.113.9/32"];
    expect(ranges({ items: [] })).toEqual(all);
    expect(ranges({ items: [CLUSTER] })).toEqual([...SHARED, "198.51.100.0/24"]);
  });

  test("of load balancers are not where they are not aggregated, and none by a node with the label", () => {
    expect(ranges({ items: [CLUSTER], more: SPLIT })).toEqual(SHARED);
    expect(ranges({ items: [CLUSTER], node: excluded })).toEqual([]);
  });

  test("are the cluster's own all the same: nobody outside may have them", () => {
    expect(planned({ items: [], more: SPLIT }).serviceRanges.map(formatPrefix)).toContain(
      "198.51.100.0/24",
    );
  });
});

describe("of an address it is said", () => {
  const items = [LOCAL, sliceItem("web", ["n2"])];
  test.each<[string, string, Scene, string[]]>([
    [
      "that its endpoints are elsewhere",
      "10.96.0.1",
      { items },
      [
        "10.96.0.1 is the ClusterIP of Service shop/web, not announced by itself by n1: no ready endpoint is on it (externalTrafficPolicy: Local), there is on n2.",
      ],
    ],
    [
      "that it has none",
      "198.51.100.1",
      { items: [LOCAL] },
      [
        "198.51.100.1 is the load balancer's address of Service shop/web, not announced by itself by n1: no ready endpoint is on it (externalTrafficPolicy: Local), nor on any other node.",
      ],
    ],
    [
      "that it is announced",
      "192.0.2.1",
      { items: [LOCAL, sliceItem("web", ["n1"])] },
      [
        "192.0.2.1 is the external IP of Service shop/web, announced by n1: a ready endpoint is on it.",
      ],
    ],
    [
      "that its range is",
      "10.96.0.1",
      { items: [CLUSTER] },
      [
        "10.96.0.1 is the ClusterIP of Service shop/web, not announced by itself by n1: its range 10.96.0.0/12 is, for all nodes serve it (externalTrafficPolicy: Cluster).",
      ],
    ],
    [
      "that it is in no range",
      "8.8.8.8",
      { items },
      [
        "8.8.8.8 is the external IP of Service shop/web, not announced by itself by n1: the address is in none of the ranges of such addresses.",
      ],
    ],
    [
      "that the node takes no part",
      "10.96.0.1",
      { items, node: excluded },
      [
        "10.96.0.1 is the ClusterIP of Service shop/web, not announced by itself by n1: it has the label node.kubernetes.io/exclude-from-external-load-balancers.",
      ],
    ],
    ["nothing where no Service has it", "10.96.0.2", { items }, []],
  ])("%s", (_name, address, scene, sentences) => {
    expect(why(address, scene)).toEqual(sentences);
  });
});

test("load balancers may have a pool of their own, pods' pools are not for services", () => {
  const pool = (uses: string): string =>
    documentOf("IPPool", "lb", `cidr: 198.51.100.0/24\nallowedUses: [${uses}]`);
  expect(resourcesOf(configuration(), nodeOf("n1", 11), pool("LoadBalancer")).pools).toHaveLength(
    1,
  );
  expect(() => resourcesOf(configuration(SPLIT), nodeOf("n1", 11), pool("Workload"))).toThrow(
    "service range 198.51.100.0/24 overlaps 198.51.100.0/24 of IPPool lb",
  );
});
