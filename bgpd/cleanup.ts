/**
 * `manx bgpd --cleanup`: what a daemon that is gone for good has left in the kernel is removed.
 *
 * Its routes, nexthop objects and addresses are known by our protocol number, whatever table and metric they have, its
 * rules of nf_tables by their table; nothing of others is touched. The daemon's lock is held meanwhile, so that none runs and none starts.
 */

import { writeSync } from "node:fs";
import type { Kernel, KernelError, Request } from "../kernel/kernel.ts";
import { acquireLock } from "../kernel/lock.ts";
import { openKernel } from "../kernel/netlink.ts";
import { isOurs } from "./fib/objects.ts";
import { ROUTE_PROTOCOL } from "./forwarding.ts";
import { lockFileOf } from "./lock-file.ts";
import { removeMasquerades } from "./masquerade.ts";
import { withoutPeeringAddresses } from "./peering-address.ts";

export type CleanupOptions = {
  /** Path of the daemon's API socket; its lock is beside it. */
  readonly api: string;
};

/** Remove it and say how much it was. The exit code: 1 when a daemon runs or the kernel refused something. */
export function runCleanup({ api }: CleanupOptions): number {
  const lockFile = lockFileOf(api);
  const lock = acquireLock(lockFile);
  if (lock === undefined) {
    writeSync(
      2,
      `manx: bgpd: a bgpd runs here: it holds ${lockFile}; stop it first (with --withdraw it takes its routes along)\n`,
    );
    return 1;
  }
  const kernel = openKernel();
  try {
    const { routes, nexthops, addresses, errors } = cleanUp(kernel);
    const more = addresses === 0 ? "" : ` and ${addresses} peering addresses`;
    writeSync(1, `removed ${routes} routes and ${nexthops} nexthop objects${more}\n`);
    for (const { message } of errors) writeSync(2, `manx: bgpd: ${message}\n`);
    return errors.length === 0 ? 0 : 1;
  } finally {
    kernel.close();
    lock.release();
  }
}

export type Cleanup = {
  readonly routes: number;
  readonly nexthops: number;
  /** At which pods reached the node. */
  readonly addresses: number;
  readonly errors: readonly KernelError[];
};

/** What is gone already is what was asked for. */
const GONE = ["ESRCH", "ENOENT", "EADDRNOTAVAIL"];

/** Remove every route and nexthop object of ours: routes before what they lead over, groups before their members. */
export function cleanUp(kernel: Kernel): Cleanup {
  const routes = kernel
    .routes({ protocol: ROUTE_PROTOCOL })
    .map(({ destination, table, protocol, metric }): Request => {
      return { type: "delete route", route: { destination, table, protocol, metric } };
    });
  const nexthops = kernel
    .nexthops()
    .filter(({ id, protocol }) => protocol === ROUTE_PROTOCOL && isOurs(id))
    .sort((a, b) => Number(a.members === undefined) - Number(b.members === undefined))
    .map(({ id }): Request => ({ type: "delete nexthop", id }));
  const refused = (requests: readonly Request[]): KernelError[] =>
    kernel
      .applyAll(requests)
      .flatMap((error) => (error === undefined || GONE.includes(error.code) ? [] : [error]));
  const addresses = withoutPeeringAddresses(kernel, ROUTE_PROTOCOL);
  const errors = [...refused(routes), ...refused(nexthops), ...refused(addresses)];
  errors.push(...removeMasquerades(kernel));
  const [removed, objects] = [routes.length, nexthops.length];
  return { routes: removed, nexthops: objects, addresses: addresses.length, errors };
}
