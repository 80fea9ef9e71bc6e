/** What is wrong with documents as such, and between them. */

import { documentOf, dualNode, nodeOf } from "./documents.ts";
import { describeFaults, goodPeer, NODE_ADDRESS, peer } from "./faults.ts";

describeFaults("documents", [
  [
    "a kind that we do not know",
    [documentOf("NetworkPolicy", "r", "order: 1")],
    [
      'c.yaml:2: kind: "NetworkPolicy": not a kind of this version of Manx: expected one of BGPConfiguration, BGPFilter, BGPPeer, IPPool, IPReservation, Node, Secret, Service, EndpointSlice',
    ],
  ],
  [
    "another apiVersion",
    [peer(goodPeer).replace("projectcalico.org/v3", "crd.projectcalico.org/v1")],
    [
      'c.yaml:1: BGPPeer tor: apiVersion: "crd.projectcalico.org/v1": expected projectcalico.org/v3',
    ],
  ],
  [
    "a document without metadata",
    ["apiVersion: projectcalico.org/v3\nkind: BGPConfiguration\n"],
    [
      "c.yaml:1: BGPConfiguration: metadata: expected a map with name, labels, annotations, creationTimestamp, finalizers, generation, managedFields, ownerReferences, resourceVersion, selfLink, uid",
    ],
  ],
  [
    "a document that is text",
    ["just text\n"],
    ['c.yaml:1: "just text": expected a document with apiVersion, kind, metadata and spec'],
  ],
  ["a key twice", ["kind: Node\nkind: Node\n"], ["c.yaml:2: not YAML: Map keys must be unique"]],
  [
    "an alias of nothing",
    ["kind: *node\n"],
    ["c.yaml:1: not YAML: Unresolved alias (the anchor must be set before the alias): node"],
  ],
  [
    "a tag that is unknown",
    ["kind: !secret Node\n"],
    ["c.yaml:1: not YAML: Unresolved tag: !secret"],
  ],
  [
    "two documents of one kind and name",
    [peer(goodPeer), peer(goodPeer)],
    [
      'c.yaml:10: BGPPeer tor: metadata.name: "tor": there is another BGPPeer of this name at c.yaml:3',
    ],
  ],
  [
    "the second of two, although the first is wrong in itself",
    [nodeOf("n1", 0), nodeOf("n1", 12)],
    [
      `c.yaml:5: Node n1: spec.bgp.ipv4Address: "172.30.0.0/24": ${NODE_ADDRESS}`,
      'c.yaml:10: Node n1: metadata.name: "n1": there is another Node of this name at c.yaml:3',
    ],
  ],
  [
    "a BGPConfiguration with a name of its own",
    [documentOf("BGPConfiguration", "n1", "asNumber: 64513")],
    [
      'c.yaml:3: BGPConfiguration n1: metadata.name: "n1": expected "default" for the cluster, or "node." and a Node\'s name for what that has otherwise',
    ],
  ],
  [
    "a BGPConfiguration of a node that is not there, with what is the cluster's alone",
    [documentOf("BGPConfiguration", "node.n9", "listenPort: 1179"), nodeOf("n1", 11)],
    ['c.yaml:3: BGPConfiguration node.n9: metadata.name: "node.n9": no such Node: there are n1'],
  ],
  [
    "the cluster's own AS number in the BGPConfiguration of a node",
    [documentOf("BGPConfiguration", "node.n1", "asNumber: 64513"), nodeOf("n1", 11)],
    [
      "c.yaml:5: BGPConfiguration node.n1: spec.asNumber: 64513: no such field: expected one of listenPort, communities, prefixAdvertisements, importPolicy, rejectASSets, discardBlackhole, holdTime, keepaliveTime, connectRetryTime",
    ],
  ],
]);

