/**
 * GC of `manx-ipam` below other plugins: addresses of attachments that the runtime does not name are given back when
 * nothing on the machine has them.
 *
 * Below `manx` the plugin itself removes the links before. Here they are another plugin's, which may know no GC: so a
 * pod that runs on, whatever the runtime says, keeps its address until its DEL, or until it is gone.
 */

import { type Address, formatAddress } from "../lib/address.ts";
import {
  collectAddresses,
  giveBackStrays,
  type Holding,
  holdersOf,
  straysOf,
} from "./attachment.ts";
import type { Files } from "./files.ts";
import { isProved, type Machine, proofOf, viewOf } from "./machine.ts";
import { validAttachments } from "./protocol/gc.ts";
import type { Request } from "./protocol/request.ts";
import { warn } from "./warning.ts";

/**
 * Collect; `survey` looks at everything on the machine that may use an address. What stays taken is told on stderr.
 * Throws codes 5 and 7.
 */
export function collectBelow(request: Request, files: Files, survey: () => Machine): void {
  const valid = validAttachments(request.config);
  const stale = holdersOf(request, files).filter(({ holder }) => !valid(holder));
  const strays = straysOf(request, files);
  if (stale.length + strays.length === 0) return;
  const view = viewOf(survey());
  const isFree = (address: Address): boolean => {
    const proof = proofOf(view, address, undefined);
    if (isProved(proof)) return true;
    const reasons = [...proof.uses, ...proof.unknown].join(", ");
    warn(`GC leaves ${formatAddress(address)} of network ${request.network} taken: ${reasons}`);
    return false;
  };
  // What an attachment has of another family, or put aside, goes when all of it may go.
  const kept = new Set<string>();
  for (const holding of stale) {
    if (holding.addresses.filter(isFree).length < holding.addresses.length)
      kept.add(keyOf(holding));
  }
  const free = new Set(stale.map(keyOf).filter((key) => !kept.has(key)));
  // Who has come since then was not looked at.
  collectAddresses(request, (holder) => !free.has(keyOf({ holder })), files);
  giveBackStrays(request, strays.filter(isFree), files);
}

/** Neither of the two may have a slash. */
function keyOf({ holder }: Pick<Holding, "holder">): string {
  return `${holder.container}/${holder.interfaceName}`;
}
