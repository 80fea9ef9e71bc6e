/** What others break, and what the kernel refuses. */

import { beforeEach, describe, expect, test } from "bun:test";
import { FIRST_ID } from "../../../bgpd/fib/objects.ts";
import { formatPrefix } from "../../../lib/prefix.ts";
import { type Daemon, ip, METRIC, net, PROTOCOL, Scene } from "./scene.ts";

const ROUTER = "172.30.0.1";
const OTHER = "172.30.0.12";
const SECOND = "172.31.0.1";

let scene: Scene;
let daemon: Daemon;

beforeEach(() => {
  scene = new Scene();
  daemon = scene.start();
});

const proto = (text: string): string => `${text.replace(" via", ` proto ${PROTOCOL} via`)}`;
const counts = () => daemon.fib.counts();

describe("healing", () => {
  beforeEach(() => {
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.want("10.2.0.0/24", "blackhole");
    daemon.flush();
  });

  test("the echoes of our own changes are no disturbance", () => {
    expect(daemon.hear()).toEqual([]);
    daemon.want("10.1.0.0/24", OTHER);
    daemon.unwant("10.2.0.0/24");
    daemon.flush();
    expect(daemon.hear()).toEqual([]);
    expect(counts()).toEqual({ installed: 1, stale: 0, healed: 0 });
  });

  test("late echoes of many changes end in what is wanted, and nothing counts as healed", () => {
    daemon.unwant("10.1.0.0/24");
    daemon.flush();
    daemon.want("10.1.0.0/24", OTHER);
    daemon.flush();
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.flush();
    daemon.hear();
    daemon.hear();
    expect(scene.routes()).toContain(proto("10.1.0.0/24 via 172.30.0.1 dev eth0"));
    expect(daemon.state("10.1.0.0/24")).toMatchObject({ state: "installed" });
    expect(counts()).toEqual({ installed: 2, stale: 0, healed: 0 });
  });

  /** What `ip route append` tells: another's route beside ours, of the same metric. */
  const append = (destination: string): void => {
    const [ours] = scene.kernel
      .routes()
      .filter((one) => formatPrefix(one.destination) === destination);
    if (ours === undefined) throw new Error(`no ${destination}`);
    daemon.fib.observe({ type: "route", change: "new", route: { ...ours, protocol: 4 } });
  };

  test("ours beside another's stays, and goes when nobody wants it any more", () => {
    append("10.1.0.0/24");
    daemon.flush();
    expect(daemon.state("10.1.0.0/24")).toMatchObject({ state: "installed" });
    append("10.2.0.0/24");
    daemon.unwant("10.2.0.0/24");
    expect(daemon.flush()).toEqual(["delete 10.2.0.0/24"]);
    expect(scene.routes()).toEqual([proto("10.1.0.0/24 via 172.30.0.1 dev eth0")]);
    expect(counts()).toEqual({ installed: 1, stale: 0, healed: 0 });
  });

  test("the same of an earlier daemon's stays until the sweep, and is adopted where it is wanted", () => {
    daemon = scene.start();
    const before = scene.routes();
    for (const one of ["10.1.0.0/24", "10.2.0.0/24"]) append(one);
    expect(counts()).toEqual({ installed: 0, stale: 0, healed: 0 });
    daemon.flush();
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.flush();
    expect(scene.routes()).toEqual(before);
    expect(counts()).toMatchObject({ installed: 1, stale: 0 });
    daemon.fib.sweep();
    expect(daemon.flush()).toEqual(["delete 10.2.0.0/24"]);
    expect(scene.routes()).toEqual([proto("10.1.0.0/24 via 172.30.0.1 dev eth0")]);
  });

  test("a deleted route is put back on the event", () => {
    daemon.hear();
    scene.route("delete", "10.1.0.0/24");
    expect(daemon.hear()).toEqual(["add 10.1.0.0/24 via 172.30.0.1"]);
    expect(scene.routes().length).toBe(2);
    expect(counts()).toEqual({ installed: 2, stale: 0, healed: 1 });
  });

  test("a route that leads elsewhere by another's hand is turned back", () => {
    daemon.hear();
    scene.route("replace", "10.1.0.0/24", { nextHops: [{ gateway: ip(SECOND) }] });
    expect(daemon.hear()).toEqual(["replace 10.1.0.0/24 via 172.30.0.1"]);
    expect(scene.routes()).toContain(proto("10.1.0.0/24 via 172.30.0.1 dev eth0"));
  });

  test("a route that another took the place of is reported, left alone, and put back when that goes", () => {
    daemon.hear();
    scene.route("replace", "10.1.0.0/24", { protocol: 4, type: "blackhole" });
    daemon.hear();
    expect(scene.routes()).toContain("blackhole 10.1.0.0/24 proto 4");
    const error = `another's route to this destination with our metric ${METRIC} is there: remove it or give it another metric`;
    expect(daemon.state("10.1.0.0/24")).toEqual({ state: "failed", error });
    expect(daemon.fib.failures()).toEqual([{ prefix: net("10.1.0.0/24"), error }]);
    expect(counts()).toEqual({ installed: 1, stale: 0, healed: 0 });
    scene.route("delete", "10.1.0.0/24", { protocol: 4 });
    expect(daemon.hear()).toEqual(["add 10.1.0.0/24 via 172.30.0.1"]);
    expect(counts()).toEqual({ installed: 2, stale: 0, healed: 1 });
    expect(daemon.fib.failures()).toEqual([]);
  });

  test("what was lost without an event is put back at a resync", () => {
    daemon.hear();
    scene.route("delete", "10.2.0.0/24");
    scene.host.overrun();
    expect(daemon.hear()).toEqual([]);
    expect(daemon.resync()).toEqual(["add blackhole 10.2.0.0/24"]);
    expect(counts().healed).toBe(1);
  });

  test("others' routes of another metric or table are not looked at", () => {
    daemon.hear();
    scene.route("add", "10.1.0.0/24", { metric: 5, protocol: 4, type: "blackhole" });
    scene.route("add", "10.1.0.0/24", { table: 100, type: "blackhole" });
    scene.route("delete", "10.1.0.0/24", { table: 100 });
    expect(daemon.hear()).toEqual([]);
    expect(daemon.state("10.1.0.0/24")).toMatchObject({ state: "installed" });
  });

  test("a route that is unwanted and gone already is no failure", () => {
    scene.route("delete", "10.1.0.0/24");
    daemon.unwant("10.1.0.0/24");
    expect(daemon.flush()).toEqual(["delete 10.1.0.0/24"]);
    expect(daemon.fib.failures()).toEqual([]);
    expect(daemon.state("10.1.0.0/24")).toBeUndefined();
  });
});

