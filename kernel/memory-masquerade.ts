/** Masquerading of an in-memory namespace: that it is there, not what it does to packets. */

import { formatPrefix } from "../lib/prefix.ts";
import type { Masquerade } from "./kernel.ts";
import type { MemoryNamespace } from "./memory-state.ts";

/** Have it so; without sources there is none. */
export function putMasquerade({ masquerades }: MemoryNamespace, wanted: Masquerade): void {
  const name = nameOf(wanted);
  if (wanted.sources.length === 0) masquerades.delete(name);
  else masquerades.set(name, wanted);
}

/** Whether it is so. */
export function isMasquerading({ masquerades }: MemoryNamespace, wanted: Masquerade): boolean {
  const there = masquerades.get(nameOf(wanted));
  if (there === undefined) return wanted.sources.length === 0;
  return printMasquerade(there) === printMasquerade(wanted);
}

/** `ip manx-outgoing of 10.244.0.0/16 but to 10.244.0.0/16 10.245.0.0/16` */
export function printMasquerade(masquerade: Masquerade): string {
  const [sources, exempt] = [masquerade.sources, masquerade.exempt].map((prefixes) =>
    prefixes.map(formatPrefix).join(" "),
  );
  return `${nameOf(masquerade)} of ${sources} but to ${exempt}`;
}

function nameOf({ family, table }: Masquerade): string {
  return `${family === 4 ? "ip" : "ip6"} ${table}`;
}
