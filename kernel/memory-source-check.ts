/** Source checks of an in-memory namespace: that they are there, not what they do to packets. */

import type { SourceCheck } from "./kernel.ts";
import type { MemoryNamespace } from "./memory-state.ts";

/** Add the check, unless its chain has one. */
export function addSourceCheck({ sourceChecks }: MemoryNamespace, check: SourceCheck): void {
  const name = nameOf(check);
  if (!sourceChecks.has(name)) sourceChecks.set(name, check);
}

/** Whether it is there as it is asked for. */
export function hasSourceCheck({ sourceChecks }: MemoryNamespace, check: SourceCheck): boolean {
  const there = sourceChecks.get(nameOf(check));
  return there?.links === check.links && there.exempt === check.exempt;
}

function nameOf({ table, chain }: SourceCheck): string {
  return `${table} ${chain}`;
}
