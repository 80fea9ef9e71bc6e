/**
 * The API socket: HTTP with JSON over a unix socket, GET only, answers as `resource/answer.ts` has them; and
 * the pages for whoever watches the daemon.
 *
 * A file left by a killed daemon is removed; the caller holds the daemon's lock, so nobody serves it.
 */

import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { type Address, AddressError, tryParseAddress } from "../lib/address.ts";
import { type Prefix, parsePrefix } from "../lib/prefix.ts";
import {
  type AdvertisedAnswer,
  API_PATHS,
  type ErrorAnswer,
  type FibTableAnswer,
  type PeerAnswer,
  type ReceivedAnswer,
  type RouteAnswer,
  type StatusAnswer,
  type WhyAnswer,
} from "../resource/answer.ts";
import { PAGE_PATHS, type Pages } from "./pages.ts";

/** What the daemon can be asked; an unknown peer throws `QueryError`. */
export type Queries = {
  status(): StatusAnswer;
  peers(): PeerAnswer[];
  routes(): RouteAnswer[];
  received(peer: string): ReceivedAnswer[];
  advertised(peer: string): AdvertisedAnswer[];
  why(asked: string, target: Prefix | Address): WhyAnswer;
  fib(): FibTableAnswer;
};

/** A question that cannot be answered as asked: HTTP 400 with this message. */
export class QueryError extends Error {
  override readonly name = "QueryError";
}

const PATHS = [...Object.values(API_PATHS), ...Object.values(PAGE_PATHS)];

export type ApiServer = { stop(): Promise<void> };

/** Listen on the unix socket at `path`, readable and writable by root (and our own user) only. */
export function serveApi(path: string, queries: Queries, pages: Pages): ApiServer {
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { force: true });
  const server = Bun.serve({
    unix: path,
    fetch(request) {
      const page = pages.answer(request);
      if (page !== undefined) return page;
      const { status, body } = answer(request, queries);
      return Response.json(body, { status });
    },
  });
  chmodSync(path, 0o600);
  return {
    async stop() {
      await server.stop(true);
      rmSync(path, { force: true });
    },
  };
}

/** Answer one request; never throws for what a client can cause. */
function answer(request: Request, queries: Queries): { status: number; body: unknown } {
  const refuse = (status: number, error: string): { status: number; body: ErrorAnswer } => ({
    status,
    body: { error },
  });
  const { pathname, searchParams } = new URL(request.url);
  if (request.method !== "GET") return refuse(405, `${request.method} is not GET`);
  try {
    switch (pathname) {
      case API_PATHS.status:
        return { status: 200, body: queries.status() };
      case API_PATHS.peers:
        return { status: 200, body: queries.peers() };
      case API_PATHS.routes:
        return { status: 200, body: routes(searchParams, queries) };
      case API_PATHS.why:
        return { status: 200, body: why(searchParams.get("target") ?? "", queries) };
      case API_PATHS.fib:
        return { status: 200, body: queries.fib() };
      default:
        return refuse(404, `no such path ${pathname}: ${PATHS.join(", ")}`);
    }
  } catch (error) {
    if (error instanceof QueryError || error instanceof AddressError) {
      return refuse(400, error.message);
    }
    throw error;
  }
}

function routes(parameters: URLSearchParams, queries: Queries): unknown {
  const received = parameters.get("received");
  const advertised = parameters.get("advertised");
  if (received !== null && advertised !== null) {
    throw new QueryError("received and advertised exclude each other: ask for one of them");
  }
  if (received !== null) return queries.received(received);
  return advertised === null ? queries.routes() : queries.advertised(advertised);
}

function why(asked: string, queries: Queries): WhyAnswer {
  if (asked.includes("/")) return queries.why(asked, parsePrefix(asked));
  const address = tryParseAddress(asked);
  if (address === undefined) {
    throw new QueryError(
      `target ${JSON.stringify(asked)}: expected a prefix such as 10.244.2.0/24 or an address such as 10.244.2.7`,
    );
  }
  return queries.why(asked, address);
}
