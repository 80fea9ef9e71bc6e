/**
 * The pages for whoever watches the daemon: `/metrics`, `/healthz` and `/readyz`, all of them text.
 *
 * They are on the API socket and, with `--metrics`, on a TCP port, where nothing else of the API is.
 */

import type { PeerAnswer, StatusAnswer } from "../resource/answer.ts";
import type { LoopLag } from "./loop-lag.ts";
import type { Exposition } from "./metrics/exposition.ts";
import type { Source } from "./metrics/metric.ts";

export const PAGE_PATHS = {
  metrics: "/metrics",
  health: "/healthz",
  readiness: "/readyz",
} as const;

/** Peers that `/readyz` names; of thousands the first ones say enough. */
const MOST_NAMED = 20;

export type PagesView = {
  readonly sources: readonly Source[];
  readonly loop: LoopLag;
  readonly ready: () => StatusAnswer["ready"];
  readonly peers: () => readonly PeerAnswer[];
};

export type Pages = {
  /** The page that is asked for, or undefined when it is none of these. */
  answer(request: Request): Promise<Response> | undefined;
};

/** The pages of a daemon. */
export function createPages({ sources, loop, ready, peers }: PagesView): Pages {
  let exposition: Promise<Exposition> | undefined;

  const metrics = async (): Promise<Response> => {
    exposition ??= import("./metrics/exposition.ts").then((module) =>
      module.createExposition(sources),
    );
    const { contentType, text } = await exposition;
    return new Response(await text(), { headers: { "content-type": contentType } });
  };
  // That there is an answer is the answer: a loop that does not turn gives none.
  const health = async (): Promise<Response> =>
    page(200, [
      `the event loop turns: ${(loop.last * 1000).toFixed(1)} ms late when last looked at`,
    ]);
  const readiness = async (): Promise<Response> => {
    const { ok, reason } = ready();
    return page(ok ? 200 : 503, [`${ok ? "ready" : "not ready"}: ${reason}`, ...sessions(peers())]);
  };

  return {
    answer(request) {
      if (request.method !== "GET") return undefined;
      switch (new URL(request.url).pathname) {
        case PAGE_PATHS.metrics:
          return metrics();
        case PAGE_PATHS.health:
          return health();
        case PAGE_PATHS.readiness:
          return readiness();
        default:
          return undefined;
      }
    },
  };
}

/** What `/readyz` shows and does not judge by. */
function sessions(peers: readonly PeerAnswer[]): string[] {
  const down = peers.filter(({ state }) => state !== "Established");
  const lines = down.slice(0, MOST_NAMED).map(({ name, state, since, lastError }) => {
    const why = lastError === "" ? "" : `: ${lastError}`;
    return `  ${name} is ${state} for ${Math.round(since / 1000)} s${why}`;
  });
  const more = down.length > MOST_NAMED ? [`  and ${down.length - MOST_NAMED} more`] : [];
  return [
    `${peers.length - down.length} of ${peers.length} sessions are Established`,
    ...lines,
    ...more,
  ];
}

function page(status: number, lines: readonly string[]): Response {
  return new Response(`${lines.join("\n")}\n`, { status });
}
