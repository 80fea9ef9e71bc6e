/** manx-ipam below reference plugins, which struck calls are made of. */

import type { Json, Scene } from "./scene.ts";
import { recordsOf } from "./survey.ts";

/** Their own keys, by name. */
export const OUTERS: Readonly<Record<string, Json>> = {
  ptp: {},
  bridge: { bridge: "br0", isGateway: true },
};

/** Links, routes, neighbours and records; a bridge changes its own settings all the time. */
export function stateBelow(scene: Scene): unknown {
  return {
    host: scene.state(),
    pod: scene.ip("a", "link").map(({ ifname }) => ifname),
    records: recordsOf(scene),
  };
}

/** Give back what is not b's: but for what a has still, where a DEL has not come to its interface. What is wrong. */
export function collectBelow(scene: Scene, gc: Parameters<Scene["done"]>[1]): string | undefined {
  const isUsed = JSON.stringify(scene.ip("a", "address")).includes('"10.244.1.');
  const held = takenOf(scene);
  scene.done("GC", gc);
  if (isUsed) return `${takenOf(scene)}` === `${held}` ? undefined : `GC took of ${held}`;
  const { length } = recordsOf(scene);
  return length === 2 ? undefined : `GC left ${length} files`;
}

function takenOf(scene: Scene): string[] {
  return recordsOf(scene).filter((path) => path.includes("/address/"));
}
