/**
 * A node's daemon that is killed, or ended and started again, while pods of two nodes talk: no packet is lost on the
 * way between them, for no kernel lets go of a route.
 */

import { afterEach, describe, expect, test } from "bun:test";
import type { StatusAnswer } from "../../resource/answer.ts";
import {
  eventually,
  executable,
  killDaemonOf,
  PATIENCE,
  placeOf,
  readUntil,
  run,
  start,
  stopAll,
} from "./runner.ts";

/** Of each probe, one a millisecond: the end, the second until the revival and what follows fall into it. */
const PACKETS = 12_000;
/** Nobody's: a route of it shows that somebody listens. */
const MARK = "203.0.113.0/24";

type Lab = { readonly at: number };

/** Run a command somewhere in the lab. */
const exec = ({ at }: Lab, target: string, ...command: string[]) =>
  run(["exec", `${target}@${at}`, "--", ...command]);

/** Listen to the routes of a kernel; what is called in the end stops that, and gives what was heard. */
async function listen(lab: Lab, name: string): Promise<() => Promise<string>> {
  const command = ["exec", `${name}@${lab.at}`, "--", "ip", "-4", "monitor", "route"];
  const { stdout } = start(command);
  const mark = async (): Promise<void> => {
    for (const verb of ["add", "del"]) {
      await exec(lab, name, "ip", "route", verb, "blackhole", MARK);
    }
  };
  const heard = { mark: false };
  const listening = readUntil(stdout, MARK).then(() => {
    heard.mark = true;
  });
  await eventually(`somebody listens to ${name}`, async () => {
    await mark();
    return heard.mark;
  });
  await listening;
  return async () => {
    const end = "198.51.100.0/24";
    const text = readUntil(stdout, end);
    await exec(lab, name, "ip", "route", "add", "blackhole", end);
    const lines = (await text).split("\n").filter((line) => !line.includes(MARK));
    await exec(lab, name, "ip", "route", "del", "blackhole", end);
    return lines.join("\n");
  };
}

describe.skipIf(executable === undefined)("in a running lab", () => {
  afterEach(stopAll);

  for (const signal of ["KILL", "TERM"] as const) {
    test(
      `bgpd that ends by SIG${signal} and comes back loses no packet of 1 kHz between pods of different nodes`,
      async () => {
        const process = start([]);
        await readUntil(process.stdout, "lab exec n1 -- ");
        const lab = { at: await placeOf(process.pid) };
        const status = async (): Promise<StatusAnswer | undefined> => {
          const { code, stdout } = await exec(lab, "n1", "manx", "status", "--json");
          return code === 0 ? JSON.parse(stdout) : undefined;
        };
        const routes = async () => (await exec(lab, "n1", "ip", "-4", "route")).stdout;
        const before = await routes();
        const names = ["n1", "n2", "tor"];
        const changes = await Promise.all(names.map((name) => listen(lab, name)));
        const ping = (from: string, to: string) =>
          exec(lab, from, "ping", "-q", "-i", "0.001", "-c", `${PACKETS}`, "-W", "2", to);
        const probes = [ping("n1-1", "10.244.2.1"), ping("outside", "10.244.1.1")];
        await eventually("answers arrive", async () => {
          const { stdout } = await exec(lab, "n1-1", "ip", "-s", "link", "show", "eth0");
          return Number(/RX:.*\n\s+\d+\s+(\d+)/.exec(stdout)?.[1]) > 200;
        });
        await exec(lab, "n1", ...killDaemonOf("n1", signal));
        const ended = performance.now();
        await eventually("another daemon has converged", async () => {
          const now = await status();
          if (now === undefined || now.uptime > performance.now() - ended) return false;
          const { ready, peers, fib } = now;
          return ready.ok && peers.established === peers.configured && fib.stale === 0;
        });
        for (const probe of probes) {
          expect((await probe).stdout).toContain(
            `${PACKETS} packets transmitted, ${PACKETS} received, 0% packet loss`,
          );
        }
        expect(await routes()).toBe(before);
        for (const change of changes) expect(await change()).not.toContain("Deleted");
      },
      2 * PATIENCE,
    );
  }
});
