import { afterAll, describe, expect, test } from "bun:test";
import { findPeer, formatPeer, formatPeers } from "../../cli/peers.ts";
import { formatAdvertised, formatReceived, formatRoutes } from "../../cli/routes.ts";
import { formatStatus } from "../../cli/status.ts";
import { PLAIN_LOOK } from "../../cli/style.ts";
import { formatWhy } from "../../cli/why.ts";
import { startDaemon } from "./daemon.ts";
import { ADVERTISED, PEERS, RECEIVED, ROUTES, STATUS, UNNUMBERED, WHY } from "./fixtures.ts";
import { run } from "./run.ts";

const daemon = startDaemon({
  "/status": STATUS,
  "/peers": PEERS,
  "/routes": ROUTES,
  "/routes?received=tor": RECEIVED,
  "/routes?received=tor2": [],
  "/routes?received=mesh+n3": [],
  "/routes?advertised=mesh+n2": ADVERTISED,
  "/why?target=10.244.2.7": WHY,
});
afterAll(() => daemon.stop());

const ask = (...argv: string[]) => run([...argv, "--api", daemon.api]);

/** Each question: the command line, the answer behind it, and the text that people get. */
const QUESTIONS: readonly (readonly [argv: readonly string[], answer: unknown, text: string])[] = [
  [["status"], STATUS, formatStatus(STATUS, PLAIN_LOOK)],
  [["peers"], PEERS, formatPeers(PEERS, PLAIN_LOOK)],
  [["peers", "tor"], PEERS[2], formatPeer(PEERS[2]!, PLAIN_LOOK)],
  [["peers", "mesh n2"], PEERS[0], formatPeer(PEERS[0]!, PLAIN_LOOK)],
  [["peers", "N2"], PEERS[0], formatPeer(PEERS[0]!, PLAIN_LOOK)],
  [["peers", "172.30.0.2"], PEERS[3], formatPeer(PEERS[3]!, PLAIN_LOOK)],
  [["peers", "172.30.0.2:1790"], PEERS[3], formatPeer(PEERS[3]!, PLAIN_LOOK)],
  [["routes"], ROUTES, formatRoutes(ROUTES, PLAIN_LOOK)],
  [["routes", "10.244.0.0/16"], ROUTES.slice(1, 3), formatRoutes(ROUTES.slice(1, 3), PLAIN_LOOK)],
  [["routes", "192.0.2.0/24"], ROUTES.slice(3), formatRoutes(ROUTES.slice(3), PLAIN_LOOK)],
  [["routes", "10.244.1.9"], ROUTES.slice(0, 2), formatRoutes(ROUTES.slice(0, 2), PLAIN_LOOK)],
  [["routes", "10.9.0.0/16"], [], "no routes for 10.9.0.0/16; ask manx why 10.9.0.0/16\n"],
  [["routes", "--received", "tor"], RECEIVED, formatReceived(RECEIVED, PLAIN_LOOK)],
  [
    ["routes", "--received", "tor", "192.0.2.0/24"],
    RECEIVED.slice(2),
    formatReceived(RECEIVED.slice(2), PLAIN_LOOK),
  ],
  [["routes", "--received", "n3"], [], "no routes\n"],
  [
    ["routes", "--received", "tor2"],
    [],
    "no routes: the session with tor2 is Active (connect to 172.30.0.2 port 1790: connection refused (ECONNREFUSED))\n",
  ],
  [["routes", "--advertised", "n2"], ADVERTISED, formatAdvertised(ADVERTISED, PLAIN_LOOK)],
  [["why", "10.244.2.7"], WHY, formatWhy(WHY, PLAIN_LOOK)],
];

for (const [argv, answer, text] of QUESTIONS) {
  describe(`manx ${argv.join(" ")}`, () => {
    test("prints the table and ends with 0", async () => {
      expect(await ask(...argv)).toEqual({ code: 0, out: text, err: "", calls: [] });
    });

    test("prints with --json what the daemon answered", async () => {
      const { code, out, err } = await ask(...argv, "--json");
      expect([code, err]).toEqual([0, ""]);
      expect(JSON.parse(out)).toEqual(answer);
    });
  });
}

describe("an unknown peer", () => {
  for (const argv of [["peers"], ["routes", "--received"], ["routes", "--advertised"]]) {
    test(`is named by \`manx ${argv.join(" ")}\` with the peers there are`, async () => {
      const { code, out, err } = await ask(...argv, "tro");
      expect([code, out]).toEqual([2, ""]);
      expect(err).toBe(
        'manx: no peer "tro" (did you mean tor?): expected one of "mesh n2", "mesh n3", "tor", "tor2"\n',
      );
    });
  }
});

test("a daemon that is not there is an error on stderr and exit code 1", async () => {
  for (const argv of [["status"], ["peers"], ["routes"], ["why", "10.0.0.1"]]) {
    const { code, out, err } = await run([...argv, "--api", "/run/manx/none.sock", "--json"]);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toStartWith("manx: no bgpd answers at /run/manx/none.sock (ENOENT): is it running");
  }
});

test("a peer's refusal by the daemon is exit code 2", async () => {
  const { code, err } = await ask("why", "192.0.2.1");
  expect([code, err]).toEqual([2, "manx: nothing at /why?target=192.0.2.1\n"]);
});

test("a peer on a link answers to its name, the link's, and its address there", () => {
  for (const word of ["uplink-1", "eth1", "fe80::1%eth1"]) {
    expect(findPeer(word, UNNUMBERED)).toBe(UNNUMBERED[0]!);
  }
  expect(findPeer("eth2", UNNUMBERED)).toBe(UNNUMBERED[1]!);
});
