/**
 * `manx-ipam`: the IPAM plugin that other CNI plugins (bridge, ptp, macvlan ...) execute.
 *
 * They have a subnet where our own pods have a /32. So the address comes with its block's length and a
 * gateway, the block's second address, and that, the first and the last are given to nobody.
 */

import { formatAddress } from "../lib/address.ts";
import { parseInterfaceAddress } from "../lib/prefix.ts";
import { addressOf, giveBackAddress, takeAddress } from "./attachment.ts";
import { formatInBlock, gatewayOf } from "./block.ts";
import { parseIpamConfig } from "./config.ts";
import { CniError, CODE } from "./protocol/error.ts";
import { type PluginIo, runPlugin } from "./protocol/plugin.ts";
import type { Request } from "./protocol/request.ts";
import { type Result, resultFromJson } from "./protocol/result.ts";
import type { AddressRecord } from "./record.ts";

/** Serve the one call that this process was started for. Returns the exit code. */
export function runIpam(io?: PluginIo): Promise<number> {
  const handlers = {
    ADD: async () => add,
    DEL: async () => remove,
    CHECK: async () => check,
  };
  return runPlugin(
    { about: "manx-ipam: addresses for pods from their node's blocks", handlers },
    io,
  );
}

function add(request: Request): Result {
  const record = takeAddress(request, "subnet");
  const { routes } = parseIpamConfig(request.config);
  return {
    interfaces: [],
    ips: [
      {
        address: formatInBlock(record.address, record.block),
        gateway: formatAddress(gatewayOf(record.block)),
      },
    ],
    routes,
  };
}

function remove(request: Request): undefined {
  giveBackAddress(request);
}

function check(request: Request): undefined {
  checkRecord(request, addressOf(request));
}

/** That the attachment has an address, and that it is one of its `prevResult`. Throws code 101. */
export function checkRecord(request: Request, record: AddressRecord | undefined): void {
  const { container, interfaceName, network, config } = request;
  if (record === undefined) {
    throw new CniError(
      CODE.deviation,
      `network ${network} has no address record for ${interfaceName} of container ${container}`,
    );
  }
  if (config.prevResult === undefined) return;
  const previous = resultFromJson(config.prevResult, "prevResult").ips.map(({ address }) =>
    formatAddress(parseInterfaceAddress(address).address),
  );
  const address = formatAddress(record.address);
  if (previous.includes(address)) return;
  throw new CniError(
    CODE.deviation,
    `the address record of ${interfaceName} of container ${container} says ${address}, prevResult ${previous.join(", ")}`,
  );
}
