/** The comparison with the kernel in steps, and what changes between two of them. */

import { beforeEach, describe, expect, test } from "bun:test";
import { FIRST_ID } from "../../../bgpd/fib/objects.ts";
import { type Daemon, ip, METRIC, PROTOCOL, Scene } from "./scene.ts";

const ROUTER = "172.30.0.1";
const OTHER = "172.30.0.12";
const SECOND = "172.31.0.1";

let scene: Scene;
let daemon: Daemon;

const destinationOf = (index: number): string => `10.${index >> 8}.${index & 255}.0/24`;

describe("a comparison of many routes", () => {
  const COUNT = 6000;
  const PART = 400;

  beforeEach(() => {
    scene = new Scene({ dumpPart: PART });
    daemon = scene.start();
    for (let index = 0; index < COUNT; index++) daemon.want(destinationOf(index), "blackhole");
    daemon.flush();
  });

  test("is done a part of the dump, or a thousand rows, at a time", () => {
    daemon.fib.resync();
    daemon.parts = 0;
    let flushes = 0;
    while (daemon.fib.isComparing) {
      const [parts, pending] = [daemon.parts, daemon.fib.outstanding().pending];
      expect(daemon.fib.flush(0)).toBe(true);
      flushes++;
      // One with routes, or the end of one family and the beginning of the next.
      expect(daemon.parts - parts).toBeLessThanOrEqual(3);
      expect(daemon.fib.outstanding().pending - pending).toBeLessThanOrEqual(1024);
    }
    expect(flushes).toBeGreaterThanOrEqual(COUNT / PART + Math.floor(COUNT / 1024));
    // Once.
    expect(daemon.parts).toBeLessThan(COUNT / PART + 6);
    expect(daemon.flushAll()).toEqual([]);
  });

  test("whose rows are all as they should be, looks at some thousand of them at a time", () => {
    for (let index = COUNT; index < 20_000; index++) daemon.want(destinationOf(index), "blackhole");
    daemon.flush();
    daemon.fib.resync();
    while (daemon.fib.isComparing) daemon.fib.flush(0);
    const before = daemon.fib.outstanding().pending;
    expect(before).toBe(20_000);
    expect(daemon.fib.flush(0)).toBe(true);
    expect(daemon.fib.outstanding().pending).toBeGreaterThan(10_000);
  });

  test("sends nothing before its end, and then what has come to be wanted meanwhile", () => {
    scene.route("delete", destinationOf(7));
    daemon.asked = 0;
    daemon.fib.resync();
    daemon.fib.flush(0);
    daemon.want(destinationOf(COUNT), ROUTER);
    daemon.unwant(destinationOf(3));
    while (daemon.fib.isComparing) {
      expect(daemon.fib.flush(0)).toBe(true);
      expect(daemon.asked).toBe(0);
    }
    expect(daemon.flush().toSorted()).toEqual([
      `add ${destinationOf(COUNT)} via ${ROUTER}`,
      `add blackhole ${destinationOf(7)}`,
      `delete ${destinationOf(3)}`,
    ]);
  });

  for (const what of ["route", "nexthop"]) {
    test(`is not unsure of anything while it lasts, after a ${what} found no room`, () => {
      const stop = scene.host.inject((request) =>
        request.type === `add ${what}` ? { code: "ENOBUFS" } : undefined,
      );
      daemon.want(destinationOf(COUNT), ROUTER);
      daemon.flush();
      expect(daemon.fib.isUnsure).toBe(true);
      stop();
      daemon.fib.resync();
      expect(daemon.fib.isUnsure).toBe(false);
      daemon.flush();
      expect(daemon.fib.isUnsure).toBe(false);
      expect(daemon.state(destinationOf(COUNT))).toMatchObject({ state: "installed" });
    });
  }

  test("begins anew when it is asked for again", () => {
    daemon.fib.resync();
    for (let count = 0; count < 10; count++) daemon.fib.flush(0);
    expect(daemon.dumps).toBe(1);
    scene.route("delete", destinationOf(0));
    scene.host.overrun();
    scene.deliver();
    daemon.fib.resync();
    expect(daemon.dumps).toBe(0);
    expect(daemon.flush()).toEqual([`add blackhole ${destinationOf(0)}`]);
    expect(daemon.dumps).toBe(0);
  });

  test("takes a dump again that says it may have missed some", () => {
    daemon.tears = 1;
    daemon.fib.resync();
    expect(daemon.flush()).toEqual([]);
  });
});

