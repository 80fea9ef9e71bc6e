/** struct sockaddr_in and sockaddr_in6 (netinet/in.h, linux/in6.h). */

import { type Address, addressFromBytes, addressToBytes } from "../lib/address.ts";
import { AF } from "./const.ts";

/**
 * The bytes of an address and port; the family in host order, the rest in network order. `scope` is the index of
 * the link that a link-local IPv6 address is of.
 */
export function sockaddr(address: Address, port: number, scope = 0): Uint8Array {
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

/** The port of a sockaddr. */
export function portOf(sockaddr: Uint8Array): number {
  return new DataView(sockaddr.buffer, sockaddr.byteOffset).getUint16(2);
}
