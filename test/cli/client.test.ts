import { afterEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { openClient } from "../../cli/client.ts";
import { type FakeDaemon, startDaemon } from "./daemon.ts";
import { STATUS } from "./fixtures.ts";

let daemon: FakeDaemon | undefined;

afterEach(async () => {
  await daemon?.stop();
  daemon = undefined;
});

function start(answers: Record<string, unknown>): FakeDaemon {
  daemon = startDaemon(answers);
  return daemon;
}

describe("a client", () => {
  test("asks each question at its path, with its words escaped", async () => {
    const { api, requests } = start({ "/routes": [], "/why": {}, "/peers": [], "/status": {} });
    const client = openClient(api);
    await client.status();
    await client.peers();
    await client.routes();
    await client.received("mesh n2");
    await client.advertised("a&b=c");
    await client.why("10.244.2.0/24");
    expect(requests).toEqual([
      "/status",
      "/peers",
      "/routes",
      "/routes?received=mesh+n2",
      "/routes?advertised=a%26b%3Dc",
      "/why?target=10.244.2.0%2F24",
    ]);
  });

  test("gives the answer as it came", async () => {
    const { api } = start({ "/status": STATUS });
    expect(await openClient(api).status()).toEqual(STATUS);
  });

  test("gives a refusal's own words, as wrongly asked", async () => {
    const { api } = start({});
    await expect(openClient(api).why("x")).rejects.toMatchObject({
      message: "nothing at /why?target=x",
      exitCode: 2,
    });
  });

  test("says that nobody answers where there is no socket", async () => {
    const { api } = start({});
    const path = join(dirname(api), "none.sock");
    await expect(openClient(path).status()).rejects.toMatchObject({
      message: `no bgpd answers at ${path} (ENOENT): is it running on this node? start it with manx bgpd --config …, or name its socket with --api`,
      exitCode: 1,
    });
  });

  test("says that nobody answers where a file is no socket", async () => {
    const { api } = start({});
    const path = join(dirname(api), "file");
    writeFileSync(path, "");
    await expect(openClient(path).status()).rejects.toMatchObject({
      message: expect.stringContaining(`no bgpd answers at ${path} (ECONNREFUSED)`),
    });
  });

  test("says that a path is too long for a socket", async () => {
    await expect(openClient(`/tmp/${"x".repeat(200)}`).status()).rejects.toMatchObject({
      message: expect.stringContaining("too long for a unix socket (ENAMETOOLONG)"),
    });
  });

  test("does not wait for ever", async () => {
    const { api } = start({ "/status": new Promise(() => undefined) });
    await expect(openClient(api, 30).status()).rejects.toMatchObject({
      message: `bgpd at ${api} has not answered within 0.03 s: it is stopped or busy, see its log`,
      exitCode: 1,
    });
  });

  const strangers: readonly (readonly [name: string, response: () => Response, seen: string])[] = [
    [
      "answers no JSON",
      () => new Response("hello"),
      'JSON Parse error: Unexpected identifier "hello"',
    ],
    ["refuses without saying why", () => Response.json({}, { status: 404 }), "HTTP 404"],
    ["refuses with null", () => Response.json(null, { status: 500 }), "HTTP 500"],
  ];
  for (const [name, response, seen] of strangers) {
    test(`is not taken in by a server that ${name}`, async () => {
      const { api } = start({ "/status": response() });
      await expect(openClient(api).status()).rejects.toMatchObject({
        message: `what answers at ${api} does not speak as bgpd does (${seen}): is that its socket, and of this version?`,
        exitCode: 1,
      });
    });
  }

  test("is not taken in by a server that speaks no HTTP", async () => {
    const { api } = start({});
    const path = join(dirname(api), "other.sock");
    const server = Bun.listen({
      unix: path,
      socket: {
        data(socket) {
          socket.end("220 hello\r\n");
        },
      },
    });
    try {
      await expect(openClient(path, 1000).status()).rejects.toMatchObject({
        message: expect.stringContaining(`what answers at ${path} does not speak as bgpd does`),
      });
    } finally {
      server.stop(true);
    }
  });
});
