/**
 * What all sessions of one node have in common, and where their peers are seen from it.
 */

import { isDeepStrictEqual } from "node:util";
import type { Address, Family } from "../../lib/address.ts";
import { containsAddress, type Prefix, prefixOf } from "../../lib/prefix.ts";
import type { Secret } from "../../lib/secret.ts";
import {
  type BgpConfiguration,
  configurationOf,
  defaultConfiguration,
} from "../../resource/bgp-configuration.ts";
import type { Fault } from "../../resource/fault.ts";
import type { Node } from "../../resource/node.ts";
import type { SecretReference } from "../../resource/password.ts";
import type { Resources } from "../../resource/resource.ts";
import type { Surroundings } from "./peering.ts";
import { type Reflector, reflectorOf, type Sessions } from "./reflection.ts";

/** The key in a file, or why it cannot be had. */
export type KeyReader = (file: string) => Secret | string;

/** The key that a Secret had when it was there last; undefined: never. */
export type LastKey = (secret: SecretReference) => Secret | undefined;

/** Where keys come from that are not in the documents. */
export type Keys = { readonly readKey: KeyReader; readonly lastKey: LastKey };

export type Context = Surroundings &
  Keys & {
    readonly node: Node;
    readonly asNumber: number;
    /** Of this node: the cluster's, or its own. */
    readonly configuration: BgpConfiguration;
    /** Undefined: the node reflects nothing. */
    readonly reflector: Reflector | undefined;
    /** What planning one session finds; the same of the same document once. */
    readonly faults: Fault[];
    /** The same of what has no effect, or not yet. */
    readonly notes: Fault[];
  };

export function surroundingsOf(resources: Resources): Surroundings {
  const cluster = clusterOf(resources);
  const ports = new Map(
    resources.nodeConfigurations.map(({ resource }) => [resource.node, resource.listenPort]),
  );
  return {
    resources,
    asNumberOf: (of) => of.asNumber ?? cluster.asNumber,
    portOf: ({ name }) => ports.get(name) ?? cluster.listenPort,
  };
}

/** Of a node with these sessions. */
export function contextOf(
  node: Node,
  surroundings: Surroundings,
  sessions: Sessions,
  keys: Keys,
): Context {
  const { resources, asNumberOf } = surroundings;
  const own = resources.nodeConfigurations.find(({ resource }) => resource.node === node.name);
  const configuration = configurationOf(clusterOf(resources), own?.resource);
  return {
    ...surroundings,
    node,
    asNumber: asNumberOf(node),
    configuration,
    ...keys,
    reflector: reflectorOf(node, sessions, configuration),
    faults: [],
    notes: [],
  };
}

function clusterOf({ configuration }: Resources): BgpConfiguration {
  return configuration?.resource ?? defaultConfiguration();
}

/** Note a fault that one session has, perhaps like others before it. */
export function note({ faults }: Context, fault: Fault): void {
  addOnce(faults, fault);
}

/** Note what people should know of a session, perhaps as of others before it. */
export function remark({ notes }: Context, fault: Fault): void {
  addOnce(notes, fault);
}

function addOnce(list: Fault[], fault: Fault): void {
  if (!list.some((known) => isDeepStrictEqual(known, fault))) list.push(fault);
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
