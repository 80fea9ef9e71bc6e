/** Routes that get another metric: nothing is missing meanwhile, and nothing is left behind. */

import { beforeEach, expect, test } from "bun:test";
import type { Daemon } from "./scene.ts";
import { METRIC, PROTOCOL, Scene } from "./scene.ts";

const ROUTER = "172.30.0.1";
const OTHER = 2048;

let scene: Scene;
let daemon: Daemon;

const proto = (line: string, metric = ""): string =>
  line.replace(/^(blackhole )?(\S+)/, `$1$2 proto ${PROTOCOL}${metric}`);
const moved = (line: string): string => proto(line, ` metric ${OTHER}`);

const SIX = proto("blackhole 2001:db8::/48 dev lo dead");

beforeEach(() => {
  scene = new Scene();
  daemon = scene.start();
  daemon.want("10.1.0.0/24", ROUTER);
  daemon.want("10.2.0.0/24", "blackhole");
  daemon.want("2001:db8::/48", "blackhole");
  daemon.fib.sweep();
  daemon.flush();
});

/** What is there is looked at before anything is sent. */
function compare(): void {
  while (daemon.fib.isComparing) daemon.fib.flush(0);
}

test("the new ones are added before the old ones go, of the family alone", () => {
  daemon.move(OTHER);
  expect(daemon.flush()).toEqual([
    "add 10.1.0.0/24 via 172.30.0.1",
    "add blackhole 10.2.0.0/24",
    "delete 10.1.0.0/24",
    "delete 10.2.0.0/24",
  ]);
  expect(scene.routes()).toEqual([
    moved("10.1.0.0/24 via 172.30.0.1 dev eth0"),
    moved("blackhole 10.2.0.0/24"),
    SIX,
  ]);
  expect(daemon.fib.counts()).toEqual({ installed: 3, stale: 0, healed: 0 });
  expect(daemon.resync()).toEqual([]);
});

test("what another deletes afterwards is put back where it is now", () => {
  daemon.move(OTHER);
  daemon.flush();
  scene.route("delete", "10.2.0.0/24", { metric: OTHER });
  expect(daemon.hear()).toEqual(["add blackhole 10.2.0.0/24"]);
  expect(scene.routes()).toContain(moved("blackhole 10.2.0.0/24"));
});

test("the old ones are looked for in parts, and again where some may have been missed", () => {
  daemon.move(OTHER);
  compare();
  daemon.fib.flush(1000, "routes");
  const { parts } = daemon;
  daemon.tears = 1;
  expect(daemon.flush().filter((line) => line.startsWith("delete"))).toEqual([
    "delete 10.1.0.0/24",
    "delete 10.2.0.0/24",
  ]);
  expect([daemon.tears, daemon.dumps]).toEqual([0, 0]);
  expect(daemon.parts).toBeGreaterThan(parts + 2);
});

test("there and back again before anything was sent changes nothing", () => {
  daemon.move(OTHER);
  daemon.move(METRIC);
  expect(daemon.flush()).toEqual([]);
  expect(daemon.fib.counts().healed).toBe(0);
});

test("there and back again half way leaves nothing behind", () => {
  daemon.move(OTHER);
  compare();
  daemon.fib.flush(0, "routes");
  daemon.move(METRIC);
  daemon.flush();
  expect(scene.routes()).toEqual([
    proto("10.1.0.0/24 via 172.30.0.1 dev eth0"),
    proto("blackhole 10.2.0.0/24"),
    SIX,
  ]);
});

test("what an earlier daemon left stays until the sweep, with the old metric", () => {
  daemon = scene.start();
  daemon.want("10.1.0.0/24", ROUTER);
  daemon.move(OTHER);
  daemon.flush();
  expect(scene.routes()).toContain(proto("blackhole 10.2.0.0/24"));
  daemon.fib.sweep();
  daemon.flush();
  expect(scene.routes()).toEqual([moved("10.1.0.0/24 via 172.30.0.1 dev eth0")]);
  expect(daemon.fib.counts()).toEqual({ installed: 1, stale: 0, healed: 0 });
});

