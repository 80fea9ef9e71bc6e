/** Our own daemon in a namespace of a network: started, told other documents, asked. */

import type { Subprocess } from "bun";
import type { PathAnswer, PeerAnswer, RouteAnswer } from "../../resource/answer.ts";
import { eventually, isInside, type Network, withoutObjects } from "./network.ts";

/** The built executable; empty where the tests are run without one. */
export const executable = process.env.MANX_EXECUTABLE ?? "";
/** Whether it can be run here. */
export const hasManx = isInside && executable !== "";

export type Manx = {
  /** Its API socket. */
  readonly api: string;
  /** Write its documents; a running daemon reads them by itself. */
  configure(documents: string): void;
  /** Start it with the documents that were written, and more arguments. */
  start(...more: string[]): Subprocess;
  log(): string;
  /** What a command prints for people. Throws where it fails. */
  tell(...words: string[]): string;
  /** What a command answers with `--json`. */
  ask<Answer>(...words: string[]): Answer;
  /** Of this name, else the first. Throws where there is none. */
  peer(name?: string): PeerAnswer;
  /** Of this name, else the first, once it is Established and has told so many prefixes. */
  established(received?: number, name?: string): Promise<PeerAnswer>;
  /** The paths of a prefix, the best first. */
  paths(prefix: string): readonly PathAnswer[];
  /** The first path of a prefix, when there is one. */
  path(prefix: string): Promise<PathAnswer>;
  /** The kernel's routes of ours, of both families, sorted, without the numbers of nexthop objects. */
  kernelRoutes(): string[];
};

/** The daemon of a node in the namespace of its name; its documents are in this file of the network's folder. */
export function manxOn(network: Network, node: string, documents = `${node}.yaml`): Manx {
  const api = `${network.folder}/${node}.sock`;
  const program = `bgpd-${node}`;
  const manx: Manx = {
    api,
    configure(text) {
      network.file(documents, text);
    },
    start(...more) {
      const config = ["--config", `${network.folder}/${documents}`, "--node", node];
      return network.start(node, program, [executable, "bgpd", ...config, "--api", api, ...more]);
    },
    log: () => network.log(program),
    tell: (...words) => network.run(node, executable, ...words, "--api", api),
    ask: (...words) => JSON.parse(manx.tell(...words, "--json")),
    peer(name) {
      const all = manx.ask<PeerAnswer[]>("peers");
      const peer = name === undefined ? all[0] : all.find((one) => one.name === name);
      if (peer === undefined) throw new Error(`${node} has no peer ${name ?? "at all"}`);
      return peer;
    },
    established: (received, name) =>
      eventually(`${node} has a session that is Established`, () => {
        const peer = manx.peer(name);
        const isWhole = received === undefined || peer.prefixes.received === received;
        return peer.state === "Established" && isWhole && peer;
      }),
    paths(prefix) {
      const routes = manx.ask<RouteAnswer[]>("routes");
      return routes.find((route) => route.prefix === prefix)?.paths ?? [];
    },
    path: (prefix) => eventually(`${node} has ${prefix}`, () => manx.paths(prefix)[0]),
    kernelRoutes: () =>
      ["-4", "-6"]
        .flatMap((family) =>
          withoutObjects(network.run(node, "ip", family, "route", "show", "proto", "77")).split(
            "\n",
          ),
        )
        .map((line) => line.trim().replace(" pref medium", ""))
        .filter((line) => line !== "")
        .sort(),
  };
  return manx;
}