describe("a comparison forgets why", () => {
  beforeEach(() => {
    scene = new Scene();
    daemon = scene.start();
  });

  test("a route was refused that is there now", () => {
    const stop = scene.host.inject(() => ({ code: "EINVAL" }));
    daemon.want("10.1.0.0/24", "blackhole");
    daemon.flush();
    stop();
    scene.route("add", "10.1.0.0/24", { type: "blackhole" });
    scene.host.overrun();
    expect(daemon.resync()).toEqual([]);
    expect(daemon.state("10.1.0.0/24")).toMatchObject({ state: "installed" });
  });

  test("a nexthop object was refused, and tries it again", () => {
    const stop = scene.host.inject(() => ({ code: "EINVAL" }));
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.flush();
    expect(daemon.state("10.1.0.0/24")).toMatchObject({ state: "failed" });
    stop();
    expect(daemon.resync()).toEqual(["add 10.1.0.0/24 via 172.30.0.1"]);
  });
});

test("a comparison tells of others' routes: next hops follow one whose event was lost", () => {
  scene = new Scene({ dumpPart: 1 });
  const way = (gateway: string) => ({ protocol: 4, nextHops: [{ gateway: ip(gateway) }] });
  scene.route("add", "192.0.2.0/24", way(ROUTER));
  daemon = scene.start();
  daemon.want("10.1.0.0/24", "192.0.2.1");
  daemon.flush();
  scene.route("replace", "192.0.2.0/24", way(SECOND));
  scene.host.overrun();
  scene.deliver();
  daemon.fib.resync();
  expect(daemon.flushAll()).toEqual(["change #0 via 172.31.0.1"]);
  scene.route("replace", "192.0.2.0/24", way(OTHER));
  scene.deliver();
  daemon.mend();
  expect(daemon.flushAll()).toEqual(["change #0 via 172.30.0.12"]);
});

