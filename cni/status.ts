/**
 * STATUS: would an ADD be served? 50 when it would not, 51 when pods that run may be cut off as well.
 */

import { parseIpamConfig } from "../ipam/config.ts";
import { readNodeFile } from "../ipam/node.ts";
import { CniError, CODE } from "../ipam/protocol/error.ts";
import type { Request } from "../ipam/protocol/request.ts";
import { lockAge } from "../kernel/lock.ts";
import { OWN_IPAM, parseCniConfig } from "./config.ts";
import { type Ground, linux } from "./ground.ts";
import { ipamOf } from "./ipam.ts";

/** Throws code 50 or 51 with what to do about it. */
export function status(request: Request, ground: Ground = linux): undefined {
  const { ipam } = parseCniConfig(request);
  ipamOf(ipam, ground.files).status(request);
  if (ipam === OWN_IPAM) checkDaemon(request, ground);
}

/** A daemon that comes back soon costs nobody a route; one that is away for long does. */
function checkDaemon({ config }: Request, { files }: Ground): void {
  const { blocks, nodeFile } = parseIpamConfig(config);
  // With blocks of its own a configuration needs no daemon.
  if (blocks !== undefined) return;
  const { daemon } = readNodeFile(nodeFile, files);
  if (daemon === undefined) return;
  const away = lockAge(daemon.lock);
  if (away === undefined || away <= daemon.grace) return;
  const what = Number.isFinite(away)
    ? `nobody has held ${daemon.lock} for ${Math.round(away)} s (grace: ${daemon.grace} s)`
    : `there is no ${daemon.lock}`;
  throw new CniError(CODE.limited, `manx bgpd does not run: ${what}`, {
    details: "routes to other nodes are no longer kept: start it, or see why it ended",
  });
}
