/**
 * Which pods of the node have which sessions, by the plans and the address records. Pure.
 *
 * A pod has one session of each family that it and the node's peering addresses have. It is called
 * `BGPPEER NAMESPACE/POD`, with the interface behind it where that is not eth0, and ` IPv6` for that family.
 */

import type { Workload } from "../ipam/workload.ts";
import { type Address, formatAddress } from "../lib/address.ts";
import type { PeerPlan, WorkloadsPlan } from "./cluster/speaker.ts";

/** One session, and the BGPPeer that it comes from. */
export type WorkloadSession = { readonly document: string; readonly plan: PeerPlan };

/** What Kubernetes' runtimes call the interface of a pod. */
const USUAL_INTERFACE = "eth0";

/**
 * The sessions, the oldest pods' first. The first plan that selects a pod has it. `taken` are addresses that other peers
 * are named by. Of two sandboxes of one pod, and of two that are recorded with one address, the newer one counts: the
 * other's DEL is still to come.
 */
export function workloadSessions(
  plans: readonly WorkloadsPlan[],
  workloads: readonly Workload[],
  taken: readonly Address[],
): WorkloadSession[] {
  const names = new Set<string>();
  const addresses = new Set(taken.map(formatAddress));
  const isFree = ({ plan: { name, address } }: WorkloadSession): boolean =>
    !names.has(name) && !addresses.has(formatAddress(address));
  const newestFirst = workloads.toReversed().map((workload) => {
    const plan = firstOf(plans, workload);
    const free = plan === undefined ? [] : sessionsOf(plan, workload).filter(isFree);
    for (const { plan: own } of free) {
      names.add(own.name);
      addresses.add(formatAddress(own.address));
    }
    return free;
  });
  return newestFirst.reverse().flat();
}

/** Why a plan has no session. */
export function whyNone(
  { name, selector, localAddresses }: WorkloadsPlan,
  plans: readonly WorkloadsPlan[],
  workloads: readonly Workload[],
): string {
  if (workloads.length === 0) return "this node has no pod with an address record";
  const selected = workloads.filter(({ labels }) => selector.selects(labels));
  if (selected.length === 0) {
    const count = workloads.length === 1 ? "the one pod" : `none of the ${workloads.length} pods`;
    const verb = workloads.length === 1 ? "is not selected" : "is selected";
    return `${count} of this node ${verb} by ${selector.text}`;
  }
  const own = selected.filter((workload) => firstOf(plans, workload)?.name === name);
  if (own.length === 0) return "every pod that it selects is another BGPPeer's";
  const families = localAddresses.map(({ family }) => `IPv${family}`).join(" or ");
  const hasFamily = own.some(({ addresses }) =>
    addresses.some(({ family }) => localAddresses.some((local) => local.family === family)),
  );
  if (!hasFamily) return `no pod that it selects has an ${families} address to be called at`;
  return "every pod that it selects is a peer by its address";
}

function firstOf(plans: readonly WorkloadsPlan[], { labels }: Pick<Workload, "labels">) {
  return plans.find(({ selector }) => selector.selects(labels));
}

function sessionsOf(
  { name: document, localAddresses, session }: WorkloadsPlan,
  { pod, holder, addresses }: Workload,
): WorkloadSession[] {
  const { container, interfaceName } = holder;
  const who = pod === undefined ? container : `${pod.namespace}/${pod.name}`;
  const where = interfaceName === USUAL_INTERFACE ? "" : ` ${interfaceName}`;
  return localAddresses.flatMap((localAddress) => {
    const { family } = localAddress;
    const address = addresses.find((one) => one.family === family);
    if (address === undefined) return [];
    const name = `${document} ${who}${where}${family === 6 ? " IPv6" : ""}`;
    return [{ document, plan: { ...session, name, address, localAddress } }];
  });
}