describe("what an earlier daemon left, while it is still being read", () => {
  beforeEach(() => {
    scene = new Scene({ dumpPart: 1 });
    daemon = scene.start();
    for (const third of [1, 2, 3]) daemon.want(`10.${third}.0.0/24`, ROUTER, SECOND);
    daemon.want("10.4.0.0/24", ROUTER);
    daemon.flush();
    daemon = scene.begin();
  });

  const read = (): void => {
    while (daemon.fib.isComparing) daemon.fib.flush(0);
  };

  test("is known to be there after a step or two", () => {
    daemon.fib.flush(0);
    daemon.fib.flush(0);
    daemon.fib.flush(0);
    expect(daemon.fib.isComparing).toBe(true);
    expect(daemon.fib.counts().stale).toBeGreaterThan(0);
  });

  test("is adopted without a message by what is wanted before it is read", () => {
    for (const third of [1, 2]) daemon.want(`10.${third}.0.0/24`, ROUTER, SECOND);
    daemon.want("10.4.0.0/24", ROUTER);
    expect(daemon.flushAll()).toEqual([]);
    expect(daemon.fib.counts()).toEqual({ installed: 3, stale: 1, healed: 0 });
    daemon.fib.sweep();
    expect(daemon.flush()).toEqual(["delete 10.3.0.0/24"]);
  });

  test("goes when it was wanted and then not", () => {
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.unwant("10.1.0.0/24");
    expect(daemon.flush()).toEqual(["delete 10.1.0.0/24"]);
    expect(daemon.fib.counts().stale).toBe(3);
  });

  test("goes at once when the sweep comes first, and when all is cleared", () => {
    daemon.fib.flush(0);
    daemon.fib.sweep();
    expect(daemon.flush().length).toBe(4);
    expect(scene.routes()).toEqual([]);
    expect(scene.objects()).toEqual([]);
  });

  for (const place of [{ metric: 7 }, { table: 100 }]) {
    const what = Object.keys(place)[0];
    test(`leaves objects alone that routes of another ${what} lead over, also when a link flaps`, () => {
      const shared = scene.kernel.routes({ protocol: PROTOCOL })[0]?.nexthop ?? 0;
      scene.route("add", "10.99.0.0/24", { ...place, nexthop: shared });
      daemon = scene.begin();
      daemon.fib.flush(0);
      daemon.fib.inspect();
      read();
      daemon.fib.sweep();
      daemon.flush();
      expect(scene.routes().length).toBe(1);
      expect(scene.routes()[0]).toContain("10.99.0.0/24");
    });
  }

  test("keeps its object for the route that leads over it, where others lead the same way", () => {
    const nexthop = { protocol: PROTOCOL, gateway: ip(OTHER), link: "eth0" };
    for (const id of [FIRST_ID + 7, FIRST_ID + 8]) {
      scene.kernel.apply({ type: "add nexthop", nexthop: { ...nexthop, id } });
    }
    scene.route("add", "10.8.0.0/24", { nexthop: FIRST_ID + 8 });
    daemon = scene.begin();
    daemon.want("10.8.0.0/24", OTHER);
    expect(daemon.flushAll()).toEqual([]);
  });

  test("and is deleted by another afterwards, is put back when it comes to be wanted", () => {
    read();
    scene.route("delete", "10.1.0.0/24");
    daemon.hear();
    expect(daemon.fib.counts().stale).toBe(3);
    scene.route("delete", "10.2.0.0/24");
    scene.deliver();
    for (const third of [1, 2]) daemon.want(`10.${third}.0.0/24`, ROUTER);
    expect(daemon.flush().toSorted()).toEqual([
      "add 10.1.0.0/24 via 172.30.0.1",
      "add 10.2.0.0/24 via 172.30.0.1",
    ]);
    // Nobody wanted them when they went.
    expect(daemon.fib.counts().healed).toBe(0);
  });

  test("and is deleted by another meanwhile, is put back when it comes to be wanted", () => {
    for (let at = 0; ; at++) {
      daemon = scene.begin();
      for (let step = 0; step < at; step++) daemon.fib.flush(0);
      if (!daemon.fib.isComparing) break;
      scene.route("delete", "10.4.0.0/24");
      scene.deliver();
      read();
      daemon.want("10.4.0.0/24", ROUTER);
      expect({ at, sent: daemon.flush() }).toEqual({
        at,
        sent: ["add 10.4.0.0/24 via 172.30.0.1"],
      });
      daemon.stop();
    }
  });

  test("is found in IPv6's tables, though others change them and the kernel loses its place there", () => {
    const destinations = [1, 2, 3, 4].map((word) => `2001:db8:${word}::/48`);
    for (const destination of destinations) scene.route("add", destination, { type: "blackhole" });
    daemon = scene.begin();
    while (daemon.fib.counts().stale < 6) daemon.fib.flush(0);
    scene.route("delete", destinations[0] ?? "");
    scene.deliver();
    read();
    daemon.fib.sweep();
    daemon.flush();
    expect(scene.routes()).toEqual([]);
  });
});

