/** struct sockaddr_in and sockaddr_in6 (netinet/in.h, linux/in6.h). */

import { type Address, addressFromBytes, addressToBytes, withZone } from "../lib/address.ts";
import { AF } from "./const.ts";

/**
 * The bytes of an address and port; the family in host order, the rest in network order. `scope` is the index of
 * the link that a link-local IPv6 address is of, where it does not say so itself.
 */
export function sockaddr(address: Address, port: number, scope = address.zone ?? 0): Uint8Array {
  const isFour = address.family === 4;
  const bytes = new Uint8Array(isFour ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, isFour ? AF.INET : AF.INET6, true);
  view.setUint16(2, port);
  bytes.set(addressToBytes(address), isFour ? 4 : 8);
  if (!isFour) view.setUint32(24, scope, true);
  return bytes;
}

/** The address in the bytes of a sockaddr that the kernel has filled. */
export function addressOfSockaddr(bytes: Uint8Array): Address {
  const isFour = bytes[0] === AF.INET;
  return addressFromBytes(isFour ? bytes.subarray(4, 8) : bytes.subarray(8, 24));
}

/** The same with its link, where the kernel says one: it does of link-local addresses alone. */
export function zonedAddressOfSockaddr(bytes: Uint8Array): Address {
  const address = addressOfSockaddr(bytes);
  const scope = address.family === 6 ? viewOf(bytes).getUint32(24, true) : 0;
  return scope === 0 ? address : withZone(address, scope);
}

/** The port of a sockaddr. */
export function portOf(sockaddr: Uint8Array): number {
  return viewOf(sockaddr).getUint16(2);
}

function viewOf({ buffer, byteOffset }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset);
}
