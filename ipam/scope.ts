/**
 * Which records are kept together, each kind in folders of its own below `<dataDir>/<boot id>/`:
 *
 *     @node/       of the node file's blocks, whatever network takes an address of them
 *     <network>/   of the blocks that a network's configuration names
 *
 * An address of the node's blocks is one on the node, so all networks that take of them share what is written down.
 */

import { bootId } from "./boot.ts";
import { nodeFiles } from "./files-node.ts";

export type Scope = "node" | "network";

/** In the order in which an attachment is looked for: `adoption.ts` moves records from the first to the second. */
export const SCOPES: readonly Scope[] = ["network", "node"];

/** No network can be called so: its name begins with a letter or a digit (CNI specification, "Network configuration"). */
const NODE_FOLDER = "@node";

/** One folder of records; `network` is whose it is, and absent in the node's. */
export type RecordsFolder = {
  readonly scope: Scope;
  readonly network?: string;
  readonly path: string;
};

/** Where the records of a scope are, which for the node's is the same for every network. */
export function folderOf(
  scope: Scope,
  { directory, boot, network }: Record<"directory" | "boot" | "network", string>,
): string {
  return `${directory}/${boot}/${scope === "node" ? NODE_FOLDER : network}`;
}

/** Every folder that has records of this boot, by name; the node's comes first. */
export function listFolders(
  directory: string,
  boot: string = bootId(nodeFiles),
  list: (path: string) => string[] = nodeFiles.list,
): RecordsFolder[] {
  return list(`${directory}/${boot}`)
    .sort()
    .map((name) => {
      const path = `${directory}/${boot}/${name}`;
      return name === NODE_FOLDER
        ? { scope: "node", path }
        : { scope: "network", network: name, path };
    });
}
