/** What is wrong with single values of documents. */

import { documentOf, nodeOf } from "./documents.ts";
import {
  ADDRESS,
  AS_NUMBER,
  BFD_FIELDS,
  describeFaults,
  type FaultCase,
  goodPeer,
  INTERVAL,
  KEY_FILE,
  NODE_ADDRESS,
  PREFIX,
  PREFIX4,
  peer,
  SECONDS,
} from "./faults.ts";

describeFaults("values", [
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
      documentOf("BGPConfiguration", "default", "nodeMeshAddPath: {receive: true, count: 2}"),
    ],
    [
      "c.yaml:7: BGPPeer tor: spec.addPath.count: missing: with send: BestN expected a number of paths from 1 to 255",
      "c.yaml:15: BGPPeer b: spec.addPath.count: 2: expected only with send: BestN",
      "c.yaml:23: BGPPeer c: spec.addPath.receive: false: expected receive: true, or send, or both; for neither remove the field",
      'c.yaml:31: BGPPeer d: spec.addPath.send: "Some": expected All, BestN or ECMP',
      "c.yaml:31: BGPPeer d: spec.addPath.count: 0: expected a number of paths from 1 to 255",
      "c.yaml:37: BGPConfiguration default: spec.nodeMeshAddPath.count: 2: expected only with send: BestN",
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
    (text): FaultCase => [
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
    [
      `c.yaml:6: BGPPeer tor: spec.asNumber: 4294967296: ${AS_NUMBER}, or, with an interface alone, external or internal`,
    ],
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
]);
