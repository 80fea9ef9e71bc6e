import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { planSpeaker } from "../../../bgpd/cluster/plan.ts";
import type { SpeakerPlan } from "../../../bgpd/cluster/speaker.ts";
import { clusterDocuments, routerDocuments } from "../../../lab/documents.ts";
import { planTopology } from "../../../lab/topology.ts";
import { formatAddress } from "../../../lib/address.ts";
import { readDirectory } from "../../../resource/directory.ts";
import { readDocuments } from "../../../resource/document.ts";
import { formatFault } from "../../../resource/fault.ts";
import type { Resources } from "../../../resource/resource.ts";
import { documentOf, nodeOf, resourcesOf } from "../../resource/documents.ts";
import { printPlan } from "./print.ts";

function planOf(resources: Resources, node: string): SpeakerPlan {
  const planned = planSpeaker(resources, node);
  if ("faults" in planned) throw new Error(planned.faults.map(formatFault).join("\n"));
  return planned.plan;
}

function faultsOf(resources: Resources, node: string): string[] {
  const planned = planSpeaker(resources, node);
  return "faults" in planned ? planned.faults.map(formatFault) : [];
}

const nodes = [
  nodeOf("n1", 11, "10.244.1.0/24"),
  nodeOf("n2", 12, "10.244.2.0/24"),
  nodeOf("n3", 13, "10.244.3.0/24"),
];
const DUAL = documentOf(
  "Node",
  "n1",
  'bgp: {ipv4Address: 172.30.0.11/24, ipv6Address: "fd00:30::11/64"}',
);
const configuration = (spec: string): string => documentOf("BGPConfiguration", "default", spec);
const peer = (name: string, spec: string): string => documentOf("BGPPeer", name, spec);
const names = (plan: SpeakerPlan): string[] => plan.peers.map(({ name }) => name);

