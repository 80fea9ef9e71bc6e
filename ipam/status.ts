/**
 * STATUS of the addresses: whether an ADD would get one, as far as this node knows.
 */

import { shortage } from "./allocate.ts";
import { describeShortage, parseIpamConfig, scopeOf, supplyOf } from "./config.ts";
import type { Files } from "./files.ts";
import { type NodeBlock, readNodeFile } from "./node.ts";
import { CniError, CODE } from "./protocol/error.ts";
import type { Request } from "./protocol/request.ts";
import { openRecords } from "./records-files.ts";
import { reservedIn, type Use } from "./reserved.ts";

/** Throws code 50 when an ADD would fail for want of an address, 51 when the node says that it is not ready. */
export function checkSupply(request: Request, use: Use, files: Files): void {
  const config = parseIpamConfig(request.config);
  const supply = unavailable(() => supplyOf(config, files));
  const records = openRecords({
    files,
    directory: config.dataDirectory,
    network: request.network,
    scope: scopeOf(config),
  });
  const { cooldown } = config;
  const reserved = (block: NodeBlock) => reservedIn(block, use);
  for (const family of [4, 6]) {
    const blocks = supply.blocks.filter((block) => block.family === family);
    const lack =
      blocks.length === 0 ? undefined : shortage(records, { blocks, reserved, cooldown });
    if (lack === undefined) continue;
    throw new CniError(CODE.unavailable, describeShortage(lack, request, supply), { cause: lack });
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
