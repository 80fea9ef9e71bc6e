import { describe, expect, test } from "bun:test";
import { parseAddress } from "../../lib/address.ts";
import { formatPrefix } from "../../lib/prefix.ts";
import { readDocuments } from "../../resource/document.ts";
import { formatFault } from "../../resource/fault.ts";
import { blockSizeOf } from "../../resource/ip-pool.ts";
import type { Resources } from "../../resource/resource.ts";
import { documentOf, faultsOf, nodeOf, resourcesOf } from "./documents.ts";

const peer = (spec: string): string => documentOf("BGPPeer", "tor", spec);
const goodPeer = "peerIP: 172.30.0.1\nasNumber: 65000";

type Case = readonly [name: string, documents: readonly string[], faults: readonly string[]];

const ADDRESS =
  "expected a host's address, optionally with :PORT, such as 172.30.0.1, 172.30.0.1:1179, fd00::1 or [fd00::1]:1179; link-local ones are not supported";
const PREFIX =
  "expected a prefix such as 10.244.0.0/16 or fd00::/48, with no bits set behind its length";
const PREFIX4 = "expected an IPv4 prefix such as 10.244.0.0/16, with no bits set behind its length";
const SECONDS = 'expected whole seconds from 0 to 65535, as a number or as "90s"';
const AS_NUMBER = "expected an AS number from 1 to 4294967294";
const NODE_ADDRESS =
  "expected the node's IPv4 address such as 172.30.0.11, or with its network's length such as 172.30.0.11/24";
const PEER_FIELDS =
  "node, nodeSelector, peerIP, asNumber, peerSelector, reversePeering, reachableBy, listenRange, asNumbers, listenLimit, filters, password, ttlSecurity, multihop, sourceAddress, interface, localASNumber, numAllowedLocalASNumbers, nextHopMode, keepOriginalNextHop, delayOpen, sendHoldTime, shutdown, acceptDefaultRoute, passive, importPolicy, exportPolicy, rejectASSets, discardBlackhole, asOverride, removePrivateAS, gracefulShutdown, aigp, routeReflectorClient, role, strictRole, prefixLimit, addPath, bfd, holdTime, keepaliveTime, connectRetryTime";

const INTERVAL = 'expected milliseconds from 10 to 60000, as a number or as "300ms" or "1s"';
const BFD_FIELDS =
  "enabled, minTransmitInterval, minReceiveInterval, detectMultiplier, multihop, minimumTtl, strict, auth";
const KEY_FILE = "expected the absolute path of a file with the key";