describe("planSpeaker", () => {
  test("a full mesh with every default", () => {
    expect(printPlan(planOf(resourcesOf(...nodes), "n2"))).toBe(
      `
n2 AS 64512 id 172.30.0.12 listens 172.30.0.12 port 179
blocks 10.244.2.0/24 pools -
mesh n1 (mesh), 172.30.0.12 AS 64512 to 172.30.0.11:179 AS 64512, ttl 64, hold 90 keepalive 30 retry 5, default
mesh n3 (mesh), 172.30.0.12 AS 64512 to 172.30.0.13:179 AS 64512, ttl 64, hold 90 keepalive 30 retry 5, default
`.trim(),
    );
  });

  test("what a session can have besides", () => {
    const resources = resourcesOf(
      configuration(
        "listen: false\nnodeToNodeMeshEnabled: true\nnodeMeshPassword: {file: /mesh}\nnodeMeshAddPath: {receive: true, send: BestN, count: 2}\nshutdownMessage: bye",
      ),
      ...nodes.slice(0, 2),
      peer(
        "tor",
        "peerIP: 172.30.0.1\nasNumber: 65000\nttlSecurity: 1\npassword: {file: /tor}\nsourceAddress: None\ninterface: eth1\ndelayOpen: 5s\nsendHoldTime: 60\nshutdown: rack move",
      ),
      peer("far", "peerIP: 10.0.0.1\nasNumber: 65001\nmultihop: 3"),
    );
    const plan = planOf(resources, "n1");
    expect(printPlan(plan)).toBe(
      `
n1 AS 64512 id 172.30.0.11 listens nowhere port 179
blocks 10.244.1.0/24 pools -
mesh n2 (mesh), 172.30.0.11 AS 64512 to 172.30.0.12:179 AS 64512, ttl 64, hold 90 keepalive 30 retry 5, default, key, add-path {"receive":true,"send":true}, toldPaths {"send":"BestN","count":2}
tor (BGPPeer), 172.30.0.11 AS 64512 to 172.30.0.1:179 AS 65000, ttl 1, hold 90 keepalive 30 retry 5, key, within 1 hops, from any address, on eth1, delay 5, send hold 60, down: rack move
far (BGPPeer), 172.30.0.11 AS 64512 to 10.0.0.1:179 AS 65001, ttl 3, hold 90 keepalive 30 retry 5
`.trim(),
    );
    expect(plan.shutdownMessage).toBe("bye");
  });

  test("ranges of neighbours, near and far, on the addresses of a node's own", () => {
    const resources = resourcesOf(
      documentOf(
        "Node",
        "n1",
        "bgp: {ipv4Address: 172.30.0.11/24, listenAddresses: [172.30.0.11, 10.9.9.9]}",
      ),
      peer("leaves", 'listenRange: 172.30.0.128/25\nasNumbers: [65001, "65010-65020"]'),
      peer("others", "listenRange: 10.0.0.0/8\nasNumber: 65001\nlistenLimit: 2"),
      peer("elsewhere", "listenRange: 10.0.0.0/8\nasNumber: 65001\nnodeSelector: has(far)"),
    );
    expect(printPlan(planOf(resources, "n1"))).toBe(
      `
n1 AS 64512 id 172.30.0.11 listens 172.30.0.11 10.9.9.9 port 179
blocks - pools -
leaves from 172.30.0.128/25, at most 100 of AS 65001-65001 65010-65020, ttl 1
others from 10.0.0.0/8, at most 2 of AS 65001-65001, ttl 64
`.trim(),
    );
  });

  test("peers on links, of any other AS, of one, and of our own, for the nodes that are selected", () => {
    const resources = resourcesOf(
      documentOf("Node", "n1", "bgp: {ipv4Address: 172.30.0.11/24, asNumber: 65001}"),
      peer("a", "interface: eth1\nasNumber: external\nttlSecurity: 1\npassive: true"),
      peer("b", "interface: eth2\nasNumber: 65002\nlocalASNumber: 65009"),
      peer("c", "interface: eth3\nasNumber: internal\nrouteReflectorClient: true"),
      peer("d", "interface: eth3\nasNumber: 1\nnodeSelector: has(far)"),
    );
    const policy = (client: boolean): string =>
      `reflection {"clusterId":2887647243,"clientToClient":true,"client":${client}}`;
    expect(printPlan(planOf(resources, "n1"))).toBe(
      `
n1 AS 65001 id 172.30.0.11 listens 172.30.0.11 port 179
blocks - pools -
found on eth1: a (BGPPeer), fe80:: AS 65001 to fe80::1:179 AS 0, ttl 1, hold 90 keepalive 30 retry 5, passive, within 1 hops 1-65000 65002-4294967294
found on eth2: b (BGPPeer), fe80:: AS 65009 to fe80::1:179 AS 65002, ttl 1, hold 90 keepalive 30 retry 5
found on eth3: c (BGPPeer), fe80:: AS 65001 to fe80::1:179 AS 65001, ttl 64, hold 90 keepalive 30 retry 5, ${policy(true)}
`.trim(),
    );
  });

  test("pods of the nodes that are selected: what is for all nodes comes first, as in Calico", () => {
    const resources = resourcesOf(
      configuration(
        "nodeToNodeMeshEnabled: false\nlocalWorkloadPeeringIPV6: 'fd00:179::1'\nlocalWorkloadPeeringIPV4: 169.254.0.179\nbfd: {}",
      ),
      DUAL,
      documentOf("Node", "n2", "bgp: {ipv4Address: 172.30.0.12/24}"),
      peer(
        "blue",
        "localWorkloadSelector: color == 'blue'\nasNumber: 65401\nnode: n1\nmultihop: 1",
      ),
      peer("red", "localWorkloadSelector: color == 'red'\nasNumber: 64512\npassive: true"),
      peer("far", "localWorkloadSelector: all()\nasNumber: 1\nnodeSelector: has(far)"),
    );
    const [, , ...n1] = printPlan(planOf(resources, "n1")).split("\n");
    expect(n1).toEqual([
      "pods color == 'red' at 169.254.0.179 fd00:179::1: red (BGPPeer), 169.254.0.179 AS 64512 to 0.0.0.0:179 AS 64512, IPv4 IPv6, ttl 64, hold 90 keepalive 30 retry 5, passive",
      "pods color == 'blue' at 169.254.0.179 fd00:179::1: blue (BGPPeer), 169.254.0.179 AS 64512 to 0.0.0.0:179 AS 65401, IPv4 IPv6, ttl 1, hold 90 keepalive 30 retry 5",
    ]);
    const [, , ...n2] = printPlan(planOf(resources, "n2")).split("\n");
    // Without an IPv6 address of its own it is called by IPv4 alone.
    expect(n2).toEqual([
      "pods color == 'red' at 169.254.0.179: red (BGPPeer), 169.254.0.179 AS 64512 to 0.0.0.0:179 AS 64512, ttl 64, hold 90 keepalive 30 retry 5, passive",
    ]);
    const [red] = planOf(resources, "n1").workloads!;
    expect(red!.session.bfd?.multihop).toBe(true);
  });

  test("pods that no address of the node's families can be called by, and what goes with another AS only, are faults", () => {
    const six = configuration("localWorkloadPeeringIPV6: 'fd00:179::1'");
    const node = documentOf("Node", "n1", "bgp: {ipv4Address: 172.30.0.11/24}");
    const pods = "localWorkloadSelector: all()";
    expect(faultsOf(resourcesOf(six, node, peer("a", `${pods}\nasNumber: 1`)), "n1")).toEqual([
      'c.yaml:17: BGPPeer a: spec.localWorkloadSelector: "all()": Node n1 has no bgp.ipv6Address, and there is no localWorkloadPeeringIPV4: pods of it have no address to call',
    ]);
    const both = configuration("localWorkloadPeeringIPV4: 169.254.0.179");
    const wrong = [
      peer("b", `${pods}\nasNumber: 64512\nrole: customer`),
      peer("c", `${pods}\nasNumber: 1\nrouteReflectorClient: true`),
    ];
    expect(faultsOf(resourcesOf(both, node, ...wrong), "n1")).toEqual([
      'c.yaml:19: BGPPeer b: spec.role: "customer": for peers of another AS: these are of AS 64512, like Node n1',
      "c.yaml:27: BGPPeer c: spec.routeReflectorClient: true: for peers of our own AS: these are of AS 1, and Node n1 of AS 64512",
    ]);
  });

  test("two peers on one link of a node, and what goes with another AS only, are faults", () => {
    const node = documentOf("Node", "n1", "bgp: {ipv4Address: 172.30.0.11/24}");
    const one = peer("a", "interface: eth1\nasNumber: external");
    expect(
      faultsOf(resourcesOf(node, one, peer("b", "interface: eth1\nasNumber: 1")), "n1"),
    ).toEqual([
      'c.yaml:18: BGPPeer b: spec.interface: "eth1": BGPPeer a has the neighbour on eth1 of Node n1 already',
    ]);
    const wrong = [
      peer("b", "interface: eth2\nasNumber: internal\nrole: customer"),
      peer("c", "interface: eth3\nasNumber: external\nrouteReflectorClient: true"),
    ];
    expect(faultsOf(resourcesOf(node, ...wrong), "n1")).toEqual([
      'c.yaml:13: BGPPeer b: spec.role: "customer": for peers of another AS: this one is of AS 64512, like Node n1',
      "c.yaml:21: BGPPeer c: spec.routeReflectorClient: true: for peers of our own AS: this one is of another than 64512, like Node n1",
    ]);
  });

  test("BFD of a peer on a link is over one hop, whatever the cluster has", () => {
    const common = configuration("bfd: {multihop: true}");
    const node = documentOf("Node", "n1", "bgp: {ipv4Address: 172.30.0.11/24}");
    const plan = planOf(
      resourcesOf(common, node, peer("a", "interface: eth1\nasNumber: external")),
      "n1",
    );
    expect(plan.unnumbered?.[0]?.session.bfd?.multihop).toBe(false);
  });

  test("bindMode None listens on every address of the node's families, and next hops stay its own", () => {
    const plan = planOf(resourcesOf(configuration("bindMode: None"), ...nodes), "n1");
    expect(plan.listenAddresses.map(formatAddress)).toEqual(["0.0.0.0"]);
    expect(plan.addresses.map(formatAddress)).toEqual(["172.30.0.11"]);
    const both = planOf(resourcesOf(configuration("bindMode: None"), DUAL), "n1");
    expect(both.listenAddresses.map(formatAddress)).toEqual(["0.0.0.0", "::"]);
    expect(both.addresses.map(formatAddress)).toEqual(["172.30.0.11", "fd00:30::11"]);
  });

  test("ranges of IPv6 neighbours, with what all sessions can have", () => {
    const resources = resourcesOf(
      configuration("nodeToNodeMeshEnabled: true\nbfd: {strict: true, detectMultiplier: 5}"),
      DUAL,
      peer(
        "near",
        "listenRange: fd00:30::/80\nasNumber: 65001\nrole: provider\nexportPolicy: none",
      ),
      peer("far", "listenRange: 2001:db8::/32\nasNumber: 65001\nlocalASNumber: 65009"),
    );
    const [near, far] = planOf(resources, "n1").ranges!.map(({ session }) => session);
    expect(formatAddress(near!.localAddress)).toBe("fd00:30::11");
    expect(near).toMatchObject({ ttl: 1, families: [4, 6], role: { role: "provider" } });
    expect(near!.policy.exportPolicy).toBe("none");
    // Nobody is watched before the first call.
    expect(near!.bfd).toMatchObject({ strict: false, detectMultiplier: 5, multihop: false });
    expect(far).toMatchObject({ ttl: 64, localAs: 65_009, bfd: { multihop: true } });
  });

  test("neighbours of an IPv6 range need an address of ours", () => {
    const resources = resourcesOf(
      ...nodes,
      peer("leaves", "listenRange: fd00:30::/64\nasNumber: 65001"),
    );
    const planned = planSpeaker(resources, "n1");
    expect("faults" in planned && planned.faults.map(({ message }) => message)).toEqual([
      "Node n1 has no bgp.ipv6Address for a session with fd00:30::/64",
    ]);
  });

  test("who may be of our own AS has none of what is between two", () => {
    const resources = resourcesOf(
      ...nodes,
      peer("leaves", 'listenRange: 172.30.0.0/24\nasNumbers: ["64500-64600"]\nrole: provider'),
    );
    const planned = planSpeaker(resources, "n1");
    expect(
      "faults" in planned && planned.faults.map(({ field, message }) => [field, message]),
    ).toEqual([
      ["spec.role", "for peers of another AS: one of these may be of AS 64512, like Node n1"],
    ]);
    const others = peer(
      "leaves",
      'listenRange: 172.30.0.0/24\nasNumbers: ["64500-64511"]\nrole: provider',
    );
    const [range] = planOf(resourcesOf(...nodes, others), "n1").ranges!;
    expect(range?.session.ttl).toBe(1);
  });

  test("a key that cannot be had is told where it is asked for, on the nodes that need it", () => {
    const resources = resourcesOf(
      ...nodes,
      peer("tor", "peerIP: 172.30.0.1\nasNumber: 65000\nnode: n1\npassword: {file: /tor}"),
    );
    const wrong = (file: string): string => `no ${file}`;
    const planned = planSpeaker(resources, "n1", { readKey: wrong });
    expect("faults" in planned && planned.faults.map(formatFault)).toEqual([
      'c.yaml:29: BGPPeer tor: spec.password.file: "/tor": no /tor',
    ]);
    expect("plan" in planSpeaker(resources, "n2", { readKey: wrong })).toBe(true);
  });

  test("everything that a document can say", () => {
    const resources = resourcesOf(
      configuration(
        "asNumber: 64600\nlistenPort: 1179\nholdTime: 9s\nkeepaliveTime: 2s\nconnectRetryTime: 1s",
      ),
      documentOf(
        "Node",
        "n1",
        "bgp: {ipv4Address: 172.30.0.11/24, asNumber: 64601}\nblocks: [10.244.9.0/24, 10.244.1.0/24]",
      ),
      nodeOf("n2", 12),
      documentOf("IPPool", "b", "cidr: 10.245.0.0/16\ndisabled: true"),
      documentOf("IPPool", "a", "cidr: 10.244.0.0/16"),
      documentOf("BGPFilter", "one", "importV4: [{action: Reject}]"),
      documentOf("BGPFilter", "two", "{}"),
      peer(
        "near",
        "peerIP: 172.30.0.1:1790\nasNumber: 65000\nfilters: [two, one]\nacceptDefaultRoute: true\npassive: true\nholdTime: 240\nkeepaliveTime: 60\nconnectRetryTime: 20",
      ),
      peer("far", "peerIP: 203.0.113.1\nasNumber: 65001"),
    );
    expect(printPlan(planOf(resources, "n1"))).toBe(
      `
n1 AS 64601 id 172.30.0.11 listens 172.30.0.11 port 1179
blocks 10.244.9.0/24 10.244.1.0/24 pools 10.244.0.0/16 10.245.0.0/16
mesh n2 (mesh), 172.30.0.11 AS 64601 to 172.30.0.12:1179 AS 64600, ttl 1, hold 9 keepalive 2 retry 1, default
near (BGPPeer), 172.30.0.11 AS 64601 to 172.30.0.1:1790 AS 65000, ttl 1, hold 240 keepalive 60 retry 20, passive, default, filter two filter one
far (BGPPeer), 172.30.0.11 AS 64601 to 203.0.113.1:179 AS 65001, ttl 64, hold 9 keepalive 2 retry 1
`.trim(),
    );
  });

  test("what documents say of routes", () => {
    const resources = resourcesOf(
      configuration(
        'importPolicy: none\nbestPath: {alwaysCompareMED: true, missingMEDIsWorst: true, preferOldestExternal: true}\nmultipath: {maximumPaths: 4, relaxedASPath: true}\nrejectASSets: true\nserviceClusterIPs: [{cidr: 10.96.0.0/12}, {cidr: "fd00:96::/112"}]\nprefixAdvertisements: [{cidr: 10.244.0.0/16, communities: ["65000:1", "65000:1:2"]}]',
      ),
      documentOf(
        "Node",
        "n1",
        "bgp: {ipv4Address: 172.30.0.11/24}\nblocks: [10.244.1.0/24]\ngracefulShutdown: true",
      ),
      nodeOf("n2", 12, "10.244.2.0/24"),
      documentOf("IPPool", "pods", "cidr: 10.244.0.0/16\ndisableBGPExport: true"),
      peer("plain", "peerIP: 172.30.0.1\nasNumber: 65000\nkeepOriginalNextHop: true"),
      peer(
        "all",
        "peerIP: 172.30.0.2\nasNumber: 65000\nlocalASNumber: 65100\nnumAllowedLocalASNumbers: 2\nnextHopMode: Self\nimportPolicy: all\nexportPolicy: pools\nrejectASSets: false\ndiscardBlackhole: true\nasOverride: true\nremovePrivateAS: true\naigp: true\nrole: peer\nstrictRole: true\nprefixLimit: {max: 9, restartTime: 1m}\naddPath: {receive: true, send: BestN, count: 3}",
      ),
      peer("inside", "peerIP: 172.30.0.3\nasNumber: 64512\nkeepOriginalNextHop: true"),
      peer("joined", "peerIP: 172.30.0.4\nasNumber: 65000\nlocalASNumber: 65000"),
    );
    expect(printPlan(planOf(resources, "n1"))).toBe(
      `
n1 AS 64512 id 172.30.0.11 listens 172.30.0.11 port 179
blocks 10.244.1.0/24 pools 10.244.0.0/16
untold 10.244.0.0/16
services 10.96.0.0/12 fd00:96::/112
10.244.0.0/16 with 65000:1 65000:1:2
decides by 4 paths alwaysCompareMed missingMedIsWorst preferOldestExternal relaxedAsPath
mesh n2 (mesh), 172.30.0.11 AS 64512 to 172.30.0.12:179 AS 64512, ttl 64, hold 90 keepalive 30 retry 5, default, refuseAsSets true, gracefulShutdown true
plain (BGPPeer), 172.30.0.11 AS 64512 to 172.30.0.1:179 AS 65000, ttl 1, hold 90 keepalive 30 retry 5, importPolicy "none", refuseAsSets true, nextHop "Keep", gracefulShutdown true
all (BGPPeer), 172.30.0.11 AS 65100 to 172.30.0.2:179 AS 65000, ttl 1, hold 90 keepalive 30 retry 5, role peer strictly, aigp, add-path {"receive":true,"send":true}, importPolicy "all", exportPolicy "pools", allowedOwnAs 2, discardBlackhole true, nextHop "Self", asOverride true, removePrivateAs true, gracefulShutdown true, prefixLimit {"max":9,"warningThreshold":75,"restartTime":60}, toldPaths {"send":"BestN","count":3}
inside (BGPPeer), 172.30.0.11 AS 64512 to 172.30.0.3:179 AS 64512, ttl 64, hold 90 keepalive 30 retry 5, importPolicy "none", refuseAsSets true, gracefulShutdown true
joined (BGPPeer), 172.30.0.11 AS 65000 to 172.30.0.4:179 AS 65000, ttl 64, hold 90 keepalive 30 retry 5, importPolicy "none", refuseAsSets true, gracefulShutdown true
`.trim(),
    );
  });

  test("every session has a limit of prefixes, unless a document has another or wants none", () => {
    const plan = planOf(
      resourcesOf(
        nodeOf("n1", 11),
        nodeOf("n2", 12),
        peer("any", "peerIP: 172.30.0.1\nasNumber: 65000\nprefixLimit: {max: 0}"),
        peer("few", "peerIP: 172.30.0.2\nasNumber: 65000\nprefixLimit: {max: 9}"),
        peer("plain", "peerIP: 172.30.0.3\nasNumber: 65000"),
      ),
      "n1",
    );
    const limits = plan.peers.map(({ name, policy }) => [name, policy.prefixLimit?.max]);
    expect(Object.fromEntries(limits)).toEqual({
      "mesh n2": 4_000_000,
      any: undefined,
      few: 9,
      plain: 4_000_000,
    });
  });

  test("with an IPv6 address all sessions carry both families, IPv6 peers from that address", () => {
    const dual = (name: string, host: number): string =>
      documentOf(
        "Node",
        name,
        `bgp: {ipv4Address: 172.30.0.${host}/24, ipv6Address: "fd00:30::${host}/64"}\nblocks: ["fd00:244::${host}00/122"]`,
      );
    const resources = resourcesOf(
      dual("n1", 11),
      dual("n2", 12),
      nodeOf("n3", 13),
      documentOf("IPPool", "six", 'cidr: "fd00:244::/48"'),
      peer("near", 'peerIP: "fd00:30::1"\nasNumber: 65000\nnode: n1'),
      peer("far", 'peerIP: "[2001:db8::1]:1179"\nasNumber: 65001\nnode: n1'),
      peer("other", 'peerIP: "fd00:30::12"\nasNumber: 64512\nnode: n1'),
    );
    expect(printPlan(planOf(resources, "n1"))).toBe(
      `
n1 AS 64512 id 172.30.0.11 listens 172.30.0.11 fd00:30::11 port 179
blocks fd00:244::1100/122 pools fd00:244::/48
mesh n3 (mesh), 172.30.0.11 AS 64512 to 172.30.0.13:179 AS 64512, IPv4 IPv6, ttl 64, hold 90 keepalive 30 retry 5, default
near (BGPPeer), fd00:30::11 AS 64512 to fd00:30::1:179 AS 65000, IPv4 IPv6, ttl 1, hold 90 keepalive 30 retry 5
far (BGPPeer), fd00:30::11 AS 64512 to 2001:db8::1:1179 AS 65001, IPv4 IPv6, ttl 64, hold 90 keepalive 30 retry 5
other (BGPPeer), fd00:30::11 AS 64512 to fd00:30::12:179 AS 64512, IPv4 IPv6, ttl 64, hold 90 keepalive 30 retry 5, importPolicy "all"
`.trim(),
    );
    expect(names(planOf(resources, "n2"))).toEqual(["mesh n3", "other n1"]);
  });

  test("a peer with an IPv6 address is refused where the node has none", () => {
    const resources = resourcesOf(
      nodeOf("n1", 11),
      peer("six", 'peerIP: "fd00:30::1"\nasNumber: 65000'),
    );
    expect(faultsOf(resources, "n1")).toEqual([
      'c.yaml:12: BGPPeer six: spec.peerIP: "fd00:30::1": Node n1 has no bgp.ipv6Address for a session with fd00:30::1',
    ]);
  });

  test("both ends of a mesh session have each other", () => {
    const resources = resourcesOf(...nodes);
    for (const [one, other] of [
      ["n1", "n2"],
      ["n1", "n3"],
      ["n2", "n3"],
    ] as const) {
      expect(names(planOf(resources, one))).toContain(`mesh ${other}`);
      expect(names(planOf(resources, other))).toContain(`mesh ${one}`);
    }
  });

  test("without mesh there are the BGPPeers alone", () => {
    const tor = peer("tor", "peerIP: 172.30.0.1\nasNumber: 65000");
    const resources = resourcesOf(configuration("nodeToNodeMeshEnabled: false"), tor, ...nodes);
    expect(names(planOf(resources, "n1"))).toEqual(["tor"]);
  });

  test("a BGPPeer is for one node, for some by label, or for all", () => {
    const labelled = nodeOf("n4", 14).replace("{name: n4}", "{name: n4, labels: {rack: b}}");
    const resources = resourcesOf(
      configuration("nodeToNodeMeshEnabled: false"),
      peer("one", "node: n1\npeerIP: 172.30.0.1\nasNumber: 65000"),
      peer("some", "nodeSelector: rack == 'b'\npeerIP: 172.30.0.2\nasNumber: 65000"),
      peer("all", "peerIP: 172.30.0.3\nasNumber: 65000"),
      nodeOf("n1", 11),
      labelled,
    );
    expect(names(planOf(resources, "n1"))).toEqual(["one", "all"]);
    expect(names(planOf(resources, "n4"))).toEqual(["some", "all"]);
  });

  test("a node has no session with itself, and a BGPPeer to a node takes the mesh's place", () => {
    const reflector = peer("reflector", "peerIP: 172.30.0.11\nasNumber: 64512\nholdTime: 30");
    const resources = resourcesOf(configuration("listenPort: 1179"), reflector, ...nodes);
    expect(names(planOf(resources, "n1"))).toEqual(["reflector n2", "reflector n3"]);
    const { peers } = planOf(resources, "n2");
    expect(peers.map(({ name, port }) => [name, port])).toEqual([
      ["mesh n3", 1179],
      ["reflector", 1179],
    ]);
  });

  test.each<[name: string, common: string, own: string, hold: number, keepalive: number]>([
    ["nothing given", "{}", "{}", 90, 30],
    ["a hold time alone brings a third of it", "{holdTime: 9}", "{}", 9, 3],
    ["a keepalive time alone brings three times it", "{keepaliveTime: 10}", "{}", 30, 10],
    ["the peer's hold time", "{holdTime: 9, keepaliveTime: 2}", "{holdTime: 240}", 240, 80],
    ["the peer's keepalive time", "{holdTime: 90}", "{keepaliveTime: 10}", 90, 10],
    ["the peer's keepalive time without any hold time", "{}", "{keepaliveTime: 60}", 180, 60],
    ["no timers for one peer", "{holdTime: 9, keepaliveTime: 3}", "{holdTime: 0}", 0, 0],
  ])("timers: %s", (_name, common, own, hold, keepalive) => {
    const timers = own.slice(1, -1).replace(", ", "\n");
    const resources = resourcesOf(
      configuration(common),
      peer("tor", `peerIP: 172.30.0.1\nasNumber: 65000\n${timers}`),
      nodeOf("n1", 11),
    );
    const tor = planOf(resources, "n1").peers.find(({ name }) => name === "tor");
    expect([tor?.holdTime, tor?.keepaliveTime]).toEqual([hold, keepalive]);
  });

  test("a node that no document describes is a fault that names those there are", () => {
    expect(faultsOf(resourcesOf(...nodes), "n9")).toEqual([
      '--node: no Node is called "n9": there are n1, n2, n3; say which one this is with --node',
    ]);
  });

  test("two ports of one address are a fault on one node, and none on two", () => {
    const twin = (name: string, node: string): string =>
      peer(name, `node: ${node}\npeerIP: 172.30.0.1:${name === "a" ? 179 : 1179}\nasNumber: 65000`);
    const twice = resourcesOf(twin("a", "n1"), twin("b", "n1"), ...nodes);
    expect(faultsOf(twice, "n1")).toEqual([
      'c.yaml:14: BGPPeer b: spec.peerIP: "172.30.0.1:1179": BGPPeer a has the address 172.30.0.1 too, on the same node',
    ]);
    const once = resourcesOf(twin("a", "n1"), twin("b", "n2"), ...nodes);
    expect(faultsOf(once, "n1")).toEqual([]);
  });
});

