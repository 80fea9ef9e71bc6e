/**
 * Everything that a chain could leave on a host, read with the programs that the plugins themselves use.
 *
 * portmap and firewall leave their common chains behind on purpose, so traces are compared with those
 * after another container came and went, not with an untouched host's.
 */

import { existsSync } from "node:fs";
import { command, type Json, type Scene } from "./scene.ts";

export type Traces = {
  readonly host: Json;
  readonly rules: readonly string[];
  readonly queues: readonly Json[];
  /** Each pod's links. */
  readonly pods: readonly unknown[];
  /** Where tuning keeps what it found before it changed it. */
  readonly files: string;
};

export function tracesOf(scene: Scene, ...pods: readonly string[]): Traces {
  return {
    host: scene.state() as Json,
    rules: ["filter", "nat", "mangle", "raw"].flatMap((table) =>
      scene.run("host", "iptables", "-t", table, "-S").trim().split("\n"),
    ),
    queues: scene.ip("host", "link").map(({ ifname, qdisc }) => ({ ifname, qdisc })),
    pods: pods.map((pod) => scene.ip(pod, "link").map(({ ifname }) => ifname)),
    files: existsSync("/run/cni") ? command("find", "/run/cni", "-type", "f") : "",
  };
}
