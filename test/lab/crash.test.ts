/**
 * A daemon killed with -9 while pods talk: nothing is lost within its node, and the rest heals.
 */

import { afterEach, describe, expect, test } from "bun:test";
import type { RouteAnswer, WhyAnswer } from "../../resource/answer.ts";
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

async function upAndRunning() {
  const lab = start([]);
  await readUntil(lab.stdout, "lab exec n1 -- ");
  const at = await placeOf(lab.pid);
  return {
    lab,
    exec: (target: string, ...command: string[]) =>
      run(["exec", `${target}@${at}`, "--", ...command]),
  };
}

describe.skipIf(executable === undefined)("in a running lab", () => {
  afterEach(stopAll);

  test(
    "killing bgpd with -9 loses no packet within the node, heals across nodes and leaves nothing stale",
    async () => {
      const { exec } = await upAndRunning();
      const before = (await exec("n1", "ip", "-4", "route")).stdout;
      // 400 packets in 4 s: the kill, the restart and the convergence fall into them.
      const pings = exec("n1-1", "ping", "-q", "-i", "0.01", "-c", "400", "10.244.1.1");
      await exec("n1", ...killDaemonOf("n1"));
      const lost = (await pings).stdout;
      expect(lost).toContain("400 packets transmitted, 400 received, 0% packet loss");
      await eventually("pods of other nodes are reached again", async () => {
        const { code } = await exec("n1-1", "ping", "-q", "-c", "1", "-W", "1", "10.244.2.0");
        return code === 0;
      });
      await eventually("the kernel's routes are as before", async () => {
        return (await exec("n1", "ip", "-4", "route")).stdout === before;
      });
      const status = await eventually("converged", async () => {
        const answer = JSON.parse((await exec("n1", "manx", "status", "--json")).stdout);
        return answer.ready.ok && answer;
      });
      expect(status.fib).toMatchObject({ stale: 0, failed: [] });
    },
    PATIENCE,
  );

  test(
    "manx why tells of a chosen, a second-best, a rejected and an absent prefix",
    async () => {
      const { exec } = await upAndRunning();
      const why = async (target: string): Promise<WhyAnswer> =>
        JSON.parse((await exec("n1", "manx", "why", target, "--json")).stdout);
      const chosen = await why("10.244.2.1");
      expect(chosen.prefix).toBe("10.244.2.0/24");
      expect(chosen.route?.paths[0]).toMatchObject({ state: "best", peer: "mesh n2" });
      expect(chosen.route?.kernel).toStartWith("installed");
      // The outside's prefix: from the router itself, and from each node that has it from there too.
      const routes: RouteAnswer[] = JSON.parse(
        (await exec("n1", "manx", "routes", "192.0.2.0/24", "--json")).stdout,
      );
      const states = routes[0]?.paths.map(({ state, reason }) => [state, reason]);
      expect(states).toEqual([
        ["best", "external over internal"],
        ["valid", "external over internal"],
        ["valid", "external over internal"],
      ]);
      expect((await why("192.0.2.10")).summary).toContain("learned from tor");
      const absent = await why("203.0.113.1");
      expect([absent.prefix, absent.route]).toEqual([null, null]);
      expect(absent.summary).not.toBe("");
    },
    PATIENCE,
  );
});
