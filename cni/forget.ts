/**
 * Where DEL and GC work: they also make the host forget what it knows of an address. Apart, so that an ADD does not
 * load it.
 */

import { CniError, CODE } from "../ipam/protocol/error.ts";
import { forgetConnections } from "../kernel/conntrack.ts";
import { KernelError } from "../kernel/kernel.ts";
import type { Address } from "../lib/address.ts";
import { type Ground, linux } from "./ground.ts";

export type ForgettingGround = Ground & {
  /** Let the host forget the connections that these addresses had. Throws code 100. */
  forget(addresses: readonly Address[]): void;
};

/** Linux. */
export const forgettingLinux: ForgettingGround = { ...linux, forget };

function forget(addresses: readonly Address[]): void {
  try {
    forgetConnections(addresses);
  } catch (cause) {
    if (!(cause instanceof KernelError)) throw cause;
    throw new CniError(
      CODE.kernel,
      `connections of the address are not forgotten: ${cause.message}`,
      { cause },
    );
  }
}
