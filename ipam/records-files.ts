/**
 * Address records as files, below `/run/manx/ipam/<boot id>/@node/`, or `<network>/` of a network that has blocks of its own
 * (`scope.ts`):
 *
 *     holder/<container>:<interface>:<4|6>   what this attachment takes (written first); `<network>:` before it in @node/
 *     address/<address>                      the same file, hard-linked: the address is taken
 *     order/<block>                          one 8-byte float per address: when it was given back
 *     quarantine/<address>@<holder>          a holder's file that could not be read: see quarantine.ts
 *
 * **The invariant: an address is in use if and only if `address/<address>` exists, and then it is the
 * same file as one in `holder/`, or in `quarantine/`.** An ADD writes `holder/…` whole and then makes the link, which either
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

import { type Address, type Family, formatAddress, tryParseAddress } from "../lib/address.ts";
import { containsAddress, type Prefix } from "../lib/prefix.ts";
import { adoptBlock } from "./adoption.ts";
import { freshOrder, IN_USE, type Order, ordinalOf } from "./block.ts";
import { bootId, otherBoots, uptime } from "./boot.ts";
import { codeOf, type Files } from "./files.ts";
import { nodeFiles } from "./files-node.ts";
import { digestOf, quarantineOf } from "./quarantine.ts";
import {
  type AddressRecord,
  describeHolder,
  encodeRecord,
  familyOf,
  type Holder,
} from "./record.ts";
import { blockOfOrder, holderName, orderName } from "./record-names.ts";
import { Outdated, type Records } from "./records.ts";
import { listFolder, listHolders, listStrays, type Reading, readingOf } from "./records-listing.ts";
import { folderOf, listFolders, type Scope } from "./scope.ts";
import { warn as warnOnStderr } from "./warning.ts";

/** Where records are kept unless a configuration says `dataDir`. */
export const DATA_DIRECTORY = "/run/manx/ipam";

const FOLDERS = ["holder", "address", "order"];
const BYTES_PER_ORDINAL = Float64Array.BYTES_PER_ELEMENT;

export type RecordsOptions = {
  /** Default: `node:fs`. */
  readonly files?: Files;
  /** Default `DATA_DIRECTORY`. */
  readonly directory?: string;
  readonly network: string;
  /** Default: the network's own. In the node's only what is of the network has holders here. */
  readonly scope?: Scope;
  /** Default: the kernel's boot id. */
  readonly boot?: string;
  /** Milliseconds since boot; default: the kernel's uptime. */
  readonly now?: () => number;
  /** Gets each thing that was put aside, once; default: stderr. */
  readonly warn?: (message: string) => void;
};

type Marked = Pick<AddressRecord, "address" | "block">;