describeFaults("references", [
  [
    "a filter that is not there",
    [peer(`${goodPeer}\nfilters:\n- tor-in`)],
    ['c.yaml:8: BGPPeer tor: spec.filters[0]: "tor-in": no such BGPFilter: there are none'],
  ],
  [
    "a node that is not there",
    [peer(`${goodPeer}\nnode: n9`), nodeOf("n1", 11)],
    ['c.yaml:7: BGPPeer tor: spec.node: "n9": no such Node: there are n1'],
  ],
  [
    "node and nodeSelector at once",
    [peer(`${goodPeer}\nnode: n1\nnodeSelector: all()`), nodeOf("n1", 11)],
    [
      'c.yaml:8: BGPPeer tor: spec.nodeSelector: "all()": expected either node or nodeSelector, not both',
    ],
  ],
  [
    "a reference to a faulty document is no second fault",
    [peer(`${goodPeer}\nnode: n1`), nodeOf("n1", 0)],
    [`c.yaml:13: Node n1: spec.bgp.ipv4Address: "172.30.0.0/24": ${NODE_ADDRESS}`],
  ],
  [
    "a reference is not judged while a file cannot be read",
    [peer(`${goodPeer}\nnode: n1`), "kind: a\nkind: b\n"],
    ["c.yaml:10: not YAML: Map keys must be unique"],
  ],
  [
    "two nodes with one address",
    [nodeOf("n1", 11), nodeOf("n2", 11)],
    [
      'c.yaml:12: Node n2: spec.bgp.ipv4Address: "172.30.0.11/24": Node n1 has the address 172.30.0.11 too',
    ],
  ],
  [
    "two nodes with one IPv6 address",
    [dualNode("n1", 11, "fd00::11/64"), dualNode("n2", 12, "fd00::11")],
    ['c.yaml:16: Node n2: spec.bgp.ipv6Address: "fd00::11": Node n1 has the address fd00::11 too'],
  ],
  [
    "an IPv6 block of a node without an IPv6 address",
    [nodeOf("n1", 11, "fd00:244::/122")],
    [
      'c.yaml:6: Node n1: spec.blocks[0]: "fd00:244::/122": the node has no bgp.ipv6Address, without which nobody is told of IPv6 blocks',
    ],
  ],
  [
    "IPv6 blocks that are too large, and outside the pool of their family",
    [
      dualNode("n1", 11, "fd00::11/64", "10.244.1.0/24", "fd00:244::/112", "fd00:245::/122"),
      documentOf("IPPool", "six", 'cidr: "fd00:244::/48"'),
    ],
    [
      'c.yaml:8: Node n1: spec.blocks[1]: "fd00:244::/112": expected a block of /116 to /128',
      'c.yaml:8: Node n1: spec.blocks[2]: "fd00:245::/122": inside no IPPool: there are fd00:244::/48',
    ],
  ],
  [
    "an IPv6 block with a node's address in it",
    [dualNode("n1", 11, "fd00::11/64", "fd00::/122")],
    ['c.yaml:8: Node n1: spec.blocks[0]: "fd00::/122": has the address of Node n1 in it'],
  ],
  [
    "a blockSize of the other family",
    [documentOf("IPPool", "six", 'cidr: "fd00:244::/48"\nblockSize: 26')],
    ["c.yaml:6: IPPool six: spec.blockSize: 26: expected a prefix length from 116 to 128"],
  ],
  [
    "blocks of two nodes that overlap",
    [nodeOf("n1", 11, "10.244.0.0/23"), nodeOf("n2", 12, "10.244.1.0/24")],
    ['c.yaml:13: Node n2: spec.blocks[0]: "10.244.1.0/24": overlaps 10.244.0.0/23 of Node n1'],
  ],
  [
    "a block outside every pool",
    [nodeOf("n1", 11, "10.9.0.0/24"), documentOf("IPPool", "pods", "cidr: 10.244.0.0/16")],
    ['c.yaml:6: Node n1: spec.blocks[0]: "10.9.0.0/24": inside no IPPool: there are 10.244.0.0/16'],
  ],
  [
    "a block of another size than its pool says",
    [
      nodeOf("n1", 11, "10.244.1.0/26"),
      documentOf("IPPool", "pods", "cidr: 10.244.0.0/16\nblockSize: 24"),
    ],
    [
      'c.yaml:6: Node n1: spec.blocks[0]: "10.244.1.0/26": expected a /24, the blockSize of IPPool pods',
    ],
  ],
  [
    "a block that is too large to be searched",
    [nodeOf("n1", 11, "10.244.0.0/16")],
    ['c.yaml:6: Node n1: spec.blocks[0]: "10.244.0.0/16": expected a block of /20 to /32'],
  ],
  [
    "a block with a node in it",
    [nodeOf("n1", 11), nodeOf("n2", 12, "172.30.0.0/24")],
    ['c.yaml:13: Node n2: spec.blocks[0]: "172.30.0.0/24": has the address of Node n1 in it'],
  ],
  [
    "two pools that overlap",
    [
      documentOf("IPPool", "a", "cidr: 10.244.0.0/16"),
      documentOf("IPPool", "b", "cidr: 10.244.128.0/17"),
    ],
    ['c.yaml:11: IPPool b: spec.cidr: "10.244.128.0/17": overlaps 10.244.0.0/16 of IPPool a'],
  ],
  [
    "a pool smaller than its blocks",
    [documentOf("IPPool", "a", "cidr: 10.244.0.0/26\nblockSize: 24")],
    ["c.yaml:6: IPPool a: spec.blockSize: 24: expected at least the pool's own length, 26"],
  ],
  [
    "a pool of link-local addresses",
    [documentOf("IPPool", "a", "cidr: 169.254.0.0/20")],
    [
      'c.yaml:5: IPPool a: spec.cidr: "169.254.0.0/20": overlaps the link-local 169.254.0.0/16, which nobody can route',
    ],
  ],
  [
    "overlapping pools of IPv6",
    [
      documentOf("IPPool", "a", 'cidr: "fd00::/48"'),
      documentOf("IPPool", "b", 'cidr: "fd00::1:0/112"'),
    ],
    ['c.yaml:11: IPPool b: spec.cidr: "fd00::1:0/112": overlaps fd00::/48 of IPPool a'],
  ],
  [
    "a pool that leaves out all addresses of its blocks",
    [documentOf("IPPool", "a", "cidr: 10.244.0.0/16\nblockSize: 31\nskipFirstAndLast: true")],
    [
      "c.yaml:7: IPPool a: spec.skipFirstAndLast: true: leaves no address in a /31: expected a shorter blockSize, or false",
    ],
  ],
  [
    "a block of a pool that does not select its Node",
    [
      nodeOf("n1", 11, "10.244.1.0/24"),
      documentOf("IPPool", "pods", "cidr: 10.244.0.0/16\nnodeSelector: has(rack)"),
    ],
    [
      'c.yaml:6: Node n1: spec.blocks[0]: "10.244.1.0/24": the nodeSelector of IPPool pods does not select this Node',
    ],
  ],
  [
    "a block of which its pool leaves out both addresses",
    [
      nodeOf("n1", 11, "10.244.1.0/31"),
      documentOf("IPPool", "pods", "cidr: 10.244.0.0/16\nskipFirstAndLast: true"),
    ],
    [
      'c.yaml:6: Node n1: spec.blocks[0]: "10.244.1.0/31": skipFirstAndLast of IPPool pods leaves no address in it',
    ],
  ],
  [
    "a block of a pool that is for load balancers",
    [
      nodeOf("n1", 11, "10.244.1.0/24"),
      documentOf("IPPool", "lb", "cidr: 10.244.0.0/16\nallowedUses: [LoadBalancer]"),
    ],
    [
      'c.yaml:6: Node n1: spec.blocks[0]: "10.244.1.0/24": IPPool lb is not for pods: its allowedUses have no Workload',
    ],
  ],
  [
    "KEEPALIVEs rarer than the hold time",
    [documentOf("BGPConfiguration", "default", "holdTime: 9\nkeepaliveTime: 10")],
    [
      "c.yaml:6: BGPConfiguration default: spec.keepaliveTime: 10: expected less than the hold time of 9 s, best a third of it",
    ],
  ],
  [
    "a peer's KEEPALIVEs rarer than the cluster's hold time",
    [
      documentOf("BGPConfiguration", "default", "holdTime: 9"),
      peer(`${goodPeer}\nkeepaliveTime: 9`),
    ],
    [
      "c.yaml:13: BGPPeer tor: spec.keepaliveTime: 9: expected less than the hold time of 9 s, best a third of it",
    ],
  ],
  [
    "no KEEPALIVEs, but a hold time",
    [documentOf("BGPConfiguration", "default", "keepaliveTime: 0")],
    [
      "c.yaml:5: BGPConfiguration default: spec.keepaliveTime: 0: expected 1 s or more; only a holdTime of 0 does without",
    ],
  ],
  [
    "KEEPALIVEs, but no hold time",
    [documentOf("BGPConfiguration", "default", "holdTime: 0\nkeepaliveTime: 5")],
    [
      "c.yaml:6: BGPConfiguration default: spec.keepaliveTime: 5: expected 0, or none: with a holdTime of 0 nothing is sent",
    ],
  ],
]);
