/**
 * Addresses at which pods reach their own node: on the loopback link, the same on every node, and no source of packets
 * but for the sessions that are bound to them.
 *
 * IPv4: with the scope of a link, by which the kernel never chooses them where a link has no address of its own, as
 * pods' host ends have none. IPv6: deprecated from the first moment (RFC 6724 section 5, rule 3). Ours carry our
 * protocol number, so that a successor knows them; what others have given is used, and left.
 */

import type {
  InterfaceAddress,
  Kernel,
  KernelError,
  KernelEvent,
  Request,
} from "../kernel/kernel.ts";
import { type Address, equalAddress, formatAddress } from "../lib/address.ts";
import type { Logger } from "../lib/log.ts";
import { hostPrefix } from "../lib/prefix.ts";

/** Always there, and always up. */
const LOOPBACK = "lo";

export type PeeringAddressOptions = {
  readonly kernel: Kernel;
  /** Whose the addresses are. */
  readonly protocol: number;
  readonly log: Logger;
};

export class PeeringAddresses {
  readonly #options: PeeringAddressOptions;
  #wanted: readonly Address[] = [];
  /** Kernels before 5.18 do not say whose they are: these are known to be ours. */
  readonly #given = new Set<string>();

  constructor(options: PeeringAddressOptions) {
    this.#options = options;
  }

  /** Have these; others of ours stay until `leaveOthers`, for what is still to be said from them. */
  have(wanted: readonly Address[]): void {
    this.#wanted = wanted;
    const present = this.#options.kernel.addresses();
    for (const address of wanted) {
      if (!present.some((own) => equalAddress(own.address, address))) this.#give(address);
    }
  }

  /** Of ours, have none but those that are wanted. */
  leaveOthers(): void {
    const surplus = this.#options.kernel
      .addresses()
      .filter((own) => this.#isOurs(own) && !this.#isWanted(own.address));
    for (const { address } of surplus) this.#tell("delete address", address);
  }

  /** Put back what another has taken away. */
  observe(event: KernelEvent): void {
    if (event.type === "overrun") this.have(this.#wanted);
    if (event.type !== "address" || event.change !== "deleted") return;
    const { address } = event.address;
    if (this.#isWanted(address)) this.#give(address);
  }

  #isWanted(address: Address): boolean {
    return this.#wanted.some((one) => equalAddress(one, address));
  }

  #give(address: Address): void {
    if (this.#tell("add address", address)) this.#given.add(formatAddress(address));
  }

  #isOurs({ address, link, protocol }: InterfaceAddress): boolean {
    const { kernel, protocol: own } = this.#options;
    if (protocol === own) return true;
    return this.#given.has(formatAddress(address)) && kernel.link(link)?.name === LOOPBACK;
  }

  #tell(type: "add address" | "delete address", address: Address): boolean {
    const { kernel, protocol, log } = this.#options;
    const text = formatAddress(address);
    const [error] = kernel.applyAll([requestOf(type, address, protocol)]);
    if (isRefusal(error)) log.error({ err: error, address: text }, "the peering address of pods");
    else
      log.info({ address: text }, type === "add address" ? "pods may call" : "pods call no more");
    if (type === "delete address") this.#given.delete(text);
    return error === undefined;
  }
}

/** Who gives or takes it away before us has done what was asked for. */
function isRefusal(error: KernelError | undefined): error is KernelError {
  return error !== undefined && error.code !== "EEXIST" && error.code !== "EADDRNOTAVAIL";
}

function requestOf(
  type: "add address" | "delete address",
  address: Address,
  protocol: number,
): Request {
  const { length } = hostPrefix(address);
  const nature = address.family === 4 ? { scope: "link" as const } : { deprecated: true as const };
  return { type, link: LOOPBACK, address, length, protocol, ...nature };
}

/** Requests that take every address of ours away; of kernels that say whose they are. */
export function withoutPeeringAddresses(kernel: Kernel, protocol: number): Request[] {
  return kernel
    .addresses()
    .filter((own) => own.protocol === protocol)
    .map(({ link, address, length }) => ({ type: "delete address", link, address, length }));
}
