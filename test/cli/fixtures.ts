/**
 * Answers as the daemon of node n1 gives them: three nodes in AS 64512, a top-of-rack router `tor` in
 * AS 65000, and a spare router `tor2` that does not answer.
 */

import type {
  AdvertisedAnswer,
  AttributesAnswer,
  BfdAnswer,
  FamilyAnswer,
  PathAnswer,
  PeerAnswer,
  ReceivedAnswer,
  RouteAnswer,
  StatusAnswer,
  WhyAnswer,
} from "../../resource/answer.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

export const STATUS: StatusAnswer = {
  version: "0.1.0",
  node: "n1",
  asNumber: 64512,
  routerId: "172.30.0.11",
  uptime: 3 * HOUR + 12 * MINUTE,
  blocks: ["10.244.1.0/24"],
  configuration: { source: "/etc/manx/cluster", generation: 1, faults: [] },
  peers: { configured: 4, established: 4, away: 0 },
  rib: { prefixes: 5, ipv4Prefixes: 5, ipv6Prefixes: 0, paths: 9, attributeSets: 4 },
  fib: { mode: "kernel", protocol: 186, installed: 4, failed: [], stale: 0, healed: 0 },
  ready: { ok: true, reason: "" },
};

export const TROUBLED_STATUS: StatusAnswer = {
  ...STATUS,
  configuration: {
    source: "/etc/manx/cluster",
    generation: 3,
    faults: [
      'cluster.yaml:12: BGPPeer tor: spec.peerIP: "10.0.0.300": expected an IPv4 address, optionally with :port',
    ],
  },
  peers: { configured: 4, established: 3, away: 1 },
  fib: {
    mode: "kernel",
    protocol: 186,
    installed: 3,
    failed: [
      {
        prefix: "192.0.2.0/24",
        error: "RTM_NEWROUTE via 172.30.9.1: Nexthop has invalid gateway (ENETUNREACH)",
      },
    ],
    stale: 2,
    healed: 1,
  },
  ready: { ok: false, reason: "tor has not sent its End-of-RIB" },
};

/** A daemon that has not accepted any configuration yet. */
export const BARE_STATUS: StatusAnswer = {
  ...STATUS,
  asNumber: 0,
  routerId: "",
  uptime: 400,
  blocks: [],
  configuration: {
    source: "/etc/manx/cluster",
    generation: 0,
    faults: ["/etc/manx/cluster: no such file or directory (ENOENT)"],
  },
  peers: { configured: 0, established: 0, away: 0 },
  rib: { prefixes: 0, ipv4Prefixes: 0, ipv6Prefixes: 0, paths: 0, attributeSets: 0 },
  fib: { mode: "none", protocol: 0, installed: 0, failed: [], stale: 0, healed: 0 },
  ready: { ok: false, reason: "no configuration has been accepted" },
};

function peer(given: Pick<PeerAnswer, "name" | "address"> & Partial<PeerAnswer>): PeerAnswer {
  return {
    origin: "mesh",
    port: 179,
    localAddress: "172.30.0.11",
    localAs: 64512,
    remoteAs: 64512,
    state: "Established",
    since: 3 * HOUR + 11 * MINUTE,
    lastError: "",
    shutdown: null,
    range: null,
    link: null,
    flaps: 0,
    identifier: given.address,
    capabilities: ["multiprotocol IPv4 unicast", "4-octet AS", "route refresh"],
    holdTime: 90,
    keepaliveTime: 30,
    prefixes: { received: 1, accepted: 1, best: 1, advertised: 1 },
    families: [],
    stale: [],
    messages: { updatesReceived: 2, updatesSent: 2, received: 385, sent: 384 },
    ...given,
  };
}

