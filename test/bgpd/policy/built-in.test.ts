/** The switches of the built-in policy, services, pools that are not told, and communities added on the way out. */

import { describe, expect, test } from "bun:test";
import { planSpeaker } from "../../../bgpd/cluster/plan.ts";
import type { PeerPlan, SpeakerPlan } from "../../../bgpd/cluster/speaker.ts";
import { compileExport, compileImport } from "../../../bgpd/policy/compile.ts";
import type { Attributes } from "../../../bgpd/wire/attributes.ts";
import { formatCommunity, formatLarge } from "../../../bgpd/wire/community.ts";
import { formatAddress, parseAddress } from "../../../lib/address.ts";
import { parsePrefix } from "../../../lib/prefix.ts";
import { formatFault } from "../../../resource/fault.ts";
import { documentOf, faultsOf, nodeOf, resourcesOf } from "../../resource/documents.ts";

const OURS: Attributes = { origin: 0, asPath: [] };
const NODES = [nodeOf("n1", 11, "10.244.1.0/24"), nodeOf("n2", 12, "10.244.2.0/24")];
const POOL = documentOf("IPPool", "pods", "cidr: 10.244.0.0/16");

/** The plan of n1, and its session with the only BGPPeer. */
function planned(...documents: string[]): { speaker: SpeakerPlan; peer: PeerPlan } {
  const found = planSpeaker(resourcesOf(...NODES, ...documents), "n1");
  if ("faults" in found) throw new Error(found.faults.map(formatFault).join("\n"));
  const peer = found.plan.peers.find(({ origin }) => origin === "BGPPeer");
  if (peer === undefined) throw new Error("no peer");
  return { speaker: found.plan, peer };
}

const tor = (spec = ""): string =>
  documentOf("BGPPeer", "tor", `peerIP: 172.30.0.1\nasNumber: 65000\n${spec}`);
const configuration = (spec: string): string => documentOf("BGPConfiguration", "default", spec);

function imported(prefix: string, ...documents: string[]): string {
  const { speaker, peer } = planned(...documents);
  const route = { prefix: parsePrefix(prefix), attributes: OURS, source: "external" as const };
  const { accept, reason } = compileImport(peer, speaker).policy(route);
  return `${accept ? "accept" : "reject"}: ${reason}`;
}

function exported(
  prefix: string,
  source: "local" | "internal" | "external",
  ...documents: string[]
): string {
  const { speaker, peer } = planned(...documents);
  const route = { prefix: parsePrefix(prefix), attributes: OURS, source };
  const { accept, reason, rewrite } = compileExport(peer, speaker).policy(route);
  const { communities = [], largeCommunities = [] } = rewrite?.(OURS) ?? OURS;
  const added = [...communities.map(formatCommunity), ...largeCommunities.map(formatLarge)];
  return [`${accept ? "accept" : "reject"}: ${reason}`, ...added].join(" + ");
}

describe("importPolicy", () => {
  const all = "accept: built-in policy: importPolicy is all";
  test.each<[string, ...string[]]>([
    ["of the peer", tor("importPolicy: all"), POOL],
    ["of the cluster", tor(), configuration("importPolicy: all"), POOL],
    [
      "of the peer, before the cluster's",
      tor("importPolicy: all"),
      configuration("importPolicy: none"),
      POOL,
    ],
  ])("all, %s, takes what Calico takes", (_name, ...documents) => {
    for (const prefix of ["10.244.7.0/24", "0.0.0.0/0", "127.0.0.0/8", "198.51.100.0/24"]) {
      expect(imported(prefix, ...documents)).toBe(all);
    }
  });

  test("none leaves it to filters, and without them nothing comes in (RFC 8212)", () => {
    const none = tor("importPolicy: none");
    expect(imported("198.51.100.0/24", none)).toBe(
      "reject: no policy: importPolicy is none, and no filter rule accepts it (RFC 8212)",
    );
    const filter = documentOf(
      "BGPFilter",
      "f",
      "importV4: [{action: Accept, cidr: 198.51.100.0/24, matchOperator: In}]",
    );
    const filtered = tor("importPolicy: none\nfilters: [f]");
    expect(imported("198.51.100.0/24", filtered, filter)).toStartWith("accept: BGPFilter f");
    expect(imported("192.0.2.0/24", filtered, filter)).toStartWith("reject: no policy");
  });

  test("says nothing to a peer of our own AS", () => {
    const inside = documentOf(
      "BGPPeer",
      "rr",
      "peerIP: 172.30.0.1\nasNumber: 64512\nimportPolicy: none",
    );
    expect(imported("198.51.100.0/24", inside)).toBe("accept: built-in policy: an internal peer");
  });
});

