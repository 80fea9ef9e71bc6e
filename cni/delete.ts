/**
 * DEL: take back whatever of an attachment is there, and succeed when nothing is.
 *
 * It needs no pod namespace, no `prevResult` and no more of the configuration than `ipam.type`: the host
 * end's name follows from the request.
 */

import { endsOf } from "../ipam/ends.ts";
import { CniError, errorObject } from "../ipam/protocol/error.ts";
import type { Request } from "../ipam/protocol/request.ts";
import { removeHostEnd } from "./apply.ts";
import { ipamTypeOf } from "./config.ts";
import { type ForgettingGround, forgettingLinux } from "./forget.ts";
import type { Ground } from "./ground.ts";
import { ipamOf } from "./ipam.ts";

/**
 * Detach the pod. The link goes first, then what is known of the address, then the address: so that nobody gets one
 * that is still in use.
 */
export function remove(request: Request, ground: ForgettingGround = forgettingLinux): undefined {
  const type = ipamTypeOf(request.config);
  const ipam = type === undefined ? undefined : ipamOf(type, ground.files);
  const failures: Error[] = [];
  attempt(failures, () => removeLink(request, ground));
  attempt(failures, () => ground.forget(ipam?.addresses(request) ?? []));
  attempt(failures, () => ipam?.giveBack(request));
  const [first, ...others] = failures;
  if (first === undefined) return;
  if (others.length === 0) throw first;
  const { code, msg } = errorObject(first, "");
  throw new CniError(code, [msg, ...others.map(({ message }) => message)].join("; "), {
    cause: first,
  });
}

function removeLink(request: Request, ground: Ground): void {
  const host = ground.host();
  try {
    removeHostEnd(host, endsOf(request).hostEnd);
  } finally {
    host.close();
  }
}

/** Whatever fails, the other steps are done all the same. */
function attempt(failures: Error[], act: () => void): void {
  try {
    act();
  } catch (failure) {
    if (!(failure instanceof Error)) throw failure;
    failures.push(failure);
  }
}
