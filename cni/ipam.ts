/**
 * Where an attachment's address comes from: `manx-ipam` in this process, any other plugin by executing it.
 */

import {
  addressesOf,
  checkAddresses,
  collectAddresses,
  giveBackAddresses,
  giveBackStrays,
  type Holding,
  holdersOf,
  straysOf,
  takeAddresses,
} from "../ipam/attachment.ts";
import type { Files } from "../ipam/files.ts";
import { CniError, CODE } from "../ipam/protocol/error.ts";
import type { ValidAttachments } from "../ipam/protocol/gc.ts";
import type { JsonObject, Request } from "../ipam/protocol/request.ts";
import { type Result, type ResultRoute, resultFromJson } from "../ipam/protocol/result.ts";
import { checkSupply } from "../ipam/status.ts";
import type { Address } from "../lib/address.ts";
import { defaultPrefix, type Prefix, parseInterfaceAddress, prefixOf } from "../lib/prefix.ts";
import { OWN_IPAM } from "./config.ts";
import { runDelegate } from "./delegate.ts";

export type Lease = {
  /** One of a family, or one of each. */
  readonly addresses: readonly Address[];
  /** Gives back what the attachment did not have before: when attaching fails. Absent where it had all of it. */
  readonly undo?: () => void;
  /** What the pod is to reach: what the IPAM section or the delegate lists, or else everything. */
  readonly routes: readonly Prefix[];
  /** Of the pod's interface, where the IPAM knows. */
  readonly mtu?: number;
  readonly dns?: JsonObject;
};

export type Ipam = {
  /** An ADD that is repeated gets the same address again; a delegate's may be refused, or get another. */
  readonly isRepeatable: boolean;
  /**
   * Take an address, or nothing: a delegate whose answer is of no use gets it back. `refuseRunning` throws when the pod
   * is attached: it is called before anything is taken away from the attachment.
   */
  take(request: Request, refuseRunning: () => void): Lease;
  giveBack(request: Request): void;
  /** Give back what nobody among `valid` has. */
  collect(request: Request, valid: ValidAttachments): void;
  /** The attachment's addresses, where the IPAM or `prevResult` can tell. */
  addresses(request: Request): readonly Address[];
  /** Who has addresses, where the IPAM can tell. */
  holders(request: Request): readonly Holding[];
  /** Addresses that no DEL will give back, where the IPAM can tell. */
  strays(request: Request): readonly Address[];
  giveBackStrays(request: Request, strays: readonly Address[]): void;
  /** Throws when an ADD would get no address. */
  status(request: Request): void;
  /** Throws when the address is no longer the attachment's. */
  check(request: Request): void;
};

/** The IPAM plugin of this name; `files` are for our own. */
export function ipamOf(type: string, files: Files): Ipam {
  return type === OWN_IPAM ? own(files) : delegate(type);
}

function own(files: Files): Ipam {
  return {
    isRepeatable: true,
    take(request, refuseRunning) {
      const { records, undo, routes, mtu } = takeAddresses(request, "host", files, refuseRunning);
      const addresses: Address[] = [];
      for (const { address } of records) addresses.push(address);
      return {
        addresses,
        ...(undo === undefined ? {} : { undo }),
        routes: destinationsOf(routes, addresses),
        ...(mtu === undefined ? {} : { mtu }),
      };
    },
    giveBack: (request) => giveBackAddresses(request, files),
    check: (request) => checkAddresses(request, files),
    collect: (request, valid) => collectAddresses(request, valid, files),
    addresses: (request) => addressesOf(request, files),
    holders: (request) => holdersOf(request, files),
    strays: (request) => straysOf(request, files),
    giveBackStrays: (request, strays) => giveBackStrays(request, strays, files),
    status: (request) => checkSupply(request, "host", files),
  };
}

function delegate(type: string): Ipam {
  return {
    isRepeatable: false,
    take(request) {
      try {
        const undo = () => void runDelegate(request, type, "DEL");
        return { ...leaseOf(runDelegate(request, type), type), undo };
      } catch (failure) {
        giveBackQuietly(request, type);
        throw failure;
      }
    },
    giveBack: (request) => void runDelegate(request, type, "DEL"),
    check: (request) => void runDelegate(request, type),
    collect: (request) => void runDelegate(request, type),
    addresses: previousAddresses,
    holders: () => [],
    strays: () => [],
    giveBackStrays: () => {},
    status: (request) => void runDelegate(request, type),
  };
}

/** Of `prevResult`, as far as it can be read: a DEL must work with any. */
function previousAddresses({ config }: Request): Address[] {
  try {
    const { ips } = resultFromJson(config.prevResult, "prevResult");
    return ips.map(({ address }) => parseInterfaceAddress(address).address);
  } catch (failure) {
    if (failure instanceof CniError) return [];
    throw failure;
  }
}

/** The specification asks for a DEL after a delegate's failed ADD; the ADD's failure is the one to tell. */
function giveBackQuietly(request: Request, type: string): void {
  try {
    runDelegate(request, type, "DEL");
  } catch (failure) {
    if (!(failure instanceof CniError)) throw failure;
  }
}

function leaseOf(printed: string, type: string): Lease {
  const { ips, routes, dns } = decode(printed, type);
  const addresses = ips.map(({ address }) => parseInterfaceAddress(address).address);
  const [first, second, ...more] = addresses;
  if (first === undefined || more.length > 0 || first.family === second?.family) {
    const given = ips.map((ip) => ip.address).join(", ");
    throw new CniError(
      CODE.delegate,
      `${type} gave ${given === "" ? "no address" : given}: expected one address, or one of each family`,
    );
  }
  return {
    addresses,
    routes: destinationsOf(routes, addresses),
    ...(dns === undefined ? {} : { dns }),
  };
}

function decode(printed: string, type: string): Result {
  try {
    return resultFromJson(JSON.parse(printed), `the result of ${type}`);
  } catch (cause) {
    if (cause instanceof CniError) throw cause;
    throw new CniError(CODE.delegate, `${type} printed no JSON`, { cause });
  }
}

/**
 * What is listed, or everything, in each family that the pod has an address of. Gateways that others name mean nothing
 * here: a pod has one of a family, and it is always the same.
 */
function destinationsOf(
  routes: readonly ResultRoute[],
  addresses: readonly Address[],
): readonly Prefix[] {
  const destinations: Prefix[] = [];
  if (routes.length === 0) {
    for (const { family } of addresses) destinations.push(defaultPrefix(family));
    return destinations;
  }
  for (const { dst } of routes) {
    const { address, length } = parseInterfaceAddress(dst);
    for (const { family } of addresses) {
      if (family === address.family) destinations.push(prefixOf(address, length));
    }
  }
  return destinations;
}