const values: readonly Case[] = [
  [
    "BFD's intervals",
    [peer(`${goodPeer}\nbfd:\n  minTransmitInterval: 9\n  minReceiveInterval: 1m`)],
    [
      `c.yaml:8: BGPPeer tor: spec.bfd.minTransmitInterval: 9: ${INTERVAL}`,
      `c.yaml:9: BGPPeer tor: spec.bfd.minReceiveInterval: "1m": ${INTERVAL}`,
    ],
  ],
  [
    "a BFD multiplier of zero, a TTL of 256",
    [peer(`${goodPeer}\nbfd:\n  detectMultiplier: 0\n  minimumTtl: 256`)],
    [
      "c.yaml:8: BGPPeer tor: spec.bfd.detectMultiplier: 0: expected a number of packets from 1 to 255",
      "c.yaml:9: BGPPeer tor: spec.bfd.minimumTtl: 256: expected a TTL from 1 to 255",
    ],
  ],
  [
    "BFD's keys",
    [peer(`${goodPeer}\nbfd:\n  auth:\n    type: MD5\n    keyId: 256\n    keyFile: key`)],
    [
      'c.yaml:9: BGPPeer tor: spec.bfd.auth.type: "MD5": expected one of KeyedMD5, MeticulousKeyedMD5, KeyedSHA1, MeticulousKeyedSHA1',
      "c.yaml:10: BGPPeer tor: spec.bfd.auth.keyId: 256: expected a key ID from 0 to 255",
      `c.yaml:11: BGPPeer tor: spec.bfd.auth.keyFile: "key": ${KEY_FILE}`,
    ],
  ],
  [
    "a key of BFD without a file, and a field that BFD does not have",
    [peer(`${goodPeer}\nbfd:\n  echo: true\n  auth: {type: KeyedMD5, keyId: 1}`)],
    [
      `c.yaml:8: BGPPeer tor: spec.bfd.echo: true: no such field: expected one of ${BFD_FIELDS}`,
      `c.yaml:9: BGPPeer tor: spec.bfd.auth.keyFile: missing: ${KEY_FILE}`,
    ],
  ],
  [
    "several paths that nobody counts, counts that nobody needs, and neither direction",
    [
      peer(`${goodPeer}\naddPath: {send: BestN}`),
      documentOf("BGPPeer", "b", `${goodPeer}\naddPath: {receive: true, count: 2}`),
      documentOf("BGPPeer", "c", `${goodPeer}\naddPath: {receive: false}`),
      documentOf("BGPPeer", "d", `${goodPeer}\naddPath: {send: Some, count: 0}`),
    ],
    [
      "c.yaml:7: BGPPeer tor: spec.addPath.count: missing: with send: BestN expected a number of paths from 1 to 255",
      "c.yaml:15: BGPPeer b: spec.addPath.count: 2: expected only with send: BestN",
      "c.yaml:23: BGPPeer c: spec.addPath.receive: false: expected receive: true, or send, or both; for neither remove addPath",
      'c.yaml:31: BGPPeer d: spec.addPath.send: "Some": expected All, BestN or ECMP',
      "c.yaml:31: BGPPeer d: spec.addPath.count: 0: expected a number of paths from 1 to 255",
    ],
  ],
  [
    "a peer's address with an octet above 255",
    [peer("peerIP: 10.0.0.300\nasNumber: 65000")],
    [`c.yaml:5: BGPPeer tor: spec.peerIP: "10.0.0.300": ${ADDRESS}`],
  ],
  [
    "a peer's port above 65535",
    [peer("peerIP: 10.0.0.1:70000\nasNumber: 65000")],
    [`c.yaml:5: BGPPeer tor: spec.peerIP: "10.0.0.1:70000": ${ADDRESS}`],
  ],
  [
    "a multicast address of a peer",
    [peer("peerIP: 224.0.0.5\nasNumber: 65000")],
    [`c.yaml:5: BGPPeer tor: spec.peerIP: "224.0.0.5": ${ADDRESS}`],
  ],
  [
    "a peer's link-local address",
    [peer('peerIP: "fe80::1"\nasNumber: 65000')],
    [`c.yaml:5: BGPPeer tor: spec.peerIP: "fe80::1": ${ADDRESS}`],
  ],
  [
    "a peer's IPv4 address in brackets",
    [peer('peerIP: "[10.0.0.1]:179"\nasNumber: 65000')],
    [`c.yaml:5: BGPPeer tor: spec.peerIP: "[10.0.0.1]:179": ${ADDRESS}`],
  ],
  [
    "a peer's IPv4 address in an IPv6 one",
    [peer('peerIP: "::ffff:10.0.0.1"\nasNumber: 65000')],
    [`c.yaml:5: BGPPeer tor: spec.peerIP: "::ffff:10.0.0.1": ${ADDRESS}`],
  ],
  [
    "a peer's port 0",
    [peer('peerIP: "[fd00::1]:0"\nasNumber: 65000')],
    [`c.yaml:5: BGPPeer tor: spec.peerIP: "[fd00::1]:0": ${ADDRESS}`],
  ],
  ...["fe80::11/64", "ff02::1", "::1/128", "fd00::/64", "172.30.0.11"].map(
    (text): Case => [
      `${text} as the IPv6 address of a node`,
      [documentOf("Node", "n1", `bgp:\n  ipv4Address: 172.30.0.11\n  ipv6Address: "${text}"`)],
      [
        `c.yaml:7: Node n1: spec.bgp.ipv6Address: "${text}": expected the node's IPv6 address such as fd00::11, or with its network's length such as fd00::11/64`,
      ],
    ],
  ),
  [
    "a peer without AS number is told at its spec, with what belongs there",
    [peer("peerIP: 172.30.0.1")],
    [`c.yaml:4: BGPPeer tor: spec.asNumber: missing: ${AS_NUMBER}`],
  ],
  [
    "an AS number that does not fit 32 bits",
    [peer("peerIP: 172.30.0.1\nasNumber: 4294967296")],
    [`c.yaml:6: BGPPeer tor: spec.asNumber: 4294967296: ${AS_NUMBER}`],
  ],
  [
    "an AS number that is reserved",
    [peer("peerIP: 172.30.0.1\nasNumber: 23456")],
    [
      "c.yaml:6: BGPPeer tor: spec.asNumber: 23456: AS 23456 is reserved: expected another AS number",
    ],
  ],
  [
    "a field without a value",
    [peer(`${goodPeer}\nholdTime:`)],
    [`c.yaml:7: BGPPeer tor: spec.holdTime: null: ${SECONDS}; 0 switches the timer off`],
  ],
  [
    "a hold time of fractions",
    [peer(`${goodPeer}\nholdTime: 500ms`)],
    [`c.yaml:7: BGPPeer tor: spec.holdTime: "500ms": ${SECONDS}; 0 switches the timer off`],
  ],
  [
    "a hold time of two seconds",
    [peer(`${goodPeer}\nholdTime: 2`)],
    [
      "c.yaml:7: BGPPeer tor: spec.holdTime: 2: expected 0 or at least 3 seconds (RFC 4271 section 4.2)",
    ],
  ],
  [
    "a truth value in words",
    [peer(`${goodPeer}\npassive: "yes"`)],
    ['c.yaml:7: BGPPeer tor: spec.passive: "yes": expected true or false'],
  ],
  [
    "a selector that ends too early",
    [peer(`${goodPeer}\nnodeSelector: rack ==`)],
    [
      'c.yaml:7: BGPPeer tor: spec.nodeSelector: "rack ==": at character 8: found the end, expected text in quotes',
    ],
  ],
  [
    "filters that are no list",
    [peer(`${goodPeer}\nfilters: tor`)],
    ['c.yaml:7: BGPPeer tor: spec.filters: "tor": expected a list of names of BGPFilters'],
  ],
  [
    "a node without a BGP address",
    [documentOf("Node", "n1", "blocks: [10.244.1.0/24]")],
    [
      "c.yaml:4: Node n1: spec.bgp: missing: expected a map with ipv4Address, ipv6Address, asNumber, routeReflectorClusterID, listenAddresses, clientToClientReflection",
    ],
  ],
  [
    "a node whose address is its network's own",
    [nodeOf("n1", 0)],
    [`c.yaml:5: Node n1: spec.bgp.ipv4Address: "172.30.0.0/24": ${NODE_ADDRESS}`],
  ],
  [
    "a node whose address is the broadcast address",
    [nodeOf("n1", 255)],
    [`c.yaml:5: Node n1: spec.bgp.ipv4Address: "172.30.0.255/24": ${NODE_ADDRESS}`],
  ],
  [
    "a block with bits behind its length, told at its own line",
    [
      documentOf(
        "Node",
        "n1",
        "bgp: {ipv4Address: 172.30.0.11}\nblocks:\n- 10.244.1.0/24\n- 10.244.2.1/24",
      ),
    ],
    [`c.yaml:8: Node n1: spec.blocks[1]: "10.244.2.1/24": ${PREFIX}`],
  ],
  [
    "a port of zero",
    [documentOf("BGPConfiguration", "default", "listenPort: 0")],
    ["c.yaml:5: BGPConfiguration default: spec.listenPort: 0: expected a TCP port from 1 to 65535"],
  ],
  [
    "a filter rule with another action",
    [documentOf("BGPFilter", "f", "importV4:\n- action: Drop")],
    ['c.yaml:6: BGPFilter f: spec.importV4[0].action: "Drop": expected Accept or Reject'],
  ],
  [
    "a filter rule with cidr but no operator",
    [documentOf("BGPFilter", "f", "exportV4:\n- {action: Accept, cidr: 10.0.0.0/8}")],
    [
      "c.yaml:6: BGPFilter f: spec.exportV4[0]: expected cidr and matchOperator together, or neither: a rule with neither matches every route",
    ],
  ],
  [
    "a filter rule with lengths but no cidr",
    [documentOf("BGPFilter", "f", "importV4:\n- {action: Accept, prefixLength: {min: 8}}")],
    [
      "c.yaml:6: BGPFilter f: spec.importV4[0]: prefixLength goes with cidr and the matchOperator In or NotIn",
    ],
  ],
  [
    "a filter rule of the other family",
    [
      documentOf(
        "BGPFilter",
        "f",
        'importV4:\n- {action: Accept, cidr: "fd00::/8", matchOperator: In}',
      ),
    ],
    [`c.yaml:6: BGPFilter f: spec.importV4[0].cidr: "fd00::/8": ${PREFIX4}`],
  ],
  [
    "a pool with a block size that no block has",
    [documentOf("IPPool", "pods", "cidr: 10.244.0.0/16\nblockSize: 16")],
    ["c.yaml:6: IPPool pods: spec.blockSize: 16: expected a prefix length from 20 to 32"],
  ],
  [
    "an IPv6 pool with the block size of IPv4",
    [documentOf("IPPool", "pods", 'cidr: "fd00::/48"\nblockSize: 24')],
    ["c.yaml:6: IPPool pods: spec.blockSize: 24: expected a prefix length from 116 to 128"],
  ],
  [
    "a pool for something else than Calico has",
    [documentOf("IPPool", "pods", "cidr: 10.244.0.0/16\nallowedUses: [Workload, Printer]")],
    [
      'c.yaml:6: IPPool pods: spec.allowedUses[1]: "Printer": expected Workload, Tunnel, LoadBalancer',
    ],
  ],
  [
    "a limit of no block at all",
    [documentOf("IPPool", "pods", "cidr: 10.244.0.0/16\nmaxBlocksPerNode: 0")],
    [
      "c.yaml:6: IPPool pods: spec.maxBlocksPerNode: 0: expected a number of blocks from 1 to 65535",
    ],
  ],
  [
    "a reservation with bits behind its length, at its own entry",
    [documentOf("IPReservation", "r", "reservedCIDRs:\n- 10.244.1.7\n- 10.244.1.7/28")],
    [
      'c.yaml:7: IPReservation r: spec.reservedCIDRs[1]: "10.244.1.7/28": expected an address such as 10.244.1.7, or a prefix such as 10.244.1.0/28 with no bits set behind its length',
    ],
  ],
];

