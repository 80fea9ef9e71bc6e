/**
 * CHECK: is everything that ADD made still there and as it was?
 *
 * All that differs is told at once. What later plugins of the chain may have changed is taken from
 * `prevResult`, not from what we would make today.
 */

import { endsOf } from "../ipam/ends.ts";
import { CniError, CODE } from "../ipam/protocol/error.ts";
import type { Request } from "../ipam/protocol/request.ts";
import { type Result, resultFromJson } from "../ipam/protocol/result.ts";
import { type Address, equalAddress, parseAddress } from "../lib/address.ts";
import { type Prefix, parseInterfaceAddress, prefixOf } from "../lib/prefix.ts";
import type { Attachment, Gateways } from "./attachment.ts";
import { type CniConfig, parseCniConfig } from "./config.ts";
import { deviations } from "./deviation.ts";
import { type Ground, linux } from "./ground.ts";
import { ipamOf } from "./ipam.ts";
import { planOf } from "./plan.ts";

/** Throws code 101 that lists what is missing or different, or what the IPAM plugin says. */
export function check(request: Request, ground: Ground = linux): undefined {
  const config = parseCniConfig(request);
  const made = madeOf(request, config);
  ipamOf(config.ipam, ground.files).check(request);
  const pod = ground.pod(request);
  try {
    const host = ground.host();
    try {
      // The node file's MTU may be another one by now, which is no fault of this pod.
      const { mtu } = config;
      const attachment = { ...made, ...(typeof mtu === "number" ? { mtu } : {}) };
      const found = deviations(planOf(attachment, pod.descriptor), host, pod.kernel);
      if (found.length > 0) throw new CniError(CODE.deviation, found.join("; "));
    } finally {
      host.close();
    }
  } finally {
    pod.close();
  }
}

/** The attachment as `prevResult` says it was made. */
function madeOf(request: Request, config: CniConfig): Attachment {
  if (request.config.prevResult === undefined) {
    throw new CniError(CODE.invalidConfig, "the configuration has no prevResult: CHECK needs it");
  }
  const result = resultFromJson(request.config.prevResult, "prevResult");
  const ends = endsOf(request);
  const { hostEnd, podEnd } = ends;
  let pod = -1;
  let hasHostEnd = false;
  for (let at = 0; at < result.interfaces.length; at++) {
    const { name, sandbox } = result.interfaces[at] ?? { name: "" };
    if (name === podEnd && sandbox !== undefined) pod = at;
    if (name === hostEnd && sandbox === undefined) hasHostEnd = true;
  }
  if (!hasHostEnd) {
    throw new CniError(CODE.deviation, `prevResult has no interface ${hostEnd} of the host`);
  }
  const addresses: Address[] = [];
  for (const ip of result.ips) {
    if (ip.interface === pod) addresses.push(parseInterfaceAddress(ip.address).address);
  }
  if (pod < 0 || addresses.length === 0) {
    throw new CniError(CODE.deviation, `prevResult has no interface ${podEnd} with an address`);
  }
  const podMac = result.interfaces[pod]?.mac?.toLowerCase() ?? ends.podMac;
  const { gateways, queues, sysctls, forwarding, sourceCheck } = config;
  const routes = routesOf(result, gateways);
  return {
    ...ends,
    podMac,
    addresses,
    routes,
    gateways,
    queues,
    sysctls,
    forwarding,
    sourceCheck,
  };
}

/** Ours go through the gateway that only we use. */
function routesOf({ routes }: Result, gateways: Gateways): Prefix[] {
  const destinations: Prefix[] = [];
  for (const { dst, gw } of routes) {
    if (gw === undefined || !isGateway(parseAddress(gw), gateways)) continue;
    const { address, length } = parseInterfaceAddress(dst);
    destinations.push(prefixOf(address, length));
  }
  return destinations;
}

function isGateway(address: Address, gateways: Gateways): boolean {
  return equalAddress(address, gateways[address.family]);
}
