/** Documents for the daemon of a test, with timers that let tests be quick. */

/** Documents as one text. */
export function documents(...all: readonly string[]): string {
  return all.join("---\n");
}

/** A document; `spec` as YAML's flow style has it, without the braces. */
export function document(kind: string, name: string, spec: string): string {
  return `apiVersion: projectcalico.org/v3
kind: ${kind}
metadata: { name: ${name} }
spec: { ${spec} }
`;
}

const QUICK = "holdTime: 3s, keepaliveTime: 1s, connectRetryTime: 1s";

/** The cluster's BGPConfiguration: AS 64512, and connections and failures that take seconds. */
export function configuration(more = "", timers = QUICK): string {
  return document("BGPConfiguration", "default", [timers, more].filter(Boolean).join(", "));
}

/** A Node with an address, such as `172.30.0.11/24`, and a block. */
export function node(name: string, address: string, block: string): string {
  return document("Node", name, `bgp: { ipv4Address: ${address} }, blocks: [${block}]`);
}

/** The Node `n1` that most networks have. */
export const N1 = node("n1", "172.30.0.11/24", "10.244.1.0/24");

/** The same with an address and a block of each family. */
export const N1_BOTH = document(
  "Node",
  "n1",
  'bgp: { ipv4Address: 172.30.0.11/24, ipv6Address: "fd00:30::11/64" }, blocks: [10.244.1.0/24, "fd00:244::40/122"]',
);

/** The BGPPeer `tor`. */
export function torPeer(...spec: readonly string[]): string {
  return document("BGPPeer", "tor", spec.filter(Boolean).join(", "));
}

/** The router's address and AS number in most networks. */
export const TOR = "peerIP: 172.30.0.1, asNumber: 65000";
