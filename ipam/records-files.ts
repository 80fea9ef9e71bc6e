/**
 * Address records as files, below `/run/manx/ipam/<boot id>/<network>/`:
 *
 *     holder/<container>:<interface>:<4|6>   what this attachment takes (written first)
 *     address/<address>                      the same file, hard-linked: the address is taken
 *     order/<block>                          one 8-byte float per address: when it was given back
 *
 * **The invariant: an address is in use if and only if `address/<address>` exists, and then it is the
 * same file as one in `holder/`.** An ADD writes `holder/…` whole and then makes the link, which either
 * takes the address or fails with EEXIST; a DEL removes `address/…` first and `holder/…` last. So at
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

import {
  closeSync,
  constants,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  type Stats,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Address, compareAddress, type Family, formatAddress } from "../lib/address.ts";
import { formatPrefix, type Prefix } from "../lib/prefix.ts";
import { freshOrder, IN_USE, type Order, ordinalOf } from "./block.ts";
import { type AddressRecord, decodeRecord, encodeRecord, familyOf, type Holder } from "./record.ts";
import type { Listing, Records, UnreadableRecord } from "./records.ts";

/** Where records are kept unless a configuration says `dataDir`. */
export const DATA_DIRECTORY = "/run/manx/ipam";

const NAME_MAX = 255;
const BOOT_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const { O_CREAT, O_WRONLY } = constants;
const BYTES_PER_ORDINAL = Float64Array.BYTES_PER_ELEMENT;

export type RecordFilesOptions = {
  /** Default `DATA_DIRECTORY`. */
  readonly directory?: string;
  readonly network: string;
  /** Default: the kernel's boot id. */
  readonly boot?: string;
  /** Milliseconds since boot; default: the kernel's uptime. */
  readonly now?: () => number;
};

/** The records of one network. Touches nothing until it is asked. */
export function openRecords(options: RecordFilesOptions): Records {
  const { network, now = uptime } = options;
  const root = join(options.directory ?? DATA_DIRECTORY, options.boot ?? bootId(), network);
  const addressPath = (address: Address): string => join(root, "address", formatAddress(address));
  const holderPath = (holder: Holder, family: Family): string =>
    join(root, "holder", holderName(holder, family));

  const mark = ({ block, address }: AddressRecord, time: number): void => {
    const position = (ordinalOf(block, address) ?? 0) * BYTES_PER_ORDINAL;
    const bytes = new Uint8Array(Float64Array.of(time).buffer);
    // Whoever is first makes the file; what nobody wrote reads as 0.
    const file = openSync(join(root, "order", orderName(block)), O_WRONLY | O_CREAT);
    try {
      writeSync(file, bytes, 0, bytes.length, position);
    } finally {
      closeSync(file);
    }
  };

  return {
    find(holder: Holder, family: Family): AddressRecord | undefined {
      const path = holderPath(holder, family);
      return isTrace(path) ? undefined : readRecord(path);
    },

    claim(record: AddressRecord): boolean {
      const path = holderPath(record.holder, familyOf(record));
      inPreparedFolder(root, () => mark(record, IN_USE));
      writeHolder(path, encodeRecord(record));
      try {
        linkSync(path, addressPath(record.address));
        return true;
      } catch (fault) {
        unlinkSync(path);
        if (codeOf(fault) === "EEXIST") return false;
        throw fault;
      }
    },

    release(holder: Holder, family: Family): AddressRecord | undefined {
      const path = holderPath(holder, family);
      if (isTrace(path)) {
        rmSync(path, { force: true });
        return undefined;
      }
      const record = tryReadRecord(path);
      const taken = record === undefined ? linkOf(root, path) : addressPath(record.address);
      if (taken !== undefined && isSameFile(path, taken)) unlinkSync(taken);
      if (record !== undefined) mark(record, now());
      unlinkSync(path);
      return record;
    },

    isTaken: (address: Address) => existsSync(addressPath(address)),

    order(block: Prefix): Order {
      const order = freshOrder(block);
      const path = join(root, "order", orderName(block));
      if (!existsSync(path)) return order;
      const file = openSync(path, "r");
      try {
        // A file that ends early leaves zeros: never used.
        readSync(file, new Uint8Array(order.buffer), 0, order.byteLength, 0);
      } finally {
        closeSync(file);
      }
      return order;
    },

    list: () => listFolder(join(root, "address")),
  };
}

