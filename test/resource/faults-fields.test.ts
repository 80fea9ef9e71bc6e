/** What is wrong with fields: unknown ones, missing ones, and those that do not go together. */

import { documentOf, dualNode, nodeOf } from "./documents.ts";
import {
  ADDRESS,
  AS_NUMBER,
  describeFaults,
  goodPeer,
  KEY_SOURCE,
  NODE_ADDRESS,
  PEER_FIELDS,
  peer,
} from "./faults.ts";

describeFaults("fields", [
  [
    "every unknown field of a document, not the first alone",
    [peer(`${goodPeer}\ncolour: red\nflavour: sweet`)],
    [
      `c.yaml:7: BGPPeer tor: spec.colour: "red": no such field: expected one of ${PEER_FIELDS}`,
      `c.yaml:8: BGPPeer tor: spec.flavour: "sweet": no such field: expected one of ${PEER_FIELDS}`,
    ],
  ],
  [
    "an unknown field inside another, beside a wrong value",
    [documentOf("Node", "n1", "bgp:\n  ipv4Address: nowhere\n  speed: 3")],
    [
      `c.yaml:6: Node n1: spec.bgp.ipv4Address: "nowhere": ${NODE_ADDRESS}`,
      "c.yaml:7: Node n1: spec.bgp.speed: 3: no such field: expected one of ipv4Address, ipv6Address, asNumber, routeReflectorClusterID, listenAddresses, clientToClientReflection",
    ],
  ],
  [
    "a field of Calico's that is not honoured",
    [peer(`${goodPeer}\nbirdGatewayMode: DirectIfDirectlyConnected`)],
    [
      'c.yaml:7: BGPPeer tor: spec.birdGatewayMode: "DirectIfDirectlyConnected": not honoured by this version of Manx (next hops are looked up among the kernel\'s routes, be the peer near or not): remove it, or say "Recursive"',
    ],
  ],
  [
    "a password that is nowhere, or in two places",
    [
      peer(`${goodPeer}\npassword: {}`),
      documentOf(
        "BGPPeer",
        "b",
        `${goodPeer}\npassword:\n  file: /k\n  secretKeyRef: {name: a, key: b}`,
      ),
    ],
    [
      `c.yaml:7: BGPPeer tor: spec.password: missing: ${KEY_SOURCE}`,
      `c.yaml:15: BGPPeer b: spec.password: ${KEY_SOURCE}, not both`,
    ],
  ],
  [
    "a password that is in the document itself, which is not shown",
    [
      peer(`${goodPeer}\npassword: hush`),
      documentOf("BGPPeer", "b", `${goodPeer}\npassword: {value: hush}`),
      documentOf("BGPPeer", "c", `${goodPeer}\npassword: {secretKeyRef: hush}`),
    ],
    [
      "c.yaml:7: BGPPeer tor: spec.password: expected a map with file, secretKeyRef",
      "c.yaml:15: BGPPeer b: spec.password.value: no such field: expected one of file, secretKeyRef",
      `c.yaml:15: BGPPeer b: spec.password: missing: ${KEY_SOURCE}`,
      "c.yaml:23: BGPPeer c: spec.password.secretKeyRef: expected a map with name, key, optional",
    ],
  ],
  [
    "a password's file without its whole path",
    [peer(`${goodPeer}\npassword: {file: tor.key}`)],
    [
      'c.yaml:7: BGPPeer tor: spec.password.file: "tor.key": expected an absolute path, such as /etc/manx/tor.key',
    ],
  ],
  [
    "hops that say less than one, or two things",
    [
      peer(`${goodPeer}\nttlSecurity: 0`),
      documentOf("BGPPeer", "b", `${goodPeer}\nttlSecurity: 1\nmultihop: 2`),
    ],
    [
      "c.yaml:7: BGPPeer tor: spec.ttlSecurity: 0: expected hops to the peer from 1 to 254",
      "c.yaml:16: BGPPeer b: spec.multihop: 2: expected either multihop or ttlSecurity, which says the hops too",
    ],
  ],
  [
    "a shutdown text that no message can carry",
    [peer(`${goodPeer}\nshutdown: ${"ä".repeat(128)}`)],
    [
      `c.yaml:7: BGPPeer tor: spec.shutdown: "${"ä".repeat(78)}…: expected at most 255 octets of UTF-8 (RFC 9003)`,
    ],
  ],
  [
    "a range with a peer, without AS numbers",
    [peer("peerIP: 172.30.0.1\nlistenRange: 172.30.0.0/24")],
    [
      "c.yaml:4: BGPPeer tor: spec.asNumbers: expected either asNumber or asNumbers with a listenRange",
      'c.yaml:5: BGPPeer tor: spec.peerIP: "172.30.0.1": with listenRange whoever calls from it is the peer: remove it',
    ],
  ],
  [
    "a range whose neighbours are to be watched before they call, or are on a link",
    [
      peer("listenRange: fd00:30::/64\nasNumber: 64513\nbfd: {strict: true}"),
      documentOf("BGPPeer", "b", "listenRange: fe80::/64\nasNumber: 64513\nsourceAddress: None"),
    ],
    [
      "c.yaml:7: BGPPeer tor: spec.bfd: expected no strict with a listenRange: who calls is known by its call only",
      'c.yaml:13: BGPPeer b: spec.listenRange: "fe80::/64": expected no link-local one: an interface alone finds who is on a link',
      'c.yaml:15: BGPPeer b: spec.sourceAddress: "None": with listenRange whoever calls chooses it: remove it',
    ],
  ],
  [
    "AS numbers of a range that are none, for a peer that is one",
    [
      peer("listenRange: 172.30.0.0/24\nasNumbers: [64513, 64600-64500]"),
      documentOf("BGPPeer", "b", `${goodPeer}\nasNumbers: [1]\nlistenLimit: 5`),
    ],
    [
      'c.yaml:6: BGPPeer tor: spec.asNumbers[1]: "64600-64500": expected an AS number or a range such as "64512-64600"',
      "c.yaml:14: BGPPeer b: spec.asNumbers: expected only with a listenRange",
      "c.yaml:15: BGPPeer b: spec.listenLimit: 5: expected only with a listenRange",
    ],
  ],
  [
    "an AS by a word, where the peer has an address",
    [peer("peerIP: 172.30.0.1\nasNumber: external")],
    [
      'c.yaml:6: BGPPeer tor: spec.asNumber: "external": expected an AS number: external and internal go with an interface alone',
    ],
  ],
  [
    "an interface alone without an AS, or with a word that is none",
    [peer("interface: eth1"), documentOf("BGPPeer", "b", "interface: eth1\nasNumber: any")],
    [
      `c.yaml:4: BGPPeer tor: spec.asNumber: missing: ${AS_NUMBER}, or, with an interface alone, external or internal`,
      `c.yaml:12: BGPPeer b: spec.asNumber: "any": ${AS_NUMBER}, or, with an interface alone, external or internal`,
    ],
  ],
  [
    "an interface alone, as if the peer were somewhere else",
    [
      peer(
        "interface: eth1\nasNumber: external\nmultihop: 2\nreachableBy: 10.0.0.1\nbfd: {multihop: true}\nlistenLimit: 3\nsourceAddress: None",
      ),
    ],
    [
      "c.yaml:7: BGPPeer tor: spec.multihop: 2: with an interface alone the peer is on that link: remove it",
      'c.yaml:8: BGPPeer tor: spec.reachableBy: "10.0.0.1": with an interface alone the peer is on that link: remove it',
      "c.yaml:9: BGPPeer tor: spec.bfd: expected no multihop with an interface alone: the peer is on that link",
      "c.yaml:10: BGPPeer tor: spec.listenLimit: 3: expected only with a listenRange",
      'c.yaml:11: BGPPeer tor: spec.sourceAddress: "None": with an interface alone it is the link\'s own: remove it',
    ],
  ],
  [
    "who waits for calls where nobody can call",
    [
      documentOf("BGPConfiguration", "default", "listen: false"),
      peer(`${goodPeer}\npassive: true`),
      documentOf("BGPPeer", "b", "listenRange: 172.30.0.0/24\nasNumber: 64513"),
    ],
    [
      "c.yaml:13: BGPPeer tor: spec.passive: true: expected no such field: BGPConfiguration says listen: false",
      'c.yaml:19: BGPPeer b: spec.listenRange: "172.30.0.0/24": expected no such field: BGPConfiguration says listen: false',
    ],
  ],
  [
    "a tunnel, with the value that would do",
    [documentOf("IPPool", "pods", "cidr: 10.244.0.0/16\nipipMode: Always")],
    [
      'c.yaml:6: IPPool pods: spec.ipipMode: "Always": not honoured by this version of Manx (packets travel without tunnels): remove it, or say "Never"',
    ],
  ],
  [
    "a field of a filter rule, with its index",
    [documentOf("BGPFilter", "f", "importV4:\n- action: Accept\n  source: Everybody")],
    ['c.yaml:7: BGPFilter f: spec.importV4[0].source: "Everybody": expected RemotePeers'],
  ],
  [
    "an unknown field beside spec",
    [`${peer(goodPeer)}state: {}\n`],
    ["c.yaml:7: BGPPeer tor: state: no such field: expected apiVersion, kind, metadata, spec"],
  ],
  [
    "a label that is a number",
    [
      "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata:\n  name: n1\n  labels:\n    rack: 1\nspec: {bgp: {ipv4Address: 10.0.0.1}}\n",
    ],
    ['c.yaml:6: Node n1: metadata.labels.rack: 1: expected text: put it in quotes, such as "1"'],
  ],
  [
    "a name in capitals",
    [documentOf("Node", "N1", "bgp: {ipv4Address: 10.0.0.1}")],
    [
      'c.yaml:3: Node N1: metadata.name: "N1": expected a name of lower-case letters, digits, - and ., beginning and ending with a letter or digit',
    ],
  ],
]);

