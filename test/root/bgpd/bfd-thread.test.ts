/**
 * The thread on real sockets: both ends in this process, on addresses of the loopback link and of a veth pair.
 */

import { afterEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { pino } from "pino";
import type { Bfd, SessionChange, SessionPlan } from "../../../bgpd/bfd/bfd.ts";
import { bfdThread } from "../../../bgpd/bfd/thread.ts";
import { parseAddress } from "../../../lib/address.ts";
import { systemClock } from "../../../lib/clock.ts";
import { silentLogger } from "../../../lib/log.ts";
import { eventually, isInside } from "../../interop/network.ts";

type End = { readonly bfd: Bfd; readonly changes: SessionChange[] };

const running: Bfd[] = [];

function ip(...args: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["ip", ...args]);
  if (exitCode !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
  return stdout.toString();
}

function end(
  local: string,
  remote: string,
  more: Partial<SessionPlan> = {},
  log = silentLogger(),
): End {
  const changes: SessionChange[] = [];
  const factory = bfdThread({ clock: systemClock, log });
  const bfd = factory((change) => changes.push(change));
  running.push(bfd);
  bfd.set("peer", {
    local: parseAddress(local),
    remote: parseAddress(remote),
    link: 0,
    multihop: false,
    minimumTtl: 1,
    detectMultiplier: 3,
    minTransmitInterval: 100,
    minReceiveInterval: 100,
    authentication: undefined,
    ...more,
  });
  return { bfd, changes };
}

function bothUp(...ends: readonly End[]): Promise<true> {
  return eventually("both ends are Up with their timers", () =>
    ends.every(({ bfd }) => {
      const status = bfd.status("peer");
      return status?.state === "Up" && status.detectionTime === 300;
    }),
  );
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((bfd) => bfd.stop()));
});

describe.skipIf(!isInside)("the BFD thread", () => {
  test("3 x 100 ms hold while the main thread does nothing else for 4 s", async () => {
    ip("link", "set", "lo", "up");
    const ends = [end("127.0.0.1", "127.0.0.2"), end("127.0.0.2", "127.0.0.1")] as const;
    await bothUp(...ends);
    const before = ends.map(({ bfd }) => bfd.status("peer")?.packets.sent ?? 0);
    const until = performance.now() + 4000;
    // Garbage, so that the collector is busy as well.
    let kept: unknown[] = [];
    while (performance.now() < until) {
      kept.push({ text: `${kept.length}`, list: [kept.length] });
      if (kept.length > 200_000) kept = [];
    }
    await Bun.sleep(1100);
    for (const [index, { bfd, changes }] of ends.entries()) {
      const status = bfd.status("peer");
      expect([status?.state, status?.failures]).toEqual(["Up", 0]);
      expect(changes.map(({ to }) => to).filter((to) => to === "Down")).toEqual([]);
      // At least one packet in each 100 ms, for jitter only takes away.
      expect((status?.packets.sent ?? 0) - (before[index] ?? 0)).toBeGreaterThanOrEqual(40);
      // Sent later, it would have been missed.
      expect(status?.lateness.maximum).toBeLessThan(300);
    }
  });

  for (const [what, one, other, multihop] of [
    ["IPv6", "fd00::1", "fd00::2", false],
    ["IPv6 multihop", "fd00::1", "fd00::2", true],
    ["IPv4 multihop", "127.0.0.1", "127.0.0.2", true],
  ] as const) {
    test(`${what}, and AdminDown at the end`, async () => {
      ip("link", "set", "lo", "up");
      for (const address of ["fd00::1", "fd00::2"]) {
        ip("address", "replace", `${address}/128`, "dev", "lo", "nodad");
      }
      const more = { multihop, minimumTtl: 255 };
      const [a, b] = [end(one, other, more), end(other, one, more)];
      await bothUp(a, b);
      await a.bfd.stop();
      await eventually("the other end knows", () => b.bfd.status("peer")?.state === "Down");
      expect(b.bfd.status("peer")?.remoteState).toBe("AdminDown");
      expect(b.changes.at(-1)).toMatchObject({ to: "Down", failure: false });
    });
  }

  test("link-local addresses of one link, each at its own end", async () => {
    ip("link", "add", "left", "type", "veth", "peer", "name", "right");
    try {
      const index = (name: string): number =>
        JSON.parse(ip("-j", "link", "show", "dev", name))[0].ifindex;
      for (const [name, address] of [
        ["left", "fe80::1"],
        ["right", "fe80::2"],
      ] as const) {
        ip("link", "set", name, "up");
        ip("address", "add", `${address}/64`, "dev", name, "nodad");
      }
      const left = end("fe80::1", "fe80::2", { link: index("left") });
      const right = end("fe80::2", "fe80::1", { link: index("right") });
      await bothUp(left, right);
    } finally {
      ip("link", "delete", "left");
    }
  });

  test("a port that another holds is told, and taken when it is free", async () => {
    ip("link", "set", "lo", "up");
    const holder = await Bun.udpSocket({ hostname: "127.0.0.1", port: 3784 });
    const [a, b] = [end("127.0.0.1", "127.0.0.2"), end("127.0.0.2", "127.0.0.1")];
    const told = await eventually("the fault is told", () => {
      const fault = a.bfd.status("peer")?.lastFault;
      return fault !== undefined && fault !== "" && fault;
    });
    expect(told).toBe("127.0.0.1 port 3784: bind: EADDRINUSE");
    holder.close();
    await bothUp(a, b);
  });

  test("a thread that fails is replaced, and its sessions come back", async () => {
    ip("link", "set", "lo", "up");
    const [a, b] = [end("127.0.0.1", "127.0.0.2"), end("127.0.0.2", "127.0.0.1")];
    await bothUp(a, b);
    // What no plan can be: the thread throws on it.
    a.bfd.set("broken", undefined as never);
    await eventually("the other end misses it", () => b.bfd.status("peer")?.failures === 1);
    a.bfd.remove("broken");
    await bothUp(a, b);
  });

  test("its scheduling is what the log says", async () => {
    ip("link", "set", "lo", "up");
    const lines: { readonly scheduling?: string }[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
    end("127.0.0.1", "127.0.0.2", {}, log);
    const said = await eventually("the thread runs", () => lines.find((line) => line.scheduling));
    const threads = readdirSync("/proc/self/task").map((thread) =>
      readFileSync(`/proc/self/task/${thread}/sched`, "utf8"),
    );
    const has = (pattern: RegExp): boolean => threads.some((text) => pattern.test(text));
    expect(said?.scheduling).toBe(
      has(/^policy\s*:\s*2$/m)
        ? "real time"
        : has(/^se\.slice\s*:\s*100000$/m)
          ? "short slice"
          : "none",
    );
  });
});
