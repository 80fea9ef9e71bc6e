/**
 * The result of an ADD, and its form in each version of the specification.
 *
 * Inside there is one form, with the fields of the newest specification; `resultToJson` writes the
 * version that was asked for and leaves out what that version does not know. `resultFromJson` reads
 * any of them, be it a `prevResult` or a delegate's answer.
 */

import { AddressError, tryParseAddress } from "../../lib/address.ts";
import { parseInterfaceAddress } from "../../lib/prefix.ts";
import { CniError, CODE } from "./error.ts";
import { isObject, type JsonObject } from "./request.ts";
import { hasDetails, hasIpVersion, type Version } from "./version.ts";

export type ResultInterface = {
  readonly name: string;
  readonly mac?: string;
  readonly mtu?: number;
  /** CNI_NETNS for an interface of the container; absent for one of the host. */
  readonly sandbox?: string;
  readonly socketPath?: string;
  readonly pciID?: string;
};

export type ResultAddress = {
  /** `ADDRESS/LENGTH`. */
  readonly address: string;
  readonly gateway?: string;
  /** Index into `interfaces`. */
  readonly interface?: number;
};

export type ResultRoute = {
  readonly dst: string;
  readonly gw?: string;
  readonly mtu?: number;
  readonly advmss?: number;
  readonly priority?: number;
  readonly table?: number;
  readonly scope?: number;
};

export type Result = {
  readonly interfaces: readonly ResultInterface[];
  readonly ips: readonly ResultAddress[];
  readonly routes: readonly ResultRoute[];
  readonly dns?: JsonObject;
};

/** The result's JSON in `version`. */
export function resultToJson(result: Result, version: Version): JsonObject {
  const { interfaces, ips, routes, dns } = hasDetails(version) ? result : withoutDetails(result);
  return {
    cniVersion: version,
    ...(interfaces.length === 0 ? {} : { interfaces }),
    ...(ips.length === 0 ? {} : { ips: hasIpVersion(version) ? withVersion(ips) : ips }),
    ...(routes.length === 0 ? {} : { routes }),
    ...(dns === undefined ? {} : { dns }),
  };
}

function withVersion(ips: readonly ResultAddress[]): JsonObject[] {
  return ips.map((ip) => ({ version: ip.address.includes(":") ? "6" : "4", ...ip }));
}

/** Without what versions before 1.1.0 do not know. */
function withoutDetails({ interfaces, ips, routes, dns }: Result): Result {
  const plain: ResultInterface[] = [];
  for (const { name, mac, sandbox } of interfaces) {
    plain.push({ name, ...optional("mac", mac), ...optional("sandbox", sandbox) });
  }
  const ways: ResultRoute[] = [];
  for (const { dst, gw } of routes) ways.push({ dst, ...optional("gw", gw) });
  return { interfaces: plain, ips, routes: ways, ...(dns === undefined ? {} : { dns }) };
}

/**
 * Read a result of any version; `what` names it in messages ("prevResult"). Throws code 6 that lists
 * every fault.
 */
export function resultFromJson(json: unknown, what: string): Result {
  const faults: string[] = [];
  if (!isObject(json)) throw new CniError(CODE.decode, `${what} is not a JSON object`);
  // Loops: see request.ts.
  const interfaces: ResultInterface[] = [];
  for (const entry of objects(json, "interfaces", faults)) {
    interfaces.push(interfaceFromJson(entry, `interfaces[${interfaces.length}]`, faults));
  }
  const ips: ResultAddress[] = [];
  for (const entry of objects(json, "ips", faults)) {
    ips.push(addressFromJson(entry, `ips[${ips.length}]`, interfaces.length, faults));
  }
  const routes: ResultRoute[] = [];
  for (const entry of objects(json, "routes", faults)) {
    routes.push(routeFromJson(entry, `routes[${routes.length}]`, faults));
  }
  const { dns } = json;
  if (dns !== undefined && !isObject(dns)) faults.push("dns is not an object");
  if (faults.length > 0) throw new CniError(CODE.decode, `${what}: ${faults.join("; ")}`);
  const said = isObject(dns) && Object.keys(dns).length > 0;
  return { interfaces, ips, routes, ...(said ? { dns } : {}) };
}

