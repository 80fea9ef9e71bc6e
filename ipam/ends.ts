/**
 * What the two ends of an attachment are called.
 *
 * Names and MACs follow from network, container and interface alone, so a DEL without any state finds what an ADD
 * made, and whoever looks at a host end can tell whose it is.
 */

import type { Holder } from "./record.ts";

export type Ends = {
  readonly hostEnd: string;
  /** Of the host end: whose it is, for people and for GC; absent where the kernel has no room for it. */
  readonly alias?: string;
  /** CNI_IFNAME. */
  readonly podEnd: string;
  readonly podMac: string;
};

/** A holder, and the network that he is attached to. */
export type Attached = Holder & { readonly network: string };

/** What every host end's name begins with. */
export const HOST_END = "manx";

/** IFALIASZ less the NUL (linux/if.h). The parts are ASCII but for the interface's name. */
const ALIAS_MAX = 200;

/**
 * `manx` and the first 11 digits of SHA-1 over `NETWORK/CONTAINER/INTERFACE` (none of which may have a
 * slash): 15 characters, Linux' limit. The last 12 digits make the pod's MAC, locally administered and
 * unicast.
 */
export function endsOf({ network, container, interfaceName }: Attached): Ends {
  const name = `${network}/${container}/${interfaceName}`;
  const digits = Bun.SHA1.hash(name, "hex");
  return {
    hostEnd: `${HOST_END}${digits.slice(0, 11)}`,
    ...(name.length <= ALIAS_MAX ? { alias: name } : {}),
    podEnd: interfaceName,
    podMac: macOf(digits.slice(-12)),
  };
}

/** Whose a host end is, by its alias; undefined when that is no proof. */
export function attachedBy({
  name,
  alias = "",
}: {
  readonly name: string;
  readonly alias?: string;
}): Attached | undefined {
  const [network, container, interfaceName, ...more] = alias.split("/");
  if (network === undefined || container === undefined || interfaceName === undefined) {
    return undefined;
  }
  const attached = { network, container, interfaceName };
  // An alias that somebody copied to another link is no proof: the name must be the attachment's.
  return more.length === 0 && endsOf(attached).hostEnd === name ? attached : undefined;
}

/** Twelve digits as a MAC: the bits that say "group" and "made by the manufacturer" are turned off. */
function macOf(digits: string): string {
  const second = (Number.parseInt(digits.charAt(1), 16) & 0xc) | 0x2;
  let mac = digits.charAt(0) + second.toString(16);
  for (let at = 2; at < 12; at += 2) mac += `:${digits.slice(at, at + 2)}`;
  return mac;
}
