/**
 * Which routes each kernel of a whole lab has, and which are missing.
 *
 * Pure: topology and dumped routes in, words out.
 */

import type { Route } from "../kernel/kernel.ts";
import { type Address, equalAddress, formatAddress } from "../lib/address.ts";
import { equalPrefix, formatPrefix, type Prefix } from "../lib/prefix.ts";
import type { Topology } from "./topology.ts";

export type Expected = { readonly destination: Prefix; readonly gateway: Address };

/** Routes that BGP brings to the kernel of the node or router called `name` when all is well. */
export function expectedRoutes({ nodes, router, outside }: Topology, name: string): Expected[] {
  const blocks = nodes
    .filter((node) => node.name !== name)
    .map(({ block, address }) => ({ destination: block, gateway: address }));
  return name === router.name
    ? blocks
    : [...blocks, { destination: outside.prefix, gateway: router.address }];
}

/** Those of the expected routes that the kernel does not have, or cannot use: `10.244.2.0/24 via …`. */
export function missingRoutes(routes: readonly Route[], expected: readonly Expected[]): string[] {
  return expected
    .filter(
      ({ destination, gateway }) =>
        !routes.some(
          (route) =>
            equalPrefix(route.destination, destination) &&
            route.nextHops.some(
              (hop) =>
                hop.gateway !== undefined &&
                equalAddress(hop.gateway, gateway) &&
                hop.dead !== true,
            ),
        ),
    )
    .map(
      ({ destination, gateway }) => `${formatPrefix(destination)} via ${formatAddress(gateway)}`,
    );
}

/** Whether any route to exactly this prefix is there, whoever put it. */
export function hasRoute(routes: readonly Route[], destination: Prefix): boolean {
  return routes.some((route) => equalPrefix(route.destination, destination));
}