describe("between any two steps of a comparison", () => {
  /** What another does to one of 10.1 to 10.4, of which 10.4 is nobody's but an earlier daemon's. */
  const DISTURBANCES: Record<string, () => void> = {
    "a route is deleted": () => scene.route("delete", "10.2.0.0/24"),
    "one nobody has read yet is deleted": () => scene.route("delete", "10.4.0.0/24"),
    "a route is led elsewhere": () =>
      scene.route("replace", "10.2.0.0/24", { nextHops: [{ gateway: ip(SECOND) }] }),
    "a route is led elsewhere and back": () => {
      const route = scene.kernel
        .routes({ protocol: PROTOCOL })
        .find(({ destination }) => destination.w0 === 0x0a02_0000);
      const back = route?.nexthop === undefined ? {} : { nexthop: route.nexthop };
      scene.route("replace", "10.2.0.0/24", { type: "blackhole" });
      scene.route("replace", "10.2.0.0/24", back);
    },
    "a route is deleted and made again otherwise": () => {
      scene.route("delete", "10.2.0.0/24");
      scene.route("add", "10.2.0.0/24", { nextHops: [{ gateway: ip(SECOND) }] });
    },
    "another takes its place, and gives it back": () => {
      scene.route("replace", "10.2.0.0/24", { protocol: 4, type: "blackhole" });
      scene.route("delete", "10.2.0.0/24", { protocol: 4 });
    },
    "a link goes and comes": () => {
      scene.set("eth0", "down");
      scene.set("eth0", "up");
    },
    "an object is deleted": () => {
      const id = scene.kernel.nexthops()[0]?.id;
      if (id !== undefined) scene.kernel.apply({ type: "delete nexthop", id });
    },
  };
  const CHANGES: Record<string, () => void> = {
    "": () => {},
    ", and another next hop is wanted": () => daemon.want("10.2.0.0/24", OTHER),
    ", and it is wanted no more": () => daemon.unwant("10.2.0.0/24"),
    ", and one that was left is wanted": () => daemon.want("10.4.0.0/24", ROUTER),
    ", and all is swept": () => daemon.fib.sweep(),
  };
  const wanted = (): string[] =>
    [...daemon.fib.wanted()].map(
      ({ prefix, ways }) => `${prefix.w0} ${ways === "blackhole" ? "" : ways[0]?.gateway.w0}`,
    );
  const there = (): string[] =>
    scene.kernel
      .routes({ protocol: PROTOCOL })
      .map(({ destination, nextHops }) => `${destination.w0} ${nextHops[0]?.gateway?.w0 ?? ""}`);

  for (const [what, disturb] of Object.entries(DISTURBANCES)) {
    for (const [also, change] of Object.entries(CHANGES)) {
      test(`${what}${also}`, () => {
        let isLast = false;
        for (let at = 0; !isLast; at++) {
          // Events may be late, by so many steps.
          for (const late of [0, 1, 2, 100]) {
            scene = new Scene({ dumpPart: 1 });
            daemon = scene.start();
            for (const third of [1, 2, 3, 4]) daemon.want(`10.${third}.0.0/24`, ROUTER);
            daemon.flush();
            daemon = scene.begin();
            for (const third of [1, 2, 3]) daemon.want(`10.${third}.0.0/24`, ROUTER);
            let steps = 0;
            const step = (): void => {
              steps++;
              daemon.fib.flush(0);
            };
            for (let before = 0; before < at; before++) step();
            isLast = !daemon.fib.isComparing;
            disturb();
            change();
            for (let after = 0; after < late && daemon.fib.isComparing; after++) step();
            daemon.settle();
            daemon.fib.sweep();
            daemon.settle();
            const place = { at, late, steps };
            expect({ ...place, routes: there().toSorted() }).toEqual({
              ...place,
              routes: wanted().toSorted(),
            });
            expect({ ...place, sent: daemon.resync() }).toEqual({ ...place, sent: [] });
            expect(daemon.fib.failures()).toEqual([]);
            expect(daemon.fib.counts()).toMatchObject({ installed: wanted().length, stale: 0 });
          }
        }
      });
    }
  }
});

test(`what takes the place of a route with metric ${METRIC} while it is read is reported`, () => {
  scene = new Scene({ dumpPart: 1 });
  daemon = scene.start();
  for (const third of [1, 2, 3]) daemon.want(`10.${third}.0.0/24`, ROUTER);
  daemon.flush();
  daemon.fib.resync();
  daemon.fib.flush(0);
  scene.route("replace", "10.3.0.0/24", { protocol: 4, type: "blackhole" });
  scene.deliver();
  daemon.flush();
  expect(scene.routes()).toContain("blackhole 10.3.0.0/24 proto 4");
  expect(daemon.state("10.3.0.0/24")).toMatchObject({ state: "failed" });
});
