/**
 * Connections of pods that leave for beyond the cluster's pools leave with the node's address, where the pool says so
 * (IPPool `natOutgoing`). The rules stay when the daemon ends, as its routes do.
 *
 * Others may take them away (`nft flush ruleset`), and nobody tells of that whom other changes would not wake all
 * the time; so it is looked after them.
 */

import { type Kernel, KernelError, type Masquerade } from "../kernel/kernel.ts";
import type { Family } from "../lib/address.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import { formatPrefix } from "../lib/prefix.ts";
import type { MasqueradePlan } from "./cluster/speaker.ts";

/** Of nf_tables, of each family. */
const TABLE = "manx-outgoing";
/** Between two looks, ms. */
const LOOK = 5000;
const NOTHING: MasqueradePlan = { sources: [], exempt: [] };

export type MasqueradingOptions = {
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly log: Logger;
};

export class Masquerading {
  readonly #options: MasqueradingOptions;
  #wanted = NOTHING;
  #timer: Timer | undefined;
  #fault: string | undefined;

  constructor(options: MasqueradingOptions) {
    this.#options = options;
  }

  /** Why it is not as it should be, in the kernel's words. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Have it so from now on; nobody's connections when absent. */
  have(wanted: MasqueradePlan = NOTHING): void {
    this.#wanted = wanted;
    this.#look();
  }

  /** Look no more. */
  stop(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    const { clock, log } = this.#options;
    const fault = [...this.#mend(4), ...this.#mend(6)].join("; ") || undefined;
    if (fault !== this.#fault && fault !== undefined) {
      log.error({ error: fault }, "pods' connections keep their addresses beyond the pools");
    }
    this.#fault = fault;
    this.#timer?.cancel();
    if (this.#wanted.sources.length > 0) this.#timer = clock.after(LOOK, () => this.#look());
  }

  /** Make it so where it is not; what the kernel has against it. */
  #mend(family: Family): string[] {
    const { kernel, log } = this.#options;
    const wanted = masqueradeOf(family, this.#wanted);
    if (isThere(kernel, wanted)) return [];
    try {
      kernel.setMasquerade(wanted);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      return [error.message];
    }
    const sources = wanted.sources.map(formatPrefix);
    if (sources.length === 0) log.info({ family }, "no connections leave with the node's address");
    else log.info({ family, sources }, "connections leave the pools with the node's address");
    return [];
  }
}

/** Take away what a daemon has left; what the kernel has against it. */
export function removeMasquerades(kernel: Kernel): KernelError[] {
  const errors: KernelError[] = [];
  for (const family of [4, 6] as const) {
    const none = masqueradeOf(family, NOTHING);
    if (isThere(kernel, none)) continue;
    try {
      kernel.setMasquerade(none);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      errors.push(error);
    }
  }
  return errors;
}

/** A kernel that cannot be asked has none: whoever wants some is told why when they are made. */
function isThere(kernel: Kernel, wanted: Masquerade): boolean {
  try {
    return kernel.hasMasquerade(wanted);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return wanted.sources.length === 0;
  }
}

function masqueradeOf(family: Family, { sources, exempt }: MasqueradePlan): Masquerade {
  const own = sources.filter((prefix) => prefix.family === family);
  const others = exempt.filter((prefix) => prefix.family === family);
  return { family, table: TABLE, sources: own, exempt: others };
}
