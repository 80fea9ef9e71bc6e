/**
 * The addresses of one attachment: taken, looked up, given back, as a CNI request asks.
 *
 * Both ways to `manx-ipam` end here: the plugin calls it in its own process, other plugins execute it
 * (`main.ts`).
 */

import { type Address, equalAddress, type Family, formatAddress } from "../lib/address.ts";
import { parseInterfaceAddress } from "../lib/prefix.ts";
import { allocate, type Cooldown, Exhausted, Unobtainable } from "./allocate.ts";
import { bootId } from "./boot.ts";
import {
  describeShortage,
  type IpamConfig,
  parseIpamConfig,
  type Supply,
  scopeOf,
  supplyOf,
} from "./config.ts";
import type { Files } from "./files.ts";
import { type Labels, requestedLabels } from "./labels.ts";
import type { NodeBlock } from "./node.ts";
import { CniError, CODE } from "./protocol/error.ts";
import type { ValidAttachments } from "./protocol/gc.ts";
import { isObject, type Request } from "./protocol/request.ts";
import { resultFromJson } from "./protocol/result.ts";
import { type AddressRecord, familyOf, type Holder, type Pod } from "./record.ts";
import type { Records } from "./records.ts";
import { DATA_DIRECTORY, openRecords } from "./records-files.ts";
import { type Requested, requestedAddresses } from "./requested.ts";
import { reservedIn, type Use } from "./reserved.ts";
import { folderOf, SCOPES } from "./scope.ts";

const FAMILIES = [4, 6] as const;

/** The attachment's addresses, and what the configuration or the node file say about their use. */
export type Lease = {
  /** One of each family that there are blocks of, IPv4 first. */
  readonly records: readonly AddressRecord[];
  /** Gives back what the attachment did not have before; absent where it had all of it. */
  readonly undo?: () => void;
} & Pick<IpamConfig, "routes"> &
  Pick<Supply, "mtu">;

/**
 * Take an address of each family that there are blocks of: of all of them or of none. Throws code 11 when there is
 * none, 7 for a wrong configuration.
 *
 * An attachment that has an address which the configuration, or the node, no longer gives gets another one. Whoever can
 * tell whether its pod runs has `refuseRunning` throw then, and the old one is given back when it does not; without,
 * the old one is put aside and stays taken until DEL or GC.
 */
export function takeAddresses(
  request: Request,
  use: Use,
  files: Files,
  refuseRunning?: () => void,
): Lease {
  const config = parseIpamConfig(request.config);
  const supply = supplyOf(config, files);
  const { blocks, mtu } = supply;
  const records = openOwn(request, config, files);
  const asked = requestedAddresses(request);
  for (const family of FAMILIES) {
    const address = asked[family];
    if (address === undefined || blocks.some((block) => block.family === family)) continue;
    throw new CniError(
      CODE.invalidConfig,
      `${formatAddress(address)} is asked for, and the node has no IPv${family} block: ${supply.knobs[family]}`,
    );
  }
  const labels = requestedLabels(request);
  const { cooldown } = config;
  const taken = onDisk(() =>
    takeEach(records, request, { blocks, use, asked, labels, cooldown, refuseRunning }),
  );
  if (taken instanceof Unobtainable) {
    const { message: reason, isTaken } = taken;
    const code = isTaken ? CODE.exists : CODE.invalidConfig;
    throw new CniError(code, `the address that is asked for cannot be had: ${reason}`, {
      cause: taken,
    });
  }
  if (taken instanceof Exhausted) {
    throw new CniError(CODE.tryAgainLater, describeShortage(taken, request, supply), {
      cause: taken,
    });
  }
  const { routes } = config;
  const { fresh } = taken;
  return {
    records: taken.records,
    ...(fresh.length === 0 ? {} : { undo: () => onDisk(() => giveBackEach(records, fresh)) }),
    routes,
    ...(mtu === undefined ? {} : { mtu }),
  };
}

function giveBackEach(records: Records, some: readonly AddressRecord[]): void {
  for (const record of some) records.release(record.holder, familyOf(record));
}