const BFD: BfdAnswer = {
  state: "Up",
  since: 2 * HOUR,
  diagnostic: "no diagnostic",
  remoteState: "Up",
  remoteDiagnostic: "no diagnostic",
  localDiscriminator: 0x1234_5678,
  remoteDiscriminator: 0x8765_4321,
  multihop: false,
  strict: false,
  authentication: "meticulous keyed SHA1",
  transmitInterval: 100,
  detectionTime: 300,
  failures: 1,
  packets: { sent: 82_000, received: 81_500, discarded: 2 },
  lastFault: "arrived with TTL 254: expected 255",
  lateness: {
    count: 82_001,
    sum: 4100,
    maximum: 1.44,
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, null].map((bound, at) => ({
      bound,
      count: [81_990, 11][at] ?? 0,
    })),
  },
};

/** Its BFD session is down, and with it BGP's. */
export const FAILED_BFD: BfdAnswer = {
  ...BFD,
  state: "Down",
  since: 42_000,
  diagnostic: "detection time expired",
  multihop: true,
  strict: true,
  authentication: null,
  transmitInterval: 1000,
  detectionTime: 0,
  packets: { sent: 40, received: 0, discarded: 0 },
  lastFault: "",
};

export const PEERS: readonly PeerAnswer[] = [
  peer({ name: "mesh n2", address: "172.30.0.12" }),
  peer({
    name: "mesh n3",
    address: "172.30.0.13",
    since: 42_000,
    flaps: 1,
    lastError: "hold timer expired (4/0)",
    shutdown: null,
    range: null,
  }),
  peer({
    name: "tor",
    origin: "BGPPeer",
    address: "172.30.0.1",
    remoteAs: 65000,
    prefixes: { received: 5, accepted: 2, best: 1, advertised: 1 },
    families: [
      {
        name: "IPv4 unicast",
        prefixes: { received: 4, accepted: 1, best: 1, advertised: 1 },
        nextHop: "172.30.0.11",
        nextHopLinkLocal: null,
        reason: "",
      },
      {
        name: "IPv6 unicast",
        prefixes: { received: 1, accepted: 1, best: 0, advertised: 0 },
        nextHop: null,
        nextHopLinkLocal: null,
        reason: "no link of this node has an IPv6 address that could be the next hop",
      },
    ],
    messages: { updatesReceived: 3, updatesSent: 1, received: 386, sent: 383 },
    bfd: BFD,
  }),
  peer({
    name: "tor2",
    origin: "BGPPeer",
    address: "172.30.0.2",
    port: 1790,
    remoteAs: 4_200_000_001,
    state: "Active",
    since: 9_000,
    lastError: "connect to 172.30.0.2 port 1790: connection refused (ECONNREFUSED)",
    shutdown: null,
    range: null,
    identifier: null,
    capabilities: [],
    prefixes: { received: 0, accepted: 0, best: 0, advertised: 0 },
    messages: { updatesReceived: 0, updatesSent: 0, received: 0, sent: 0 },
  }),
];

/** With peers on links, one of them found. */
export const MASQUERADING_STATUS: StatusAnswer = {
  ...STATUS,
  masquerade: { sources: ["10.244.0.0/16", "fd00:10:244::/48"], error: null },
};

export const REFUSED_MASQUERADE_STATUS: StatusAnswer = {
  ...STATUS,
  masquerade: {
    sources: ["10.244.0.0/16"],
    error: "NFT_MSG_NEWRULE ip manx-outgoing beyond: the kernel has no nft_masq: load it (ENOENT)",
  },
};

export const LINKED_STATUS: StatusAnswer = {
  ...STATUS,
  peers: {
    configured: 2,
    established: 1,
    away: 0,
    unnumbered: [
      { name: "uplink-1", link: "eth1", address: "fe80::1", reason: "" },
      {
        name: "uplink-2",
        link: "eth2",
        address: null,
        reason: "the link eth2 has no link-local IPv6 address",
      },
    ],
  },
};

