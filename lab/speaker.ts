/**
 * `manx bgpd` in a node of the lab, or as its router, and what it answers.
 *
 * The node's `/run/manx` is a folder of the lab's own /run, so its API socket and node file are
 * reached from here without entering the node.
 */

import { existsSync } from "node:fs";
import { API_PATHS, type PeerAnswer } from "../resource/answer.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { EXECUTABLE, LOG_FOLDER } from "./place.ts";
import type { NodeRoom } from "./room.ts";
import type { Look } from "./wait.ts";
import { DONE, some } from "./wait.ts";

export type Speaker = {
  readonly name: string;
  readonly room: NodeRoom;
  readonly daemon: Daemon;
};

/** An answer that takes longer, in ms, is as good as none. */
const ANSWER_DEADLINE = 2000;

/** Start the node's daemon on the documents in `configuration`. */
export function startSpeaker(room: NodeRoom, configuration: string): Speaker {
  const { name } = room;
  const daemon = startDaemon({
    name: `bgpd of ${name}`,
    room,
    command: [EXECUTABLE, "bgpd", "--config", configuration, "--node", name],
    logFile: `${LOG_FOLDER}/${name}.log`,
    environment: {},
  });
  return { name, room, daemon };
}

/** The sessions of a speaker, or undefined while it does not answer yet. */
export async function askPeers({ room }: Speaker): Promise<PeerAnswer[] | undefined> {
  try {
    const answer = await fetch(`http://localhost${API_PATHS.peers}`, {
      unix: `${room.runFolder}/bgpd.sock`,
      signal: AbortSignal.timeout(ANSWER_DEADLINE),
    });
    return answer.ok ? ((await answer.json()) as PeerAnswer[]) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether every session of every speaker is Established. */
export async function lookAtSessions(speakers: readonly Speaker[]): Promise<Look> {
  const missing: string[] = [];
  for (const speaker of speakers) {
    const peers = await askPeers(speaker);
    if (peers === undefined) missing.push(`${speaker.name} (no answer)`);
    else {
      const down = peers.filter(({ state }) => state !== "Established");
      missing.push(...down.map(({ name, state }) => `${speaker.name} with ${name} (${state})`));
    }
  }
  return missing.length === 0 ? DONE : { type: "waiting", for: some(missing) };
}

/** Whether every speaker has published its node file. */
export function lookAtNodeFiles(speakers: readonly Speaker[]): Look {
  const missing = speakers.filter(({ room }) => !existsSync(`${room.runFolder}/node.json`));
  const names = missing.map(({ name }) => `the node file of ${name}`);
  return names.length === 0 ? DONE : { type: "waiting", for: some(names) };
}
