/**
 * Everything in one network's folder of records, as plain data: addresses with whose they are and where that is written,
 * and what is left over.
 */

import {
  type Address,
  compareAddress,
  type Family,
  formatAddress,
  tryParseAddress,
} from "../lib/address.ts";
import { formatPrefix, type Prefix, sizeOf } from "../lib/prefix.ts";
import { IN_USE } from "./block.ts";
import { codeOf, type Files } from "./files.ts";
import { quarantineOf } from "./quarantine.ts";
import { type AddressRecord, familyOf, type Holder } from "./record.ts";
import { blockOfOrder, holderName } from "./records-files.ts";
import { heldBy, readingOfAddress } from "./records-listing.ts";

/** An address that is taken. */
export type TakenAddress = {
  readonly network: string;
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
export type Trace = { readonly network: string; readonly path: string; readonly holder?: Holder };

/** A file of past use that says what cannot be. */
export type BadOrder = { readonly network: string; readonly path: string; readonly reason: string };

export type Inspection = {
  /** In the order of their addresses. */
  readonly taken: readonly TakenAddress[];
  readonly traces: readonly Trace[];
  readonly orders: readonly BadOrder[];
  /** Blocks that a network has ever taken an address of, in this boot. */
  readonly past: readonly { readonly network: string; readonly block: Prefix }[];
};

/** The network whose folder is `root`; `now` as the records' clock, ms since boot. */
export function inspectNetwork(
  files: Files,
  { network, root, now }: { readonly network: string; readonly root: string; readonly now: number },
): Inspection {
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
      const own =
        record === undefined ? undefined : nameIn(holders, record.holder, familyOf(record));
      const kept = own !== undefined && isSame(own) ? own : holders.find(isSame);
      const put = kept === undefined ? aside.find(isSame) : undefined;
      const named = heldBy(kept?.name ?? put?.holderName ?? "")?.holder;
      const holder = record?.holder ?? named;
      const isOther = kept !== undefined && record !== undefined && kept !== own;
      const fault =
        "reason" in reading ? reading.reason : isOther ? `its holder's file is ${kept.name}` : "";
      return [
        {
          network,
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
      const held = heldBy(name);
      return { network, path, ...(held === undefined ? {} : { holder: held.holder }) };
    });
  const past = files.list(`${root}/order`).flatMap((name) => {
    const block = blockOfOrder(name);
    return block === undefined ? [] : [{ network, block }];
  });
  return { taken, traces, orders: badOrders(files, { network, root, now }), past };
}

function nameIn<Named extends { readonly name: string }>(
  holders: readonly Named[],
  holder: Holder,
  family: Family,
): Named | undefined {
  const name = holderName(holder, family);
  return holders.find((other) => other.name === name);
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

function badOrders(
  files: Files,
  { network, root, now }: { readonly network: string; readonly root: string; readonly now: number },
): BadOrder[] {
  return files.list(`${root}/order`).flatMap((name) => {
    const path = `${root}/order/${name}`;
    const block = blockOfOrder(name);
    if (block === undefined) return [{ network, path, reason: "its name is no block's" }];
    const order = new Float64Array(sizeOf(block) + 1);
    const length = files.readInto(path, new Uint8Array(order.buffer)) ?? 0;
    const reason = orderFault(order, length, now);
    if (reason === undefined) return [];
    return [{ network, path, reason: `of ${formatPrefix(block)}, ${reason}` }];
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
  const textOf = ({ network, address, record, fault, place }: TakenAddress): string =>
    JSON.stringify([network, formatAddress(address), record?.holder, record?.time, fault, place]);
  return textOf(one) === textOf(other);
}
