/**
 * Deleting host ends together.
 *
 * A link's end is a wait of 12 to 25 ms in the kernel (RCU), one after the other. But links of a group end in one
 * wait: GC of a hundred attachments takes as long as a DEL. DELs at once do not gain by it: their waits overlap, and
 * what limits them is the start of their processes.
 */

import type { Kernel } from "../kernel/kernel.ts";
import { refused } from "./apply.ts";

/** Ours alone: nobody else's link has it. A link that a killed GC left in it goes with the next one's. */
const DOOMED = 0x6d61_6e78;

/** Delete these host ends, and with them their peers, addresses, routes and neighbours; those there are none of are gone. */
export function removeHostEnds(host: Kernel, names: readonly string[]): void {
  const errors = host.applyAll(
    names.map((link) => ({ type: "set link", link, group: DOOMED }) as const),
  );
  if (errors.some((error) => error === undefined)) {
    const [error] = host.applyAll([{ type: "delete group", group: DOOMED }]);
    if (error !== undefined) throw refused(error);
  }
  const failed = errors.find((error) => error !== undefined && error.code !== "ENODEV");
  if (failed !== undefined) throw refused(failed);
}
