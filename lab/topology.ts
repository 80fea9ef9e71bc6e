/**
 * The lab's network as data: who is in it, under which name and address.
 *
 * ```
 *   n1 ─┐                             pods n1-1, n1-2 … behind each node, 10.244.<i>.0/24
 *   n2 ─┼─ fabric (172.30.0.0/24) ─ tor ─ outside (192.0.2.0/24)
 *   n3 ─┘  a bridge                 AS 65000
 * ```
 *
 * Pure. What the nodes are told of it is `documents.ts`; making it is `fabric.ts` and its fellows.
 */

import { type Address, address4, parseAddress } from "../lib/address.ts";
import { type Prefix, parsePrefix, prefixOf } from "../lib/prefix.ts";
import { LabError } from "./error.ts";

/** How large a lab is. */
export type Shape = {
  readonly nodes: number;
  /** On each node. */
  readonly pods: number;
};

export type LabNode = {
  readonly name: string;
  /** On the fabric. */
  readonly address: Address;
  readonly block: Prefix;
  /** Names; their addresses are IPAM's to choose. */
  readonly pods: readonly string[];
};

export type Topology = {
  readonly asNumber: number;
  readonly pool: Prefix;
  readonly fabric: { readonly name: string; readonly prefix: Prefix };
  readonly nodes: readonly LabNode[];
  readonly router: {
    readonly name: string;
    readonly asNumber: number;
    /** On the fabric. */
    readonly address: Address;
    /** On the link to the outside host. */
    readonly outsideAddress: Address;
  };
  readonly outside: {
    readonly name: string;
    readonly address: Address;
    /** What the router announces. */
    readonly prefix: Prefix;
  };
};

/** As many as the fabric's /24 has room for, and as pods fit into a /24 block. */
export const LIMITS = { nodes: 200, podsOfNode: 250, pods: 1000 } as const;

const NODE_AS = 64512;
const ROUTER_AS = 65000;
/** Nodes' addresses on the fabric start above this one. */
const BEFORE_NODES = 10;

/** The network of that shape. Throws `LabError` (exit code 2) when it is too small or too large. */
export function planTopology(shape: Shape): Topology {
  checkRange("--nodes", shape.nodes, [1, LIMITS.nodes]);
  checkRange("--pods", shape.pods, [1, LIMITS.podsOfNode]);
  checkRange("--nodes times --pods", shape.nodes * shape.pods, [1, LIMITS.pods]);
  const fabric = parsePrefix("172.30.0.0/24");
  const pool = parsePrefix("10.244.0.0/16");
  return {
    asNumber: NODE_AS,
    pool,
    fabric: { name: "fabric", prefix: fabric },
    nodes: Array.from({ length: shape.nodes }, (_, index) => {
      const number = index + 1;
      return {
        name: `n${number}`,
        address: address4(fabric.w0 + BEFORE_NODES + number),
        block: prefixOf(address4(pool.w0 + number * 256), 24),
        pods: Array.from({ length: shape.pods }, (_unused, pod) => `n${number}-${pod + 1}`),
      };
    }),
    router: {
      name: "tor",
      asNumber: ROUTER_AS,
      address: parseAddress("172.30.0.1"),
      outsideAddress: parseAddress("192.0.2.1"),
    },
    outside: {
      name: "outside",
      address: parseAddress("192.0.2.10"),
      prefix: parsePrefix("192.0.2.0/24"),
    },
  };
}

/** Every network namespace of the lab. */
export function namespacesOf(topology: Topology): string[] {
  const { fabric, nodes, router, outside } = topology;
  return [fabric.name, router.name, outside.name, ...nodes.flatMap((n) => [n.name, ...n.pods])];
}

function checkRange(what: string, value: number, [least, most]: readonly [number, number]): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new LabError(`${what}: ${value}: expected a whole number from ${least} to ${most}`, {
    exitCode: 2,
  });
}