describe("refused routes", () => {
  test("are reported in the kernel's words and tried again when they are wanted anew", () => {
    const stop = scene.host.inject((request) =>
      request.type === "add route" ? { code: "ENOMEM" } : undefined,
    );
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.flush();
    const error = `RTM_NEWROUTE 10.1.0.0/24 nhid ${FIRST_ID}: out of memory (ENOMEM)`;
    expect(daemon.state("10.1.0.0/24")).toEqual({ state: "failed", error });
    expect(daemon.flush()).toEqual([]);
    stop();
    daemon.want("10.1.0.0/24", ROUTER);
    expect(daemon.flush()).toEqual(["add 10.1.0.0/24 via 172.30.0.1"]);
    expect(daemon.fib.failures()).toEqual([]);
  });

  test("are tried again at a resync", () => {
    const stop = scene.host.inject(() => ({ code: "EIO" }));
    daemon.want("10.1.0.0/24", "blackhole");
    daemon.flush();
    expect(daemon.resync()).toEqual(["add blackhole 10.1.0.0/24"]);
    stop();
    daemon.resync();
    expect(daemon.state("10.1.0.0/24")).toMatchObject({ state: "installed" });
  });

  for (const what of ["route", "nexthop"]) {
    test(`for want of room leave it unsure what became of a ${what}, and nothing is sent until a resync`, () => {
      const stop = scene.host.inject((request) =>
        request.type === `add ${what}` ? { code: "ENOBUFS" } : undefined,
      );
      daemon.want("10.1.0.0/24", ROUTER);
      daemon.flush();
      expect(daemon.fib.isUnsure).toBe(true);
      expect(daemon.state("10.1.0.0/24")).toEqual({ state: "pending" });
      stop();
      expect(daemon.flush()).toEqual([]);
      expect(daemon.resync()).toEqual(["add 10.1.0.0/24 via 172.30.0.1"]);
      expect(daemon.fib.isUnsure).toBe(false);
      expect(daemon.state("10.1.0.0/24")).toMatchObject({ state: "installed" });
    });
  }

  test("one refusal in a batch stops no other", () => {
    scene.host.inject((request) =>
      request.type === "add route" && request.route.destination.w0 === net("10.2.0.0/24").w0
        ? { code: "EINVAL", words: "Nexthop has invalid gateway" }
        : undefined,
    );
    for (const third of [1, 2, 3]) daemon.want(`10.${third}.0.0/24`, ROUTER);
    daemon.flush();
    expect(scene.routes().length).toBe(2);
    expect(daemon.fib.failures().map(({ error }) => error.split(": ")[1])).toEqual([
      "Nexthop has invalid gateway (EINVAL)",
    ]);
  });

  test("the resolver's stale answer meets the kernel's refusal, and the link's return mends it", () => {
    scene.set("eth0", "down");
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.flush();
    expect(daemon.state("10.1.0.0/24")).toMatchObject({
      state: "failed",
      error: expect.stringMatching(/^RTM_NEWNEXTHOP .*: Nexthop device is not up \(ENETDOWN\)$/),
    });
    scene.set("eth0", "up");
    expect(daemon.settle()).toEqual(["add 10.1.0.0/24 via 172.30.0.1"]);
    expect(daemon.state("10.1.0.0/24")).toMatchObject({ state: "installed" });
  });
});
