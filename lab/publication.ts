/**
 * Host ports of pods: what `--publish POD:PORT` asks for, the plugin that makes them, and whether the
 * outside host reaches the pods there.
 *
 * They all lead to the pods' echo servers, so that each can be probed. Manx makes none itself: the
 * reference plugin `portmap` does, behind it in the chain, as on a real node.
 */

import { formatAddress } from "../lib/address.ts";
import { LabError } from "./error.ts";
import { round } from "./matrix.ts";
import { findPlugin, pathWithSystem } from "./plugin.ts";
import type { LabReport } from "./report.ts";
import { type Room, within } from "./room.ts";
import type { Surroundings } from "./router.ts";
import { type ConnectionState, connect } from "./tcp.ts";
import type { LabNode, Topology } from "./topology.ts";

export type Publication = {
  readonly pod: string;
  readonly node: LabNode;
  /** Of the node. */
  readonly port: number;
};

/** A handshake that took so many ms is none. */
const PATIENCE = 1000;
/** Between two looks at a handshake, in ms. */
const LOOK = 2;

/** Read the flag's values. Throws `LabError` (exit code 2) when one cannot be in this lab. */
export function parsePublications(texts: readonly string[], { nodes }: Topology): Publication[] {
  const taken = new Set<string>();
  return texts.map((text) => {
    const [, pod = "", digits = ""] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
    const port = Number(digits);
    const node = nodes.find(({ pods }) => pods.includes(pod));
    if (digits === "" || port < 1 || port > 65_535) {
      throw refused(text, "expected POD:PORT, such as n1-1:8080");
    }
    if (node === undefined) throw refused(text, `there is no pod ${pod} in a lab of this size`);
    const place = `${node.name}:${port}`;
    if (taken.has(place)) throw refused(text, `port ${port} of ${node.name} is published already`);
    taken.add(place);
    return { pod, node, port };
  });
}

/** The path of `portmap`. Throws `LabError` (exit code 2) when it or what it runs is not here. */
export function findPortmap(surroundings: Surroundings): string {
  const found = findPlugin("portmap", "--publish", surroundings);
  if (Bun.which("iptables", { PATH: pathWithSystem(surroundings.PATH ?? "") }) === null) {
    throw new LabError("--publish: portmap runs iptables, and there is none: install it", {
      exitCode: 2,
    });
  }
  return found;
}

/** Whether each is reached from `outside`, one after the other. */
export async function probePublications(
  publications: readonly Publication[],
  outside: Room,
  goOn: () => void,
): Promise<LabReport["published"]> {
  const reports: LabReport["published"][number][] = [];
  for (const { pod, node, port } of publications) {
    const connection = within(outside, () => connect(node.address, port));
    let state: ConnectionState = connection.look(PATIENCE);
    while (state.type === "connecting") {
      await Bun.sleep(LOOK);
      goOn();
      state = connection.look(PATIENCE);
    }
    const at = `${formatAddress(node.address)}:${port}`;
    reports.push(
      state.type === "connected"
        ? { pod, at, roundTrip: round(state.roundTrip), reason: "" }
        : { pod, at, roundTrip: null, reason: state.reason },
    );
  }
  return reports;
}

function refused(text: string, reason: string): LabError {
  return new LabError(`--publish ${text}: ${reason}`, { exitCode: 2 });
}
