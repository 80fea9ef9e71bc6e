/**
 * What is played: each scenario is a list of steps that every daemon goes through, with what its neighbours must
 * hold in the end.
 */

import type { Daemon } from "./daemon.ts";
import { END_OF_RIB, encodeTable, encodeWithdrawal } from "./encode.ts";
import { createExpected, type Expected, pathHash } from "./judge.ts";
import { routesOf } from "./meter.ts";
import { type Measure, Play, type Player } from "./play.ts";
import { DAEMON, neighbourWord } from "./stage.ts";
import { type AttributeSet, createWorkload, type Workload } from "./workload.ts";

const SEED = 20_260_101;
const CLUSTER_AS = 64512;
/** Of the first neighbour; the others follow. */
const FIRST_AS = 65001;
const DAEMON_WORD = word(DAEMON);

export type Step = Measure & { readonly step: string };

export type Scenario = {
  readonly name: string;
  readonly about: (size: number) => string;
  /** Routes go into the kernel. */
  readonly kernel: boolean;
  /** Prefixes, unless somebody wants another number. */
  readonly size: number;
  play(daemon: Daemon, size: number): Promise<Step[]>;
};

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "relay",
    kernel: false,
    about: (size) => `no daemon: the neighbours send, receive and judge ${count(size)} prefixes`,
    size: 1_000_000,
    play: playRelay,
  },
  {
    name: "A",
    kernel: false,
    about: (size) => `one external neighbour announces ${count(size)} prefixes, another gets them`,
    size: 1_000_000,
    play: playTable,
  },
  {
    name: "B",
    kernel: false,
    about: (size) => `ten external neighbours announce the same ${count(size)} prefixes`,
    size: 100_000,
    play: playRivals,
  },
  {
    name: "C",
    kernel: true,
    about: (size) => `${count(size)} prefixes into the kernel`,
    size: 500_000,
    play: playKernel,
  },
  {
    name: "D0",
    kernel: true,
    about: (size) => `a node of a mesh of 200: ${count(size)} prefixes into the kernel`,
    size: 1000,
    play: playMesh,
  },
  {
    name: "D1",
    kernel: false,
    about: (size) =>
      `a reflector: 200 clients announce ${count(size)} prefixes and get each other's`,
    size: 1000,
    play: (daemon, size) => playReflector(daemon, size, 200),
  },
  {
    name: "D2",
    kernel: false,
    about: (size) =>
      `a reflector: 1,000 clients announce ${count(size)} prefixes and get each other's`,
    size: 1000,
    play: (daemon, size) => playReflector(daemon, size, 1000),
  },
];

/** The neighbours alone: what the first sends is what the second must hold. */
async function playRelay(daemon: Daemon, size: number): Promise<Step[]> {
  const workload = createWorkload(size, SEED);
  const told = expectAll(workload, ({ asPath }) => [CLUSTER_AS, ...asPath]);
  const play = new Play(daemon, workload, {
    asNumber: CLUSTER_AS,
    roles: [{ asNumber: FIRST_AS }, { asNumber: FIRST_AS + 1, expected: told }],
  });
  try {
    await play.open([0, 1]);
    const bytes = encodeTable(workload, {
      asNumber: CLUSTER_AS,
      internal: false,
      nextHop: DAEMON_WORD,
    });
    const { judge } = play.player(1);
    const measure = await play.time(
      "relay",
      () => play.player(0).neighbour.send(bytes),
      () => judge.isContent,
    );
    return [{ step: "relay", ...measure }];
  } finally {
    await play.close();
  }
}

