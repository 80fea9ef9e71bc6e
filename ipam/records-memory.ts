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

  /** Addresses that were put aside, by their holder's key. */
  const aside = new Map<string, AddressRecord[]>();

  const free = (record: AddressRecord): void => {
    byAddress.delete(formatAddress(record.address));
    mark(record, now());
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
      const key = keyOf(holder, family);
      const record = byHolder.get(key);
      if (record === undefined) return undefined;
      byHolder.delete(key);
      free(record);
      return record;
    },

    releaseAside(holder: Holder, family: Family): void {
      const key = keyOf(holder, family);
      for (const record of aside.get(key) ?? []) free(record);
      aside.delete(key);
    },

    addresses: (holder: Holder, family: Family) => {
      const key = keyOf(holder, family);
      const record = byHolder.get(key);
      const all = [...(record === undefined ? [] : [record]), ...(aside.get(key) ?? [])];
      return all.map(({ address }) => address);
    },

    releaseAddress(address: Address): void {
      const record = byAddress.get(formatAddress(address));
      if (record === undefined) return;
      const key = keyOf(record.holder, familyOf(record));
      if (byHolder.get(key) === record) byHolder.delete(key);
      aside.set(
        key,
        (aside.get(key) ?? []).filter((other) => other !== record),
      );
      free(record);
    },

    putAside(address: Address): () => void {
      const record = byAddress.get(formatAddress(address));
      const key = record === undefined ? "" : keyOf(record.holder, familyOf(record));
      if (record === undefined || byHolder.get(key) !== record) return () => {};
      const others = aside.get(key) ?? [];
      byHolder.delete(key);
      aside.set(key, [...others, record]);
      return () => {
        if (byHolder.has(key)) return;
        byHolder.set(key, record);
        aside.set(key, others);
      };
    },

    strays: () => [],

    isTaken: (address: Address) => byAddress.has(formatAddress(address)),
    order: (block: Prefix) => orders.get(formatPrefix(block))?.slice() ?? freshOrder(block),
    now,
    list: () => ({
      records: [...byAddress.values()].sort((a, b) => compareAddress(a.address, b.address)),
      unreadable: [],
    }),
    holders: () =>
      [...byHolder.values(), ...[...aside.values()].flat()].map((record) => ({
        holder: record.holder,
        family: familyOf(record),
      })),
  };
}

function keyOf(holder: Holder, family: Family): string {
  return `${holder.container}:${holder.interfaceName}:${family}`;
}
