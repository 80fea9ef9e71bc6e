/**
 * Address records as files, below `/run/manx/ipam/<boot id>/<network>/`:
 *
 *     holder/<container>:<interface>:<4|6>   what this attachment takes (written first)
 *     address/<address>                      the same file, hard-linked: the address is taken
 *     order/<block>                          one 8-byte float per address: when it was given back
 *
 * **The invariant: an address is in use if and only if `address/<address>` exists, and then it is the
 * same file as one in `holder/`.** An ADD writes `holder/…` whole and then makes the link, which either
 * takes the address or fails with EEXIST; a DEL removes `address/…` first and `holder/…` then. So at
 * whatever instant a process is killed, an address that is taken can be found by its container, a taken
 * address's file is never torn, and what may be left over is a holder's file that takes nothing (it has
 * one link): the next ADD or DEL of that holder removes it. No lock is held at any time.
 *
 * `order/` is a preference. Marking an address there as in use comes before taking it, so 64 ADDs at
 * once step out of each other's way. A mark that a killed process left makes its address the last to be
 * chosen, and `allocate.ts` finds it when nothing else is free.
 *
 * Other boots' folders describe namespaces that are gone. Whoever makes this boot's folder removes them
 * first.
 */

import { type Address, compareAddress, type Family, formatAddress } from "../lib/address.ts";
import { formatPrefix, type Prefix } from "../lib/prefix.ts";
import { freshOrder, IN_USE, type Order, ordinalOf } from "./block.ts";
import { codeOf, type Files } from "./files.ts";
import { nodeFiles } from "./files-node.ts";
import { type AddressRecord, decodeRecord, encodeRecord, familyOf, type Holder } from "./record.ts";
import type { Held, Listing, Records, UnreadableRecord } from "./records.ts";

/** Where records are kept unless a configuration says `dataDir`. */
export const DATA_DIRECTORY = "/run/manx/ipam";

const NAME_MAX = 255;
const FOLDERS = ["holder", "address", "order"];
const BYTES_PER_ORDINAL = Float64Array.BYTES_PER_ELEMENT;

export type RecordsOptions = {
  /** Default: `node:fs`. */
  readonly files?: Files;
  /** Default `DATA_DIRECTORY`. */
  readonly directory?: string;
  readonly network: string;
  /** Default: the kernel's boot id. */
  readonly boot?: string;
  /** Milliseconds since boot; default: the kernel's uptime. */
  readonly now?: () => number;
};

/** The records of one network. Touches nothing until it is asked. */
export function openRecords(options: RecordsOptions): Records {
  const { network, directory = DATA_DIRECTORY, files = nodeFiles } = options;
  const { now = () => uptime(files) } = options;
  const boot = options.boot ?? bootId(files);
  const root = `${directory}/${boot}/${network}`;
  const addressPath = (address: Address): string => `${root}/address/${formatAddress(address)}`;
  const holderPath = (holder: Holder, family: Family): string =>
    `${root}/holder/${holderName(holder, family)}`;
  const orderPath = (block: Prefix): string => `${root}/order/${orderName(block)}`;

  /** Whether the holder's file takes no address: it is missing, or nothing links to it. */
  const isTrace = (path: string): boolean => (files.links(path) ?? 0) < 2;

  const mark = ({ block, address }: AddressRecord, time: number): void => {
    const position = (ordinalOf(block, address) ?? 0) * BYTES_PER_ORDINAL;
    files.writeAt(orderPath(block), new Uint8Array(new Float64Array([time]).buffer), position);
  };

  /** A holder's file that a killed process left is no claim: write it anew. */
  const writeHolder = (path: string, text: string): void => {
    try {
      files.create(path, text);
    } catch (fault) {
      if (codeOf(fault) !== "EEXIST") {
        remove(files, path);
        throw fault;
      }
      if (!isTrace(path)) throw new Error(`${path} is in use: release it first`);
      files.unlink(path);
      files.create(path, text);
    }
  };

  return {
    find(holder: Holder, family: Family): AddressRecord | undefined {
      const path = holderPath(holder, family);
      return isTrace(path) ? undefined : readRecord(files, path);
    },

    claim(record: AddressRecord): boolean {
      const path = holderPath(record.holder, familyOf(record));
      try {
        mark(record, IN_USE);
      } catch (fault) {
        if (codeOf(fault) !== "ENOENT") throw fault;
        prepare(files, directory, boot, root);
        mark(record, IN_USE);
      }
      writeHolder(path, encodeRecord(record));
      try {
        files.link(path, addressPath(record.address));
        return true;
      } catch (fault) {
        files.unlink(path);
        if (codeOf(fault) === "EEXIST") return false;
        throw fault;
      }
    },

    release(holder: Holder, family: Family): AddressRecord | undefined {
      const path = holderPath(holder, family);
      if (isTrace(path)) {
        remove(files, path);
        return undefined;
      }
      const record = tryReadRecord(files, path);
      const said = record === undefined ? undefined : addressPath(record.address);
      const isRight = said !== undefined && files.isSame(path, said);
      const taken = isRight ? said : linkOf(files, root, path);
      if (taken !== undefined) files.unlink(taken);
      files.unlink(path);
      if (record !== undefined && isRight) mark(record, now());
      return record;
    },

    isTaken: (address: Address) => files.links(addressPath(address)) !== undefined,

    order(block: Prefix): Order {
      const order = freshOrder(block);
      // A file that ends early, or is not there, leaves zeros: never used.
      files.readInto(orderPath(block), new Uint8Array(order.buffer));
      return order;
    },

    now,
    list: () => listFolder(files, `${root}/address`),
    holders: () => listHolders(files, `${root}/holder`),
  };
}

