/**
 * The TCP port of `--metrics`, which serves the pages and nothing else.
 *
 * An address that cannot be had (in use, not there yet) is said once and tried again: routing must not fail
 * for want of somebody to watch it, and the API socket has the same pages meanwhile.
 */

import { formatAddress } from "../lib/address.ts";
import { systemClock, type Timer } from "../lib/clock.ts";
import { type Endpoint, formatEndpoint } from "../lib/endpoint.ts";
import type { Logger } from "../lib/log.ts";
import { PAGE_PATHS, type Pages } from "./pages.ts";

/** Between two attempts to listen, ms. */
const RETRY = 5000;

/** Why an address cannot be listened on, and what to do about it. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program has this port: give --metrics another one, or stop that program",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "this user may not listen on ports below 1024",
};

export type PageListener = { stop(): Promise<void> };

/** Serve the pages at `endpoint` until `stop`. */
export function servePages(endpoint: Endpoint, pages: Pages, log: Logger): PageListener {
  let server: Bun.Server<undefined> | undefined;
  let retry: Timer | undefined;
  let told = "";

  const listen = (): void => {
    try {
      server = open(endpoint, pages, log);
      log.info(`metrics, health and readiness are served on ${formatEndpoint(endpoint)}`);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      const reason = REASONS[code] ?? String(error);
      if (reason !== told) {
        log.error(
          `metrics are not served on ${formatEndpoint(endpoint)} (${code}): ${reason}; trying again, and routing goes on`,
        );
      }
      told = reason;
      retry = systemClock.after(RETRY, listen);
    }
  };
  listen();

  return {
    async stop() {
      retry?.cancel();
      await server?.stop(true);
    },
  };
}

function open({ address, port }: Endpoint, pages: Pages, log: Logger): Bun.Server<undefined> {
  return Bun.serve({
    hostname: formatAddress(address),
    port,
    // Else it would show strangers our sources.
    development: false,
    fetch: (request) => pages.answer(request) ?? refuse(request),
    error(error) {
      log.error({ err: error }, "a page met a fault of ours");
      return new Response("a fault of bgpd's: its log has more\n", { status: 500 });
    },
  });
}

function refuse({ method, url }: Request): Response {
  if (method !== "GET") return new Response(`${method} is not GET\n`, { status: 405 });
  const { pathname } = new URL(url);
  const paths = Object.values(PAGE_PATHS).join(", ");
  return new Response(`no such path ${pathname}: ${paths}\n`, { status: 404 });
}
