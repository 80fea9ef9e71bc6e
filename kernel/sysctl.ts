/** Kernel settings below /proc/sys. */

import { KernelError } from "./kernel.ts";
import { close, O, open, readInto, SystemError, write } from "./libc.ts";

/** More than any setting of ours is long. */
const LONGEST = 4096;

/** Read `net.ipv4.ip_forward` or `net/ipv4/conf/eth0.1/forwarding` in this thread's namespace. */
export function readSysctl(name: string): string {
  const buffer = new Uint8Array(LONGEST);
  const count = withSetting(name, O.RDONLY, (fd) => readInto(fd, buffer));
  return new TextDecoder().decode(buffer.subarray(0, count)).trim();
}

/** Write one. Throws `KernelError` with its name. */
export function writeSysctl(name: string, value: string): void {
  withSetting(name, O.WRONLY, (fd) => write(fd, new TextEncoder().encode(value)));
}

/** Dots separate, unless the name has slashes: link names may have dots of their own. */
function pathOf(name: string): string {
  return `/proc/sys/${name.includes("/") ? name : name.replaceAll(".", "/")}`;
}

function withSetting<Result>(name: string, flags: number, access: (fd: number) => Result): Result {
  try {
    const fd = open(pathOf(name), flags);
    try {
      return access(fd);
    } finally {
      close(fd);
    }
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new KernelError(`sysctl ${name}: ${error.code}`, error.code, error.errno);
  }
}
