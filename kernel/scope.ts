/** Scopes of addresses and routes (enum rt_scope_t, linux/rtnetlink.h). */

import type { Scope } from "./kernel.ts";

const SCOPES: readonly (readonly [number, Scope])[] = [
  [0, "global"],
  [200, "site"],
  [253, "link"],
  [254, "host"],
  [255, "nowhere"],
];

export function scopeFrom(value: number): Scope {
  return SCOPES.find(([number]) => number === value)?.[1] ?? "global";
}

export function scopeTo(scope: Scope): number {
  for (const [number, name] of SCOPES) if (name === scope) return number;
  return 0;
}
