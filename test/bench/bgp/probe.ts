/**
 * `bun probe.ts`: neighbours with a short hold time that are told nothing, and somebody who asks the daemon again and
 * again. A process of its own, since who sends and judges a million prefixes has no time to look at the clock.
 *
 * It is told by messages: `ProbeTask`, then a `Span` whose figures it answers with.
 */

import type { Question } from "./daemon.ts";
import { type Arrival, now, type Span, strayOf, withinSpan } from "./lateness.ts";
import { Neighbour } from "./neighbour.ts";

export type ProbeTask = {
  readonly neighbours: readonly {
    readonly address: string;
    readonly identifier: number;
    readonly asNumber: number;
  }[];
  /** Seconds. */
  readonly holdTime: number;
  /** Between two questions, ms. */
  readonly pause: number;
};

/** What it answers; all ms. */
export type ProbeReport = {
  /** From a question to the whole answer. */
  readonly answers: readonly number[];
  /** How far KEEPALIVEs strayed from when they may come. */
  readonly strays: readonly number[];
  /** How late this process itself was when it wanted to be woken: what it cannot tell from the daemon's lateness. */
  readonly own: readonly number[];
};

/** In turn: sessions are up; questions are answered; figures. */
export type ProbeMessage = "sessions" | "answers" | ProbeReport;

/** Between two looks at the own clock, ms. */
const TICK = 5;

const arrivals: Arrival[] = [];
const answers: Arrival[] = [];
const own: Arrival[] = [];
/** ms between KEEPALIVEs, at most. */
let interval = 0;

process.on("message", (message: ProbeTask | Question | Span) => {
  if ("neighbours" in message) meet(message);
  else if ("request" in message) void askForEver(message);
  else {
    const report: ProbeReport = {
      answers: withinSpan(answers, message),
      strays: strayOf(arrivals, interval, message),
      own: withinSpan(own, message),
    };
    process.send?.(report);
  }
});

let pause = 0;

function meet({ neighbours, holdTime, pause: between }: ProbeTask): void {
  interval = (1000 * holdTime) / 3;
  pause = between;
  let missing = neighbours.length;
  for (const [who, neighbour] of neighbours.entries()) {
    let last: number | undefined;
    new Neighbour({
      ...neighbour,
      holdTime,
      onUpdate: () => {},
      onProgress: () => {},
      onKeepalive() {
        const at = now();
        if (last === undefined && --missing === 0)
          process.send?.("sessions" satisfies ProbeMessage);
        else if (last !== undefined) arrivals.push({ who, at, value: at - last });
        last = at;
      },
    }).listen();
  }
  let due = now() + TICK;
  setInterval(() => {
    const at = now();
    own.push({ who: 0, at, value: Math.max(0, at - due) });
    due = at + TICK;
  }, TICK);
}

async function askForEver(question: Question): Promise<void> {
  const end = new RegExp(question.end, "m");
  for (let isFirst = true; ; isFirst = false) {
    const begin = now();
    await ask(question, end);
    answers.push({ who: 0, at: now(), value: now() - begin });
    if (isFirst) process.send?.("answers" satisfies ProbeMessage);
    await Bun.sleep(pause);
  }
}

/** One question, on a connection of its own. */
async function ask({ path, request }: Question, end: RegExp): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let text = "";
  const socket = await Bun.connect({
    unix: path,
    socket: {
      open: (connection) => void connection.write(request),
      data(_, bytes) {
        text += bytes.toString("latin1");
        if (end.test(text)) resolve();
      },
      close: () => reject(new Error(`${path}: closed after ${JSON.stringify(text)}`)),
      error: (_, error) => reject(error),
    },
  });
  await promise;
  socket.end();
}
