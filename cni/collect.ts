/**
 * GC: take back every attachment of this network that the runtime does not name, and nothing of another's.
 *
 * Which those are say the address records (a killed ADD left one before anything else) and the aliases of host
 * ends, which carry network, container and interface. The runtime starts no ADD or DEL meanwhile.
 *
 * An address whose record says nobody's name is given back when nothing on the machine has it.
 */

import type { Holding } from "../ipam/attachment.ts";
import { attachedBy, endsOf } from "../ipam/ends.ts";
import { isProved, type Machine, proofOf, viewOf } from "../ipam/machine.ts";
import { CniError, CODE } from "../ipam/protocol/error.ts";
import { type ValidAttachments, validAttachments } from "../ipam/protocol/gc.ts";
import type { Request } from "../ipam/protocol/request.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { surveyMachine } from "../kernel/survey.ts";
import { ipamTypeOf } from "./config.ts";
import { type ForgettingGround, forgettingLinux } from "./forget.ts";
import { type Ipam, ipamOf } from "./ipam.ts";
import { removeHostEnds } from "./together.ts";

export type CollectingGround = ForgettingGround & {
  /** Everything on the machine that may use an address. */
  survey(): Machine;
};

/** Linux. */
const collectingLinux: CollectingGround = { ...forgettingLinux, survey: surveyMachine };

/** Collect. Goes on after a failure, and throws one that tells them all. */
export function collect(request: Request, ground: CollectingGround = collectingLinux): undefined {
  const valid = validAttachments(request.config);
  const type = ipamTypeOf(request.config);
  const ipam = type === undefined ? undefined : ipamOf(type, ground.files);
  const failures: string[] = [];
  const attempt = (act: () => void): void => {
    try {
      act();
    } catch (failure) {
      if (!(failure instanceof CniError)) throw failure;
      failures.push(failure.message);
    }
  };
  const stale = (ipam?.holders(request) ?? []).filter(({ holder }) => !valid(holder));
  // Links first, so that nobody else gets an address that is still in use.
  const host = ground.host();
  try {
    const ends = staleEnds(request, valid, stale, host);
    attempt(() => removeHostEnds(host, [...ends]));
    for (const hostEnd of ends) attempt(() => expectGone(host, hostEnd));
  } finally {
    host.close();
  }
  attempt(() => ground.forget(stale.flatMap(({ addresses }) => addresses)));
  attempt(() => ipam?.collect(request, valid));
  if (ipam !== undefined) attempt(() => collectStrays(request, ipam, ground));
  if (failures.length > 0) throw new CniError(CODE.kernel, failures.join("; "));
}

/** What is not proved to be free stays taken: `manx ipam check` says why. */
function collectStrays(request: Request, ipam: Ipam, ground: CollectingGround): void {
  const strays = ipam.strays(request);
  if (strays.length === 0) return;
  const view = viewOf(ground.survey());
  const free = strays.filter((address) => isProved(proofOf(view, address, undefined)));
  ground.forget(free);
  ipam.giveBackStrays(request, free);
}

/** Names of host ends whose attachment is not among the valid ones. */
function staleEnds(
  request: Request,
  valid: ValidAttachments,
  holdings: readonly Holding[],
  host: Kernel,
): Set<string> {
  const { network } = request;
  const stale = new Set(holdings.map(({ holder }) => endsOf({ network, ...holder }).hostEnd));
  for (const link of host.links()) {
    const attached = attachedBy(link);
    if (attached?.network === network && !valid(attached)) stale.add(link.name);
  }
  return stale;
}

function expectGone(host: Kernel, hostEnd: string): void {
  if (host.link(hostEnd) === undefined) return;
  throw new CniError(CODE.kernel, `${hostEnd} is there still: ip link delete ${hostEnd}`);
}