type Terms = {
  readonly blocks: readonly NodeBlock[];
  readonly use: Use;
  readonly asked: Requested;
  readonly labels: Labels | undefined;
  readonly cooldown: Cooldown;
  readonly refuseRunning: (() => void) | undefined;
};

function takeEach(records: Records, request: Request, terms: Terms) {
  const { blocks, use, asked, labels, cooldown, refuseRunning } = terms;
  const pod = podOf(request);
  const holder = holderOf(request);
  const common = {
    holder,
    network: request.network,
    ...(pod === undefined ? {} : { pod }),
    ...(labels === undefined ? {} : { labels }),
    reserved: (block: NodeBlock) => reservedIn(block, use),
    cooldown,
    time: new Date().toISOString(),
    ...(use === "subnet" ? { use } : {}),
    giveUp(held: AddressRecord): void {
      refuseRunning?.();
      if (refuseRunning === undefined) records.putAside(held.address);
      else records.release(holder, familyOf(held));
    },
  };
  const taken: AddressRecord[] = [];
  const fresh: AddressRecord[] = [];
  for (const family of FAMILIES) {
    const own: NodeBlock[] = [];
    for (const block of blocks) if (block.family === family) own.push(block);
    if (own.length === 0) continue;
    try {
      const address = asked[family];
      const wish = { ...common, blocks: own };
      const allocation = allocate(records, address === undefined ? wish : { ...wish, address });
      taken.push(allocation.record);
      if (allocation.isNew) fresh.push(allocation.record);
    } catch (fault) {
      giveBackEach(records, fresh);
      if (fault instanceof Exhausted || fault instanceof Unobtainable) return fault;
      throw fault;
    }
  }
  return { records: taken, fresh };
}

/**
 * That the attachment has an address of each family that its `prevResult` (or else the configuration) has one of,
 * and the same. Throws code 101 that lists what differs.
 */
export function checkAddresses(request: Request, files: Files): void {
  const config = parseIpamConfig(request.config);
  const scopes = openAll(request, files);
  const { container, interfaceName, network } = request;
  const previous = previousAddresses(request);
  const faults: string[] = [];
  for (const family of familiesOf(previous ?? supplyOf(config, files).blocks)) {
    let record: AddressRecord | undefined;
    for (const records of scopes) {
      record ??= onDisk(() => records.find(holderOf(request), family));
    }
    const of = `${interfaceName} of container ${container}`;
    if (record === undefined) {
      const kept = onDisk(() =>
        scopes.flatMap((records) => records.addresses(holderOf(request), family)),
      );
      const aside =
        kept.length === 0 ? "" : `: that of ${kept.map(formatAddress).join(", ")} was put aside`;
      faults.push(`network ${network} has no IPv${family} address record for ${of}${aside}`);
    } else if (previous !== undefined && !hasAddress(previous, record.address)) {
      const address = formatAddress(record.address);
      faults.push(
        `the address record of ${of} says ${address}, prevResult ${previous.map(formatAddress).join(", ")}`,
      );
    }
  }
  if (faults.length > 0) throw new CniError(CODE.deviation, faults.join("; "));
}

function hasAddress(addresses: readonly Address[], wanted: Address): boolean {
  for (const address of addresses) if (equalAddress(address, wanted)) return true;
  return false;
}

/** Addresses of `prevResult` that may be ours; undefined when it has none. */
function previousAddresses({ config, interfaceName }: Request): Address[] | undefined {
  if (config.prevResult === undefined) return undefined;
  const { interfaces, ips } = resultFromJson(config.prevResult, "prevResult");
  const own: Address[] = [];
  for (const { address, interface: index } of ips) {
    const name = index === undefined ? undefined : interfaces[index]?.name;
    if (name === undefined || name === interfaceName)
      own.push(parseInterfaceAddress(address).address);
  }
  return own.length === 0 ? undefined : own;
}

function familiesOf(some: readonly { readonly family: Family }[]): Family[] {
  const families: Family[] = [];
  for (const wanted of FAMILIES) {
    for (const { family } of some) {
      if (family !== wanted) continue;
      families.push(family);
      break;
    }
  }
  return families;
}