/** The records of one network, or its part of the node's. Touches nothing until it is asked. */
export function openRecords(options: RecordsOptions): Records {
  const { network, scope = "network", directory = DATA_DIRECTORY, files = nodeFiles } = options;
  const { now = () => uptime(files), warn = warnOnStderr } = options;
  const boot = options.boot ?? bootId(files);
  const root = folderOf(scope, { directory, boot, network });
  const owner = scope === "node" ? { network } : {};
  const nameFor = (holder: Holder, family: Family): string =>
    holderName({ holder, family, ...owner });
  const addressPath = (address: Address): string => `${root}/address/${formatAddress(address)}`;
  const holderPath = (holder: Holder, family: Family): string =>
    `${root}/holder/${nameFor(holder, family)}`;
  const orderPath = (block: Prefix): string => `${root}/order/${orderName(block)}`;
  const quarantine = quarantineOf(files, root);

  /** Whether the holder's file takes no address: it is missing, or nothing links to it. */
  const isTrace = (path: string): boolean => (files.links(path) ?? 0) < 2;

  /** Blocks of the node that have a past here: what networks have of them was taken over. */
  const settled = new Set<string>();
  const isSettled = (path: string): boolean => settled.has(path) || files.links(path) !== undefined;

  const settle = (block: Prefix): void => {
    const path = orderPath(block);
    if (isSettled(path)) return;
    prepare(files, directory, boot, root);
    const isAny = adoptBlock(files, root, block, listFolders(directory, boot, files.list));
    settled.add(path);
    if (isAny) throw new Outdated(`networks' records are taken over to ${root}: look again`);
  };

  const mark = ({ block, address }: Marked, time: number): void => {
    const position = (ordinalOf(block, address) ?? 0) * BYTES_PER_ORDINAL;
    // In the order of a Float64Array, which takes the first process to make one of a list 30 µs.
    const view = new DataView(new ArrayBuffer(BYTES_PER_ORDINAL));
    view.setFloat64(0, time, true);
    files.writeAt(orderPath(block), new Uint8Array(view.buffer), position);
  };

  /** Let an address cool whose record does not say its block. */
  const markUnread = (address: Address): void => {
    for (const name of files.list(`${root}/order`)) {
      const block = blockOfOrder(name);
      if (block !== undefined && containsAddress(block, address)) mark({ block, address }, now());
    }
  };

  /** What the holder's file says, when that is what it takes; else why not. */
  const readHolder = (path: string, holder: Holder): Reading => {
    const reading = readingOf(files, path);
    if (!("record" in reading)) return reading;
    const { record } = reading;
    if (!equalHolder(record.holder, holder)) return { reason: `it says ${describeHolder(record)}` };
    if ((record.network ?? network) !== network) {
      return { reason: `it says ${describeHolder(record)} of network ${record.network}` };
    }
    if (files.isSame(path, addressPath(record.address))) return reading;
    return { reason: `it says ${formatAddress(record.address)}, which is not what it takes` };
  };

  /** As `readHolder`; what the file system refuses is a reason like any other. */
  const tryReadHolder = (path: string, holder: Holder): Reading => {
    try {
      return readHolder(path, holder);
    } catch (fault) {
      return { reason: fault instanceof Error ? fault.message : String(fault) };
    }
  };

  /** The address that a file takes which does not say it, by looking at all of them. */
  const takenBy = (path: string): Address | undefined =>
    files
      .list(`${root}/address`)
      .flatMap((name) => tryParseAddress(name) ?? [])
      .find((address) => files.isSame(path, addressPath(address)));

  /** A file of this folder that takes the address. */
  const fileIn = (folder: string, address: Address): string | undefined =>
    files
      .list(folder)
      .map((name) => `${folder}/${name}`)
      .find((path) => files.isSame(path, addressPath(address)));

  const putHolderAside = (path: string, reason: string): void => {
    const address = takenBy(path);
    if (address === undefined) {
      warn(`${path} is not readable and takes no address: ${reason}: removed`);
      files.unlink(path);
      return;
    }
    const aside = quarantine.admit(path, address, nameOf(path));
    warn(
      `${path} is not readable: ${reason}: put aside as ${aside.path}, and ${formatAddress(address)} stays taken; manx ipam check says more`,
    );
  };

  /** What of the holder's was put aside. */
  const asideOf = (holder: Holder, family: Family) => {
    if (!quarantine.isMade()) return [];
    const name = nameFor(holder, family);
    return quarantine
      .list()
      .filter((aside) => aside.holderName === name || aside.holderName === digestOf(name));
  };

  /** Give back an address whose record says nothing, and remove its holder's file. */
  const releaseUnread = (address: Address, path: string | undefined): void => {
    const taken = addressPath(address);
    if (path === undefined ? files.links(taken) !== undefined : files.isSame(path, taken)) {
      files.unlink(taken);
      markUnread(address);
    }
    if (path !== undefined) remove(files, path);
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
      if (!isTrace(path)) throw new Outdated(`${path} is in use: release it first`);
      files.unlink(path);
      files.create(path, text);
    }
  };

  return {
    find(holder: Holder, family: Family): AddressRecord | undefined {
      const path = holderPath(holder, family);
      if (isTrace(path)) return undefined;
      const reading = readHolder(path, holder);
      if ("record" in reading) return reading.record;
      putHolderAside(path, reading.reason);
      return undefined;
    },

    claim(record: AddressRecord): boolean {
      const path = holderPath(record.holder, familyOf(record));
      if (scope === "node") settle(record.block);
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

    addresses(holder: Holder, family: Family): readonly Address[] {
      const path = holderPath(holder, family);
      const aside: Address[] = [];
      for (const { path: other, address } of asideOf(holder, family)) {
        if (files.isSame(other, addressPath(address))) aside.push(address);
      }
      if (isTrace(path)) return aside;
      const reading = tryReadHolder(path, holder);
      const address = "record" in reading ? reading.record.address : takenBy(path);
      return address === undefined ? aside : [address, ...aside];
    },

    release(holder: Holder, family: Family): AddressRecord | undefined {
      const path = holderPath(holder, family);
      if (isTrace(path)) {
        remove(files, path);
        return undefined;
      }
      const reading = tryReadHolder(path, holder);
      if ("record" in reading) {
        const { record } = reading;
        files.unlink(addressPath(record.address));
        files.unlink(path);
        // Where a killed process left a block half taken over, a past would say that it was done.
        if (scope === "network" || isSettled(orderPath(record.block))) mark(record, now());
        return record;
      }
      const taken = takenBy(path);
      if (taken === undefined) files.unlink(path);
      else releaseUnread(taken, path);
      return undefined;
    },

    releaseAside(holder: Holder, family: Family): void {
      for (const aside of asideOf(holder, family)) releaseUnread(aside.address, aside.path);
    },

    releaseAddress(address: Address): void {
      const holder = fileIn(`${root}/holder`, address) ?? fileIn(quarantine.folder, address);
      releaseUnread(address, holder);
    },

    putAside(address: Address): () => void {
      const path = fileIn(`${root}/holder`, address);
      if (path === undefined) return () => {};
      const aside = quarantine.admit(path, address, nameOf(path));
      return () => {
        try {
          files.link(aside.path, path);
        } catch (fault) {
          if (codeOf(fault) === "EEXIST") return;
          throw fault;
        }
        files.unlink(aside.path);
      };
    },

    strays: () => listStrays(files, { scope, root }, quarantine.list()),

    isTaken: (address: Address) => files.links(addressPath(address)) !== undefined,

    order(block: Prefix): Order {
      const order = freshOrder(block);
      const path = orderPath(block);
      // A file that ends early, or is not there, leaves zeros: never used.
      if (files.readInto(path, new Uint8Array(order.buffer)) !== undefined) settled.add(path);
      return order;
    },

    now,
    list: () => listFolder(files, `${root}/address`),
    holders: () =>
      listHolders(files, `${root}/holder`, quarantine.list()).filter(
        (named) => scope === "network" || named.network === network,
      ),
  };
}

/**
 * Make the folders. Other boots' go first, so that whoever is killed in between leaves it to the next:
 * they are looked for only where this boot has no folder yet.
 */
function prepare(files: Files, directory: string, boot: string, root: string): void {
  if (files.links(`${directory}/${boot}`) === undefined) {
    for (const other of otherBoots(files, directory, boot)) files.removeTree(other);
  }
  for (const folder of FOLDERS) files.makeFolder(`${root}/${folder}`);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function equalHolder(one: Holder, other: Holder): boolean {
  return one.container === other.container && one.interfaceName === other.interfaceName;
}

/** Remove a name; one that is not there is no fault. */
function remove(files: Files, path: string): void {
  try {
    files.unlink(path);
  } catch (fault) {
    if (codeOf(fault) !== "ENOENT") throw fault;
  }
}