/** A: the table, a part withdrawn, a part replaced, a late neighbour, the source lost. */
async function playTable(daemon: Daemon, size: number): Promise<Step[]> {
  const workload = createWorkload(size, SEED);
  const [source, receiver, late] = [0, 1, 2];
  const told = expectAll(workload, ({ asPath }) => [CLUSTER_AS, FIRST_AS, ...asPath]);
  const play = new Play(daemon, workload, {
    asNumber: CLUSTER_AS,
    roles: [
      { asNumber: FIRST_AS },
      { asNumber: FIRST_AS + 1, expected: told },
      { asNumber: FIRST_AS + 2, expected: told },
    ],
  });
  try {
    await play.open([source, receiver]);
    const announcer = announcerOf(play.player(source));
    const part = Math.ceil((workload.updates.length - 1) / 10);
    const boundary = workload.updates[part] ?? size;
    const bytes = encodeTable(workload, announcer);
    const [watcher, latecomer] = [play.player(receiver), play.player(late)];
    const steps: Step[] = [];
    const take = async (step: string, act: () => void, isDone: () => boolean): Promise<void> => {
      steps.push({ step, ...(await play.time(step, act, isDone)) });
    };
    const send = (messages: Uint8Array): void => play.player(source).neighbour.send(messages);
    await take(
      "table",
      () => send(bytes),
      () => watcher.judge.isContent,
    );
    const gone = { ...told, present: Uint8Array.from(told.present).fill(0, 0, boundary) };
    const withdrawal = encodeWithdrawal(workload, 0, boundary);
    watcher.judge.expect(gone);
    await take(
      "withdraw a tenth",
      () => send(withdrawal),
      () => watcher.judge.isContent,
    );
    send(encodeTable(workload, announcer, undefined, 0, part));
    watcher.judge.expect(told);
    await play.until("the tenth again", () => watcher.judge.isContent);
    const detour = (set: AttributeSet): AttributeSet => ({
      ...set,
      asPath: [64999, ...set.asPath],
    });
    const replaced = replacedBy(workload, told, boundary, (set) => [
      CLUSTER_AS,
      FIRST_AS,
      ...detour(set).asPath,
    ]);
    const replacement = encodeTable(workload, announcer, detour, 0, part);
    watcher.judge.expect(replaced);
    await take(
      "replace a tenth",
      () => send(replacement),
      () => watcher.judge.isContent,
    );
    latecomer.judge.expect(replaced);
    // It counts from the session on: when a daemon calls again is another matter.
    latecomer.neighbour.listen();
    await play.until("the late session", () => latecomer.neighbour.isEstablished);
    await take(
      "late neighbour",
      () => {},
      () => latecomer.judge.isContent,
    );
    const nothing = createExpected(workload);
    watcher.judge.expect(nothing);
    latecomer.judge.expect(nothing);
    await take(
      "source lost",
      () => play.player(source).neighbour.close(),
      () => watcher.judge.isContent && latecomer.judge.isContent,
    );
    return steps;
  } finally {
    await play.close();
  }
}

const RIVALS = 10;

/** B: each prefix goes by whose path is shortest, and of those by the lowest identifier. */
async function playRivals(daemon: Daemon, size: number): Promise<Step[]> {
  const workload = createWorkload(size, SEED);
  const detourOf = (rival: number) => (set: AttributeSet) => ({
    ...set,
    asPath: detour(set.asPath, rival),
  });
  const best = expectAll(workload, ({ asPath }) => {
    const paths = Array.from({ length: RIVALS }, (_, rival) => detour(asPath, rival));
    const shortest = Math.min(...paths.map(({ length }) => length));
    const winner = paths.findIndex(({ length }) => length === shortest);
    return [CLUSTER_AS, FIRST_AS + winner, ...(paths[winner] ?? [])];
  });
  const roles = Array.from({ length: RIVALS }, (_, rival) => ({ asNumber: FIRST_AS + rival }));
  const play = new Play(daemon, workload, {
    asNumber: CLUSTER_AS,
    roles: [...roles, { asNumber: FIRST_AS + RIVALS, expected: best }],
  });
  try {
    await play.open(play.players.map((_, index) => index));
    const tables = roles.map((_, rival) =>
      encodeTable(workload, announcerOf(play.player(rival)), detourOf(rival)),
    );
    const { judge } = play.player(RIVALS);
    const table = await play.time(
      "ten tables",
      () => {
        for (const [rival, bytes] of tables.entries()) play.player(rival).neighbour.send(bytes);
      },
      () => judge.isContent && play.players.every(({ neighbour }) => neighbour.backlog === 0),
    );
    return [{ step: "ten tables", ...table }];
  } finally {
    await play.close();
  }
}