describeFaults("ends", [
  [
    "neither an address nor a selector of Nodes",
    [peer("asNumber: 65000")],
    [
      `c.yaml:4: BGPPeer tor: spec.peerIP: missing: ${ADDRESS}; or, for Nodes, a peerSelector; or, for the nodes' own pods, a localWorkloadSelector; or, for who calls, a listenRange; or, for who is found on a link, an interface`,
    ],
  ],
  [
    "an AS number beside a selector of Nodes",
    [peer("peerSelector: has(rr)\nasNumber: 65000")],
    [
      "c.yaml:6: BGPPeer tor: spec.asNumber: 65000: with peerSelector the Nodes say their AS numbers: remove it",
    ],
  ],
  [
    "an address beside a selector of Nodes",
    [peer("peerSelector: has(rr)\npeerIP: 172.30.0.1")],
    [
      'c.yaml:6: BGPPeer tor: spec.peerIP: "172.30.0.1": with peerSelector the Nodes say their addresses: remove it',
    ],
  ],
  [
    "a gateway beside a selector of Nodes",
    [peer("peerSelector: has(rr)\nreachableBy: 172.30.0.254")],
    ['c.yaml:6: BGPPeer tor: spec.reachableBy: "172.30.0.254": goes with a peerIP'],
  ],
  [
    "a gateway that is the peer itself",
    [peer(`${goodPeer}\nreachableBy: 172.30.0.1`)],
    [
      'c.yaml:7: BGPPeer tor: spec.reachableBy: "172.30.0.1": expected the gateway to the peer, not the peer itself',
    ],
  ],
  [
    "a gateway of the other family",
    [peer(`${goodPeer}\nreachableBy: fd00::1`)],
    [
      'c.yaml:7: BGPPeer tor: spec.reachableBy: "fd00::1": expected an IPv4 address, like the peer\'s',
    ],
  ],
  [
    "a cluster ID of nobody",
    [documentOf("Node", "n1", "bgp:\n  ipv4Address: 10.0.0.1\n  routeReflectorClusterID: 0.0.0.0")],
    [
      'c.yaml:7: Node n1: spec.bgp.routeReflectorClusterID: "0.0.0.0": expected a cluster ID of four octets such as 244.0.0.1, not 0.0.0.0',
    ],
  ],
]);

