/**
 * Everything in one folder of records, as plain data: addresses with whose they are and where that is written,
 * and what is left over.
 */

import { type Address, compareAddress, formatAddress, tryParseAddress } from "../lib/address.ts";
import { formatPrefix, type Prefix, sizeOf } from "../lib/prefix.ts";
import { IN_USE } from "./block.ts";
import { codeOf, type Files } from "./files.ts";
import { quarantineOf } from "./quarantine.ts";
import { type AddressRecord, familyOf, type Holder } from "./record.ts";
import { blockOfOrder, heldBy, holderName } from "./record-names.ts";
import { readingOfAddress } from "./records-listing.ts";
import type { RecordsFolder, Scope } from "./scope.ts";

/** An address that is taken. */
export type TakenAddress = {
  /** Where it is written; in the node's folder any network may have it. */
  readonly scope: Scope;
  /** Absent in the node's folder where neither file nor record says it. */
  readonly network?: string;
  readonly address: Address;
  readonly path: string;
  /** What is written about it, when that can be read. */
  readonly record?: AddressRecord;
  /** Why it cannot be read; empty when it can. */
  readonly fault: string;
  /** By the record, or else by the name of the file; undefined where neither says it. */
  readonly holder?: Holder;
  /** Where the holder's name for the file is: nowhere, and no DEL will find it. */
  readonly place: "holder" | "quarantine" | "nowhere";
};

/** A file of a holder that takes no address: a killed ADD or DEL left it. */
export type Trace = {
  readonly network?: string;
  readonly path: string;
  readonly holder?: Holder;
};

/** A file of past use that says what cannot be. */
export type BadOrder = {
  readonly network?: string;
  readonly path: string;
  readonly reason: string;
};

export type Inspection = {
  /** In the order of their addresses. */
  readonly taken: readonly TakenAddress[];
  readonly traces: readonly Trace[];
  readonly orders: readonly BadOrder[];
  /** Blocks that an address was ever taken of, in this boot; `network`: of one that has blocks of its own. */
  readonly past: readonly {
    readonly scope: Scope;
    readonly network?: string;
    readonly block: Prefix;
  }[];
};

/** The records in a folder; `now` as the records' clock, ms since boot. */
export function inspectFolder(files: Files, folder: RecordsFolder, now: number): Inspection {
  const { scope, path: root } = folder;
  const own = folder.network === undefined ? {} : { network: folder.network };
  const aside = quarantineOf(files, root).list();
  const holders = files
    .list(`${root}/holder`)
    .map((name) => ({ name, path: `${root}/holder/${name}` }));
  const taken = files
    .list(`${root}/address`)
    .flatMap((name): TakenAddress[] => {
      const address = tryParseAddress(name);
      const path = `${root}/address/${name}`;
      const reading = address === undefined ? undefined : readingUnlessGone(files, root, name);
      if (address === undefined || reading === undefined) return [];
      const record = "record" in reading ? reading.record : undefined;
      const isSame = (other: { readonly path: string }): boolean => files.isSame(other.path, path);
      const said = record && holders.find(isItsName(scope, record));
      const kept = said !== undefined && isSame(said) ? said : holders.find(isSame);
      const put = kept === undefined ? aside.find(isSame) : undefined;
      const named = heldBy(kept?.name ?? put?.holderName ?? "");
      const holder = record?.holder ?? named?.holder;
      const network = folder.network ?? named?.network ?? record?.network;
      const isOther = kept !== undefined && record !== undefined && !isItsName(scope, record)(kept);
      const fault =
        "reason" in reading ? reading.reason : isOther ? `its holder's file is ${kept.name}` : "";
      return [
        {
          scope,
          ...(network === undefined ? {} : { network }),
          address,
          path,
          ...(record === undefined ? {} : { record }),
          fault,
          ...(holder === undefined ? {} : { holder }),
          place: kept !== undefined ? "holder" : put !== undefined ? "quarantine" : "nowhere",
        },
      ];
    })
    .sort((a, b) => compareAddress(a.address, b.address));
  const traces = [
    ...holders.map(({ name, path }) => ({ name, path })),
    ...aside.map(({ holderName: name, path }) => ({ name, path })),
  ]
    .filter(({ path }) => files.links(path) === 1)
    .map(({ name, path }): Trace => {
      const { holder, network = folder.network } = heldBy(name) ?? {};
      return {
        ...(network === undefined ? {} : { network }),
        path,
        ...(holder === undefined ? {} : { holder }),
      };
    });
  const past = files.list(`${root}/order`).flatMap((name) => {
    const block = blockOfOrder(name);
    return block === undefined ? [] : [{ scope, ...own, block }];
  });
  return { taken, traces, orders: badOrders(files, folder, now), past };
}

/** Whether a holder's file is called as the record says; a record of before may not say the network. */
function isItsName(scope: Scope, record: AddressRecord) {
  const { holder, network } = record;
  const family = familyOf(record);
  const plain = holderName({ holder, family });
  return ({ name }: { readonly name: string }): boolean => {
    if (scope === "network") return name === plain;
    if (network !== undefined) return name === holderName({ holder, family, network });
    const held = heldBy(name);
    return held === undefined || holderName({ holder: held.holder, family: held.family }) === plain;
  };
}

/** What the address's file says; undefined where it was given back since the folder was read. */
function readingUnlessGone(files: Files, root: string, name: string) {
  try {
    return readingOfAddress(files, `${root}/address`, name);
  } catch (fault) {
    if (codeOf(fault) === "ENOENT") return undefined;
    return { reason: fault instanceof Error ? fault.message : String(fault) };
  }
}

function badOrders(files: Files, { network, path: root }: RecordsFolder, now: number): BadOrder[] {
  const own = network === undefined ? {} : { network };
  return files.list(`${root}/order`).flatMap((name) => {
    const path = `${root}/order/${name}`;
    const block = blockOfOrder(name);
    if (block === undefined) return [{ ...own, path, reason: "its name is no block's" }];
    const order = new Float64Array(sizeOf(block) + 1);
    const length = files.readInto(path, new Uint8Array(order.buffer)) ?? 0;
    const reason = orderFault(order, length, now);
    if (reason === undefined) return [];
    return [{ ...own, path, reason: `of ${formatPrefix(block)}, ${reason}` }];
  });
}

/** Why these cannot be times at which addresses were given back; undefined when they can. */
function orderFault(order: Float64Array, length: number, now: number): string | undefined {
  if (length > 8 * (order.length - 1)) return `it has more than ${order.length - 1} times`;
  if (length % 8 !== 0) return `it has ${length} octets, which is no multiple of 8`;
  for (const [ordinal, time] of order.entries()) {
    if (time === IN_USE || (time >= 0 && time <= now)) continue;
    return `the time of its address number ${ordinal} is ${time}: expected 0 to ${now} (ms since boot)`;
  }
  return undefined;
}

/** Whether two looks at an address saw the same: nobody took it or gave it back in between. */
export function isSameTaking(one: TakenAddress, other: TakenAddress): boolean {
  const textOf = ({ path, address, record, fault, place }: TakenAddress): string =>
    JSON.stringify([path, formatAddress(address), record?.holder, record?.time, fault, place]);
  return textOf(one) === textOf(other);
}
