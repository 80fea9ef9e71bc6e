/** Prefixes as tests write them: `7 10.0.0.0/8` has the path identifier 7, `10.0.0.0/8` has none. */

import type { Nlri } from "../../../bgpd/wire/message.ts";
import { formatPrefix, parsePrefix } from "../../../lib/prefix.ts";

export function formatNlri(nlri: Nlri): string {
  const prefix = formatPrefix(nlri);
  return nlri.pathId === undefined ? prefix : `${nlri.pathId} ${prefix}`;
}

export function parseNlri(text: string): Nlri {
  const [prefix = "", pathId] = text.split(" ").reverse();
  return { ...parsePrefix(prefix), ...(pathId === undefined ? {} : { pathId: Number(pathId) }) };
}