/** On links: one is found, for the other nobody is. */
export const UNNUMBERED: readonly PeerAnswer[] = [
  peer({
    name: "uplink-1",
    origin: "BGPPeer",
    address: "fe80::1%eth1",
    localAddress: "fe80::11%eth1",
    link: "eth1",
    remoteAs: 65000,
    identifier: "172.30.0.1",
  }),
  peer({
    name: "uplink-2",
    origin: "BGPPeer",
    address: "eth2",
    localAddress: "none",
    link: "eth2",
    remoteAs: 0,
    state: "Idle",
    since: 9_000,
    lastError: "the link eth2 has no link-local IPv6 address",
    identifier: null,
    capabilities: [],
    prefixes: { received: 0, accepted: 0, best: 0, advertised: 0 },
    messages: { updatesReceived: 0, updatesSent: 0, received: 0, sent: 0 },
  }),
];

/** One with a pod, and a document that selects none. */
export const PODS: readonly PeerAnswer[] = [
  peer({
    name: "red tenants/red-0",
    origin: "BGPPeer",
    address: "10.244.1.7",
    localAddress: "169.254.0.179",
    remoteAs: 65_401,
    identifier: "10.244.1.7",
  }),
  peer({
    name: "blue",
    origin: "BGPPeer",
    address: "pods color == 'blue'",
    localAddress: "169.254.0.179",
    remoteAs: 65_402,
    state: "Idle",
    since: 95_000,
    lastError: "none of the 12 pods of this node is selected by color == 'blue'",
    identifier: null,
    capabilities: [],
    prefixes: { received: 0, accepted: 0, best: 0, advertised: 0 },
    messages: { updatesReceived: 0, updatesSent: 0, received: 0, sent: 0 },
  }),
];

/** A router that is away, and whose routes are kept. */
export const AWAY: PeerAnswer = {
  ...PEERS[3]!,
  lastError: "closed by the peer",
  prefixes: { received: 3, accepted: 3, best: 2, advertised: 0 },
  stale: [
    { name: "IPv4 unicast", stage: "restart", prefixes: 2, left: 95_000 },
    { name: "IPv6 unicast", stage: "long-lived", prefixes: 1, left: 7_200_000 },
  ],
};

function attributes(given: Partial<AttributesAnswer>): AttributesAnswer {
  return {
    origin: "IGP",
    asPath: [],
    nextHop: null,
    localPref: 100,
    multiExitDisc: null,
    communities: [],
    largeCommunities: [],
    extendedCommunities: [],
    aigp: null,
    onlyToCustomer: null,
    originatorId: null,
    clusterList: [],
    ...given,
  };
}

const OWN: PathAnswer = {
  peer: null,
  source: "local",
  state: "best",
  reason: "only path",
  attributes: attributes({ localPref: null }),
};

const FROM_N2: PathAnswer = {
  peer: "mesh n2",
  source: "internal",
  state: "best",
  reason: "only path",
  attributes: attributes({ nextHop: "172.30.0.12" }),
};

const FROM_TOR: PathAnswer = {
  peer: "tor",
  source: "external",
  state: "best",
  reason: "external over internal",
  attributes: attributes({
    asPath: [65000],
    nextHop: "172.30.0.1",
    localPref: null,
    communities: ["65000:100"],
  }),
};

const SECOND: PathAnswer = {
  peer: "mesh n2",
  source: "internal",
  state: "valid",
  reason: "loses to tor: external over internal",
  attributes: attributes({
    asPath: [65000],
    nextHop: "172.30.0.1",
    communities: ["65000:100"],
  }),
};

const REJECTED: PathAnswer = {
  peer: "tor",
  source: "external",
  state: "rejected",
  reason: "built-in policy: inside our own pool 10.244.0.0/16",
  attributes: attributes({
    origin: "INCOMPLETE",
    asPath: [65000, 65010, [65020, 65021]],
    nextHop: "172.30.0.1",
    localPref: null,
    multiExitDisc: 20,
  }),
};

