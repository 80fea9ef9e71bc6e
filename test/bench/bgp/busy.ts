/** E: whether a daemon that takes a whole table still has time for others. */

import { quantile } from "../quantile.ts";
import type { Daemon, Question } from "./daemon.ts";
import { encodeTable } from "./encode.ts";
import { increase, type Lag, parseLag, worstOf } from "./lag.ts";
import { now, type Span } from "./lateness.ts";
import { Play } from "./play.ts";
import type { ProbeMessage, ProbeReport, ProbeTask } from "./probe.ts";
import {
  announcerOf,
  CLUSTER_AS,
  expectAll,
  FIRST_AS,
  type Size,
  type Step,
  workloadOf,
} from "./scene.ts";
import { folderOf, neighbourAddress, neighbourWord } from "./stage.ts";

/** Seconds: the least that there is but none (RFC 4271 section 4.2), so that a KEEPALIVE is due each second. */
const HOLD_TIME = 3;
/** Between two questions, ms. */
const PAUSE = 5;
/** After sessions came up, and after the table: longer than between two KEEPALIVEs. ms. */
const QUIET = 1500;

/** The table as in A, while `peers` neighbours that are told nothing note their KEEPALIVEs, and somebody asks. */
export async function playBusy(daemon: Daemon, size: Size): Promise<Step[]> {
  const { prefixes, peers, deadline } = size;
  const question = daemon.question?.(folderOf(daemon));
  if (question === undefined) throw new Error(`${daemon.name} is not asked`);
  const workload = workloadOf(prefixes);
  const told = expectAll(workload, ({ asPath }) => [CLUSTER_AS, FIRST_AS, ...asPath]);
  const roles = [{ asNumber: FIRST_AS }, { asNumber: FIRST_AS + 1, expected: told }];
  const guests = Array.from({ length: peers }, (_, index) => FIRST_AS + roles.length + index);
  const play = new Play(daemon, workload, { asNumber: CLUSTER_AS, roles, guests, deadline });
  const probe = startProbe({
    neighbours: guests.map((asNumber, index) => ({
      address: neighbourAddress(roles.length + index),
      identifier: neighbourWord(roles.length + index),
      asNumber,
    })),
    holdTime: HOLD_TIME,
    pause: PAUSE,
  });
  try {
    await play.open();
    await play.until("sessions of those who are told nothing", () => probe.heard.has("sessions"));
    probe.send(question);
    await play.until("an answer", () => probe.heard.has("answers"));
    await Bun.sleep(QUIET);
    const bytes = encodeTable(workload, announcerOf(play.player(0)));
    const before = await lagOf(daemon);
    const from = now();
    const measure = await play.time(
      "table",
      () => play.player(0).neighbour.send(bytes),
      () => play.player(1).judge.isContent,
    );
    const to = from + 1000 * measure.wall;
    const after = await lagOf(daemon);
    await Bun.sleep(QUIET);
    probe.send({ from, to });
    await play.until("figures", () => probe.report !== undefined);
    if (probe.report === undefined) throw new Error("the probe has no figures");
    const more = { ...figuresOf(probe.report), ...lagBetween(before, after) };
    return [{ step: "table", ...measure, more }];
  } finally {
    probe.stop();
    await play.close();
  }
}

function startProbe(task: ProbeTask) {
  const heard = new Set<ProbeMessage>();
  const probe: { report?: ProbeReport } = {};
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/probe.ts`], {
    stdio: ["ignore", "inherit", "inherit"],
    ipc(message: ProbeMessage) {
      if (typeof message === "string") heard.add(message);
      else probe.report = message;
    },
  });
  const send = (message: ProbeTask | Question | Span) => child.send(message);
  send(task);
  return {
    heard,
    get report() {
      return probe.report;
    },
    send,
    stop: () => child.kill("SIGKILL"),
  };
}

function figuresOf({ answers, strays, own }: ProbeReport): Record<string, number> {
  const [asked, strayed, late] = [answers, strays, own].map((values) =>
    values.toSorted((a, b) => a - b),
  );
  return {
    "API calls": answers.length,
    "API median ms": quantile(asked ?? [], 0.5),
    "API p99 ms": quantile(asked ?? [], 0.99),
    "API worst ms": quantile(asked ?? [], 1),
    KEEPALIVEs: strays.length,
    "KEEPALIVE p99 ms": quantile(strayed ?? [], 0.99),
    "KEEPALIVE worst ms": quantile(strayed ?? [], 1),
    "the probe's own p99 ms": quantile(late ?? [], 0.99),
  };
}

/** What the daemon itself says of its event loop; undefined where it says nothing. */
async function lagOf(daemon: Daemon): Promise<Lag | undefined> {
  const unix = daemon.metrics?.(folderOf(daemon));
  if (unix === undefined) return undefined;
  const answer = await fetch("http://bgpd/metrics", { unix });
  return parseLag(await answer.text());
}

function lagBetween(before: Lag | undefined, after: Lag | undefined): Record<string, number> {
  if (before === undefined || after === undefined) return {};
  return { "event loop, late by at most ms": 1000 * worstOf(increase(before, after)) };
}
