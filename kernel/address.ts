/** Interface addresses: struct ifaddrmsg and IFA_* attributes (linux/if_addr.h). */

import { type Address, addressFromBytes, type Family } from "../lib/address.ts";
import type { InterfaceAddress, Scope } from "./kernel.ts";
import { attributesOf, bytesOf, type Message, type MessageWriter } from "./message.ts";
import { familyFrom, familyTo } from "./route.ts";
import { scopeFrom, scopeTo } from "./scope.ts";

const IFA = { ADDRESS: 1, LOCAL: 2, CACHEINFO: 6, PROTO: 11 } as const;
/** IFAPROT_KERNEL_LL: up to this the kernel says how it came by an address itself. */
const LAST_OF_KERNEL = 3;
/** Of a lifetime (INFINITY_LIFE_TIME). */
const FOR_EVER = 0xffff_ffff;
/** Use it at once: duplicate address detection takes seconds, and our addresses are ours alone. */
const IFA_F_NODAD = 0x02;
const IFA_F_OPTIMISTIC = 0x04;
const IFA_F_DADFAILED = 0x08;
const IFA_F_TENTATIVE = 0x40;

type AddressSpec = {
  readonly address: Address;
  readonly length: number;
  readonly scope?: Scope;
  readonly protocol?: number;
  readonly deprecated?: true;
};

/** Body of RTM_NEWADDR and RTM_DELADDR. */
export function writeAddress(
  writer: MessageWriter,
  { address, length, scope = "global", protocol, deprecated }: AddressSpec,
  link: number,
): void {
  writer
    .u8(familyTo(address.family))
    .u8(length)
    .u8(address.family === 6 ? IFA_F_NODAD : 0)
    .u8(scopeTo(scope))
    .u32(link);
  writer.attributeAddress(IFA.LOCAL, address).attributeAddress(IFA.ADDRESS, address);
  if (deprecated === true) writer.attribute(IFA.CACHEINFO, lifetimes(0, FOR_EVER));
  if (protocol !== undefined) writer.attribute(IFA.PROTO, Uint8Array.of(protocol));
}

/** struct ifa_cacheinfo: for how long it is preferred, and valid, in seconds; its times are the kernel's to say. */
function lifetimes(preferred: number, valid: number): Uint8Array {
  const info = new DataView(new ArrayBuffer(16));
  info.setUint32(0, preferred, true);
  info.setUint32(4, valid, true);
  return new Uint8Array(info.buffer);
}

/** Body of RTM_GETADDR for a dump, which a strict kernel filters by family and link. */
export function writeAddressFilter(writer: MessageWriter, family?: Family, link = 0): void {
  writer
    .u8(family === undefined ? 0 : familyTo(family))
    .u8(0)
    .u8(0)
    .u8(0)
    .u32(link);
}

/** The link's index of a message that `readAddress` would read, without reading the rest. */
export function linkOfAddress({ body }: Message): number {
  return body.getUint32(4, true);
}

/** An address of RTM_NEWADDR or RTM_DELADDR. */
export function readAddress(message: Message): InterfaceAddress | undefined {
  const { body } = message;
  const family = familyFrom(body.getUint8(0));
  const attributes = attributesOf(body, 8);
  const value = attributes.get(IFA.LOCAL) ?? attributes.get(IFA.ADDRESS);
  if (family === undefined || value === undefined) return undefined;
  const protocol = attributes.get(IFA.PROTO)?.getUint8(0) ?? 0;
  return {
    link: linkOfAddress(message),
    address: addressFromBytes(bytesOf(value)),
    length: body.getUint8(1),
    scope: scopeFrom(body.getUint8(3)),
    ...usability(body.getUint8(2)),
    ...(protocol <= LAST_OF_KERNEL ? {} : { protocol }),
  };
}

function usability(flags: number): Pick<InterfaceAddress, "unusable"> {
  if ((flags & IFA_F_DADFAILED) !== 0) return { unusable: "duplicate" };
  const isTentative = (flags & (IFA_F_TENTATIVE | IFA_F_OPTIMISTIC)) === IFA_F_TENTATIVE;
  return isTentative ? { unusable: "tentative" } : {};
}
