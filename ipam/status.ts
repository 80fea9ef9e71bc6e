/**
 * STATUS of the addresses: whether an ADD would get one, as far as this node knows.
 */

import { foresee } from "./adoption.ts";
import { shortage } from "./allocate.ts";
import { bootId } from "./boot.ts";
import {
  describeShortage,
  type IpamConfig,
  parseIpamConfig,
  type Supply,
  scopeOf,
  supplyOf,
} from "./config.ts";
import type { Files } from "./files.ts";
import { type NodeBlock, readNodeFile } from "./node.ts";
import { CniError, CODE } from "./protocol/error.ts";
import type { Request } from "./protocol/request.ts";
import type { Occupancy } from "./records.ts";
import { openRecords } from "./records-files.ts";
import { reservedIn, type Use } from "./reserved.ts";
import { folderOf, listFolders } from "./scope.ts";

/** Throws code 50 when an ADD would fail for want of an address, 51 when the node says that it is not ready. */
export function checkSupply(request: Request, use: Use, files: Files): void {
  const config = parseIpamConfig(request.config);
  const supply = unavailable(() => supplyOf(config, files));
  const records = occupancyOf(request, config, supply, files);
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

/** Of a block that is new to the node's records, with what networks' own have of it: an ADD takes that over first. */
function occupancyOf(
  { network }: Request,
  config: IpamConfig,
  { blocks }: Supply,
  files: Files,
): Occupancy {
  const { dataDirectory: directory } = config;
  const scope = scopeOf(config);
  const boot = bootId(files);
  const records = openRecords({ files, directory, network, scope, boot });
  if (scope === "network") return records;
  const root = folderOf(scope, { directory, boot, network });
  const folders = listFolders(directory, boot, files.list);
  return foresee(files, records, { root, folders, blocks });
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
