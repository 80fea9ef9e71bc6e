/**
 * Asks the running daemon over its API socket; answers are typed by `resource/answer.ts`.
 *
 * Every failure names the socket and what to do about it.
 */

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
import { CommandError, EXIT } from "./output.ts";

export type Client = {
  status(): Promise<StatusAnswer>;
  peers(): Promise<PeerAnswer[]>;
  routes(): Promise<RouteAnswer[]>;
  /** `peer` by the name that `peers` answers. */
  received(peer: string): Promise<ReceivedAnswer[]>;
  advertised(peer: string): Promise<AdvertisedAnswer[]>;
  /** `target` is a prefix or an address. */
  why(target: string): Promise<WhyAnswer>;
  fib(): Promise<FibTableAnswer>;
};

/** A daemon that is asked something and stays silent for longer is reported. */
const DEADLINE = 10_000;

/** A client of the daemon at the unix socket `path`; `deadline` in milliseconds. Throws `CommandError`. */
export function openClient(path: string, deadline: number = DEADLINE): Client {
  const get = <Answer>(where: string, query: Record<string, string> = {}): Promise<Answer> =>
    ask(path, `${where}?${new URLSearchParams(query)}`, deadline) as Promise<Answer>;
  return {
    status: () => get(API_PATHS.status),
    peers: () => get(API_PATHS.peers),
    routes: () => get(API_PATHS.routes),
    received: (peer) => get(API_PATHS.routes, { received: peer }),
    advertised: (peer) => get(API_PATHS.routes, { advertised: peer }),
    why: (target) => get(API_PATHS.why, { target }),
    fib: () => get(API_PATHS.fib),
  };
}

async function ask(path: string, request: string, deadline: number): Promise<unknown> {
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(`http://bgpd${request}`, {
      unix: path,
      signal: AbortSignal.timeout(deadline),
    });
    body = await response.json();
  } catch (error) {
    throw new CommandError(explain(path, deadline, error), EXIT.failed, { cause: error });
  }
  if (response.ok) return body;
  if (!isRefusal(body)) {
    throw new CommandError(notBgpd(path, `HTTP ${response.status}`), EXIT.failed);
  }
  throw new CommandError(body.error, response.status < 500 ? EXIT.usage : EXIT.failed);
}

function isRefusal(body: unknown): body is ErrorAnswer {
  return (
    typeof body === "object" && body !== null && "error" in body && typeof body.error === "string"
  );
}

/** What the failure of a request means, in words that say what to do. */
function explain(path: string, deadline: number, error: unknown): string {
  if (!(error instanceof Error)) return notBgpd(path, String(error));
  if (error.name === "TimeoutError") {
    return `bgpd at ${path} has not answered within ${deadline / 1000} s: it is stopped or busy, see its log`;
  }
  const { code } = error as NodeJS.ErrnoException;
  switch (code) {
    case "EACCES":
    case "EPERM":
      return `may not speak to bgpd at ${path} (${code}): run this as root, or as the user that runs bgpd`;
    case "ENOENT":
    case "ECONNREFUSED":
    case "ENOTSOCK":
      return `no bgpd answers at ${path} (${code}): is it running on this node? start it with manx bgpd --config …, or name its socket with --api`;
    case "ENAMETOOLONG":
      return `${path} is too long for a unix socket (${code}): 107 bytes at most`;
    default:
      return notBgpd(path, code ?? error.message);
  }
}

function notBgpd(path: string, seen: string): string {
  return `what answers at ${path} does not speak as bgpd does (${seen}): is that its socket, and of this version?`;
}
