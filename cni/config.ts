/**
 * The plugin's own keys of a network configuration.
 *
 * Keys that we do not know are left alone: runtimes and other plugins put theirs here. By hand and not
 * by a schema library, because this runs for every pod.
 */

import { CniError, CODE } from "../ipam/protocol/error.ts";
import { isObject, type JsonObject, type Request } from "../ipam/protocol/request.ts";
import { type Address, tryParseAddress } from "../lib/address.ts";
import { GATEWAYS, type Gateways } from "./attachment.ts";
import type { Setting } from "./plan.ts";

/** The IPAM plugin that runs in this process. */
export const OWN_IPAM = "manx-ipam";

export type CniConfig = {
  readonly ipam: string;
  /** Absent: the IPAM's, which is the node file's; or Linux' own (1500) where no node file is in use. */
  readonly mtu?: number | "auto";
  readonly dns?: JsonObject;
  /** Of the pod's interface; absent: one that follows from the attachment. */
  readonly mac?: string;
  /** Pods' gateways, by family. */
  readonly gateways: Gateways;
  /** Of the pod, by name. */
  readonly sysctls: readonly Setting[];
  /** Of each end of the pair, each way. */
  readonly queues: number;
  /** Whether the pod forwards between its interfaces. */
  readonly forwarding: boolean;
  /** Whether the host lets in only what comes from the pod's own addresses. */
  readonly sourceCheck: boolean;
};

/** What IPv4 asks of a link, and what veth can do. */
const MTU = { least: 68, most: 65_535 } as const;
/** More than there are CPUs is of no use. */
const QUEUES = { least: 1, most: 1024 } as const;

/** Read the configuration. Throws code 7 that lists every fault. */
export function parseCniConfig(request: Pick<Request, "config" | "args">): CniConfig {
  const { config } = request;
  const faults: string[] = [];
  const ipam = ipamTypeOf(config);
  if (ipam === undefined) {
    faults.push(`"ipam" has no "type": expected the name of a plugin, such as ${OWN_IPAM}`);
  }
  const { mtu, dns, numQueues = 1, forwarding = false, sourceCheck = true } = config;
  if (mtu !== undefined && mtu !== "auto" && !isWhole(mtu, MTU)) {
    faults.push(
      `mtu is ${JSON.stringify(mtu)}: expected a whole number from ${MTU.least} to ${MTU.most}, or "auto"`,
    );
  }
  if (dns !== undefined && !isObject(dns)) {
    faults.push(`dns is ${JSON.stringify(dns)}: expected an object`);
  }
  if (!isWhole(numQueues, QUEUES)) {
    faults.push(
      `numQueues is ${JSON.stringify(numQueues)}: expected a whole number from ${QUEUES.least} to ${QUEUES.most}`,
    );
  }
  if (typeof forwarding !== "boolean") {
    faults.push(`forwarding is ${JSON.stringify(forwarding)}: expected true or false`);
  }
  if (typeof sourceCheck !== "boolean") {
    faults.push(`sourceCheck is ${JSON.stringify(sourceCheck)}: expected true or false`);
  }
  const mac = macOf(request, faults);
  const gateways = gatewaysOf(config.gateway, faults);
  const sysctls = sysctlsOf(config.sysctls, faults);
  if (faults.length > 0) throw new CniError(CODE.invalidConfig, faults.join("; "));
  return {
    ipam: ipam ?? "",
    ...(mtu === "auto" || isWhole(mtu, MTU) ? { mtu } : {}),
    ...(isObject(dns) && Object.keys(dns).length > 0 ? { dns } : {}),
    ...(mac === undefined ? {} : { mac }),
    gateways,
    sysctls,
    queues: Number(numQueues),
    forwarding: forwarding === true,
    sourceCheck: sourceCheck !== false,
  };
}

/** `runtimeConfig.mac` (capability "mac"), or MAC of CNI_ARGS. */
function macOf({ config, args }: Pick<Request, "config" | "args">, faults: string[]) {
  const { runtimeConfig } = config;
  const said = isObject(runtimeConfig) ? runtimeConfig.mac : undefined;
  const mac = said === undefined || said === "" ? args.get("MAC") : said;
  if (mac === undefined || mac === "") return undefined;
  if (typeof mac === "string" && isMac(mac)) return mac.toLowerCase();
  faults.push(
    `the MAC is ${JSON.stringify(mac)}: expected six pairs of digits that are no group's, such as 02:00:00:00:00:01`,
  );
  return undefined;
}

/** Six pairs of hexadecimal digits; the lowest bit of the first says "group". */
function isMac(text: string): boolean {
  if (text.length !== 17) return false;
  for (let at = 0; at < 17; at++) {
    const isRight = at % 3 === 2 ? text[at] === ":" : /[0-9a-fA-F]/.test(text.charAt(at));
    if (!isRight) return false;
  }
  return (Number.parseInt(text.slice(0, 2), 16) & 1) === 0 && !/^[0:]*$/.test(text);
}

/** `gateway`: an address, or one of each family. */
function gatewaysOf(value: unknown, faults: string[]): Gateways {
  if (value === undefined) return GATEWAYS;
  const gateways = { ...GATEWAYS };
  for (const text of Array.isArray(value) ? value : [value]) {
    const address = typeof text === "string" ? tryParseAddress(text) : undefined;
    if (address === undefined || !isGateway(address)) {
      faults.push(
        `gateway is ${JSON.stringify(text)}: expected a unicast IPv4 address or an IPv6 link-local one`,
      );
    } else gateways[address.family] = address;
  }
  return gateways;
}

/** IPv6: only fe80::/64 is on every link, so that the host end can have it. */
function isGateway({ family, w0, w1 }: Address): boolean {
  const first = w0 >>> 24;
  return family === 4 ? first > 0 && first < 224 && first !== 127 : w0 === 0xfe80_0000 && w1 === 0;
}

/** `sysctls`: those of the pod's network namespace, which are its own. */
function sysctlsOf(value: unknown, faults: string[]): Setting[] {
  const settings: Setting[] = [];
  if (value === undefined) return settings;
  if (!isObject(value)) {
    faults.push(
      `sysctls is ${JSON.stringify(value)}: expected an object such as {"net.core.somaxconn": "1024"}`,
    );
    return settings;
  }
  for (const name in value) {
    const setting = value[name];
    if (!(name.startsWith("net.") || name.startsWith("net/")) || name.includes("..")) {
      faults.push(`sysctls has ${JSON.stringify(name)}: expected a name that begins with net.`);
    } else if (typeof setting !== "string") {
      faults.push(`sysctls ${name} is ${JSON.stringify(setting)}: expected text, such as "1"`);
    } else settings.push({ name, value: setting });
  }
  return settings;
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

function isWhole(value: unknown, { least, most }: typeof MTU | typeof QUEUES): value is number {
  return Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
}