describeFaults("aggregates", [
  [
    "an aggregate outside of every pool",
    [
      documentOf("BGPConfiguration", "default", "aggregates:\n- cidr: 10.9.0.0/20"),
      documentOf("IPPool", "pods", "cidr: 10.244.0.0/16"),
    ],
    [
      'c.yaml:6: BGPConfiguration default: spec.aggregates[0].cidr: "10.9.0.0/20": inside no IPPool: there are 10.244.0.0/16',
    ],
  ],
  [
    "an aggregate of the length of blocks",
    [
      documentOf("BGPConfiguration", "default", "aggregates:\n- cidr: 10.244.1.0/24"),
      documentOf("IPPool", "pods", "cidr: 10.244.0.0/16"),
    ],
    [
      'c.yaml:6: BGPConfiguration default: spec.aggregates[0].cidr: "10.244.1.0/24": expected a prefix that holds blocks: those of IPPool pods are /24',
    ],
  ],
  [
    "an aggregate that is a block",
    [
      documentOf("BGPConfiguration", "default", "aggregates:\n- cidr: 10.244.1.0/24"),
      nodeOf("n1", 11, "10.244.1.0/24"),
    ],
    [
      'c.yaml:6: BGPConfiguration default: spec.aggregates[0].cidr: "10.244.1.0/24": expected a prefix that holds blocks: 10.244.1.0/24 of Node n1 is as long or shorter',
    ],
  ],
  [
    "an aggregate with a node, a peer and services in it: its discard route would cut them off",
    [
      documentOf(
        "BGPConfiguration",
        "default",
        "serviceClusterIPs: [{cidr: 172.30.128.0/24}]\naggregates:\n- cidr: 172.30.0.0/16",
      ),
      nodeOf("n1", 11),
      peer(goodPeer),
    ],
    [
      "the address of Node n1",
      "172.30.0.1 of BGPPeer tor",
      "the service range 172.30.128.0/24",
    ].map(
      (what) =>
        `c.yaml:7: BGPConfiguration default: spec.aggregates[0].cidr: "172.30.0.0/16": has ${what} in it, to which its discard route would lead`,
    ),
  ],
  [
    "an IPv6 aggregate with a node in it",
    [
      documentOf("BGPConfiguration", "default", 'aggregates:\n- cidr: "fd00::/64"'),
      dualNode("n1", 11, "fd00::11/64"),
    ],
    [
      'c.yaml:6: BGPConfiguration default: spec.aggregates[0].cidr: "fd00::/64": has the address of Node n1 in it, to which its discard route would lead',
    ],
  ],
  [
    "aggregates within one another",
    [
      documentOf(
        "BGPConfiguration",
        "default",
        "aggregates:\n- cidr: 10.244.0.0/16\n- cidr: 10.244.16.0/20",
      ),
    ],
    [
      'c.yaml:7: BGPConfiguration default: spec.aggregates[1].cidr: "10.244.16.0/20": overlaps the aggregate 10.244.0.0/16: of two, neither has all its parts',
    ],
  ],
]);
