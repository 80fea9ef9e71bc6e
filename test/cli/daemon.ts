/**
 * A daemon that answers from fixtures on a unix socket in a temporary directory, for one test file.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type FakeDaemon = {
  /** Path of its socket. */
  readonly api: string;
  /** Path and query of every request so far. */
  readonly requests: string[];
  stop(): Promise<void>;
};

/**
 * Answer `"/path?query"` (or `"/path"` for any query) from the table: a Response once as it is, a
 * Promise when it is there, anything else as JSON. What is not in the table is a 400.
 */
export function startDaemon(answers: Record<string, unknown>): FakeDaemon {
  const directory = mkdtempSync(join(tmpdir(), "manx-cli-"));
  const api = join(directory, "bgpd.sock");
  const requests: string[] = [];
  const server = Bun.serve({
    unix: api,
    fetch(request): Response | Promise<Response> {
      const { pathname, search } = new URL(request.url);
      requests.push(pathname + search);
      const answer = answers[pathname + search] ?? answers[pathname];
      if (answer instanceof Response) return new Response(answer.body, answer);
      if (answer instanceof Promise) return answer.then((body) => Response.json(body));
      return answer === undefined
        ? Response.json({ error: `nothing at ${pathname}${search}` }, { status: 400 })
        : Response.json(answer);
    },
  });
  return {
    api,
    requests,
    async stop() {
      await server.stop(true);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