test("what an earlier daemon left goes with its objects, also when nothing of it had been read", () => {
  daemon.want("10.3.0.0/24", "172.30.0.12");
  daemon.flush();
  daemon = scene.begin();
  daemon.want("10.1.0.0/24", ROUTER);
  daemon.fib.flush(0);
  daemon.move(OTHER);
  daemon.fib.sweep();
  daemon.flush();
  expect(scene.routes()).toEqual([moved("10.1.0.0/24 via 172.30.0.1 dev eth0")]);
  expect(scene.objects()).toEqual(["#0 via 172.30.0.1 dev eth0"]);
});

test("a comparison that is asked for before the move is done counts nothing as healed", () => {
  daemon.move(OTHER);
  daemon.fib.flush(0);
  daemon.fib.resync();
  daemon.flush();
  expect(daemon.fib.counts()).toEqual({ installed: 3, stale: 0, healed: 0 });
  scene.route("delete", "10.2.0.0/24", { metric: OTHER });
  scene.host.overrun();
  expect(daemon.resync()).toEqual(["add blackhole 10.2.0.0/24"]);
  expect(daemon.fib.counts().healed).toBe(1);
});

test("routes of that metric that are another's, or in another table, stay", () => {
  const other = { metric: METRIC, protocol: 4, type: "blackhole" } as const;
  scene.route("add", "10.8.0.0/24", other);
  scene.route("add", "10.9.0.0/24", { type: "blackhole", table: 100 });
  daemon.move(OTHER);
  daemon.flush();
  expect(scene.routes().filter((line) => /10\.[89]\./.test(line))).toHaveLength(2);
});

test("a daemon that takes its routes along takes both", () => {
  daemon.move(OTHER);
  compare();
  daemon.fib.flush(0, "routes");
  daemon.fib.clear();
  daemon.flush();
  expect(scene.routes()).toEqual([]);
});

test("many are moved in slices, all of them before the first old one goes", () => {
  const prefixes = Array.from({ length: 600 }, (_, at) => `10.${128 + (at >> 8)}.${at & 255}.0/24`);
  for (const prefix of prefixes) daemon.want(prefix, ROUTER);
  daemon.flush();
  daemon.move(OTHER);
  compare();
  const slices: number[] = [];
  for (let isMore = true; isMore; ) {
    isMore = daemon.fib.flush(0);
    slices.push(scene.routes().length);
  }
  // 602 of IPv4 and one of IPv6.
  expect([...new Set(slices)]).toEqual([603 + 512, 603 + 602, 603 + 602 - 512, 603]);
});

test("a kernel without room for it is asked again", () => {
  daemon.move(OTHER);
  daemon.fib.flush(1000, "routes");
  const stop = scene.host.inject((request) =>
    request.type === "delete route" ? { code: "ENOBUFS" } : undefined,
  );
  daemon.fib.flush(1000);
  expect(daemon.fib.isUnsure).toBe(true);
  stop();
  daemon.resync();
  expect(scene.routes().filter((line) => !line.includes(`metric ${OTHER}`))).toEqual([SIX]);
});

test("objects that carry what stays behind stay with it", () => {
  daemon.want("10.3.0.0/24", ROUTER);
  daemon.flush();
  daemon = scene.start();
  daemon.want("10.1.0.0/24", ROUTER);
  daemon.flush();
  daemon.move(OTHER);
  daemon.flush();
  daemon.unwant("10.1.0.0/24");
  daemon.flush();
  // Nobody has wanted it yet, and the sweep is still to come.
  expect(scene.routes()).toContain(proto("10.3.0.0/24 via 172.30.0.1 dev eth0"));
  daemon.fib.sweep();
  daemon.flush();
  expect(scene.routes()).toEqual([]);
  expect(scene.objects()).toEqual([]);
});
