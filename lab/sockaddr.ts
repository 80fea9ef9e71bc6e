/** A socket address as the kernel takes it: `struct sockaddr_in` of netinet/in.h. */

import { type Address, addressToBytes } from "../lib/address.ts";

const AF_INET = 2;
const LENGTH = 16;

/** Of an IPv4 address. */
export function toSockaddr(address: Address, port: number): Uint8Array {
  const bytes = new Uint8Array(LENGTH);
  const view = new DataView(bytes.buffer);
  // The family alone is in the machine's own order.
  new Uint16Array(bytes.buffer)[0] = AF_INET;
  view.setUint16(2, port);
  bytes.set(addressToBytes(address), 4);
  return bytes;
}