describe("a pod of the node", () => {
  const peering = configuration("localWorkloadPeeringIPV4: 169.254.0.179");
  const child = (spec = ""): string =>
    documentOf("BGPPeer", "child", `localWorkloadSelector: all()\nasNumber: 65401\n${spec}`);

  function fromPod(prefix: string, ...documents: string[]): string {
    const { speaker } = planned(peering, tor(), ...documents);
    const [pods] = speaker.workloads ?? [];
    const address = parseAddress("10.244.1.7");
    const peer: PeerPlan = { ...pods!.session, address, localAddress: pods!.localAddresses[0]! };
    const route = { prefix: parsePrefix(prefix), attributes: OURS, source: "external" as const };
    const { accept, reason } = compileImport(peer, speaker).policy(route);
    return `${accept ? "accept" : "reject"}: ${reason}`;
  }

  test("announces what is nobody's, and nothing of ours", () => {
    expect(fromPod("10.123.0.0/26", child(), POOL)).toStartWith("accept: ");
    for (const prefix of ["10.244.7.0/24", "0.0.0.0/0", "169.254.0.179/32"]) {
      expect(fromPod(prefix, child(), POOL)).toStartWith("reject: ");
    }
  });

  test("draws no packets of Nodes and peers to itself, as a router might", () => {
    const words = (address: string): string =>
      `reject: built-in policy: it covers ${address}, a Node's or a peer's address, and is a pod's (Calico takes it, and so does importPolicy: all)`;
    for (const [prefix, covered] of [
      ["172.30.0.11/32", "172.30.0.11"],
      ["172.30.0.12/32", "172.30.0.12"],
      ["172.30.0.1/32", "172.30.0.1"],
      ["172.30.0.12/30", "172.30.0.12"],
      ["172.30.0.0/28", "172.30.0.1"],
      ["128.0.0.0/1", "172.30.0.1"],
    ] as const) {
      expect(fromPod(prefix, child())).toBe(words(covered));
      expect(imported(prefix, peering, child(), tor())).toStartWith("accept: ");
      expect(fromPod(prefix, child("importPolicy: all"))).toStartWith("accept: ");
    }
    for (const prefix of ["172.30.0.16/28", "172.30.0.2/32", "172.29.0.0/16", "2001:db8::/32"]) {
      expect(fromPod(prefix, child())).toStartWith("accept: ");
    }
  });

  test("draws none of Nodes that are no peers of this one", () => {
    const alone = configuration(
      "localWorkloadPeeringIPV4: 169.254.0.179\nnodeToNodeMeshEnabled: false",
    );
    const { speaker } = planned(alone, tor(), child());
    expect(speaker.peers.map(({ name }) => name)).toEqual(["tor"]);
    expect(speaker.hosts?.map(formatAddress)).toEqual(["172.30.0.1", "172.30.0.11", "172.30.0.12"]);
  });

  test("is judged anew when the peers are others", () => {
    const keyOf = (...documents: string[]): string => {
      const { speaker } = planned(peering, child(), tor(), ...documents);
      const { session, localAddresses } = speaker.workloads![0]!;
      const ends = { address: parseAddress("10.244.1.7"), localAddress: localAddresses[0]! };
      return compileImport({ ...session, ...ends }, speaker).key;
    };
    expect(keyOf()).toBe(keyOf());
    expect(keyOf(nodeOf("n3", 13))).not.toBe(keyOf());
  });
});

describe("exportPolicy", () => {
  test.each<[spec: string, local: boolean, other: boolean, foreign: boolean]>([
    ["", true, false, false],
    ["exportPolicy: pools", true, true, false],
    ["exportPolicy: none", false, false, false],
  ])("{%s}: our block, another node's, one of no pool", (spec, local, other, foreign) => {
    const answers = [
      exported("10.244.1.0/24", "local", tor(spec), POOL),
      exported("10.244.2.0/24", "internal", tor(spec), POOL),
      exported("198.51.100.0/24", "external", tor(spec), POOL),
    ];
    expect(answers.map((answer) => answer.startsWith("accept"))).toEqual([local, other, foreign]);
  });

  test("says where Calico would tell more", () => {
    expect(exported("10.244.2.0/24", "internal", tor(), POOL)).toEndWith(
      "(Calico tells what lies in a pool, and so does exportPolicy: pools)",
    );
    expect(exported("198.51.100.0/24", "internal", tor(), POOL)).not.toContain("Calico");
  });
});

