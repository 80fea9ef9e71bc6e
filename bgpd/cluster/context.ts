/**
 * What all sessions of one node have in common, and where their peers are seen from it.
 */

import { isDeepStrictEqual } from "node:util";
import { type Address, equalAddress, type Family } from "../../lib/address.ts";
import { containsAddress, type Prefix, prefixOf } from "../../lib/prefix.ts";
import type { Secret } from "../../lib/secret.ts";
import { DEFAULT_AS_NUMBER, DEFAULT_PORT, type Timers } from "../../resource/bgp-configuration.ts";
import type { Fault } from "../../resource/fault.ts";
import type { Node } from "../../resource/node.ts";
import type { Resources } from "../../resource/resource.ts";

/** The key in a file, or why it cannot be had. */
export type KeyReader = (file: string) => Secret | string;

export type Context = {
  readonly node: Node;
  readonly asNumber: number;
  readonly clusterAs: number;
  readonly port: number;
  readonly timers: Timers | undefined;
  readonly resources: Resources;
  readonly readKey: KeyReader;
  /** What planning one session finds; the same of the same document once. */
  readonly faults: Fault[];
};

export function contextOf(resources: Resources, node: Node, readKey: KeyReader): Context {
  const configuration = resources.configuration?.resource;
  const clusterAs = configuration?.asNumber ?? DEFAULT_AS_NUMBER;
  return {
    node,
    clusterAs,
    asNumber: node.asNumber ?? clusterAs,
    port: configuration?.listenPort ?? DEFAULT_PORT,
    timers: configuration?.timers,
    resources,
    readKey,
    faults: [],
  };
}

/** Note a fault that one session has, perhaps like others before it. */
export function note({ faults }: Context, fault: Fault): void {
  if (!faults.some((known) => isDeepStrictEqual(known, fault))) faults.push(fault);
}

/** The key in a file that a document names; without one its fault is noted. */
export function keyIn(
  file: string,
  context: Context,
  complain: (message: string) => Fault,
): Secret | undefined {
  const key = context.readKey(file);
  if (typeof key !== "string") return key;
  note(context, complain(key));
  return undefined;
}

/** The node's network of a family; undefined where it has no address of it. */
export function networkOf({ node }: Context, family: Family): Prefix | undefined {
  if (family === 4) return prefixOf(node.address, node.addressLength);
  return node.ipv6 === undefined ? undefined : prefixOf(node.ipv6.address, node.ipv6.length);
}

/** Whether no router is between. */
export function isNear(context: Context, address: Address): boolean {
  const network = networkOf(context, address.family);
  return network !== undefined && containsAddress(network, address);
}

/** IPv4 first. */
export function addressesOf({ address, ipv6 }: Node): readonly Address[] {
  return ipv6 === undefined ? [address] : [address, ipv6.address];
}

export function isAddressOf(node: Node, address: Address): boolean {
  return addressesOf(node).some((own) => equalAddress(own, address));
}