describe("documents that others write", () => {
  test("conf/cluster has no fault and plans every node", () => {
    const { sources, faults } = readDirectory(join(import.meta.dir, "../../../conf/cluster"));
    const read = readDocuments(sources);
    expect([...faults, ...read.faults].map(formatFault)).toEqual([]);
    expect(read.resources.nodes.length).toBe(3);
    for (const { resource } of read.resources.nodes) {
      const { peers } = planOf(read.resources, resource.name);
      expect(peers.map(({ origin }) => origin)).toEqual(["mesh", "mesh", "BGPPeer"]);
      expect(peers[2]?.filters.map(({ name }) => name)).toEqual(["tor"]);
    }
  });

  test("the lab's documents have no fault, a router's neither", () => {
    const topology = planTopology({ nodes: 3, pods: 2 });
    const plans = [clusterDocuments(topology), routerDocuments(topology)].map((files) => {
      const { resources, faults } = readDocuments(
        files.map(({ name, text }) => ({ file: name, text })),
      );
      expect(faults.map(formatFault)).toEqual([]);
      return resources.nodes.map(({ resource }) => names(planOf(resources, resource.name)));
    });
    expect(plans).toEqual([
      [
        ["mesh n2", "mesh n3", "tor"],
        ["mesh n1", "mesh n3", "tor"],
        ["mesh n1", "mesh n2", "tor"],
      ],
      [["n1", "n2", "n3"]],
    ]);
  });
});
