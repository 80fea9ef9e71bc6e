/** Kernel settings below /proc/sys. */

import { readFileSync, writeFileSync } from "node:fs";
import { KernelError } from "./kernel.ts";

/** Read `net.ipv4.ip_forward` or `net/ipv4/conf/eth0.1/forwarding` in this thread's namespace. */
export function readSysctl(name: string): string {
  return attempt(name, () => readFileSync(pathOf(name), "utf8").trim());
}

/** Write one. Throws `KernelError` with its name. */
export function writeSysctl(name: string, value: string): void {
  attempt(name, () => writeFileSync(pathOf(name), value));
}

/** Dots separate, unless the name has slashes: link names may have dots of their own. */
function pathOf(name: string): string {
  return `/proc/sys/${name.includes("/") ? name : name.replaceAll(".", "/")}`;
}

function attempt<Result>(name: string, access: () => Result): Result {
  try {
    return access();
  } catch (error) {
    const { code = "EIO", errno = -5 } = error as NodeJS.ErrnoException;
    throw new KernelError(`sysctl ${name}: ${code}`, code, Math.abs(errno));
  }
}
