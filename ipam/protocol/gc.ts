/**
 * What the runtime says is attached (CNI specification 1.1.0, "GC: Clean up any stale resources").
 */

import { CniError, CODE } from "./error.ts";
import { isObject, type JsonObject } from "./request.ts";

/** The attachments of the network that stay: whether one is among them. */
export type ValidAttachments = (attachment: {
  readonly container: string;
  readonly interfaceName: string;
}) => boolean;

const KEY = "cni.dev/valid-attachments";

/**
 * Read the list. Throws code 7 that lists every fault: what is taken for an empty list by mistake removes every pod
 * of the network.
 */
export function validAttachments(config: JsonObject): ValidAttachments {
  const list = config[KEY];
  // A Go runtime without any attachment says null.
  if (list !== null && !Array.isArray(list)) {
    throw new CniError(
      CODE.invalidConfig,
      `${KEY} is ${list === undefined ? "missing" : JSON.stringify(list)}: expected a list of {"containerID", "ifname"}`,
    );
  }
  const valid = new Set<string>();
  const faults: string[] = [];
  for (const [index, entry] of (list ?? []).entries()) {
    const { containerID, ifname } = isObject(entry) ? entry : {};
    if (typeof containerID === "string" && typeof ifname === "string") {
      valid.add(keyOf(containerID, ifname));
    } else {
      faults.push(
        `${KEY}[${index}] is ${JSON.stringify(entry)}: expected {"containerID", "ifname"}`,
      );
    }
  }
  if (faults.length > 0) throw new CniError(CODE.invalidConfig, faults.join("; "));
  return ({ container, interfaceName }) => valid.has(keyOf(container, interfaceName));
}

/** Neither of the two may have a slash. */
function keyOf(container: string, interfaceName: string): string {
  return `${container}/${interfaceName}`;
}
