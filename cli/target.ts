/**
 * What a user asks about: a prefix or an address, told apart by the slash.
 */

import { type Address, AddressError, tryParseAddress } from "../lib/address.ts";
import { type Prefix, parsePrefix } from "../lib/prefix.ts";
import { CommandError, EXIT } from "./output.ts";

export type Target =
  | { readonly type: "prefix"; readonly prefix: Prefix }
  | { readonly type: "address"; readonly address: Address };

/** Parse either. Throws `CommandError` that names the text and what was expected. */
export function parseTarget(text: string): Target {
  if (text.includes("/")) {
    try {
      return { type: "prefix", prefix: parsePrefix(text) };
    } catch (error) {
      if (error instanceof AddressError) {
        throw new CommandError(error.message, EXIT.usage, { cause: error });
      }
      throw error;
    }
  }
  const address = tryParseAddress(text);
  if (address !== undefined) return { type: "address", address };
  throw new CommandError(
    `${JSON.stringify(text)} is neither a prefix such as 10.244.2.0/24 nor an address such as 10.244.2.7`,
    EXIT.usage,
  );
}