const DEFAULT_REJECTED: PathAnswer = {
  ...REJECTED,
  reason: "built-in policy: the default route, and acceptDefaultRoute is not set",
  attributes: attributes({ asPath: [65000], nextHop: "172.30.0.1", localPref: null }),
};

export const ROUTES: readonly RouteAnswer[] = [
  {
    prefix: "0.0.0.0/0",
    paths: [DEFAULT_REJECTED],
    kernel: "not installed: no path is used",
  },
  { prefix: "10.244.1.0/24", paths: [OWN], kernel: "blackhole" },
  {
    prefix: "10.244.2.0/24",
    paths: [FROM_N2, REJECTED],
    kernel: "installed via 172.30.0.12 dev eth0",
  },
  {
    prefix: "192.0.2.0/24",
    paths: [FROM_TOR, SECOND],
    kernel: "installed via 172.30.0.1 dev eth0",
  },
];

/** Two paths share the traffic, and a third is as good. */
export const SHARED_ROUTES: readonly RouteAnswer[] = [
  {
    prefix: "192.0.2.0/24",
    paths: [
      { ...FROM_TOR, reason: "lower BGP Identifier: 172.30.0.1 < 172.30.0.3" },
      {
        ...FROM_TOR,
        peer: "tor2",
        state: "multipath",
        reason: "lower BGP Identifier: 172.30.0.1 < 172.30.0.2",
        attributes: { ...FROM_TOR.attributes, nextHop: "172.30.0.2" },
      },
      {
        ...FROM_TOR,
        peer: "tor3",
        state: "valid",
        reason: "lower BGP Identifier: 172.30.0.1 < 172.30.0.3; shares no traffic: another AS_PATH",
        attributes: { ...FROM_TOR.attributes, nextHop: "172.30.0.3", asPath: [65_001] },
      },
    ],
    kernel: "installed via 172.30.0.1 dev eth0 and via 172.30.0.2 dev eth0 weight 3",
  },
];

/** Of a peer that says and is told several paths of a prefix, of each family in its way. */
export const ADD_PATH_FAMILIES: readonly FamilyAnswer[] = [
  {
    name: "IPv4 unicast",
    prefixes: { received: 4, accepted: 4, best: 1, advertised: 2 },
    nextHop: "172.30.0.11",
    nextHopLinkLocal: null,
    reason: "",
    addPath: { receive: true, send: "BestN", count: 2 },
  },
  {
    name: "IPv6 unicast",
    prefixes: { received: 1, accepted: 1, best: 0, advertised: 0 },
    nextHop: null,
    nextHopLinkLocal: null,
    reason: "no link of this node has an IPv6 address that could be the next hop",
    addPath: { receive: true, send: null },
  },
];

/** Several paths of one peer (RFC 7911), which are told on with identifiers of our own. */
export const IDENTIFIED: WhyAnswer = {
  target: "192.0.2.0/24",
  prefix: "192.0.2.0/24",
  route: {
    prefix: "192.0.2.0/24",
    paths: [
      { ...FROM_TOR, pathId: 1, reason: "lower path identifier: 1 < 4294967295" },
      {
        ...FROM_TOR,
        pathId: 4_294_967_295,
        state: "multipath",
        reason: "lower path identifier: 1 < 4294967295",
        attributes: { ...FROM_TOR.attributes, nextHop: "172.30.0.2" },
      },
      SECOND,
    ],
    kernel: "installed via 172.30.0.1 dev eth0 and via 172.30.0.2 dev eth0",
  },
  advertised: [
    ...[7, 9].map((pathId) => ({
      peer: "rr",
      prefix: "192.0.2.0/24",
      pathId,
      advertised: true,
      reason: "learned from an external peer",
      attributes: attributes({ asPath: [65000], nextHop: `172.30.0.${pathId}` }),
    })),
    {
      peer: "rr",
      prefix: "192.0.2.0/24",
      pathId: 12,
      advertised: false,
      reason: "not one of the best 2, which are what this peer is told",
      attributes: null,
    },
  ],
  summary:
    "192.0.2.0/24 goes by 172.30.0.1 and 172.30.0.2, learned from tor, whose paths share the traffic: lower path identifier: 1 < 4294967295.",
};

