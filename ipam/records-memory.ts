/** Address records in memory: the twin of `records-files.ts` for tests and simulations. */

import { type Address, compareAddress, type Family, formatAddress } from "../lib/address.ts";
import { formatPrefix, type Prefix } from "../lib/prefix.ts";
import { freshOrder, IN_USE, type Order, ordinalOf } from "./block.ts";
import { type AddressRecord, familyOf, type Holder } from "./record.ts";
import type { Records } from "./records.ts";

/** An empty network. `now` gives the time at which an address is given back, in ms since boot. */
export function memoryRecords(now: () => number): Records {
  const byAddress = new Map<string, AddressRecord>();
  const byHolder = new Map<string, AddressRecord>();
  const orders = new Map<string, Order>();

  const mark = (record: AddressRecord, time: number): void => {
    const key = formatPrefix(record.block);
    const order = orders.get(key) ?? freshOrder(record.block);
    order[ordinalOf(record.block, record.address) ?? 0] = time;
    orders.set(key, order);
  };

  return {
    find: (holder: Holder, family: Family) => byHolder.get(keyOf(holder, family)),

    claim(record: AddressRecord): boolean {
      mark(record, IN_USE);
      const address = formatAddress(record.address);
      if (byAddress.has(address)) return false;
      byAddress.set(address, record);
      byHolder.set(keyOf(record.holder, familyOf(record)), record);
      return true;
    },

    release(holder: Holder, family: Family): AddressRecord | undefined {
      const record = byHolder.get(keyOf(holder, family));
      if (record === undefined) return undefined;
      byHolder.delete(keyOf(holder, family));
      byAddress.delete(formatAddress(record.address));
      mark(record, now());
      return record;
    },

    isTaken: (address: Address) => byAddress.has(formatAddress(address)),
    order: (block: Prefix) => orders.get(formatPrefix(block))?.slice() ?? freshOrder(block),
    now,
    list: () => ({
      records: [...byAddress.values()].sort((a, b) => compareAddress(a.address, b.address)),
      unreadable: [],
    }),
    holders: () =>
      [...byHolder.values()].map((record) => ({ holder: record.holder, family: familyOf(record) })),
  };
}

function keyOf(holder: Holder, family: Family): string {
  return `${holder.container}:${holder.interfaceName}:${family}`;
}
