/**
 * Reading the files of one network's records: what each one says, and whether that is what it takes.
 */

import { type Address, compareAddress, formatAddress, tryParseAddress } from "../lib/address.ts";
import type { Files } from "./files.ts";
import type { PutAside } from "./quarantine.ts";
import { type AddressRecord, decodeRecord, familyOf } from "./record.ts";
import { heldBy, type Named } from "./record-names.ts";
import type { Listing, UnreadableRecord } from "./records.ts";
import type { Scope } from "./scope.ts";

/** A record, or why it is none. Throws only what the file system refuses. */
export type Reading = { readonly record: AddressRecord } | { readonly reason: string };

/** What a file says. */
export function readingOf(files: Files, path: string): Reading {
  const text = files.read(path);
  try {
    return { record: decodeRecord(text) };
  } catch (fault) {
    return { reason: fault instanceof Error ? fault.message : String(fault) };
  }
}

/** What the file of an address in `address/` says: another address is not what it takes. */
export function readingOfAddress(files: Files, folder: string, name: string): Reading {
  const reading = readingOf(files, `${folder}/${name}`);
  if (!("record" in reading)) return reading;
  const said = formatAddress(reading.record.address);
  return said === name ? reading : { reason: `it is of ${name} and says ${said}` };
}

/** Everything in `address/`. */
export function listFolder(files: Files, folder: string): Listing {
  const records: AddressRecord[] = [];
  const unreadable: UnreadableRecord[] = [];
  for (const name of files.list(folder)) {
    const path = `${folder}/${name}`;
    const reading = unlessGone(files, path, () => readingOfAddress(files, folder, name));
    if (reading === undefined) continue;
    if ("record" in reading) records.push(reading.record);
    else unreadable.push({ path, reason: `${path} is not readable: ${reading.reason}` });
  }
  records.sort((a, b) => compareAddress(a.address, b.address));
  return { records, unreadable };
}

/** Whose files are in `holder/`, and whose were put aside. */
export function listHolders(files: Files, folder: string, aside: readonly PutAside[]): Named[] {
  const named = files.list(folder).map((name) => ({ name, path: `${folder}/${name}` }));
  const others = aside.map(({ holderName: name, path }) => ({ name, path }));
  return [...named, ...others].flatMap(({ name, path }) => {
    const held = heldBy(name);
    if (held !== undefined) return [held];
    // A name that was too long stands in the record.
    const reading = unlessGone(files, path, () => readingOf(files, path));
    if (reading === undefined || !("record" in reading)) return [];
    const { holder, network } = reading.record;
    const own = { holder, family: familyOf(reading.record) };
    return [network === undefined ? own : { ...own, network }];
  });
}

/**
 * Addresses that nobody is known to have: their file is nobody's in `holder/`, or that of somebody whose name was too
 * long for a file's and whose record cannot be read, or does not say the network in the node's folder.
 */
export function listStrays(
  files: Files,
  { scope, root }: { readonly scope: Scope; readonly root: string },
  aside: readonly PutAside[],
): Address[] {
  const nameless = files
    .list(`${root}/holder`)
    .filter((name) => heldBy(name) === undefined)
    .map((name) => `${root}/holder/${name}`);
  const paths = [
    ...nameless,
    ...aside.filter(({ holderName }) => heldBy(holderName) === undefined).map(({ path }) => path),
  ].filter((path) => {
    const reading = unlessGone(files, path, () => readingOf(files, path));
    if (reading === undefined) return false;
    if (!("record" in reading)) return true;
    return scope === "node" && reading.record.network === undefined;
  });
  return files
    .list(`${root}/address`)
    .filter((name) => {
      const path = `${root}/address/${name}`;
      // A DEL removes this name before the holder's, so one name alone is never on its way.
      return files.links(path) === 1 || paths.some((other) => files.isSame(path, other));
    })
    .flatMap((name) => tryParseAddress(name) ?? []);
}

/** Undefined where the file is gone by now. */
export function unlessGone<Value>(
  files: Files,
  path: string,
  read: () => Value,
): Value | undefined {
  try {
    return read();
  } catch (fault) {
    if (files.links(path) === undefined) return undefined;
    throw fault;
  }
}