/** Read one route of a result or of a configuration; adds to `faults`, each starting with `where`. */
export function routeFromJson(entry: JsonObject, where: string, faults: string[]): ResultRoute {
  const dst = text(entry, "dst", where, faults) ?? "";
  const gw = text(entry, "gw", where, faults);
  if (!isInterfaceAddress(dst)) {
    faults.push(`${where}.dst is ${JSON.stringify(dst)}: expected a prefix such as 0.0.0.0/0`);
  }
  if (gw !== undefined && tryParseAddress(gw) === undefined) {
    faults.push(`${where}.gw is ${JSON.stringify(gw)}: expected an IP address`);
  }
  const route: { dst: string; gw?: string; [key: string]: unknown } = {
    dst,
    ...optional("gw", gw),
  };
  for (const key of ROUTE_NUMBERS) {
    const value = wholeNumber(entry, key, where, faults);
    if (value !== undefined) route[key] = value;
  }
  return route;
}

const ROUTE_NUMBERS = ["mtu", "advmss", "priority", "table", "scope"] as const;

function interfaceFromJson(entry: JsonObject, where: string, faults: string[]): ResultInterface {
  const mtu = wholeNumber(entry, "mtu", where, faults);
  return {
    name: text(entry, "name", where, faults) ?? "",
    ...optional("mac", text(entry, "mac", where, faults)),
    ...(mtu === undefined ? {} : { mtu }),
    ...optional("sandbox", text(entry, "sandbox", where, faults)),
    ...optional("socketPath", text(entry, "socketPath", where, faults)),
    ...optional("pciID", text(entry, "pciID", where, faults)),
  };
}

function addressFromJson(
  entry: JsonObject,
  where: string,
  interfaces: number,
  faults: string[],
): ResultAddress {
  const address = text(entry, "address", where, faults) ?? "";
  if (!isInterfaceAddress(address)) {
    faults.push(`${where}.address is ${JSON.stringify(address)}: expected ADDRESS/LENGTH`);
  }
  const gateway = text(entry, "gateway", where, faults);
  const index = entry.interface;
  const isIndex = typeof index === "number" && Number.isInteger(index) && index >= 0;
  if (index !== undefined && !(isIndex && index < interfaces)) {
    faults.push(`${where}.interface is ${JSON.stringify(index)}: expected an index of interfaces`);
  }
  return {
    address,
    ...optional("gateway", gateway),
    ...(isIndex ? { interface: index } : {}),
  };
}

function objects(json: JsonObject, key: string, faults: string[]): readonly JsonObject[] {
  const value = json[key] ?? [];
  if (isObjects(value)) return value;
  faults.push(`${key} is not an array of objects`);
  return [];
}

function isObjects(value: unknown): value is readonly JsonObject[] {
  if (!Array.isArray(value)) return false;
  for (const entry of value) if (!isObject(entry)) return false;
  return true;
}

/** A field that is text; absent, null and "" mean the same in results, as plugins print all three. */
function text(entry: JsonObject, key: string, where: string, faults: string[]): string | undefined {
  const value = entry[key] ?? "";
  if (typeof value === "string") return value === "" ? undefined : value;
  faults.push(`${where}.${key} is not text`);
  return undefined;
}

/** A field that is a whole number; absent and null mean the same. */
function wholeNumber(
  entry: JsonObject,
  key: string,
  where: string,
  faults: string[],
): number | undefined {
  const value = entry[key] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  faults.push(`${where}.${key} is ${JSON.stringify(value)}: expected a whole number`);
  return undefined;
}

function optional<Key extends string>(
  key: Key,
  value: string | undefined,
): { [K in Key]?: string } {
  const entry: { [K in Key]?: string } = {};
  if (value !== undefined) entry[key] = value;
  return entry;
}

function isInterfaceAddress(value: string): boolean {
  try {
    parseInterfaceAddress(value);
    return true;
  } catch (fault) {
    if (fault instanceof AddressError) return false;
    throw fault;
  }
}
