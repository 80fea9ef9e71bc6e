/**
 * Addresses that somebody asks for: `runtimeConfig.ips` (capability "ips"), `args.cni.ips`, or IP of CNI_ARGS
 * (CNI conventions); the first of them that is there counts.
 */

import { type Address, type Family, tryParseAddress } from "../lib/address.ts";
import { CniError, CODE } from "./protocol/error.ts";
import { isObject, type Request } from "./protocol/request.ts";

/** Asked for, by family. */
export type Requested = { readonly [family in Family]?: Address };

/** What the call asks for; nothing asked for is nothing in it. Throws code 7 that lists every fault. */
export function requestedAddresses({ config, args }: Pick<Request, "config" | "args">): Requested {
  const { runtimeConfig, args: more } = config;
  if (runtimeConfig === undefined && more === undefined && args.size === 0) return {};
  const [said, list] = listOf(runtimeConfig, more, args.get("IP"));
  const requested: { [family in Family]?: Address } = {};
  const faults: string[] = [];
  for (const text of list) {
    // A length says nothing where a pod has its address alone.
    const address =
      typeof text === "string" ? tryParseAddress(text.trim().split("/")[0] ?? "") : undefined;
    if (address === undefined) {
      faults.push(`${said} has ${JSON.stringify(text)}: expected an address such as 10.244.1.7`);
    } else if (requested[address.family] !== undefined) {
      faults.push(`${said} has two IPv${address.family} addresses: expected one of a family`);
    } else requested[address.family] = address;
  }
  if (faults.length > 0) throw new CniError(CODE.invalidConfig, faults.join("; "));
  return requested;
}

function listOf(
  runtimeConfig: unknown,
  more: unknown,
  text: string | undefined,
): [string, readonly unknown[]] {
  const cni = isObject(more) && isObject(more.cni) ? more.cni : {};
  for (const [said, list] of [
    ["runtimeConfig.ips", isObject(runtimeConfig) ? runtimeConfig.ips : undefined],
    ["args.cni.ips", cni.ips],
  ] as const) {
    if (list === undefined || list === null) continue;
    if (Array.isArray(list)) return [said, list];
    throw new CniError(
      CODE.invalidConfig,
      `${said} is ${JSON.stringify(list)}: expected a list such as ["10.244.1.7"]`,
    );
  }
  return ["CNI_ARGS IP", text === undefined || text === "" ? [] : text.split(",")];
}
