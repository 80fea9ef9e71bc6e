/** GoBGP: one that runs in a namespace of a network. */

import { type Subprocess, which } from "bun";
import { eventually, type Network } from "./network.ts";

const program = which("gobgpd") ?? "";
const client = which("gobgp") ?? "";

/** Whether it is there. */
export const hasGobgp = program !== "" && client !== "";

/** What runs it in the foreground. */
export function gobgpCommand(file: string, ...more: readonly string[]): readonly string[] {
  return [program, "-f", file, ...more];
}

export type Gobgp = {
  /** Write its configuration and start it. */
  start(text: string): Subprocess;
  /** It can be asked. */
  isUp(): Promise<unknown>;
  log(): string;
  /** What `gobgp` prints. Throws where it fails. */
  ask(...words: string[]): string;
};

/** The GoBGP in the namespace of this name. */
export function gobgpOn(network: Network, name: string): Gobgp {
  const gobgp: Gobgp = {
    start: (text) =>
      network.start(name, `gobgp-${name}`, [
        ...gobgpCommand(network.file(`${name}.toml`, text)),
        ...["-l", "debug"],
      ]),
    isUp: () => eventually("GoBGP answers", () => gobgp.ask("neighbor")),
    log: () => network.log(`gobgp-${name}`),
    ask: (...words) => network.run(name, client, ...words),
  };
  return gobgp;
}
