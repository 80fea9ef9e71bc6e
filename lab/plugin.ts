/** The reference plugins, which make what Manx does not: where they are, and how they stand behind it in the chain. */

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { LabError } from "./error.ts";
import type { Surroundings } from "./router.ts";

/** A plugin behind `manx`, and what the runtime wants from it for one pod. */
export type Chained = {
  readonly path: string;
  readonly type: string;
  /** By capability. */
  readonly runtimeConfig: object;
};

/** Where Debian and others put CNI plugins. */
const PLUGIN_FOLDERS = ["/opt/cni/bin", "/usr/lib/cni"];

/** The path of a plugin that a flag needs. Throws `LabError` (exit code 2) when it is not here. */
export function findPlugin(name: string, flag: string, surroundings: Surroundings): string {
  const { MANX_CNI_PLUGINS: own } = surroundings;
  const folders = [...(own === undefined ? [] : [own]), ...PLUGIN_FOLDERS];
  const found = folders.map((folder) => join(folder, name)).find(isExecutable);
  if (found !== undefined) return found;
  throw new LabError(
    `${flag}: there is no plugin ${name} in ${folders.join(", ")}: install Debian's containernetworking-plugins, or name its folder in MANX_CNI_PLUGINS`,
    { exitCode: 2 },
  );
}

/** Where iptables is, which is not on everybody's PATH. */
export function pathWithSystem(path: string): string {
  return [path, "/usr/sbin", "/sbin"].join(delimiter);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
