/** Scopes of addresses and routes (enum rt_scope_t, linux/rtnetlink.h). */

import type { Scope } from "./kernel.ts";

const SCOPES: Readonly<Record<Scope, number>> = {
  global: 0,
  site: 200,
  link: 253,
  host: 254,
  nowhere: 255,
};

export function scopeFrom(value: number): Scope {
  for (const name in SCOPES) if (SCOPES[name as Scope] === value) return name as Scope;
  return "global";
}

export function scopeTo(scope: Scope): number {
  return SCOPES[scope];
}
