/**
 * The node's pods as selectors see them: by the address records, of all networks.
 *
 * A workload is one attachment, as Calico's WorkloadEndpoint is: a pod with two interfaces is two of them.
 */

import { statSync } from "node:fs";
import { type Address, compareAddress } from "../lib/address.ts";
import { nodeFiles } from "./files-node.ts";
import type { Labels } from "./labels.ts";
import type { AddressRecord, Holder, Pod } from "./record.ts";
import { readingOfAddress, unlessGone } from "./records-listing.ts";
import type { RecordsFolder } from "./scope.ts";

export type Workload = {
  readonly network: string;
  readonly holder: Holder;
  readonly pod: Pod | undefined;
  /** IPv4 first; one of a family at most. */
  readonly addresses: readonly Address[];
  readonly labels: Labels;
  /** When its first address was taken: ISO 8601. */
  readonly time: string;
};

/** What the records say, each in the folder that it was found in. */
type Found = { readonly record: AddressRecord; readonly network: string };

/** What was read of a file, and which file that was. */
type Known = { readonly stamp: string; readonly record: AddressRecord | undefined };

/** Reads records, and of those that it knows only whether they are still the same files. */
export class WorkloadReader {
  #known = new Map<string, Known>();

  /** The workloads, in the order of their time. Records that cannot be read are nobody's. */
  read(folders: readonly RecordsFolder[]): Workload[] {
    const before = this.#known;
    this.#known = new Map();
    const found: Found[] = [];
    for (const { path, network = "" } of folders) {
      const folder = `${path}/address`;
      for (const name of nodeFiles.list(folder)) {
        const record = this.#recordOf(folder, name, before);
        if (record !== undefined) found.push({ record, network: record.network ?? network });
      }
    }
    return workloadsOf(found);
  }

  #recordOf(
    folder: string,
    name: string,
    before: ReadonlyMap<string, Known>,
  ): AddressRecord | undefined {
    const path = `${folder}/${name}`;
    const stamp = stampOf(path);
    if (stamp === undefined) return undefined;
    const old = before.get(path);
    const known = old?.stamp === stamp ? old : { stamp, record: recordIn(folder, name) };
    this.#known.set(path, known);
    return known.record;
  }
}

/** Attachments, from the records of their addresses. Pure. */
export function workloadsOf(found: readonly Found[]): Workload[] {
  const attachments = new Map<string, Found[]>();
  for (const one of found) {
    const { container, interfaceName } = one.record.holder;
    const key = `${one.network}/${container}/${interfaceName}`;
    attachments.set(key, [...(attachments.get(key) ?? []), one]);
  }
  return [...attachments.values()]
    .flatMap((group) => {
      const [first] = group.sort((a, b) => compareAddress(a.record.address, b.record.address));
      return first === undefined ? [] : [workloadOf(first, group)];
    })
    .sort((a, b) => (a.time < b.time ? -1 : Number(a.time > b.time)));
}

function workloadOf({ record, network }: Found, group: readonly Found[]): Workload {
  const { holder, pod, labels = {}, time } = record;
  return {
    network,
    holder,
    pod,
    addresses: group.map((one) => one.record.address),
    // What the runtime says of a pod is no proof of whose it is.
    labels: { ...labels, ...ownLabels(record, network) },
    time,
  };
}

/** Those of Calico's WorkloadEndpoint that a node knows, and ours: no label of the runtime's takes their place. */
function ownLabels({ holder, pod }: AddressRecord, network: string): Labels {
  return {
    "projectcalico.org/orchestrator": pod === undefined ? "cni" : "k8s",
    ...(pod === undefined
      ? {}
      : { "projectcalico.org/namespace": pod.namespace, "projectcalico.org/name": pod.name }),
    "manx/network": network,
    "manx/interface": holder.interfaceName,
  };
}

/** Which file it is: one of the same name that is another has another number, or another time. */
function stampOf(path: string): string | undefined {
  const status = statSync(path, { throwIfNoEntry: false });
  return status === undefined ? undefined : `${status.ino} ${status.ctimeMs}`;
}

function recordIn(folder: string, name: string): AddressRecord | undefined {
  const path = `${folder}/${name}`;
  const reading = unlessGone(nodeFiles, path, () => readingOfAddress(nodeFiles, folder, name));
  return reading !== undefined && "record" in reading ? reading.record : undefined;
}