describe("services", () => {
  const ranges = configuration(
    "serviceClusterIPs: [{cidr: 10.96.0.0/12}]\nserviceExternalIPs: [{cidr: 192.0.2.0/28}]\nserviceLoadBalancerIPs: [{cidr: 198.51.100.0/24}]",
  );

  test("are originated by every node, and told to everybody", () => {
    const { speaker } = planned(tor(), ranges);
    expect(speaker.services).toEqual(
      ["10.96.0.0/12", "192.0.2.0/28", "198.51.100.0/24"].map(parsePrefix),
    );
    expect(exported("10.96.0.0/12", "local", tor(), ranges)).toBe(
      "accept: built-in policy: a service range",
    );
  });

  test("may not come in from outside", () => {
    expect(imported("10.96.7.0/24", tor(), ranges)).toStartWith(
      "reject: built-in policy: inside our own service range 10.96.0.0/12",
    );
  });

  test("serviceLoadBalancerAggregation: Disabled leaves the load balancers' ranges out", () => {
    const { speaker } = planned(
      tor(),
      configuration(
        "serviceLoadBalancerIPs: [{cidr: 198.51.100.0/24}]\nserviceLoadBalancerAggregation: Disabled",
      ),
    );
    expect(speaker.services).toEqual([]);
  });

  test("must not be where pods get their addresses from", () => {
    const overlapping = configuration("serviceClusterIPs: [{cidr: 10.244.128.0/17}]");
    expect(faultsOf(...NODES, POOL, overlapping)).toEqual([
      "c.yaml:24: BGPConfiguration default: spec: service range 10.244.128.0/17 overlaps 10.244.0.0/16 of IPPool pods",
    ]);
  });
});

test("a pool with disableBGPExport is told to nobody, but where a filter accepts it", () => {
  const hidden = documentOf("IPPool", "pods", "cidr: 10.244.0.0/16\ndisableBGPExport: true");
  const reason = "reject: in pool 10.244.0.0/16, which has disableBGPExport";
  const inside = documentOf("BGPPeer", "rr", "peerIP: 172.30.0.1\nasNumber: 64512");
  expect(exported("10.244.1.0/24", "local", tor(), hidden)).toBe(reason);
  expect(exported("10.244.1.0/24", "local", inside, hidden)).toBe(reason);
  const filter = documentOf("BGPFilter", "f", "exportV4: [{action: Accept}]");
  expect(exported("10.244.1.0/24", "local", tor("filters: [f]"), hidden, filter)).toStartWith(
    "accept: BGPFilter f",
  );
});

describe("prefixAdvertisements", () => {
  const advertisements = configuration(`
communities: [{name: pods, value: "65000:100"}, {name: east, value: "65000:1:2"}]
prefixAdvertisements:
- cidr: 10.244.0.0/16
  communities: [pods, east]
- cidr: 10.244.1.0/24
  communities: ["65000:7", pods]
`);

  test("add every community of every range that holds the prefix", () => {
    expect(exported("10.244.1.0/24", "local", tor(), advertisements)).toBe(
      "accept: built-in policy: this node's own block; with 65000:100 65000:1:2 (prefixAdvertisements 10.244.0.0/16); with 65000:7 65000:100 (prefixAdvertisements 10.244.1.0/24) + 65000:100 + 65000:7 + 65000:1:2",
    );
    expect(exported("10.250.0.0/24", "local", tor(), advertisements)).toBe(
      "accept: built-in policy: this node's own block",
    );
  });

  test("come behind filters, as in Calico: what a rule accepts gets none", () => {
    const filter = documentOf("BGPFilter", "f", "exportV4: [{action: Accept}]");
    expect(exported("10.244.1.0/24", "local", tor("filters: [f]"), advertisements, filter)).toBe(
      "accept: BGPFilter f: exportV4 rule 1 (c.yaml:38): Accept everything",
    );
  });

  test("make each verdict once", () => {
    const { speaker, peer } = planned(tor(), advertisements);
    const { policy } = compileExport(peer, speaker);
    const verdictOf = (prefix: string) =>
      policy({ prefix: parsePrefix(prefix), attributes: OURS, source: "local" });
    expect(verdictOf("10.244.1.0/24")).toBe(verdictOf("10.244.1.0/25"));
    expect(verdictOf("10.244.1.0/24")).not.toBe(verdictOf("10.244.2.0/24"));
  });

  test("a name that no community has is a fault where it stands", () => {
    const wrong = configuration(
      'communities: [{name: a, value: "1:1"}]\nprefixAdvertisements:\n- cidr: 10.0.0.0/8\n  communities:\n  - "1:2"\n  - b',
    );
    expect(faultsOf(wrong)).toEqual([
      'c.yaml:10: BGPConfiguration default: spec.prefixAdvertisements[0].communities[1]: "b": no community of this name in spec.communities: there are a',
    ]);
  });
});

