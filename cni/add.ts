/**
 * ADD: an address, a veth pair, routes on both sides of it; all of it or nothing.
 */

import { endsOf } from "../ipam/ends.ts";
import { CniError, CODE } from "../ipam/protocol/error.ts";
import type { Request } from "../ipam/protocol/request.ts";
import {
  type Result,
  type ResultAddress,
  type ResultRoute,
  resultFromJson,
} from "../ipam/protocol/result.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { formatAddress } from "../lib/address.ts";
import { formatPrefix, hostPrefix } from "../lib/prefix.ts";
import { applyPlan } from "./apply.ts";
import { type Attachment, HOST_MAC } from "./attachment.ts";
import { type CniConfig, parseCniConfig } from "./config.ts";
import { type Ground, linux, type PodNamespace } from "./ground.ts";
import { ipamOf, type Lease } from "./ipam.ts";
import { planOf } from "./plan.ts";

/** Attach the pod. */
export function add(request: Request, ground: Ground = linux): Result {
  const config = parseCniConfig(request);
  const previous = previousOf(request);
  const pod = ground.pod(request);
  try {
    const ipam = ipamOf(config.ipam, ground.files);
    const refuse = (): void => refuseTaken(request, pod);
    if (!ipam.isRepeatable) refuse();
    const lease = ipam.take(request, refuse);
    try {
      const attachment = applyOn(
        ground,
        (host) => attachmentOf(request, config, lease, host),
        pod,
        refuse,
      );
      const said = config.dns ?? lease.dns;
      return combine(previous, {
        ...resultOf(attachment, request),
        ...(said === undefined ? {} : { dns: said }),
      });
    } catch (failure) {
      throw lease.undo === undefined ? failure : undone(failure, lease.undo);
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
  attachmentOn: (host: Kernel) => Attachment,
  pod: PodNamespace,
  refuse: () => void,
): Attachment {
  const host = ground.host();
  try {
    const attachment = attachmentOn(host);
    applyPlan(planOf(attachment, pod.descriptor), host, pod.kernel, refuse);
    return attachment;
  } finally {
    host.close();
  }
}

function attachmentOf(request: Request, config: CniConfig, lease: Lease, host: Kernel): Attachment {
  const ends = endsOf(request);
  const { gateways, queues, sysctls, forwarding, sourceCheck, mac } = config;
  const mtu = config.mtu === "auto" ? (lease.mtu ?? uplinkMtu(host)) : (config.mtu ?? lease.mtu);
  return {
    hostEnd: ends.hostEnd,
    ...(ends.alias === undefined ? {} : { alias: ends.alias }),
    podEnd: ends.podEnd,
    podMac: mac ?? ends.podMac,
    addresses: lease.addresses,
    routes: lease.routes,
    gateways,
    queues,
    sysctls,
    forwarding,
    sourceCheck,
    ...(mtu === undefined ? {} : { mtu }),
  };
}

/** Of the link that the node's default route goes over; undefined leaves it to Linux (1500). */
function uplinkMtu(host: Kernel): number | undefined {
  for (const family of [4, 6] as const) {
    const route = host
      .routes({ family, table: 254 })
      .find(({ destination }) => destination.length === 0);
    const link = route?.nextHops[0]?.link;
    const mtu = link === undefined ? undefined : host.link(link)?.mtu;
    if (mtu !== undefined) return mtu;
  }
  return undefined;
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
  const { hostEnd, podEnd, podMac, gateways } = attachment;
  const mtu = attachment.mtu === undefined ? {} : { mtu: attachment.mtu };
  const ips: ResultAddress[] = [];
  for (const address of attachment.addresses) {
    const gateway = formatAddress(gateways[address.family]);
    ips.push({ address: formatPrefix(hostPrefix(address)), gateway, interface: 1 });
  }
  const routes: ResultRoute[] = [];
  for (const route of attachment.routes) {
    routes.push({ dst: formatPrefix(route), gw: formatAddress(gateways[route.family]) });
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
