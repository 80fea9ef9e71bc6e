import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ApiServer, type Queries, QueryError, serveApi } from "../../bgpd/api.ts";

const asked: unknown[] = [];
const queries = {
  status: () => ({ node: "n1" }),
  peers: () => [{ name: "tor" }],
  routes: () => [{ prefix: "10.0.0.0/8" }],
  received: (peer: string) => {
    if (peer !== "tor") throw new QueryError(`no peer is called "${peer}": there are tor`);
    return [];
  },
  advertised: (peer: string) => [{ peer }],
  why: (text: string, target: object) => {
    asked.push([text, "length" in target ? "prefix" : "address"]);
    return { summary: "because" };
  },
} as unknown as Queries;

const pages = {
  answer: (request: Request) =>
    request.url.endsWith("/readyz")
      ? Promise.resolve(new Response("not ready\n", { status: 503 }))
      : undefined,
};

let folder: string;
let path: string;
let server: ApiServer;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "manx-api-"));
  path = join(folder, "run/bgpd.sock");
  server = serveApi(path, queries, pages);
});

afterEach(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

async function get(request: string, method = "GET"): Promise<[number, unknown]> {
  const response = await fetch(`http://bgpd${request}`, { unix: path, method });
  return [response.status, await response.json()];
}

describe("API socket", () => {
  test("each path answers with JSON", async () => {
    expect(await get("/status")).toEqual([200, { node: "n1" }]);
    expect(await get("/peers")).toEqual([200, [{ name: "tor" }]]);
    expect(await get("/routes")).toEqual([200, [{ prefix: "10.0.0.0/8" }]]);
    expect(await get("/routes?received=tor")).toEqual([200, []]);
    expect(await get("/routes?advertised=tor")).toEqual([200, [{ peer: "tor" }]]);
  });

  test("why takes a prefix or an address", async () => {
    asked.length = 0;
    await get("/why?target=10.244.2.0%2F24");
    await get("/why?target=10.244.2.7");
    expect(asked).toEqual([
      ["10.244.2.0/24", "prefix"],
      ["10.244.2.7", "address"],
    ]);
  });

  test("the pages for whoever watches are there too, as text", async () => {
    const response = await fetch("http://bgpd/readyz", { unix: path });
    expect([response.status, await response.text()]).toEqual([503, "not ready\n"]);
  });

  const refused = [
    ["/why?target=10.244.2", "expected a prefix such as"],
    ["/why", "expected a prefix such as"],
    ["/why?target=10.244.2.1/24", "did you mean 10.244.2.0/24?"],
    ["/routes?received=nobody", 'no peer is called \\"nobody\\": there are tor'],
    ["/routes?received=tor&advertised=tor", "exclude each other"],
  ] as const;
  for (const [request, message] of refused) {
    test(`${request} is refused with 400 and what was expected`, async () => {
      const [status, body] = await get(request);
      expect(status).toBe(400);
      expect(JSON.stringify(body)).toContain(message);
    });
  }

  test("an unknown path is 404 and names the known ones; another method is 405", async () => {
    const [status, body] = await get("/peer");
    expect([status, JSON.stringify(body)]).toEqual([404, expect.stringContaining("/peers")]);
    expect(JSON.stringify(body)).toContain("/metrics");
    expect((await get("/status", "POST"))[0]).toBe(405);
  });

  test("only the owner may open the socket", () => {
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("a file that a killed daemon left is replaced, and a stopped server leaves none", async () => {
    await server.stop();
    expect(() => statSync(path)).toThrow("ENOENT");
    writeFileSync(path, "");
    server = serveApi(path, queries, pages);
    expect((await get("/status"))[0]).toBe(200);
  });
});