/** Names of the networks that have records of this boot. */
export function listNetworks(
  directory: string = DATA_DIRECTORY,
  boot: string = bootId(),
): string[] {
  const folder = join(directory, boot);
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** Time since boot, unlike the date, never steps; a hundredth of a second is fine enough an order. */
function uptime(): number {
  return Number.parseFloat(readFileSync("/proc/uptime", "utf8")) * 1000;
}

/** No container id or interface name has a colon, so the name says exactly one holder. */
function holderName(holder: Holder, family: Family): string {
  const name = `${holder.container}:${holder.interfaceName}:${family}`;
  if (Buffer.byteLength(name) <= NAME_MAX) return name;
  return `:${new Bun.CryptoHasher("sha256").update(name).digest("hex")}`;
}

function orderName(block: Prefix): string {
  return formatPrefix(block).replace("/", "_");
}

/** Try; where the folders are not there yet, make them, and try once more. */
function inPreparedFolder(root: string, attempt: () => void): void {
  try {
    attempt();
  } catch (fault) {
    if (codeOf(fault) !== "ENOENT") throw fault;
    removeOtherBoots(dirname(root));
    for (const folder of ["holder", "address", "order"]) {
      mkdirSync(join(root, folder), { recursive: true });
    }
    attempt();
  }
}

/** Before this boot's folder exists, so that whoever is killed in between leaves it to the next. */
function removeOtherBoots(folder: string): void {
  if (existsSync(folder)) return;
  const directory = dirname(folder);
  mkdirSync(directory, { recursive: true });
  for (const name of readdirSync(directory)) {
    // Somebody may have named a folder that holds other things as well.
    if (!BOOT_ID.test(name) || name === basename(folder)) continue;
    rmSync(join(directory, name), { recursive: true, force: true });
  }
}

/** A holder's file that a killed process left is no claim: write it anew. */
function writeHolder(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: "wx" });
  } catch (fault) {
    if (codeOf(fault) !== "EEXIST") {
      rmSync(path, { force: true });
      throw fault;
    }
    if (!isTrace(path)) throw new Error(`${path} is in use: release it first`);
    unlinkSync(path);
    writeFileSync(path, text, { flag: "wx" });
  }
}

/** Whether the holder's file takes no address: it is missing, or nothing links to it. */
function isTrace(path: string): boolean {
  const stats = tryStat(path);
  return stats === undefined || stats.nlink < 2;
}

function isSameFile(path: string, other: string): boolean {
  const [a, b] = [tryStat(path), tryStat(other)];
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev;
}

function tryStat(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

/** The address that a holder's unreadable file takes, by looking at all of them. */
function linkOf(root: string, path: string): string | undefined {
  const folder = join(root, "address");
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .find((other) => isSameFile(path, other));
}

function listFolder(folder: string): Listing {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const records: AddressRecord[] = [];
  const unreadable: UnreadableRecord[] = [];
  for (const name of names) {
    const path = join(folder, name);
    try {
      records.push(readRecord(path));
    } catch (fault) {
      // Given back since the folder was read.
      if (!existsSync(path)) continue;
      unreadable.push({ path, reason: fault instanceof Error ? fault.message : String(fault) });
    }
  }
  records.sort((a, b) => compareAddress(a.address, b.address));
  return { records, unreadable };
}

function readRecord(path: string): AddressRecord {
  try {
    return decodeRecord(readFileSync(path, "utf8"));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${path} is not readable: ${reason}`, { cause });
  }
}

function tryReadRecord(path: string): AddressRecord | undefined {
  try {
    return readRecord(path);
  } catch {
    return undefined;
  }
}

function codeOf(fault: unknown): string | undefined {
  return fault instanceof Error && "code" in fault ? String(fault.code) : undefined;
}
