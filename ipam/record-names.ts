/** What files of records are called: of a holder in `holder/`, of a block's past in `order/`. */

import { bitsOf, type Family, formatAddress, tryParseAddress } from "../lib/address.ts";
import { type Prefix, prefixOf } from "../lib/prefix.ts";
import { digestOf, NAME_MAX } from "./quarantine.ts";
import type { Held } from "./records.ts";

/** Whose a file is; `network`: in the node's folder, where those of all networks are. */
export type Named = Held & { readonly network?: string };

/**
 * Of a holder's file: `CONTAINER:INTERFACE:FAMILY`, and before it `NETWORK:` in the node's folder. None of them can have a
 * colon, so it says exactly one holder.
 */
export function holderName({ holder, family, network }: Named): string {
  const own = `${holder.container}:${holder.interfaceName}:${family}`;
  const name = network === undefined ? own : `${network}:${own}`;
  // What a request may contain is ASCII, so characters are bytes.
  return name.length <= NAME_MAX ? name : digestOf(name);
}

/** Whose a file of this name in `holder/` is; undefined where the name was too long. */
export function heldBy(name: string): Named | undefined {
  const parts = name.split(":");
  const network = parts.length > 3 ? parts.shift() : undefined;
  const [container = "", interfaceName = "", digit] = parts;
  if (container === "") return undefined;
  const family: Family = digit === "6" ? 6 : 4;
  const held = { holder: { container, interfaceName }, family };
  return network === undefined ? held : { ...held, network };
}

/** Of a file of `order/`. */
export function orderName(block: Prefix): string {
  return `${formatAddress(block)}_${block.length}`;
}

/** The block whose past a file of `order/` has; undefined where the name says none. */
export function blockOfOrder(name: string): Prefix | undefined {
  const [address = "", length = ""] = name.split("_");
  const parsed = tryParseAddress(address);
  const bits = Number(length);
  if (parsed === undefined || !(bits >= 0 && bits <= bitsOf(parsed.family))) return undefined;
  const block = prefixOf(parsed, bits);
  return orderName(block) === name ? block : undefined;
}