/** Names of the networks that have records of this boot. */
export function listNetworks(
  directory: string = DATA_DIRECTORY,
  boot: string = bootId(nodeFiles),
): string[] {
  return nodeFiles.list(`${directory}/${boot}`).sort();
}

function bootId(files: Files): string {
  return files.read("/proc/sys/kernel/random/boot_id").trim();
}

/** Time since boot, unlike the date, never steps; a hundredth of a second is fine enough an order. */
function uptime(files: Files): number {
  return Number.parseFloat(files.read("/proc/uptime")) * 1000;
}

/** No container id or interface name has a colon, so the name says exactly one holder. */
function holderName(holder: Holder, family: Family): string {
  const name = `${holder.container}:${holder.interfaceName}:${family}`;
  // What a request may contain is ASCII, so characters are bytes.
  if (name.length <= NAME_MAX) return name;
  return `:${new Bun.CryptoHasher("sha256").update(name).digest("hex")}`;
}

function orderName(block: Prefix): string {
  return formatPrefix(block).replace("/", "_");
}

/**
 * Make the folders. Other boots' go first, so that whoever is killed in between leaves it to the next:
 * they are looked for only where this boot has no folder yet.
 */
function prepare(files: Files, directory: string, boot: string, root: string): void {
  if (files.links(`${directory}/${boot}`) === undefined) {
    for (const name of files.list(directory)) {
      // Somebody may have named a folder that holds other things as well.
      if (isBootId(name) && name !== boot) files.removeTree(`${directory}/${name}`);
    }
  }
  for (const folder of FOLDERS) files.makeFolder(`${root}/${folder}`);
}

function isBootId(name: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name);
}

/** The address that a holder's file takes which does not say it, by looking at all of them. */
function linkOf(files: Files, root: string, path: string): string | undefined {
  return files
    .list(`${root}/address`)
    .map((name) => `${root}/address/${name}`)
    .find((other) => files.isSame(path, other));
}

function listFolder(files: Files, folder: string): Listing {
  const records: AddressRecord[] = [];
  const unreadable: UnreadableRecord[] = [];
  for (const name of files.list(folder)) {
    const path = `${folder}/${name}`;
    try {
      records.push(readRecord(files, path));
    } catch (fault) {
      // Given back since the folder was read.
      if (files.links(path) === undefined) continue;
      unreadable.push({ path, reason: fault instanceof Error ? fault.message : String(fault) });
    }
  }
  records.sort((a, b) => compareAddress(a.address, b.address));
  return { records, unreadable };
}

function listHolders(files: Files, folder: string): Held[] {
  return files.list(folder).flatMap((name) => {
    const [container = "", interfaceName = "", family] = name.split(":");
    const held = { holder: { container, interfaceName }, family: family === "6" ? 6 : 4 } as const;
    if (container !== "") return [held];
    // A name that was too long stands in the record.
    const record = tryReadRecord(files, `${folder}/${name}`);
    return record === undefined ? [] : [{ holder: record.holder, family: familyOf(record) }];
  });
}

function readRecord(files: Files, path: string): AddressRecord {
  try {
    return decodeRecord(files.read(path));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${path} is not readable: ${reason}`, { cause });
  }
}

function tryReadRecord(files: Files, path: string): AddressRecord | undefined {
  try {
    return readRecord(files, path);
  } catch {
    return undefined;
  }
}

/** Remove a name; one that is not there is no fault. */
function remove(files: Files, path: string): void {
  try {
    files.unlink(path);
  } catch (fault) {
    if (codeOf(fault) !== "ENOENT") throw fault;
  }
}
