/**
 * ADD: an address, a veth pair, routes on both sides of it; all of it or nothing.
 */

import { CniError, CODE } from "../ipam/protocol/error.ts";
import type { Request } from "../ipam/protocol/request.ts";
import {
  type Result,
  type ResultAddress,
  type ResultRoute,
  resultFromJson,
} from "../ipam/protocol/result.ts";
import { formatAddress } from "../lib/address.ts";
import { formatPrefix, hostPrefix } from "../lib/prefix.ts";
import { applyPlan } from "./apply.ts";
import { type Attachment, endsOf, gatewayOf, HOST_MAC } from "./attachment.ts";
import { parseCniConfig } from "./config.ts";
import { type Ground, linux, type PodNamespace } from "./ground.ts";
import { ipamOf } from "./ipam.ts";
import { planOf } from "./plan.ts";

/** Attach the pod. */
export function add(request: Request, ground: Ground = linux): Result {
  const config = parseCniConfig(request.config);
  const previous = previousOf(request);
  const pod = ground.pod(request);
  try {
    const ipam = ipamOf(config.ipam, ground.files);
    if (!ipam.isRepeatable) refuseTaken(request, pod);
    const lease = ipam.take(request);
    try {
      const mtu = config.mtu ?? lease.mtu;
      const attachment: Attachment = {
        ...endsOf(request),
        addresses: lease.addresses,
        routes: lease.routes,
        ...(mtu === undefined ? {} : { mtu }),
      };
      applyOn(ground, attachment, pod, () => refuseTaken(request, pod));
      const said = config.dns ?? lease.dns;
      return combine(previous, {
        ...resultOf(attachment, request),
        ...(said === undefined ? {} : { dns: said }),
      });
    } catch (failure) {
      throw lease.isNew ? undone(failure, () => ipam.giveBack(request)) : failure;
    }
  } finally {
    pod.close();
  }
}

/** What is there may be this very attachment, whose address it then has. */
function refuseTaken({ interfaceName, namespacePath }: Request, { kernel }: PodNamespace): void {
  if (kernel.link(interfaceName) === undefined) return;
  throw new CniError(
    CODE.exists,
    `CNI_IFNAME ${interfaceName} exists already in CNI_NETNS ${namespacePath}`,
  );
}

function applyOn(
  ground: Ground,
  attachment: Attachment,
  pod: PodNamespace,
  refuse: () => void,
): void {
  const host = ground.host();
  try {
    applyPlan(planOf(attachment, pod.descriptor), host, pod.kernel, refuse);
  } finally {
    host.close();
  }
}

/** The failure to tell, after `undo`; when that fails as well, it says so. */
function undone(failure: unknown, undo: () => void): unknown {
  try {
    undo();
    return failure;
  } catch (second) {
    if (!(failure instanceof CniError)) return failure;
    const reason = second instanceof Error ? second.message : String(second);
    return new CniError(failure.code, failure.message, {
      details: `and its address was not given back: ${reason}`,
      cause: failure,
    });
  }
}

function resultOf(attachment: Attachment, request: Request): Result {
  const { hostEnd, podEnd, podMac } = attachment;
  const mtu = attachment.mtu === undefined ? {} : { mtu: attachment.mtu };
  const ips: ResultAddress[] = [];
  for (const address of attachment.addresses) {
    const gateway = formatAddress(gatewayOf(address.family));
    ips.push({ address: formatPrefix(hostPrefix(address)), gateway, interface: 1 });
  }
  const routes: ResultRoute[] = [];
  for (const route of attachment.routes) {
    routes.push({ dst: formatPrefix(route), gw: formatAddress(gatewayOf(route.family)) });
  }
  return {
    interfaces: [
      { name: hostEnd, mac: HOST_MAC, ...mtu },
      { name: podEnd, mac: podMac, ...mtu, sandbox: request.namespacePath },
    ],
    ips,
    routes,
  };
}

function previousOf({ config }: Request): Result | undefined {
  const { prevResult } = config;
  return prevResult === undefined ? undefined : resultFromJson(prevResult, "prevResult");
}

/** What plugins before us in the chain made stays in the result. */
function combine(previous: Result | undefined, ours: Result): Result {
  if (previous === undefined) return ours;
  const shift = previous.interfaces.length;
  const dns = ours.dns ?? previous.dns;
  return {
    interfaces: [...previous.interfaces, ...ours.interfaces],
    ips: [
      ...previous.ips,
      ...ours.ips.map((ip) => ({ ...ip, interface: (ip.interface ?? 0) + shift })),
    ],
    routes: [...previous.routes, ...ours.routes],
    ...(dns === undefined ? {} : { dns }),
  };
}
