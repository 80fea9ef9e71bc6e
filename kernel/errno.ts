/** errno numbers by name (include/uapi/asm-generic/errno-base.h and errno.h), those that Manx can meet. */

import { constants } from "node:os";

const NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** `EEXIST` for 17; `errno 999` for one without a name. */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}
