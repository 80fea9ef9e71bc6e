/**
 * The lab's cables: a bridge that everybody hangs on, the router's link to the outside host, addresses.
 *
 * Plans are requests per namespace, computed first (pure), then applied.
 */

import type { Kernel, Request } from "../kernel/kernel.ts";
import { defaultPrefix } from "../lib/prefix.ts";
import { OUTSIDE_LINK } from "./documents.ts";
import { LabError } from "./error.ts";
import type { Topology } from "./topology.ts";

/** Everybody's interface on the fabric, and a pod's and the outside host's only one. */
export const UPLINK = "eth0";
const BRIDGE = "bridge";

/** What to do where: in order, since a veth's other end exists once the first is made. */
export type Step = { readonly namespace: string; readonly requests: readonly Request[] };

/** The requests that lay all cables; `descriptorOf` gives a namespace's open descriptor. */
export function planFabric(topology: Topology, descriptorOf: (name: string) => number): Step[] {
  const { fabric, nodes, router, outside } = topology;
  const length = fabric.prefix.length;
  const members = [router, ...nodes];
  return [
    {
      namespace: fabric.name,
      requests: [
        { type: "create bridge", name: BRIDGE },
        up(BRIDGE),
        ...members.flatMap(({ name }): Request[] => [
          veth(name, UPLINK, descriptorOf(name)),
          { type: "set link", link: name, master: BRIDGE, up: true },
        ]),
      ],
    },
    ...members.map(({ name, address }) => ({
      namespace: name,
      requests: [
        up("lo"),
        { type: "add address", link: UPLINK, address, length } as const,
        up(UPLINK),
      ],
    })),
    {
      namespace: router.name,
      requests: [
        veth(OUTSIDE_LINK, UPLINK, descriptorOf(outside.name)),
        {
          type: "add address",
          link: OUTSIDE_LINK,
          address: router.outsideAddress,
          length: outside.prefix.length,
        },
        up(OUTSIDE_LINK),
      ],
    },
    {
      namespace: outside.name,
      requests: [
        up("lo"),
        {
          type: "add address",
          link: UPLINK,
          address: outside.address,
          length: outside.prefix.length,
        },
        up(UPLINK),
        {
          type: "add route",
          route: {
            destination: defaultPrefix(outside.address.family),
            nextHops: [{ gateway: router.outsideAddress }],
          },
        },
      ],
    },
  ];
}

/** Apply the plan. Throws `LabError` naming namespace and request. */
export function layCables(steps: readonly Step[], kernelOf: (name: string) => Kernel): void {
  for (const { namespace, requests } of steps) {
    const error = kernelOf(namespace)
      .applyAll(requests)
      .find((result) => result !== undefined);
    if (error !== undefined) {
      throw new LabError(`wiring ${namespace}: ${error.message}`, { cause: error });
    }
  }
}

/** Let nodes and router forward packets that are not for them. */
export function enableForwarding(kernels: readonly Kernel[]): void {
  for (const kernel of kernels) kernel.setSysctl("net.ipv4.ip_forward", "1");
}

/** Pull or plug a member's cable at the bridge, so that both ends lose or get their carrier. */
export function setCable(fabric: Kernel, member: string, state: "pulled" | "plugged"): void {
  fabric.apply({ type: "set link", link: member, up: state === "plugged" });
}

function up(link: string): Request {
  return { type: "set link", link, up: true };
}

function veth(name: string, peer: string, namespace: number): Request {
  return { type: "create veth", end: { name }, peer: { name: peer, namespace } };
}
