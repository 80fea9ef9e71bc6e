/**
 * STATUS of the addresses: whether an ADD would get one, as far as this node knows.
 */

import { formatPrefix, type Prefix } from "../lib/prefix.ts";
import { type Use, usableOrdinals } from "./attachment.ts";
import { addressAt } from "./block.ts";
import { parseIpamConfig, supplyOf } from "./config.ts";
import type { Files } from "./files.ts";
import { readNodeFile } from "./node.ts";
import { CniError, CODE } from "./protocol/error.ts";
import type { Request } from "./protocol/request.ts";
import { openRecords } from "./records-files.ts";

/** Throws code 50 when an ADD would fail for want of an address, 51 when the node says that it is not ready. */
export function checkSupply(request: Request, use: Use, files: Files): void {
  const config = parseIpamConfig(request.config);
  const { blocks, knob } = unavailable(() => supplyOf(config, files));
  const records = openRecords({
    files,
    directory: config.dataDirectory,
    network: request.network,
  });
  const isFree = (block: Prefix): boolean =>
    usableOrdinals(block, use).some((ordinal) => !records.isTaken(addressAt(block, ordinal)));
  for (const family of [4, 6]) {
    const own = blocks.filter((block) => block.family === family);
    if (own.length === 0 || own.some(isFree)) continue;
    const names = own.map(formatPrefix).join(", ");
    throw new CniError(
      CODE.unavailable,
      `every address of ${names} is in use in network ${request.network}: ${knob}`,
    );
  }
  if (config.blocks !== undefined) return;
  const { node, ready } = readNodeFile(config.nodeFile, files);
  if (ready.ok) return;
  throw new CniError(
    CODE.limited,
    `node ${node} is not ready since ${ready.since}: ${ready.reason} (manx status says more)`,
  );
}

/** What would be "try again later" to an ADD. */
function unavailable<Value>(act: () => Value): Value {
  try {
    return act();
  } catch (cause) {
    if (!(cause instanceof CniError) || cause.code !== CODE.tryAgainLater) throw cause;
    throw new CniError(CODE.unavailable, cause.message, { cause });
  }
}
