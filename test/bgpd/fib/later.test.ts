/** A kernel that takes its time for a request: what is wanted and what others do meanwhile. */

import { beforeEach, describe, expect, test } from "bun:test";
import { parseInterfaceAddress } from "../../../lib/prefix.ts";
import { type Daemon, ip, METRIC, Scene } from "./scene.ts";

const FIRST = "172.30.0.1";
const SECOND = "172.31.0.1";

let scene: Scene;
let daemon: Daemon;
/** How often the next outcomes are asked for in vain. */
let delay: number;

beforeEach(() => {
  delay = 0;
  scene = new Scene({ delay: () => delay });
  daemon = scene.start();
  daemon.fib.sweep();
});

/** Send, and have the answer wait. */
function begin(scope: "routes" | "all" = "all"): void {
  delay = 1;
  expect(daemon.fib.flush(1000, scope)).toBe(true);
  delay = 0;
}

/** Others take away the link's routes and objects, and nobody says so. */
function flap(link: string): void {
  scene.set(link, "down");
  scene.set(link, "up");
}

describe("while an answer is waited for", () => {
  test("its routes are pending, and there is more to do", () => {
    daemon.want("10.1.0.0/24", "blackhole");
    begin();
    expect(scene.routes()).toEqual(["blackhole 10.1.0.0/24 proto 77"]);
    expect(daemon.fib.isSending).toBe(true);
    expect(daemon.fib.outstanding().pending).toBe(1);
    expect(daemon.fib.counts().installed).toBe(0);
    expect(daemon.flush().length).toBe(1);
    expect(daemon.fib.isSending).toBe(false);
    expect(daemon.fib.outstanding().pending).toBe(0);
    expect(daemon.fib.counts().installed).toBe(1);
  });

  test("nothing else is sent, and what is wanted otherwise meanwhile is sent afterwards", () => {
    daemon.want("10.1.0.0/24", "blackhole");
    daemon.want("10.2.0.0/24", "blackhole");
    begin();
    daemon.unwant("10.1.0.0/24");
    daemon.want("10.3.0.0/24", "blackhole");
    expect(daemon.asked).toBe(1);
    expect(daemon.flush()).toEqual([
      "add blackhole 10.1.0.0/24",
      "add blackhole 10.2.0.0/24",
      "delete 10.1.0.0/24",
      "add blackhole 10.3.0.0/24",
    ]);
    expect(scene.routes()).toEqual([
      "blackhole 10.2.0.0/24 proto 77",
      "blackhole 10.3.0.0/24 proto 77",
    ]);
  });

  test("a route that is to move to a new next hop stays until that one's object is there", () => {
    daemon.want("10.1.0.0/24", FIRST);
    daemon.flush();
    daemon.want("10.2.0.0/24", FIRST);
    begin();
    daemon.want("10.1.0.0/24", SECOND);
    expect(daemon.flush()).toEqual([
      `add 10.2.0.0/24 via ${FIRST}`,
      `replace 10.1.0.0/24 via ${SECOND}`,
    ]);
  });

  test("a route that another removes is put back", () => {
    daemon.want("10.1.0.0/24", "blackhole");
    begin();
    scene.route("delete", "10.1.0.0/24");
    scene.deliver();
    daemon.flush();
    expect(scene.routes()).toEqual(["blackhole 10.1.0.0/24 proto 77"]);
    expect(daemon.fib.counts().healed).toBe(1);
  });

  test("a route that another removed before it was changed goes when it is wanted no more", () => {
    daemon.want("10.1.0.0/24", FIRST);
    daemon.want("10.2.0.0/24", SECOND);
    daemon.flush();
    // Twice, the second time after it was put back.
    for (const way of [SECOND, "blackhole"]) {
      scene.route("delete", "10.1.0.0/24");
      daemon.want("10.1.0.0/24", way);
      begin();
      expect(daemon.fib.flush(1000)).toBe(true);
    }
    daemon.unwant("10.1.0.0/24");
    daemon.hear();
    expect(scene.routes()).toEqual([expect.stringContaining("10.2.0.0/24")]);
  });

  test("a route that another changed before it was removed is made, though it is wanted as it was then", () => {
    daemon.want("10.1.0.0/24", FIRST);
    daemon.want("10.2.0.0/24", SECOND);
    daemon.flush();
    scene.route("replace", "10.1.0.0/24", { type: "blackhole" });
    daemon.unwant("10.1.0.0/24");
    begin();
    expect(daemon.fib.flush(1000)).toBe(true);
    daemon.want("10.1.0.0/24", "blackhole");
    daemon.hear();
    expect(scene.routes()).toContain("blackhole 10.1.0.0/24 proto 77");
    expect(daemon.state("10.1.0.0/24")).toEqual({ state: "installed", target: "blackhole" });
  });

  test("routes that go with their link are put back", () => {
    daemon.want("10.1.0.0/24", FIRST);
    daemon.flush();
    daemon.want("10.2.0.0/24", FIRST);
    begin();
    flap("eth0");
    daemon.settle();
    expect(scene.routes().length).toBe(2);
  });

  test("a comparison begins when it has come, with what others did before it", () => {
    daemon.want("10.1.0.0/24", "blackhole");
    daemon.want("10.2.0.0/24", "blackhole");
    begin();
    scene.route("delete", "10.2.0.0/24");
    scene.deliver();
    daemon.fib.resync();
    expect(daemon.fib.isComparing).toBe(true);
    expect(daemon.flush()).toEqual([
      "add blackhole 10.1.0.0/24",
      "add blackhole 10.2.0.0/24",
      "add blackhole 10.2.0.0/24",
    ]);
    expect(daemon.fib.isComparing).toBe(false);
    expect(scene.routes().length).toBe(2);
  });

  test("what others did before a comparison was asked for is older than what it reads", () => {
    daemon.want("10.1.0.0/24", "blackhole");
    daemon.flush();
    daemon.want("10.2.0.0/24", "blackhole");
    begin();
    scene.route("delete", "10.1.0.0/24");
    scene.route("add", "10.1.0.0/24", { type: "blackhole" });
    scene.deliver();
    scene.route("delete", "10.1.0.0/24");
    scene.host.overrun();
    scene.deliver();
    daemon.fib.resync();
    daemon.flush();
    expect(scene.routes().length).toBe(2);
  });

  test("dead next hops do not take their routes along once more is to be decided", () => {
    daemon.want("10.1.0.0/24", FIRST);
    daemon.want("10.2.0.0/24", SECOND);
    daemon.flushAll();
    for (const gateway of ["172.30.0.11/24", "172.31.0.11/24"]) {
      const link = gateway.startsWith("172.30") ? "eth0" : "eth1";
      scene.kernel.apply({ type: "delete address", link, ...parseInterfaceAddress(gateway) });
    }
    daemon.mend();
    begin();
    expect(scene.routes()).toEqual([expect.stringContaining("10.2.0.0/24")]);
    while (daemon.fib.flush(1000, "routes"));
    expect(scene.routes().length).toBe(1);
    daemon.flushAll();
    expect(scene.routes()).toEqual([]);
  });

  test("a next hop that moves while objects are removed is moved afterwards", () => {
    scene.route("add", "192.0.2.0/24", { protocol: 4, nextHops: [{ gateway: ip(FIRST) }] });
    daemon.settle();
    daemon.want("10.1.0.0/24", "192.0.2.1");
    daemon.want("10.2.0.0/24", SECOND);
    daemon.flushAll();
    daemon.unwant("10.2.0.0/24");
    daemon.fib.flush(1000, "routes");
    begin();
    scene.route("replace", "192.0.2.0/24", { protocol: 4, nextHops: [{ gateway: ip(SECOND) }] });
    daemon.settle();
    expect(scene.routes()[0]).toContain(`10.1.0.0/24 proto 77 via ${SECOND}`);
  });

  test("a next hop that is refused where it was is led to where it is now", () => {
    scene.route("add", "192.0.2.0/24", { protocol: 4, nextHops: [{ gateway: ip(FIRST) }] });
    daemon.settle();
    const admit = scene.host.inject((request) =>
      request.type === "add nexthop" ? { code: "EINVAL" } : undefined,
    );
    daemon.want("10.1.0.0/24", "192.0.2.1");
    begin();
    admit();
    scene.route("replace", "192.0.2.0/24", { protocol: 4, nextHops: [{ gateway: ip(SECOND) }] });
    daemon.settle();
    expect(daemon.fib.failures()).toEqual([]);
    expect(scene.routes()[0]).toContain(`10.1.0.0/24 proto 77 via ${SECOND}`);
  });

  test("a next hop that gets an object of an earlier daemon's leaves the one that is being made", () => {
    daemon.want("10.1.0.0/24", SECOND);
    daemon.flush();
    daemon.stop();
    scene.route("add", "192.0.2.0/24", { protocol: 4, nextHops: [{ gateway: ip(FIRST) }] });
    daemon = scene.start();
    daemon.want("10.2.0.0/24", "192.0.2.1");
    begin();
    scene.route("replace", "192.0.2.0/24", { protocol: 4, nextHops: [{ gateway: ip(SECOND) }] });
    daemon.mend();
    daemon.want("10.1.0.0/24", "192.0.2.1");
    daemon.settle();
    daemon.fib.sweep();
    daemon.flushAll();
    expect(scene.objects()).toEqual([`#0 via ${SECOND} dev eth1`]);
    expect(scene.routes().filter((route) => route.includes("proto 77")).length).toBe(2);
  });

  test("another's routes in our places are looked for", () => {
    scene.route("add", "10.1.0.0/24", { protocol: 4, nextHops: [{ gateway: ip(FIRST) }] });
    daemon.want("10.1.0.0/24", "blackhole");
    daemon.want("10.2.0.0/24", "blackhole");
    begin();
    expect(daemon.flush().length).toBe(2);
    expect(daemon.fib.failures().map(({ error }) => error)).toEqual([
      expect.stringContaining("another's route"),
    ]);
    expect(daemon.fib.outstanding()).toEqual({ pending: 0, refused: 1, unresolved: 0 });
  });

  test("a route that is in the way, and gone when its owner is looked for, is no other's", () => {
    scene.route("add", "10.1.0.0/24", { type: "blackhole" });
    daemon.hear();
    daemon.want("10.1.0.0/24", "blackhole");
    begin();
    scene.route("delete", "10.1.0.0/24");
    daemon.hear();
    expect(daemon.fib.failures()).toEqual([]);
    expect(scene.routes()).toEqual(["blackhole 10.1.0.0/24 proto 77"]);
  });

  test("what is refused that is wanted no more says nothing of what is there", () => {
    daemon.want("10.1.0.0/24", "blackhole");
    daemon.want("10.2.0.0/24", FIRST);
    daemon.flush();
    const admit = scene.host.inject(() => ({ code: "EINVAL" }));
    daemon.want("10.1.0.0/24", FIRST);
    begin();
    daemon.want("10.1.0.0/24", "blackhole");
    daemon.flush();
    admit();
    expect(daemon.fib.failures()).toEqual([]);
    expect(daemon.fib.outstanding()).toEqual({ pending: 0, refused: 0, unresolved: 0 });
    expect(daemon.state("10.1.0.0/24")).toEqual({ state: "installed", target: "blackhole" });
  });

  /** Send all while every answer has to be waited for; more turns than that are too many. */
  function flushSlowly(most: number): void {
    delay = 1;
    let turns = 0;
    while (daemon.fib.flush(1000)) expect(++turns).toBeLessThan(most);
    delay = 0;
  }

  test("a group that is refused is not asked for again and again", () => {
    const admit = scene.host.inject((request) =>
      "nexthop" in request && request.nexthop.members !== undefined
        ? { code: "EINVAL" }
        : undefined,
    );
    daemon.want("10.1.0.0/24", FIRST, SECOND);
    daemon.want("10.2.0.0/24", FIRST);
    flushSlowly(50);
    expect(daemon.state("10.1.0.0/24")).toMatchObject({ state: "failed" });
    admit();
    daemon.fib.retarget();
    flushSlowly(50);
    expect(daemon.state("10.1.0.0/24")).toMatchObject({ state: "installed" });
  });

  test("a nexthop object that cannot be removed is not asked for again and again", () => {
    daemon.want("10.1.0.0/24", FIRST);
    daemon.want("10.2.0.0/24", SECOND);
    daemon.want("10.3.0.0/24", FIRST, SECOND);
    daemon.flush();
    const admit = scene.host.inject((request) =>
      request.type === "delete nexthop" ? { code: "EPERM" } : undefined,
    );
    daemon.fib.clear();
    flushSlowly(50);
    expect(scene.routes()).toEqual([]);
    expect(scene.objects().length).toBe(3);
    admit();
    daemon.fib.retarget();
    flushSlowly(50);
    expect(scene.objects()).toEqual([]);
  });

  test("everything is removed that was on its way", () => {
    for (let index = 0; index < 20; index++) daemon.want(`10.1.${index}.0/24`, FIRST);
    begin();
    begin();
    daemon.fib.clear();
    daemon.flushAll();
    expect([...scene.routes(), ...scene.objects()]).toEqual([]);
  });

  test("of too many events all is compared", () => {
    daemon.want("10.1.0.0/24", "blackhole");
    begin();
    for (let index = 0; index < 10_002; index++) {
      scene.route(index % 2 === 0 ? "delete" : "add", "10.1.0.0/24", { type: "blackhole" });
    }
    scene.route("delete", "10.1.0.0/24");
    scene.deliver();
    daemon.flush();
    expect(daemon.fib.isUnsure).toBe(true);
    daemon.resync();
    expect(scene.routes()).toEqual(["blackhole 10.1.0.0/24 proto 77"]);
  });
});

test.each([
  ["an answer is waited for", 1],
  ["others have their turns", 0],
])(
  "a metric that comes back while its routes are being removed, and %s, has all of them in the end",
  (_, times) => {
    const all = Array.from({ length: 600 }, (_, index) => `10.${index >> 8}.${index & 255}.0/24`);
    for (const destination of all) daemon.want(destination, "blackhole");
    daemon.flush();
    daemon.move(2000);
    delay = times;
    // Both are there, and then half of the former go.
    for (let most = 0; ; daemon.fib.flush(0)) {
      const { length } = scene.routes();
      if (length < most) break;
      most = length;
    }
    expect(scene.routes().length).toBeGreaterThan(600);
    daemon.move(METRIC);
    delay = 0;
    daemon.flush();
    daemon.flush();
    expect(scene.routes().length).toBe(600);
    expect(scene.routes().filter((route) => route.includes("metric 2000"))).toEqual([]);
  },
);
