/** Plans of a peer and of a speaker, for tests that care about few of their fields. */

import { DEFAULT_POLICY, type PeerPlan, type SpeakerPlan } from "../../bgpd/cluster/speaker.ts";
import { PLAIN_SELECTION } from "../../bgpd/rib/route.ts";
import { parseAddress } from "../../lib/address.ts";

/** The external router `tor` of a BGPPeer, but for what is said otherwise. */
export function peerPlan(change: Partial<PeerPlan> = {}): PeerPlan {
  return {
    name: "tor",
    origin: "BGPPeer",
    node: undefined,
    reachableBy: undefined,
    address: parseAddress("172.30.0.1"),
    port: 179,
    remoteAs: 65000,
    localAs: 64512,
    localAddress: parseAddress("172.30.0.11"),
    holdTime: 90,
    keepaliveTime: 30,
    connectRetryTime: 5,
    passive: false,
    ttl: 1,
    families: [4],
    acceptDefaultRoute: false,
    filters: [],
    role: undefined,
    aigp: false,
    policy: DEFAULT_POLICY,
    ...change,
  };
}

/** The node `n1`, which announces nothing and has no peers, but for what is said otherwise. */
export function speakerPlan(change: Partial<SpeakerPlan> = {}): SpeakerPlan {
  const address = parseAddress("172.30.0.11");
  return {
    node: "n1",
    asNumber: 64512,
    routerId: address,
    clusterId: undefined,
    aggregates: [],
    listenPort: 179,
    addresses: [address],
    listenAddresses: [address],
    blocks: [],
    pools: [],
    unexportedPools: [],
    services: [],
    serviceRanges: [],
    serviceRoutes: [],
    normalPriority: { 4: 1024, 6: 1024 },
    unprogrammed: [],
    advertisements: [],
    selection: PLAIN_SELECTION,
    peers: [],
    ...change,
  };
}
