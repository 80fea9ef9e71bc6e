/**
 * Where a TCP server listens, as people write it: `127.0.0.1:9179`, `[::1]:9179`.
 *
 * Addresses only: a name would have to be looked up, and can mean another machine tomorrow.
 */

import { type Address, formatAddress, tryParseAddress } from "./address.ts";

export type Endpoint = { readonly address: Address; readonly port: number };

/** Thrown for text that is no endpoint; the message names the text and what was expected. */
export class EndpointError extends Error {
  override readonly name = "EndpointError";
}

const HIGHEST_PORT = 65_535;

/** Parse `ADDRESS:PORT`, IPv6 in brackets. Throws `EndpointError`. */
export function parseEndpoint(text: string): Endpoint {
  const [, inBrackets, bare, digits = ""] = /^(?:\[(.*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const address = tryParseAddress(inBrackets ?? bare ?? "");
  const port = Number(digits);
  const isRight = address?.family === (inBrackets === undefined ? 4 : 6);
  if (address === undefined || !isRight || port < 1 || port > HIGHEST_PORT) {
    throw new EndpointError(
      `${JSON.stringify(text)} is no address with a port: expected for example 127.0.0.1:9179 or [::1]:9179, or 0.0.0.0:9179 for every address of this machine`,
    );
  }
  return { address, port };
}

/** As it is written. */
export function formatEndpoint({ address, port }: Endpoint): string {
  const text = formatAddress(address);
  return address.family === 4 ? `${text}:${port}` : `[${text}]:${port}`;
}
