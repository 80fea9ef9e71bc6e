/** Where things are inside the lab: on a tmpfs of its own that ends with it. */

/** The lab's own files. */
export const LAB_FOLDER = "/run/lab";
/** What `manx lab exec` reads: the directory of the lab. */
export const LAB_FILE = `${LAB_FOLDER}/lab.json`;
/** First on PATH inside. */
export const BIN_FOLDER = `${LAB_FOLDER}/bin`;
/** The executable, wherever it is outside. */
export const EXECUTABLE = `${BIN_FOLDER}/manx`;
export const LOG_FOLDER = `${LAB_FOLDER}/log`;
/** The cluster's documents. */
export const CLUSTER_FOLDER = `${LAB_FOLDER}/cluster`;
/** The router's configuration, whoever plays it. */
export const ROUTER_FOLDER = `${LAB_FOLDER}/router`;
/** Named network namespaces, where ip(8) looks for them. */
export const NETWORKS_FOLDER = "/run/netns";
/** A node's `/run/manx`, seen from outside the node. */
export function runFolderOf(node: string): string {
  return `${LAB_FOLDER}/run/${node}`;
}
