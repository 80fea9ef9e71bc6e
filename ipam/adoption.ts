/**
 * Taking over what networks hold of a block that becomes the node's: their configurations named it until now, or an
 * earlier Manx wrote a folder for each network whatever its blocks were.
 *
 * Whoever takes the first address of a block in the node's folder does it before, and every other who does not see the
 * block's past there yet. Each file gets its new names one by one, the holder's first, and loses the old ones then, the
 * holder's last: many may do so at once, and be killed. Until all is done the block has no past, so the next one does it
 * again. A DEL looks into the network's folder first: where it does so in between, it finds what is moved in either.
 */

import { type Address, formatAddress, tryParseAddress } from "../lib/address.ts";
import { containsAddress, type Prefix } from "../lib/prefix.ts";
import { freshOrder, IN_USE, type Order, ordinalOf } from "./block.ts";
import { codeOf, type Files } from "./files.ts";
import { quarantineOf } from "./quarantine.ts";
import { familyOf } from "./record.ts";
import { heldBy, holderName, orderName } from "./record-names.ts";
import type { Occupancy } from "./records.ts";
import { readingOf, unlessGone } from "./records-listing.ts";
import type { RecordsFolder } from "./scope.ts";

/** What a file was in its network's folder. */
type Place = {
  readonly path: string;
  readonly holderName: string;
  /** Its record was put aside. */
  readonly isAside: boolean;
};

/**
 * Move what these folders have of the block to the node's, `root`, of which the folders are there. Returns whether there
 * was anything.
 */
export function adoptBlock(
  files: Files,
  root: string,
  block: Prefix,
  folders: readonly RecordsFolder[],
): boolean {
  const { order, held, isAny } = heldByNetworks(files, block, folders);
  for (const { network, path, address } of held) {
    moveAddress(files, { from: path, network, to: root }, address);
  }
  if (!isAny) return false;
  const name = orderName(block);
  files.writeAt(`${root}/order/${name}`, new Uint8Array(order.buffer), 0);
  for (const { network, path } of folders) {
    if (network !== undefined) removeOld(files, `${path}/order/${name}`);
  }
  return true;
}

/**
 * How much of these blocks is in use as an ADD finds it, which takes over before it takes: for who changes nothing.
 * `root` is the node's folder, of which the records are.
 */
export function foresee(
  files: Files,
  records: Occupancy,
  {
    root,
    folders,
    blocks,
  }: Record<"root", string> & {
    readonly folders: readonly RecordsFolder[];
    readonly blocks: readonly Prefix[];
  },
): Occupancy {
  const taken = new Set<string>();
  const orders = new Map<string, Order>();
  for (const block of blocks) {
    const name = orderName(block);
    if (files.links(`${root}/order/${name}`) !== undefined) continue;
    const { order, held } = heldByNetworks(files, block, folders);
    orders.set(name, order);
    for (const { address } of held) taken.add(formatAddress(address));
  }
  return {
    isTaken: (address) => records.isTaken(address) || taken.has(formatAddress(address)),
    order: (block) => orders.get(orderName(block)) ?? records.order(block),
    now: records.now,
  };
}

/** What networks' folders have of a block. */
function heldByNetworks(files: Files, block: Prefix, folders: readonly RecordsFolder[]) {
  const order = freshOrder(block);
  const name = orderName(block);
  const held: { network: string; path: string; address: Address }[] = [];
  let isAny = false;
  for (const { network, path } of folders) {
    if (network === undefined) continue;
    for (const text of files.list(`${path}/address`)) {
      const address = tryParseAddress(text);
      if (address === undefined || !containsAddress(block, address)) continue;
      held.push({ network, path, address });
      order[ordinalOf(block, address) ?? 0] = IN_USE;
      isAny = true;
    }
    const past = freshOrder(block);
    const pastBytes = new Uint8Array(past.buffer);
    if (files.readInto(`${path}/order/${name}`, pastBytes) !== undefined) isAny = true;
    for (const [ordinal, time] of past.entries()) {
      if (time > (order[ordinal] ?? 0)) order[ordinal] = time;
    }
  }
  return { order, held, isAny };
}

type Move = { readonly from: string; readonly network: string; readonly to: string };

/** What is taken by somebody else in the node's folder stays where it is. */
function moveAddress(files: Files, { from, network, to }: Move, address: Address): void {
  const text = formatAddress(address);
  const source = `${from}/address/${text}`;
  const target = `${to}/address/${text}`;
  if (files.links(target) !== undefined && !files.isSame(source, target)) return;
  const reading = unlessGone(files, source, () => readingOf(files, source));
  if (reading === undefined) return;
  const record = "record" in reading ? reading.record : undefined;
  const said =
    record === undefined ? undefined : { holder: record.holder, family: familyOf(record) };
  const place = placeOf(files, from, source, said && holderName(said));
  const held = said ?? heldBy(place?.holderName ?? "");
  const name = held === undefined ? place?.holderName : holderName({ ...held, network });
  if (place !== undefined && name !== undefined) {
    const other = `${to}/holder/${name}`;
    if (!place.isAside) linkNew(files, place.path, other);
    // Put aside before, or its holder has another one in the node's folder by now.
    if (!files.isSame(place.path, other)) {
      unlessGone(files, place.path, () => quarantineOf(files, to).add(place.path, address, name));
    }
  }
  linkNew(files, source, target);
  for (const old of [source, place?.path]) if (old !== undefined) removeOld(files, old);
}

/** The holder's file that takes the address: nearly always the one that the record says. */
function placeOf(
  files: Files,
  from: string,
  source: string,
  said: string | undefined,
): Place | undefined {
  const isIt = ({ path }: { readonly path: string }): boolean => files.isSame(path, source);
  const placeIn = (holderName: string): Place => ({
    path: `${from}/holder/${holderName}`,
    holderName,
    isAside: false,
  });
  const usual = said === undefined ? undefined : placeIn(said);
  if (usual !== undefined && isIt(usual)) return usual;
  const other = files.list(`${from}/holder`).map(placeIn).find(isIt);
  if (other !== undefined) return other;
  const aside = quarantineOf(files, from).list().find(isIt);
  return aside === undefined ? undefined : { ...aside, isAside: true };
}

/** A second name; one that is taken, or a file that was given back meanwhile, is left as it is. */
function linkNew(files: Files, path: string, other: string): void {
  try {
    files.link(path, other);
  } catch (fault) {
    if (codeOf(fault) !== "EEXIST" && codeOf(fault) !== "ENOENT") throw fault;
  }
}

function removeOld(files: Files, path: string): void {
  try {
    files.unlink(path);
  } catch (fault) {
    if (codeOf(fault) !== "ENOENT") throw fault;
  }
}
