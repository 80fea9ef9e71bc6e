/** struct sockaddr_in and sockaddr_in6 (netinet/in.h, linux/in6.h). */

import { type Address, addressToBytes } from "../lib/address.ts";
import { AF } from "./const.ts";

/** The bytes of an address and port; the family in host order, the rest in network order. */
export function sockaddr(address: Address, port: number): Uint8Array {
  const isFour = address.family === 4;
  const bytes = new Uint8Array(isFour ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, isFour ? AF.INET : AF.INET6, true);
  view.setUint16(2, port);
  bytes.set(addressToBytes(address), isFour ? 4 : 8);
  return bytes;
}

/** The port of a sockaddr. */
export function portOf(sockaddr: Uint8Array): number {
  return new DataView(sockaddr.buffer, sockaddr.byteOffset).getUint16(2);
}
