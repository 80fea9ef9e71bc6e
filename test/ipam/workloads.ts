/** Workloads for tests, as their address records make them. */

import { type Workload, workloadsOf } from "../../ipam/workload.ts";
import { parseAddress } from "../../lib/address.ts";
import { hostPrefix } from "../../lib/prefix.ts";

export type Pod = {
  readonly name?: string;
  readonly namespace?: string;
  readonly container?: string;
  readonly interfaceName?: string;
  readonly network?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Of the hour in which it came. */
  readonly minute?: number;
};

/** A pod with these addresses; without a name one that no Kubernetes has. */
export function workload(pod: Pod, ...addresses: readonly string[]): Workload {
  const { name, namespace = "default", container = `sandbox-of-${name}`, minute = 0 } = pod;
  const { interfaceName = "eth0", network = "pods", labels } = pod;
  const found = addresses.map((text) => {
    const address = parseAddress(text);
    const record = {
      address,
      block: hostPrefix(address),
      holder: { container, interfaceName },
      ...(name === undefined ? {} : { pod: { namespace, name } }),
      ...(labels === undefined ? {} : { labels }),
      time: `2026-01-01T00:${String(minute).padStart(2, "0")}:00.000Z`,
    };
    return { record, network };
  });
  const [made] = workloadsOf(found);
  if (made === undefined) throw new Error("a workload has an address");
  return made;
}