export const RECEIVED: readonly ReceivedAnswer[] = [
  { prefix: "0.0.0.0/0", path: DEFAULT_REJECTED },
  { prefix: "10.244.2.0/24", path: REJECTED },
  { prefix: "192.0.2.0/24", path: FROM_TOR },
];

export const ADVERTISED: readonly AdvertisedAnswer[] = [
  {
    prefix: "10.244.1.0/24",
    advertised: true,
    reason: "built-in policy: our own block",
    attributes: attributes({ asPath: [64512], nextHop: "172.30.0.11", localPref: null }),
  },
  {
    prefix: "10.244.2.0/24",
    advertised: false,
    reason: "built-in policy: not a block of this node",
    attributes: null,
  },
  {
    prefix: "192.0.2.0/24",
    advertised: false,
    reason: "learned from this peer",
    attributes: null,
  },
];

export const WHY: WhyAnswer = {
  target: "10.244.2.7",
  prefix: "10.244.2.0/24",
  route: ROUTES[2]!,
  advertised: [
    {
      peer: "mesh n2",
      prefix: "10.244.2.0/24",
      advertised: false,
      reason: "learned from this peer",
      attributes: null,
    },
    {
      peer: "mesh n3",
      prefix: "10.244.2.0/24",
      advertised: false,
      reason: "internal routes are not passed to internal peers (RFC 4271 9.2)",
      attributes: null,
    },
    { ...ADVERTISED[1]!, peer: "tor" },
  ],
  summary:
    "10.244.2.7 lies in 10.244.2.0/24, which goes by 172.30.0.12, learned from mesh n2: only path. Kernel: installed via 172.30.0.12 dev eth0.",
};

export const WHY_SECOND: WhyAnswer = {
  target: "192.0.2.0/24",
  prefix: "192.0.2.0/24",
  route: ROUTES[3]!,
  advertised: [
    {
      peer: "mesh n2",
      prefix: "192.0.2.0/24",
      advertised: true,
      reason: "learned from an external peer",
      attributes: attributes({
        asPath: [65000],
        nextHop: "172.30.0.1",
        communities: ["65000:100"],
      }),
    },
    { ...ADVERTISED[2]!, peer: "tor" },
  ],
  summary:
    "192.0.2.0/24 goes by 172.30.0.1, learned from tor: external over internal, chosen over 1 other. Kernel: installed via 172.30.0.1 dev eth0.",
};

export const WHY_REJECTED: WhyAnswer = {
  target: "0.0.0.0/0",
  prefix: "0.0.0.0/0",
  route: ROUTES[0]!,
  advertised: [],
  summary:
    "0.0.0.0/0 is not used: tor: built-in policy: the default route, and acceptDefaultRoute is not set.",
};

export const WHY_ABSENT: WhyAnswer = {
  target: "203.0.113.0/24",
  prefix: null,
  route: null,
  advertised: [],
  summary:
    "203.0.113.0/24 is not in the table of n1: no peer announces a route that holds it and none of this node's blocks does (3 of 4 sessions are Established).",
};

/** While a router restarts, and another has been away for long. */
export const STALE_ROUTES: readonly RouteAnswer[] = [
  {
    prefix: "192.0.2.0/24",
    paths: [
      { ...FROM_TOR, stale: "restart", reason: "not long-lived stale" },
      {
        ...FROM_TOR,
        peer: "tor2",
        state: "valid",
        stale: "long-lived",
        reason: "not long-lived stale",
        attributes: { ...FROM_TOR.attributes, communities: ["65535:6"] },
      },
    ],
    kernel: "installed via 172.30.0.1 dev eth0",
  },
];