/** Longer by nothing to three ASes, by rival and path: so that each of the rivals wins somewhere. */
function detour(asPath: readonly number[], rival: number): number[] {
  const more = ((asPath[0] ?? 0) + Math.imul(rival, 7)) % 4;
  return [...Array.from({ length: more }, () => 64900 + rival), ...asPath];
}

/** C: as it runs in life, the daemon listens to the kernel's own events. */
async function playKernel(daemon: Daemon, size: number): Promise<Step[]> {
  const workload = createWorkload(size, SEED);
  const play = new Play(daemon, workload, {
    asNumber: CLUSTER_AS,
    roles: [{ asNumber: FIRST_AS }],
    kernel: true,
  });
  try {
    await play.open([0]);
    const { neighbour } = play.player(0);
    const bytes = encodeTable(workload, announcerOf(play.player(0)));
    const before = routesOf(play.pid);
    const install = await play.time(
      "install",
      () => neighbour.send(bytes),
      () => routesOf(play.pid) === before + size,
    );
    const remove = await play.time(
      "remove",
      () => neighbour.close(),
      () => routesOf(play.pid) === before,
    );
    return [
      { step: "install", ...install },
      { step: "remove", ...remove },
    ];
  } finally {
    await play.close();
  }
}

const MESH = 200;

/** D0: every other node has its share of the prefixes. */
async function playMesh(daemon: Daemon, size: number): Promise<Step[]> {
  const workload = createWorkload(size, SEED);
  const members = Array.from({ length: MESH }, () => ({ asNumber: CLUSTER_AS }));
  const play = new Play(daemon, workload, { asNumber: CLUSTER_AS, roles: members, kernel: true });
  try {
    await play.open(members.map((_, index) => index));
    const updates = workload.updates.length - 1;
    const tables = members.map((_, index) =>
      encodeTable(
        workload,
        announcerOf(play.player(index)),
        undefined,
        Math.floor((updates * index) / MESH),
        Math.floor((updates * (index + 1)) / MESH),
      ),
    );
    const before = routesOf(play.pid);
    const install = await play.time(
      "install",
      () => {
        for (const [index, bytes] of tables.entries()) {
          play.player(index).neighbour.send(bytes);
          play.player(index).neighbour.send(END_OF_RIB);
        }
      },
      () => routesOf(play.pid) === before + size,
    );
    return [{ step: "install", ...install }];
  } finally {
    await play.close();
  }
}

/**
 * D1, D2: each client has its share of the prefixes, and must hear all the others' as they were told, with the
 * identifier of who told them and the daemon's cluster ID. Whether it is told its own again is left to the daemon: it
 * would refuse them (RFC 4456 section 8).
 */
async function playReflector(daemon: Daemon, size: number, clients: number): Promise<Step[]> {
  const share = Math.ceil(size / clients);
  const workload = createWorkload(size, SEED, share);
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
  const play = new Play(daemon, workload, { asNumber: CLUSTER_AS, roles });
  try {
    await play.open(roles.map((_, index) => index));
    const tables = roles.map((_, client) => {
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

function announcerOf({ asNumber, word: nextHop }: Player) {
  return { asNumber, internal: asNumber === CLUSTER_AS, nextHop };
}

/** All prefixes, with the daemon as next hop. */
function expectAll(workload: Workload, path: (set: AttributeSet) => readonly number[]): Expected {
  const hashes = workload.sets.map((set) => pathHash(path(set)));
  return {
    path: workload.setOf.map((set) => hashes[set] ?? 0),
    nextHop: new Uint32Array(workload.size).fill(DAEMON_WORD),
    present: new Uint8Array(workload.size).fill(1),
  };
}

/** The same, but for the prefixes before `boundary`, which have another path. */
function replacedBy(
  workload: Workload,
  expected: Expected,
  boundary: number,
  path: (set: AttributeSet) => readonly number[],
): Expected {
  const other = expectAll(workload, path);
  const mixed = Uint32Array.from(expected.path);
  mixed.set(other.path.subarray(0, boundary));
  return { ...expected, path: mixed };
}

function word(address: string): number {
  return address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

function count(number: number): string {
  return number.toLocaleString("en");
}