const fields: readonly Case[] = [
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
    [peer(`${goodPeer}\npassword:\n  secretKeyRef: {name: a, key: b}`)],
    [
      "c.yaml:7: BGPPeer tor: spec.password.file: missing: expected the absolute path of a file that only its owner can read",
      "c.yaml:8: BGPPeer tor: spec.password.secretKeyRef: not honoured by this version of Manx (a directory of documents has no Secrets; password.file names a file with the key): remove it",
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
    "a range whose neighbours are to be watched before they call",
    [peer("listenRange: fd00:30::/64\nasNumber: 64513\nbfd: {strict: true}")],
    [
      "c.yaml:7: BGPPeer tor: spec.bfd: expected no strict with a listenRange: who calls is known by its call only",
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
];

const ends: readonly Case[] = [
  [
    "neither an address nor a selector of Nodes",
    [peer("asNumber: 65000")],
    [
      `c.yaml:4: BGPPeer tor: spec.peerIP: missing: ${ADDRESS}; or, for Nodes, a peerSelector; or, for who calls, a listenRange`,
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
];

const aggregates: readonly Case[] = [
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
];

const documents: readonly Case[] = [
  [
    "a kind that we do not know",
    [documentOf("NetworkPolicy", "r", "order: 1")],
    [
      'c.yaml:2: kind: "NetworkPolicy": not a kind of this version of Manx: expected one of BGPConfiguration, BGPFilter, BGPPeer, IPPool, IPReservation, Node',
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
];

/** A node with an IPv6 address of its own. */
function dualNode(name: string, host: number, address6: string, ...blocks: string[]): string {
  const list = blocks.map((block) => JSON.stringify(block)).join(", ");
  return documentOf(
    "Node",
    name,
    `bgp:\n  ipv4Address: 172.30.0.${host}/24\n  ipv6Address: "${address6}"\nblocks: [${list}]`,
  );
}

const references: readonly Case[] = [
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
];

const tables = { values, fields, ends, aggregates, documents, references };

for (const [subject, cases] of Object.entries(tables)) {
  describe(`faults of ${subject}`, () => {
    test.each(cases.map((entry) => [...entry]))("%s", (_name, texts, faults) => {
      expect(faultsOf(...(texts as string[]))).toEqual([...faults]);
    });
  });
}

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
      "cidr: 10.244.0.0/16\nipipMode: Never\nvxlanMode: Never\nnatOutgoing: false\nnodeSelector: all()\nallowedUses: [Workload, Tunnel]";
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
