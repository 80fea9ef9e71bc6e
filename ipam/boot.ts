/** This boot of the machine: its id, its clock, and what other boots left in a folder of records. */

import type { Files } from "./files.ts";

/** The kernel's id of this boot. */
export function bootId(files: Files): string {
  return files.read("/proc/sys/kernel/random/boot_id").trim();
}

/** Milliseconds since boot: unlike the date it never steps, and a hundredth of a second is fine enough an order. */
export function uptime(files: Files): number {
  return Number.parseFloat(files.read("/proc/uptime")) * 1000;
}

/** Folders of other boots in `directory`, by their names: somebody may have put other things there. */
export function otherBoots(files: Files, directory: string, boot: string): string[] {
  return files
    .list(directory)
    .filter((name) => isBootId(name) && name !== boot)
    .map((name) => `${directory}/${name}`);
}

function isBootId(name: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name);
}
