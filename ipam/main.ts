/**
 * `manx-ipam`: the IPAM plugin that other CNI plugins (bridge, ptp, macvlan ...) execute.
 *
 * They have a subnet where our own pods have a /32. So the address comes with its block's length and a
 * gateway, the block's second address, and that, the first and the last are given to nobody.
 */

import { formatAddress } from "../lib/address.ts";
import { checkAddresses, giveBackAddresses, takeAddresses } from "./attachment.ts";
import { formatInBlock, gatewayOf } from "./block.ts";
import { nodeFiles } from "./files-node.ts";
import type { Machine } from "./machine.ts";
import { type PluginIo, runPlugin } from "./protocol/plugin.ts";
import type { Request } from "./protocol/request.ts";
import type { Result } from "./protocol/result.ts";

/**
 * Serve the one call that this process was started for; `loadSurvey` loads what looks at everything on the machine that
 * may use an address, which only GC does. Returns the exit code.
 */
export function runIpam(loadSurvey: () => Promise<() => Machine>, io?: PluginIo): Promise<number> {
  const handlers = {
    ADD: async () => add,
    DEL: async () => remove,
    CHECK: async () => check,
    GC: async () => {
      const { collectBelow } = await import("./collect.ts");
      const survey = await loadSurvey();
      return (request: Request): undefined => void collectBelow(request, nodeFiles, survey);
    },
    STATUS: async () => {
      const { checkSupply } = await import("./status.ts");
      return (request: Request): undefined => void checkSupply(request, "subnet", nodeFiles);
    },
  };
  return runPlugin(
    { about: "manx-ipam: addresses for pods from their node's blocks", handlers },
    io,
  );
}

function add(request: Request): Result {
  const { records, routes } = takeAddresses(request, "subnet", nodeFiles);
  const ips = records.map(({ address, block }) => ({
    address: formatInBlock(address, block),
    gateway: formatAddress(gatewayOf(block)),
  }));
  return { interfaces: [], ips, routes };
}

function remove(request: Request): undefined {
  giveBackAddresses(request, nodeFiles);
}

function check(request: Request): undefined {
  checkAddresses(request, nodeFiles);
}
