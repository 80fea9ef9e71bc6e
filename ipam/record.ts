/**
 * What is written down about one address in use: who holds it and since when.
 *
 * The form on disk is JSON with a version of its own, so that a newer Manx can tell an older one's.
 */

import { type Address, type Family, formatAddress, parseAddress } from "../lib/address.ts";
import { formatPrefix, type Prefix, parsePrefix } from "../lib/prefix.ts";
import type { Labels } from "./labels.ts";
import { isObject, type JsonObject } from "./protocol/request.ts";

/** An attachment within a network: one interface of one container. */
export type Holder = {
  readonly container: string;
  readonly interfaceName: string;
};

/** A pod as Kubernetes names it (CNI_ARGS K8S_POD_NAMESPACE, K8S_POD_NAME). */
export type Pod = {
  readonly namespace: string;
  readonly name: string;
};

export type AddressRecord = {
  readonly address: Address;
  /** The block that it was taken from. */
  readonly block: Prefix;
  readonly holder: Holder;
  /** Which network he is attached to; absent in records of before networks shared the node's blocks. */
  readonly network?: string;
  readonly pod?: Pod;
  /** What the call says of the pod; absent where it says nothing. */
  readonly labels?: Labels;
  /** When it was taken: ISO 8601. */
  readonly time: string;
  /** Its block is a subnet, of which some addresses are left out; absent: a pod has its address alone. */
  readonly use?: "subnet";
};

const FORMAT = 1;

/** A record's family. */
export function familyOf(record: AddressRecord): Family {
  return record.address.family;
}

/** JSON of a record. */
export function encodeRecord(record: AddressRecord): string {
  const { address, block, holder, network, pod, labels, time, use } = record;
  return JSON.stringify({
    version: FORMAT,
    address: formatAddress(address),
    block: formatPrefix(block),
    container: holder.container,
    interface: holder.interfaceName,
    ...(network === undefined ? {} : { network }),
    ...(pod === undefined ? {} : { pod }),
    ...(labels === undefined ? {} : { labels }),
    time,
    ...(use === undefined ? {} : { use }),
  });
}

/** Read a record's JSON. Throws an `Error` that says what is wrong with it. */
export function decodeRecord(text: string): AddressRecord {
  const json: unknown = JSON.parse(text);
  if (!isObject(json)) throw new Error("not a JSON object");
  const field = (from: JsonObject, key: string): string => {
    const value = from[key];
    if (typeof value !== "string") throw new Error(`${key} is ${JSON.stringify(value)}, not text`);
    return value;
  };
  const { version, network, pod, labels, use } = json;
  if (version !== FORMAT) throw new Error(`record version is ${JSON.stringify(version)}, not 1`);
  return {
    address: parseAddress(field(json, "address")),
    block: parsePrefix(field(json, "block")),
    holder: { container: field(json, "container"), interfaceName: field(json, "interface") },
    ...(network === undefined ? {} : { network: field(json, "network") }),
    ...(isObject(pod)
      ? { pod: { namespace: field(pod, "namespace"), name: field(pod, "name") } }
      : {}),
    ...(isObject(labels) ? { labels: textsOf(labels, field) } : {}),
    time: field(json, "time"),
    ...(use === "subnet" ? { use: "subnet" } : {}),
  };
}

function textsOf(json: JsonObject, field: (from: JsonObject, key: string) => string): Labels {
  const texts: Record<string, string> = {};
  for (const key in json) texts[key] = field(json, key);
  return texts;
}

/** `pod NAMESPACE/NAME` where that is known, else `container ID`; with the interface. */
export function describeHolder({ holder, pod }: Pick<AddressRecord, "holder" | "pod">): string {
  const who =
    pod === undefined ? `container ${holder.container}` : `pod ${pod.namespace}/${pod.name}`;
  return `${who} (${holder.interfaceName})`;
}
