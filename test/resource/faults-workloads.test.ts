/** What is wrong with sessions of nodes with their own pods. */

import { documentOf, nodeOf } from "./documents.ts";
import { AS_NUMBER, describeFaults, peer } from "./faults.ts";

const configuration = (spec: string): string => documentOf("BGPConfiguration", "default", spec);
const PEERING = configuration("localWorkloadPeeringIPV4: 169.254.0.179");
const PODS = "localWorkloadSelector: role == 'router'\nasNumber: 65401";
const OF_IPV4 = "expected an IPv4 address such as 169.254.0.179, of no loopback";
const OF_IPV6 =
  "expected an IPv6 address such as fd00::179; a link-local one would be another on each pod's link";

const NOT_ALONE = "expected an address that nobody else has, for every node has it";
const NO_END = "with localWorkloadSelector pods are the peers: remove it";
const NO_WAY = "with localWorkloadSelector each pod is on its own link: remove it";

describeFaults("pods as peers", [
  [
    "a selector that is none, or empty, or without an AS",
    [
      PEERING,
      peer("localWorkloadSelector: role = router\nasNumber: 65401"),
      documentOf("BGPPeer", "b", "localWorkloadSelector: ' '\nasNumber: 65401"),
      documentOf("BGPPeer", "c", "localWorkloadSelector: all()"),
      documentOf("BGPPeer", "d", "localWorkloadSelector: all()\nasNumber: external"),
    ],
    [
      'c.yaml:11: BGPPeer tor: spec.localWorkloadSelector: "role = router": at character 6: found =, expected a label, text in quotes or an operator',
      "c.yaml:18: BGPPeer b: spec.localWorkloadSelector: \" \": expected a selector such as role == 'router', or all() for every pod",
      `c.yaml:24: BGPPeer c: spec.asNumber: missing: ${AS_NUMBER}`,
      'c.yaml:32: BGPPeer d: spec.asNumber: "external": expected an AS number: external and internal go with an interface alone',
    ],
  ],
  [
    "other ends, and other ways to them",
    [
      PEERING,
      peer(
        `${PODS}\npeerIP: 172.30.0.1\npeerSelector: all()\nlistenRange: 10.0.0.0/8\nasNumbers: [1]\nlistenLimit: 1`,
      ),
      documentOf(
        "BGPPeer",
        "b",
        `${PODS}\nreachableBy: 172.30.0.1\ninterface: eth0\nsourceAddress: None\nmultihop: 1\nttlSecurity: 1`,
      ),
      documentOf(
        "BGPPeer",
        "c",
        `${PODS}\nfailureDetectionMode: BFDIfDirectlyConnected\nrestartMode: LongLivedGracefulRestart\ngracefulRestart: {mode: None}`,
      ),
    ],
    [
      `c.yaml:13: BGPPeer tor: spec.peerIP: "172.30.0.1": ${NO_END}`,
      `c.yaml:14: BGPPeer tor: spec.peerSelector: "all()": ${NO_END}`,
      `c.yaml:15: BGPPeer tor: spec.listenRange: "10.0.0.0/8": ${NO_END}`,
      `c.yaml:16: BGPPeer tor: spec.asNumbers: ${NO_END}`,
      `c.yaml:17: BGPPeer tor: spec.listenLimit: 1: ${NO_END}`,
      `c.yaml:25: BGPPeer b: spec.reachableBy: "172.30.0.1": ${NO_WAY}`,
      `c.yaml:26: BGPPeer b: spec.interface: "eth0": ${NO_WAY}`,
      'c.yaml:27: BGPPeer b: spec.sourceAddress: "None": with localWorkloadSelector it is the localWorkloadPeering address: remove it',
      "c.yaml:28: BGPPeer b: spec.multihop: 1: expected either multihop or ttlSecurity, which says the hops too",
      'c.yaml:37: BGPPeer c: spec.failureDetectionMode: "BFDIfDirectlyConnected": pods are in no network of the node\'s links: expected bfd with localWorkloadSelector',
      'c.yaml:38: BGPPeer c: spec.restartMode: "LongLivedGracefulRestart": with gracefulRestart.mode: None nobody is asked to keep our routes: remove one of both',
    ],
  ],
  [
    "addresses that no pod could call",
    [
      configuration("localWorkloadPeeringIPV4: 127.0.0.1\nlocalWorkloadPeeringIPV6: 'fe80::179'"),
      documentOf("BGPConfiguration", "node.n1", "localWorkloadPeeringIPV4: 169.254.0.179"),
      nodeOf("n1", 11),
    ],
    [
      `c.yaml:5: BGPConfiguration default: spec.localWorkloadPeeringIPV4: "127.0.0.1": ${OF_IPV4}`,
      `c.yaml:6: BGPConfiguration default: spec.localWorkloadPeeringIPV6: "fe80::179": ${OF_IPV6}`,
      'c.yaml:12: BGPConfiguration node.n1: spec.localWorkloadPeeringIPV4: "169.254.0.179": no such field: expected one of listenPort, communities, prefixAdvertisements, importPolicy, rejectASSets, discardBlackhole, holdTime, keepaliveTime, connectRetryTime',
    ],
  ],
  [
    "no address to call",
    [peer(PODS), nodeOf("n1", 11)],
    [
      "c.yaml:5: BGPPeer tor: spec.localWorkloadSelector: \"role == 'router'\": goes with localWorkloadPeeringIPV4 or localWorkloadPeeringIPV6 of the BGPConfiguration default, and there is neither",
    ],
  ],
  [
    "an address that another has",
    [
      configuration(
        "localWorkloadPeeringIPV4: 172.30.0.11\nlocalWorkloadPeeringIPV6: 'fd00:10:244::9'",
      ),
      nodeOf("n1", 11),
      documentOf("IPPool", "pods", "cidr: fd00:10:244::/56"),
      peer(PODS),
    ],
    [
      `c.yaml:5: BGPConfiguration default: spec.localWorkloadPeeringIPV4: "172.30.0.11": 172.30.0.11 is the address of Node n1: ${NOT_ALONE}`,
      `c.yaml:6: BGPConfiguration default: spec.localWorkloadPeeringIPV6: "fd00:10:244::9": fd00:10:244::9 is in IPPool pods: ${NOT_ALONE}`,
    ],
  ],
  [
    "an address in a block",
    [configuration("localWorkloadPeeringIPV4: 10.244.1.9"), nodeOf("n1", 11, "10.244.1.0/24")],
    [
      `c.yaml:5: BGPConfiguration default: spec.localWorkloadPeeringIPV4: "10.244.1.9": 10.244.1.9 is in a block of Node n1: ${NOT_ALONE}`,
    ],
  ],
  [
    "an address in a range of services",
    [
      configuration(
        "localWorkloadPeeringIPV4: 10.96.0.9\nserviceClusterIPs: [{cidr: 10.96.0.0/12}]",
      ),
    ],
    [
      `c.yaml:5: BGPConfiguration default: spec.localWorkloadPeeringIPV4: "10.96.0.9": 10.96.0.9 is in the service range 10.96.0.0/12: ${NOT_ALONE}`,
    ],
  ],
  [
    "an address that is a peer's",
    [
      configuration("localWorkloadPeeringIPV4: 172.30.0.1"),
      peer("peerIP: 172.30.0.1\nasNumber: 65000"),
    ],
    [
      `c.yaml:5: BGPConfiguration default: spec.localWorkloadPeeringIPV4: "172.30.0.1": 172.30.0.1 is the peerIP of BGPPeer tor: ${NOT_ALONE}`,
    ],
  ],
  [
    "who waits for calls where nobody can call",
    [
      configuration("listen: false\nlocalWorkloadPeeringIPV4: 169.254.0.179"),
      peer(`${PODS}\npassive: true`),
    ],
    [
      "c.yaml:14: BGPPeer tor: spec.passive: true: expected no such field: BGPConfiguration says listen: false",
    ],
  ],
]);
