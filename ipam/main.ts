/**
 * `manx-ipam`: the IPAM plugin that other CNI plugins (bridge, ptp, macvlan ...) execute.
 *
 * They have a subnet where our own pods have a /32. So the address comes with its block's length and a
 * gateway, the block's second address, and that, the first and the last are given to nobody.
 */

import { formatAddress } from "../lib/address.ts";
import { checkAddresses, giveBackAddresses, takeAddresses } from "./attachment.ts";
import { formatInBlock, gatewayOf } from "./block.ts";
import type { Files } from "./files.ts";
import type { Machine } from "./machine.ts";
import { type PluginIo, runPlugin } from "./protocol/plugin.ts";
import type { Request } from "./protocol/request.ts";
import type { Result } from "./protocol/result.ts";

/** What `manx-ipam` works with. */
export type IpamGround = {
  readonly io: PluginIo;
  /** The host's file system. */
  readonly files: Files;
  /** Loads what looks at everything on the machine that may use an address: GC alone does. */
  readonly loadSurvey: () => Promise<() => Machine>;
};

/** Serve the one call that this process was started for. Returns the exit code. */
export function serveIpam({ io, files, loadSurvey }: IpamGround): Promise<number> {
  const handlers = {
    ADD: async () => (request: Request) => add(request, files),
    DEL: async () => (request: Request) => void giveBackAddresses(request, files),
    CHECK: async () => (request: Request) => void checkAddresses(request, files),
    GC: async () => {
      const { collectBelow } = await import("./collect.ts");
      const survey = await loadSurvey();
      return (request: Request) => void collectBelow(request, files, survey);
    },
    STATUS: async () => {
      const { checkSupply } = await import("./status.ts");
      return (request: Request) => void checkSupply(request, "subnet", files);
    },
  };
  return runPlugin(
    { about: "manx-ipam: addresses for pods from their node's blocks", handlers },
    io,
  );
}

function add(request: Request, files: Files): Result {
  const { records, routes } = takeAddresses(request, "subnet", files);
  const ips = records.map(({ address, block }) => ({
    address: formatInBlock(address, block),
    gateway: formatAddress(gatewayOf(block)),
  }));
  return { interfaces: [], ips, routes };
}