/**
 * Give the addresses back. It needs no more of the configuration than where the records are: a DEL must
 * work whatever became of the rest.
 */
export function giveBackAddresses(request: Request, files: Files): void {
  const holder = holderOf(request);
  for (const records of openAll(request, files)) {
    onDisk(() => {
      for (const family of FAMILIES) {
        records.release(holder, family);
        records.releaseAside(holder, family);
      }
    });
  }
}

/** Give back the addresses, and remove the traces, of everybody of the network who is not among `valid`. */
export function collectAddresses(request: Request, valid: ValidAttachments, files: Files): void {
  for (const records of openAll(request, files)) {
    onDisk(() => {
      for (const { holder, family } of records.holders()) {
        if (valid(holder)) continue;
        records.release(holder, family);
        records.releaseAside(holder, family);
      }
    });
  }
}

/** Somebody who has addresses of the network; one who only left a trace of one when killed has none. */
export type Holding = { readonly holder: Holder; readonly addresses: readonly Address[] };

/** Who has addresses of the network. */
export function holdersOf(request: Request, files: Files): readonly Holding[] {
  return openAll(request, files).flatMap((records) =>
    onDisk(() =>
      records
        .holders()
        .map(({ holder, family }) => ({ holder, addresses: records.addresses(holder, family) })),
    ),
  );
}

/**
 * Addresses of the network, or of the node's blocks, that nobody is known to have: no DEL will ever give them back.
 */
export function straysOf(request: Request, files: Files): readonly Address[] {
  return openAll(request, files).flatMap((records) => onDisk(() => records.strays()));
}

/** Give back addresses that nobody has: those of `strays` that nobody is known to have still. */
export function giveBackStrays(request: Request, strays: readonly Address[], files: Files): void {
  for (const records of openAll(request, files)) {
    onDisk(() => {
      for (const address of records.strays()) {
        if (hasAddress(strays, address)) records.releaseAddress(address);
      }
    });
  }
}

/** The attachment's addresses. */
export function addressesOf(request: Request, files: Files): readonly Address[] {
  const holder = holderOf(request);
  const addresses: Address[] = [];
  for (const records of openAll(request, files)) {
    onDisk(() => {
      for (const family of FAMILIES) addresses.push(...records.addresses(holder, family));
    });
  }
  return addresses;
}

/** Where the attachment's records go by its configuration. */
function openOwn(request: Request, config: IpamConfig, files: Files): Records {
  return openRecords({
    files,
    directory: config.dataDirectory,
    network: request.network,
    scope: scopeOf(config),
  });
}

/** Where the attachment's records may be, whatever the configuration said when they were written. */
function openAll(request: Request, files: Files): Records[] {
  const { network } = request;
  const directory = dataDirectoryOf(request);
  return onDisk(() => {
    const boot = bootId(files);
    const all: Records[] = [];
    for (const scope of SCOPES) {
      if (files.links(folderOf(scope, { directory, boot, network })) === undefined) continue;
      all.push(openRecords({ files, directory, network, boot, scope }));
    }
    return all;
  });
}

function dataDirectoryOf({ config }: Request): string {
  const dataDir = isObject(config.ipam) ? config.ipam.dataDir : undefined;
  return typeof dataDir === "string" ? dataDir : DATA_DIRECTORY;
}

function holderOf({ container, interfaceName }: Request): Holder {
  return { container, interfaceName };
}

function podOf({ args }: Request): Pod | undefined {
  const namespace = args.get("K8S_POD_NAMESPACE");
  const name = args.get("K8S_POD_NAME");
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}

/** What the file system refuses is an I/O failure of the specification, not an internal error. */
function onDisk<Value>(act: () => Value): Value {
  try {
    return act();
  } catch (cause) {
    if (cause instanceof CniError || !(cause instanceof Error)) throw cause;
    throw new CniError(CODE.io, `address records: ${cause.message}`, { cause });
  }
}
