/** A: a whole table from one neighbour to another, and what may become of it. */

import type { Daemon } from "./daemon.ts";
import { encodeTable, encodeWithdrawal } from "./encode.ts";
import { createExpected } from "./judge.ts";
import { Play } from "./play.ts";
import {
  announcerOf,
  CLUSTER_AS,
  DAEMON_WORD,
  expectAll,
  FIRST_AS,
  replacedBy,
  type Size,
  type Step,
  workloadOf,
} from "./scene.ts";
import type { AttributeSet } from "./workload.ts";

/** The neighbours alone: what the first sends is what the second must hold. */
export async function playRelay(daemon: Daemon, { prefixes, deadline }: Size): Promise<Step[]> {
  const workload = workloadOf(prefixes);
  const told = expectAll(workload, ({ asPath }) => [CLUSTER_AS, ...asPath]);
  const play = new Play(daemon, workload, {
    asNumber: CLUSTER_AS,
    deadline,
    roles: [{ asNumber: FIRST_AS }, { asNumber: FIRST_AS + 1, expected: told }],
  });
  try {
    await play.open();
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
export async function playTable(daemon: Daemon, size: Size): Promise<Step[]> {
  const workload = workloadOf(size.prefixes);
  const [source, receiver, late] = [0, 1, 2];
  const told = expectAll(workload, ({ asPath }) => [CLUSTER_AS, FIRST_AS, ...asPath]);
  const play = new Play(daemon, workload, {
    asNumber: CLUSTER_AS,
    deadline: size.deadline,
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
    const boundary = workload.updates[part] ?? size.prefixes;
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

/** The first step of A alone: for tables of many sizes. */
export async function playDownload(daemon: Daemon, size: Size): Promise<Step[]> {
  const workload = workloadOf(size.prefixes);
  const told = expectAll(workload, ({ asPath }) => [CLUSTER_AS, FIRST_AS, ...asPath]);
  const play = new Play(daemon, workload, {
    asNumber: CLUSTER_AS,
    deadline: size.deadline,
    roles: [{ asNumber: FIRST_AS }, { asNumber: FIRST_AS + 1, expected: told }],
  });
  try {
    await play.open();
    const bytes = encodeTable(workload, announcerOf(play.player(0)));
    const measure = await play.time(
      "table",
      () => play.player(0).neighbour.send(bytes),
      () => play.player(1).judge.isContent,
    );
    return [{ step: "table", ...measure }];
  } finally {
    await play.close();
  }
}
