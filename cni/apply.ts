/**
 * Doing a plan in the kernel: whole, or not at all.
 */

import { CniError, CODE } from "../ipam/protocol/error.ts";
import { type Kernel, KernelError, type Request, type SourceCheck } from "../kernel/kernel.ts";
import { equalPrefix, formatPrefix } from "../lib/prefix.ts";
import type { CreateVeth, Plan, Setting } from "./plan.ts";

/**
 * Do the plan; what was done of it is undone when it fails. `refuseTaken` throws when the pod has such an
 * interface. Throws codes 100 and 102.
 */
export function applyPlan(plan: Plan, host: Kernel, pod: Kernel, refuseTaken: () => void): void {
  createPair(host, plan.pair, refuseTaken);
  try {
    if (plan.sourceCheck !== undefined) applySourceCheck(host, plan.sourceCheck);
    for (const setting of plan.hostSettings) applySetting(host, setting);
    for (const setting of plan.podSettings) applySetting(pod, setting);
    // The end that comes up last finds its carrier there: it sends and has IPv6 at once, so it must be the pod's. Of
    // the other's carrier the kernel's link watch tells when it finds the time, and what is sent until then is lost:
    // on a busy node several of a hundred first packets.
    applyBatch(host, plan.host);
    applyPod(pod, plan);
    settle(host, plan.pair.end.name);
  } catch (failure) {
    removeHostEnd(host, plan.pair.end.name);
    throw failure;
  }
}

function settle(host: Kernel, hostEnd: string): void {
  try {
    host.settleCarrier(hostEnd);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw refused(error);
  }
}

/** Delete a host end, and with it the peer, its addresses, routes and neighbours. False: there is none. */
export function removeHostEnd(host: Kernel, name: string): boolean {
  const [error] = host.applyAll([{ type: "delete link", link: name }]);
  if (error === undefined) return true;
  if (error.code === "ENODEV") return false;
  throw refused(error);
}

/**
 * One of the two names may be taken. The pod's is the runtime's mistake, and what is there is left alone; the
 * host's alone is what is left of a dead sandbox.
 */
function createPair(host: Kernel, pair: CreateVeth, refuseTaken: () => void): void {
  const [error] = host.applyAll([pair]);
  if (error === undefined) return;
  if (error.code !== "EEXIST") throw refused(error);
  refuseTaken();
  if (!removeHostEnd(host, pair.end.name)) throw refused(error);
  const [again] = host.applyAll([pair]);
  if (again !== undefined) throw refused(again);
}

function applySourceCheck(host: Kernel, check: SourceCheck): void {
  try {
    host.ensureSourceCheck(check);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const details = `IPv6 sources cannot be checked; "sourceCheck": false attaches pods all the same`;
    throw new CniError(CODE.kernel, error.message, { details, cause: error });
  }
}

function applySetting(host: Kernel, { name, value }: Setting): void {
  try {
    host.setSysctl(name, value);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (isOffAnyway(name, value, error)) return;
    throw refused(error);
  }
}

/**
 * A pod may have several of our interfaces, and each has a route to the gateway, most of them a default route. What
 * the first ones have stays as it is: the routes of a later one get a metric of their own, its index.
 */
function applyPod(pod: Kernel, { pair, pod: requests }: Plan): void {
  const errors = pod.applyAll(requests);
  const taken: Request[] = [];
  let at = 0;
  for (const request of requests) {
    const error = errors[at++];
    if (error === undefined) continue;
    // Without its own route to the gateway, no route over it can be made.
    const isTaken = error.code === "EEXIST" || (taken.length > 0 && error.code === "ENETUNREACH");
    if (request.type !== "add route" || !isTaken) throw refused(error);
    taken.push(request);
  }
  if (taken.length === 0) return;
  const metric = pod.link(pair.peer.name)?.index ?? 0;
  const later: Request[] = [];
  for (const request of taken) {
    if (request.type !== "add route") continue;
    const base = request.route.destination.family === 4 ? 0 : IPV6_METRIC;
    later.push({ ...request, route: { ...request.route, metric: base + metric } });
  }
  applyBatch(pod, later);
}

/** IP6_RT_PRIO_USER: what IPv6 routes have that ask for none. */
const IPV6_METRIC = 1024;

/** A kernel without IPv6 has nothing to switch off. */
export function isOffAnyway(name: string, value: string, error: KernelError): boolean {
  return error.code === "ENOENT" && value === "1" && name.endsWith("/disable_ipv6");
}

/** The first failure is the reason, those after it are consequences. */
function applyBatch(kernel: Kernel, requests: readonly Request[]): void {
  const errors = kernel.applyAll(requests);
  let at = 0;
  for (const request of requests) {
    const error = errors[at++];
    if (error === undefined) continue;
    throw error.code === "EEXIST" ? taken(kernel, request, error) : refused(error);
  }
}

/** Who is in the way: another link has the pod's address. */
function taken(kernel: Kernel, request: Request, error: KernelError): CniError {
  if (request.type !== "add route") return refused(error);
  const { destination } = request.route;
  const links = kernel
    .routes({ family: destination.family, table: 254 })
    .filter((route) => equalPrefix(route.destination, destination))
    .flatMap(({ nextHops }) => nextHops.map(({ link }) => kernel.link(link ?? 0)?.name ?? "none"));
  return new CniError(
    CODE.exists,
    `there is a route to ${formatPrefix(destination)} already, over ${links.join(", ")}`,
    { cause: error },
  );
}

/** What the kernel refused, as the plugin says it. */
export function refused(error: KernelError): CniError {
  return new CniError(CODE.kernel, error.message, { cause: error });
}
