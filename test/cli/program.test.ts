import { describe, expect, test } from "bun:test";
import { hostname } from "node:os";
import { version } from "../../package.json";
import { ROLE_CODE, run } from "./run.ts";

const COMMANDS = [
  "status",
  "peers",
  "routes",
  "why",
  "fib",
  "ipam",
  "validate",
  "install",
  "bgpd",
  "lab",
  "help",
];

describe("help", () => {
  test("goes to stdout, lists every command, has examples and exit codes, and ends with 0", async () => {
    const { code, out, err } = await run(["--help"]);
    expect([code, err]).toEqual([0, ""]);
    const listed = [...out.matchAll(/^ {2}([a-z]+) .{3,}$/gm)].map(([, name]) => name);
    expect(listed.filter((name) => name !== "manx")).toEqual(COMMANDS);
    expect(out).toContain("Examples:");
    expect(out).toContain("Exit codes: 0 done");
  });

  for (const command of COMMANDS) {
    test(`of ${command} says what it does and what it takes, asked in either way`, async () => {
      const { code, out, err } = await run([command, "--help"]);
      expect([code, err]).toEqual([0, ""]);
      expect(out).toStartWith(`Usage: manx ${command} `);
      expect((await run(["help", command])).out).toBe(out);
    });
  }

  test("of a nested command is found", async () => {
    const { code, out } = await run(["help", "lab", "exec"]);
    expect(code).toBe(0);
    expect(out).toStartWith("Usage: manx lab exec ");
  });

  test("is what no command at all gets, but on stderr and as a fault", async () => {
    const { code, out, err } = await run([]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toStartWith("Usage: manx ");
  });

  test("of every command that answers names --json", async () => {
    for (const command of ["status", "peers", "routes", "why", "ipam", "validate", "lab"]) {
      expect((await run([command, "--help"])).out).toContain("--json");
    }
  });
});

test("the version is package.json's", async () => {
  expect(await run(["--version"])).toMatchObject({ code: 0, out: `${version}\n`, err: "" });
});

describe("a wrong command line ends with 2, nothing on stdout, and", () => {
  const cases: readonly (readonly [argv: readonly string[], error: string])[] = [
    [["peer"], "unknown command 'peer' (did you mean peers?)"],
    [["rotues"], "unknown command 'rotues' (did you mean routes?)"],
    [["frobnicate"], "unknown command 'frobnicate'"],
    [["help", "stats"], "unknown command 'stats' (did you mean status?)"],
    [["lab", "exc"], "unknown command 'exc' (did you mean exec?)"],
    [["peers", "--jsn"], "unknown option '--jsn' (did you mean --json?)"],
    [["routes", "--recieved", "tor"], "unknown option '--recieved' (did you mean --received?)"],
    [["--versoin"], "unknown option '--versoin' (did you mean --version?)"],
    [["peers", "a", "b"], "too many arguments for 'peers'. Expected 1 argument but got 2."],
    [["why"], "missing required argument 'prefix|address'"],
    [["validate"], "missing required argument 'path'"],
    [["ipam", "shwo"], "unknown command 'shwo' (did you mean show?)"],
    [["ipam", "relaese"], "unknown command 'relaese' (did you mean release?)"],
    [["ipam", "release"], "missing required argument 'address'"],
    [["ipam", "release", "pod"], '"pod" is neither a prefix such as'],
    [["ipam", "release", "10.244.1.0/24"], "10.244.1.0/24 is a prefix: expected an address"],
    [
      ["bgpd", "--config", "x", "--metrics", "localhost:9179"],
      `option '--metrics <address:port>' argument 'localhost:9179' is invalid. "localhost:9179" is no address with a port: expected for example 127.0.0.1:9179`,
    ],
    [["status", "--api"], "option '--api <path>' argument missing"],
    [["status", "--api", ""], "argument '' is invalid. Expected the path of a unix socket."],
    [
      ["routes", "--received", "a", "--advertised", "b"],
      "option '--advertised <peer>' cannot be used with option '--received <peer>'",
    ],
    [["fib"], "missing required argument 'check'"],
    [["fib", "chekc"], "Expected one of check (did you mean check?)."],
    [
      ["bgpd", "--config", "x", "--metric", "0"],
      "option '--metric <number>' argument '0' is invalid. Expected a whole number from 1 to",
    ],
    [["bgpd"], "required option '--config <path>' not specified"],
    [
      ["bgpd", "--config", "x", "--fib", "kernl"],
      "option '--fib <where>' argument 'kernl' is invalid. Expected one of kernel, none (did you mean kernel?).",
    ],
    [
      ["bgpd", "--config", "x", "--log-level", "loud"],
      "option '--log-level <level>' argument 'loud' is invalid. Expected one of trace, debug,",
    ],
    [
      ["lab", "--nodes", "many"],
      "option '--nodes <count>' argument 'many' is invalid. Expected a whole number from 1 to 200.",
    ],
    [["lab", "--pods", "0"], "argument '0' is invalid. Expected a whole number from 1 to 250."],
    [["lab", "--nodes", "1e2"], "argument '1e2' is invalid."],
    [["lab", "--router", "brid"], "Expected one of auto, bird, manx (did you mean bird?)."],
    [["lab", "exec"], "missing required argument 'target'"],
    [["lab", "exec", "n1", "--"], "missing required argument 'command'"],
    [["why", "10.2"], '"10.2" is neither a prefix such as 10.244.2.0/24 nor an address'],
    [["why", "10.244.2.7/24"], "did you mean 10.244.2.0/24?"],
    [["routes", "here"], '"here" is neither a prefix'],
  ];
  for (const [argv, error] of cases) {
    test(`\`manx ${argv.join(" ")}\` says: ${error}`, async () => {
      const { code, out, err, calls } = await run(argv);
      expect([code, out, calls]).toEqual([2, "", []]);
      expect(err).toStartWith("manx: ");
      expect(err).toContain(error);
    });
  }
});

describe("roles", () => {
  test("bgpd gets its options, with the host's name as node, and its exit code is ours", async () => {
    const level = process.env.MANX_LOG;
    try {
      const { code, calls } = await run(["bgpd", "--config", "/etc/manx", "--log-level", "warn"]);
      expect(code).toBe(ROLE_CODE);
      expect(calls).toEqual([
        {
          role: "bgpd",
          options: {
            config: "/etc/manx",
            node: hostname(),
            fib: "kernel",
            api: "/run/manx/bgpd.sock",
            table: 254,
          },
        },
      ]);
      expect(process.env.MANX_LOG).toBe("warn");
      const placed = await run(["bgpd", "--config", "c", "--metric", "20"]);
      expect(placed.calls).toMatchObject([{ options: { metric: 20 } }]);
      const claiming = await run(["bgpd", "--config", "c", "--claims", "/srv/claims"]);
      expect(claiming.calls).toMatchObject([{ options: { claims: "/srv/claims" } }]);
      const watched = await run(["bgpd", "--config", "c", "--metrics", "[::1]:9179"]);
      expect(watched.calls).toMatchObject([
        { options: { metrics: { address: { family: 6, w3: 1 }, port: 9179 } } },
      ]);
    } finally {
      if (level === undefined) delete process.env.MANX_LOG;
      else process.env.MANX_LOG = level;
    }
  });

  test("a cleanup of bgpd needs no documents", async () => {
    const { code, calls } = await run(["bgpd", "--cleanup", "--api", "/run/x.sock"]);
    expect(code).toBe(ROLE_CODE);
    expect(calls).toEqual([{ role: "cleanup", options: { api: "/run/x.sock" } }]);
  });

  test("lab gets three nodes with two pods each unless told otherwise", async () => {
    const { code, calls } = await run(["lab"]);
    expect(code).toBe(ROLE_CODE);
    const size = { nodes: 3, pods: 2 } as const;
    const lists = { publish: [], limit: [] };
    const options = { once: false, json: false, ...size, router: "auto", ...lists } as const;
    expect(calls).toEqual([{ role: "lab", options }]);
  });

  test("lab gets what it is told", async () => {
    const argv = ["lab", "--once", "--json", "--nodes", "20", "--pods", "10", "--router", "manx"];
    argv.push("--publish", "n1-1:8080", "--publish", "n2-1:8080");
    argv.push("--limit", "n1-1:16M");
    const lists = { publish: ["n1-1:8080", "n2-1:8080"], limit: ["n1-1:16M"] };
    const size = { nodes: 20, pods: 10 } as const;
    const options = { once: true, json: true, ...size, router: "manx", ...lists } as const;
    expect((await run(argv)).calls).toEqual([{ role: "lab", options }]);
  });

  const commands: readonly (readonly [argv: readonly string[], command: readonly string[]])[] = [
    [
      ["--", "ip", "-4", "route"],
      ["ip", "-4", "route"],
    ],
    [
      ["ip", "-4", "route"],
      ["ip", "-4", "route"],
    ],
    [
      ["--", "manx", "peers", "--json"],
      ["manx", "peers", "--json"],
    ],
    [
      ["--", "sh", "-c", "true", "--", "x"],
      ["sh", "-c", "true", "--", "x"],
    ],
  ];
  for (const [argv, command] of commands) {
    test(`lab exec n1 ${argv.join(" ")} hands the command over untouched`, async () => {
      const { code, calls } = await run(["lab", "exec", "n1", ...argv]);
      expect(code).toBe(ROLE_CODE);
      expect(calls).toEqual([
        { role: "labExec", options: { target: "n1", command: [...command] } },
      ]);
    });
  }
});
