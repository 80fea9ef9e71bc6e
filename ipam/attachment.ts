/**
 * The address of one attachment: taken, looked up, given back, as a CNI request asks.
 *
 * Both ways to `manx-ipam` end here: the plugin calls it in its own process, other plugins execute it
 * (`main.ts`).
 */

import { formatAddress } from "../lib/address.ts";
import { type Prefix, parseInterfaceAddress } from "../lib/prefix.ts";
import { type Allocation, allocate, Exhausted, ordinalsOf } from "./allocate.ts";
import { subnetReserved } from "./block.ts";
import { type IpamConfig, parseIpamConfig, type Supply, supplyOf } from "./config.ts";
import type { Files } from "./files.ts";
import { CniError, CODE } from "./protocol/error.ts";
import type { ValidAttachments } from "./protocol/gc.ts";
import { isObject, type Request } from "./protocol/request.ts";
import { resultFromJson } from "./protocol/result.ts";
import type { Holder, Pod } from "./record.ts";
import type { Records } from "./records.ts";
import { DATA_DIRECTORY, openRecords } from "./records-files.ts";

/**
 * What the address is for: "host", where a pod has it alone (/32) and each one of a block is usable, or
 * "subnet", where the block is a subnet with a gateway and a broadcast address.
 */
export type Use = "host" | "subnet";

const RESERVED: Record<Use, (block: Prefix) => readonly number[]> = {
  host: () => [],
  subnet: subnetReserved,
};

/** Ordinals of a block that a pod may have. */
export function usableOrdinals(block: Prefix, use: Use): readonly number[] {
  return ordinalsOf(block, RESERVED[use](block));
}

/** An address, and what the configuration or the node file say about its use. */
export type Lease = Allocation & Pick<IpamConfig, "routes"> & Pick<Supply, "mtu">;

/** Take an address. Throws code 11 when there is none, 7 for a wrong configuration. */
export function takeAddress(request: Request, use: Use, files: Files): Lease {
  const config = parseIpamConfig(request.config);
  const { blocks, knob, mtu } = supplyOf(config, files);
  const pod = podOf(request);
  const wish = {
    holder: holderOf(request),
    ...(pod === undefined ? {} : { pod }),
    blocks,
    reserved: RESERVED[use],
    time: new Date().toISOString(),
  };
  const records = open(request, config, files);
  const { record, isNew } = onDisk(() => {
    try {
      return allocate(records, wish);
    } catch (cause) {
      if (!(cause instanceof Exhausted)) throw cause;
      throw new CniError(
        CODE.tryAgainLater,
        `${cause.message}; the network is ${request.network}. The node needs another block: ${knob}`,
        { cause },
      );
    }
  });
  return { record, isNew, routes: config.routes, ...(mtu === undefined ? {} : { mtu }) };
}

/** That the attachment has an address, and that it is one of its `prevResult`. Throws code 101. */
export function checkAddress(request: Request, files: Files): void {
  const records = open(request, parseIpamConfig(request.config), files);
  const record = onDisk(() => records.find(holderOf(request), 4));
  const { container, interfaceName, network, config } = request;
  if (record === undefined) {
    throw new CniError(
      CODE.deviation,
      `network ${network} has no address record for ${interfaceName} of container ${container}`,
    );
  }
  if (config.prevResult === undefined) return;
  const previous = resultFromJson(config.prevResult, "prevResult").ips.map(({ address }) =>
    formatAddress(parseInterfaceAddress(address).address),
  );
  const address = formatAddress(record.address);
  if (previous.includes(address)) return;
  throw new CniError(
    CODE.deviation,
    `the address record of ${interfaceName} of container ${container} says ${address}, prevResult ${previous.join(", ")}`,
  );
}

/**
 * Give the address back. It needs no more of the configuration than where the records are: a DEL must
 * work whatever became of the rest.
 */
export function giveBackAddress(request: Request, files: Files): void {
  const records = open(request, { dataDirectory: dataDirectoryOf(request) }, files);
  onDisk(() => records.release(holderOf(request), 4));
}

/** Give back the addresses of everybody who is not among `valid`; those who had one, or a trace of one. */
export function collectAddresses(
  request: Request,
  valid: ValidAttachments,
  files: Files,
): readonly Holder[] {
  const records = open(request, { dataDirectory: dataDirectoryOf(request) }, files);
  return onDisk(() => {
    const stale = records.holders().filter(({ holder }) => !valid(holder));
    for (const { holder, family } of stale) records.release(holder, family);
    return stale.map(({ holder }) => holder);
  });
}

/** Who has an address of the network, or left a trace of one when killed. */
export function holdersOf(request: Request, files: Files): readonly Holder[] {
  const records = open(request, { dataDirectory: dataDirectoryOf(request) }, files);
  return onDisk(() => records.holders().map(({ holder }) => holder));
}

function open(request: Request, config: Pick<IpamConfig, "dataDirectory">, files: Files): Records {
  return openRecords({
    files,
    directory: config.dataDirectory,
    network: request.network,
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
