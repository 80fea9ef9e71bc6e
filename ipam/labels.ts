/**
 * Labels of a pod as far as its node knows them: what the call says (`args.cni.labels`, CNI conventions), and what
 * selectors see beside it (`workload.ts`).
 */

import { CniError, CODE } from "./protocol/error.ts";
import { isObject, type Request } from "./protocol/request.ts";

export type Labels = Readonly<Record<string, string>>;

/**
 * `args.cni.labels`: a list of `{key, value}`, or an object; undefined where there is none. Throws code 7 that lists
 * every fault.
 */
export function requestedLabels({ config }: Pick<Request, "config">): Labels | undefined {
  const { args } = config;
  const said = isObject(args) && isObject(args.cni) ? args.cni.labels : undefined;
  if (said === undefined || said === null) return undefined;
  const labels: Record<string, string> = {};
  const faults: string[] = [];
  for (const [key, value] of pairsOf(said)) {
    if (typeof key === "string" && key !== "" && typeof value === "string") labels[key] = value;
    else faults.push(`${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  }
  if (faults.length === 0) return labels;
  throw new CniError(
    CODE.invalidConfig,
    `args.cni.labels has ${faults.join(", ")}: expected text for key and value, as in [{"key": "role", "value": "router"}]`,
  );
}

function pairsOf(said: unknown): (readonly [key: unknown, value: unknown])[] {
  if (isObject(said)) return Object.entries(said);
  if (!Array.isArray(said)) {
    throw new CniError(
      CODE.invalidConfig,
      `args.cni.labels is ${JSON.stringify(said)}: expected a list such as [{"key": "role", "value": "router"}], or an object`,
    );
  }
  const pairs: (readonly [unknown, unknown])[] = [];
  for (const entry of said)
    pairs.push(isObject(entry) ? [entry.key, entry.value] : [entry, undefined]);
  return pairs;
}
