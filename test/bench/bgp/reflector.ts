/** D1, D2, D3: a reflector and its clients (RFC 4456). */

import type { Daemon } from "./daemon.ts";
import { END_OF_RIB, encodeTable } from "./encode.ts";
import type { Expected } from "./judge.ts";
import { Play } from "./play.ts";
import {
  announcerOf,
  CLUSTER_AS,
  DAEMON_WORD,
  expectAll,
  type Size,
  type Step,
  workloadOf,
} from "./scene.ts";
import { neighbourWord } from "./stage.ts";

/** All clients announce. */
export async function playReflector(daemon: Daemon, size: Size): Promise<Step[]> {
  return reflect(daemon, size, size.peers);
}

/** One more client announces nothing, so that there is somebody to tell with one peer, too: for growing numbers of peers. */
export async function playAudience(daemon: Daemon, size: Size): Promise<Step[]> {
  return reflect(daemon, size, size.peers + 1);
}

/**
 * Each client has its share of the prefixes, and must hear all the others' as they were told, with the
 * identifier of who told them and the daemon's cluster ID. Whether it is told its own again is left to the daemon: it
 * would refuse them (RFC 4456 section 8).
 */
async function reflect(
  daemon: Daemon,
  { prefixes: size, peers: announcing, deadline }: Size,
  clients: number,
): Promise<Step[]> {
  const share = Math.ceil(size / announcing);
  const workload = workloadOf(size, share);
  const shareOf = (client: number): readonly [from: number, to: number] => [
    Math.min(size, share * client),
    Math.min(size, share * (client + 1)),
  ];
  const words = new Uint32Array(size);
  for (let client = 0; client < clients; client++) {
    words.fill(neighbourWord(client), ...shareOf(client));
  }
  const all: Expected = {
    ...expectAll(workload, ({ asPath }) => asPath),
    nextHop: words,
    originator: words,
    cluster: DAEMON_WORD,
  };
  const roles = Array.from({ length: clients }, (_, client) => ({
    asNumber: CLUSTER_AS,
    client: true,
    expected: { ...all, ignored: shareOf(client) },
  }));
  const play = new Play(daemon, workload, { asNumber: CLUSTER_AS, roles, deadline });
  try {
    await play.open();
    const tables = roles.slice(0, announcing).map((_, client) => {
      const [first, after] = shareOf(client).map((prefix) => workload.updates.indexOf(prefix));
      return encodeTable(workload, announcerOf(play.player(client)), undefined, first, after);
    });
    const exchange = await play.time(
      "exchange",
      () => {
        for (const [client, bytes] of tables.entries()) {
          play.player(client).neighbour.send(bytes);
          play.player(client).neighbour.send(END_OF_RIB);
        }
      },
      () => play.isContent,
    );
    return [{ step: "exchange", ...exchange }];
  } finally {
    await play.close();
  }
}
