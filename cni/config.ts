/**
 * The plugin's own keys of a network configuration.
 *
 * Keys that we do not know are left alone: runtimes and other plugins put theirs here. By hand and not
 * by a schema library, because this runs for every pod.
 */

import { CniError, CODE } from "../ipam/protocol/error.ts";
import { isObject, type JsonObject } from "../ipam/protocol/request.ts";

/** The IPAM plugin that runs in this process. */
export const OWN_IPAM = "manx-ipam";

export type CniConfig = {
  readonly ipam: string;
  /** Absent: the IPAM's, which is the node file's; or Linux' own (1500) where no node file is in use. */
  readonly mtu?: number;
  readonly dns?: JsonObject;
};

/** What IPv4 asks of a link, and what veth can do. */
const MTU = { least: 68, most: 65_535 } as const;

/** Read the configuration. Throws code 7 that lists every fault. */
export function parseCniConfig(config: JsonObject): CniConfig {
  const faults: string[] = [];
  const ipam = ipamTypeOf(config);
  if (ipam === undefined) {
    faults.push(`"ipam" has no "type": expected the name of a plugin, such as ${OWN_IPAM}`);
  }
  const { mtu, dns } = config;
  if (mtu !== undefined && !isMtu(mtu)) {
    faults.push(
      `mtu is ${JSON.stringify(mtu)}: expected a whole number from ${MTU.least} to ${MTU.most}`,
    );
  }
  if (dns !== undefined && !isObject(dns)) {
    faults.push(`dns is ${JSON.stringify(dns)}: expected an object`);
  }
  if (faults.length > 0) throw new CniError(CODE.invalidConfig, faults.join("; "));
  return {
    ipam: ipam ?? "",
    ...(isMtu(mtu) ? { mtu } : {}),
    ...(isObject(dns) && Object.keys(dns).length > 0 ? { dns } : {}),
  };
}

/**
 * `ipam.type`, when it is the name of a plugin: it is looked up in folders, so it has no slash. All
 * that a DEL needs of the configuration.
 */
export function ipamTypeOf(config: JsonObject): string | undefined {
  const type = isObject(config.ipam) ? config.ipam.type : undefined;
  return typeof type === "string" && isPluginName(type) ? type : undefined;
}

function isPluginName(text: string): boolean {
  return (
    text !== "" && text !== "." && text !== ".." && !text.includes("/") && !text.includes("\0")
  );
}

function isMtu(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= MTU.least && Number(value) <= MTU.most;
}