describe("what belongs between two ASes", () => {
  test.each(["role: peer", "asOverride: true", "removePrivateAS: true"])("%s", (field) => {
    const inside = documentOf("BGPPeer", "rr", `peerIP: 172.30.0.1\nasNumber: 64512\n${field}`);
    const found = planSpeaker(resourcesOf(...NODES, inside), "n1");
    const faults = "faults" in found ? found.faults.map(formatFault) : [];
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain("for peers of another AS: this one is of AS 64512, like Node n1");
    const outside = `${inside}  localASNumber: 65001\n`;
    expect("plan" in planSpeaker(resourcesOf(...NODES, outside), "n1")).toBe(true);
  });

  test("strictRole goes with a role", () => {
    expect(faultsOf(tor("strictRole: true"))).toEqual([
      "c.yaml:7: BGPPeer tor: spec.strictRole: true: goes with a role, and there is none",
    ]);
  });
});

describe("aggregates", () => {
  const aggregated = (more = "", pool = POOL): string[] => [
    configuration(`aggregates: [{cidr: 10.244.0.0/20, nodeSelector: all()${more}}]`),
    ...(pool === "" ? [] : [pool]),
  ];
  const own = "10.244.1.0/24";
  const part = "10.244.2.0/24";
  const whole = "10.244.0.0/20";

  test.each<[what: string, prefix: string, documents: string[], verdict: string]>([
    ["is told to a router", whole, aggregated(), "accept: built-in policy: this node's aggregate"],
    [
      "and not its parts",
      own,
      aggregated(),
      "reject: in the aggregate 10.244.0.0/20, which is told in its place (summaryOnly)",
    ],
    [
      "or both",
      own,
      aggregated(", summaryOnly: false"),
      "accept: built-in policy: this node's own block",
    ],
    [
      "not where its pool is not told",
      whole,
      aggregated("", documentOf("IPPool", "pods", "cidr: 10.244.0.0/16\ndisableBGPExport: true")),
      "reject: in pool 10.244.0.0/16, which has disableBGPExport",
    ],
    [
      "gets the communities of its range",
      whole,
      [
        configuration(
          `aggregates: [{cidr: ${whole}}]\nprefixAdvertisements: [{cidr: 10.244.0.0/16, communities: ["65000:1"]}]`,
        ),
        POOL,
      ],
      "accept: built-in policy: this node's aggregate; with 65000:1 (prefixAdvertisements 10.244.0.0/16) + 65000:1",
    ],
  ])("%s: %s", (_what, prefix, documents, verdict) => {
    expect(exported(prefix, "local", tor(), ...documents)).toBe(verdict);
  });

  test("a filter that accepts a part has it told", () => {
    const filter = documentOf("BGPFilter", "f", "exportV4: [{action: Accept}]");
    expect(exported(part, "internal", tor("filters: [f]"), filter, ...aggregated())).toStartWith(
      "accept: BGPFilter f",
    );
  });

  test("nobody outside may announce what is in it, pool or not", () => {
    expect(imported(part, tor(), ...aggregated("", ""))).toStartWith(
      "reject: built-in policy: inside our own aggregate 10.244.0.0/20",
    );
  });

  test("nodes of the mesh are one update group, and another's when the audience is another", () => {
    const keys = (more: string): string[] => {
      const { speaker } = planned(tor(), nodeOf("n3", 13), ...aggregated(more));
      return speaker.peers
        .filter(({ origin }) => origin === "mesh")
        .map((peer) => compileExport(peer, speaker).key);
    };
    const routers = keys("");
    expect(new Set(routers).size).toBe(1);
    expect(keys(", audience: All")[0]).not.toBe(routers[0]);
  });
});
