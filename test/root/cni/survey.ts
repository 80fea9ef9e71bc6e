/**
 * Everything that an attachment may leave: links, addresses, routes and neighbours of the host and of pods, the
 * namespaces themselves, and the address records.
 *
 * As text, because it is only compared; by iproute2, so that nothing of ours checks itself.
 */

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Scene } from "./scene.ts";

const QUESTIONS = [
  "link show",
  "address show",
  "route show table all",
  "neigh show nud permanent",
  "rule show",
].join("\n");

const BOOT = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();

/** The state of the host and of these pods. */
export function survey(scene: Scene, pods: readonly string[] = ["a", "b"]): string {
  return [
    `namespaces ${readdirSync("/run/netns").sort().join(" ")}`,
    ...["host", ...pods].map((name) => `in ${name}:\n${kernelOf(name)}`),
    `records:\n${recordsOf(scene).join("\n")}`,
    `of host-local: ${hostLocalRecordsOf(scene).join(" ")}`,
  ].join("\n");
}

/** Files that say who has which address; `order/` is a preference, and other boots' are nobody's. */
export function recordsOf(scene: Scene): string[] {
  const folder = join(scene.folder, "ipam");
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => name.includes(BOOT) && !name.includes("/order/"))
    .filter((name) => statSync(join(folder, name)).isFile())
    .sort();
}

/** Addresses that the reference plugin has given to somebody, where it is used. */
function hostLocalRecordsOf(scene: Scene): string[] {
  const folder = join(scene.folder, "host-local", "pods");
  return existsSync(folder) ? readdirSync(folder).filter((name) => /^[0-9.]+$/.test(name)) : [];
}

/** What was there before and is not now, and the other way round; undefined when nothing. */
export function differenceOf(before: string, now: string): string | undefined {
  if (before === now) return undefined;
  const [old, fresh] = [before.split("\n"), now.split("\n")];
  const gone = old.filter((line) => !fresh.includes(line)).map((line) => `- ${line}`);
  const more = fresh.filter((line) => !old.includes(line)).map((line) => `+ ${line}`);
  return [...gone, ...more].join("; ") || "the order of lines";
}

function kernelOf(namespace: string): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync({
    cmd: ["ip", "-netns", namespace, "-oneline", "-details", "-batch", "-"],
    stdin: Buffer.from(QUESTIONS),
    stderr: "pipe",
  });
  if (exitCode !== 0) throw new Error(`ip in ${namespace}: ${stderr}`);
  // What the kernel notices a moment later, of links that are not ours to wait for.
  return stdout
    .toString()
    .replaceAll(/NO-CARRIER,| linkdown| state (UP|DOWN|UNKNOWN|LOWERLAYERDOWN)/g, "");
}
