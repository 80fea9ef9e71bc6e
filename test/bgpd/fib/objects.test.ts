/** Nexthop objects of the FIB: shared, moved by one message, safe at every instant. */

import { beforeEach, describe, expect, test } from "bun:test";
import { FIRST_ID, faultOfKernel } from "../../../bgpd/fib/objects.ts";
import { KernelError } from "../../../kernel/kernel.ts";
import { type Daemon, ip, net, PROTOCOL, Scene } from "./scene.ts";

const ROUTER = "172.30.0.1";
const OTHER = "172.30.0.12";
const SECOND = "172.31.0.1";

let scene: Scene;
let daemon: Daemon;

beforeEach(() => {
  scene = new Scene();
  daemon = scene.start();
});

const links = () => ({
  eth0: scene.kernel.link("eth0")?.index ?? 0,
  eth1: scene.kernel.link("eth1")?.index ?? 0,
});

/** Many routes over one and the same. */
function wantMany(count: number, ...via: string[]): void {
  for (let index = 0; index < count; index++) daemon.want(`10.1.${index}.0/24`, ...via);
}

describe("next hops", () => {
  test("are shared by the routes that lead over them, and go with the last", () => {
    wantMany(3, ROUTER);
    expect(daemon.flushAll().slice(0, 1)).toEqual(["add #0 via 172.30.0.1"]);
    expect(scene.objects()).toEqual(["#0 via 172.30.0.1 dev eth0"]);
    daemon.unwant("10.1.0.0/24");
    daemon.want("10.1.1.0/24", OTHER);
    expect(daemon.flushAll()).toEqual([
      "add #1 via 172.30.0.12",
      "delete 10.1.0.0/24",
      "replace 10.1.1.0/24 via 172.30.0.12",
    ]);
    daemon.unwant("10.1.2.0/24");
    expect(daemon.flushAll()).toEqual(["delete #0", "delete 10.1.2.0/24"]);
    expect(scene.objects()).toEqual(["#1 via 172.30.0.12 dev eth0"]);
  });

  test("that come to be known together are made together", () => {
    for (let host = 1; host <= 200; host++)
      daemon.want(`10.1.${host}.0/24`, `172.30.0.${host + 20}`);
    expect(daemon.flushAll()).toHaveLength(400);
    expect(scene.objects()).toHaveLength(200);
    // Once for the objects, once for the routes.
    expect(daemon.asked).toBe(2);
  });

  test("take other ids where theirs are taken, and one refusal stops no other", () => {
    const [taken, refused] = [FIRST_ID + 1, FIRST_ID + 2];
    scene.host.inject((request) => {
      if (request.type !== "add nexthop") return undefined;
      if (request.nexthop.id === taken) return { code: "EEXIST" };
      return request.nexthop.id === refused ? { code: "EINVAL", words: "no" } : undefined;
    });
    for (let host = 1; host <= 4; host++) daemon.want(`10.1.${host}.0/24`, `172.30.0.${host}`);
    daemon.flush();
    expect(scene.objects()).toEqual([
      "#0 via 172.30.0.1 dev eth0",
      "#3 via 172.30.0.4 dev eth0",
      "#4 via 172.30.0.2 dev eth0",
    ]);
    expect(daemon.state("10.1.2.0/24")).toMatchObject({ state: "installed" });
    expect(daemon.state("10.1.3.0/24")).toMatchObject({ state: "failed" });
  });

  test("several are a group, which routes with the same ones share whatever their order", () => {
    daemon.want("10.1.0.0/24", ROUTER, SECOND);
    daemon.want("10.2.0.0/24", SECOND, ROUTER);
    daemon.want("10.3.0.0/24", ROUTER);
    daemon.want("10.4.0.0/24", `${ROUTER}*3`, SECOND);
    daemon.flush();
    expect(scene.objects()).toEqual([
      "#0 via 172.30.0.1 dev eth0",
      "#1 via 172.31.0.1 dev eth1",
      "#2 group #0/#1",
      "#3 group #0,3/#1",
    ]);
    expect(scene.routes().slice(0, 2)).toEqual([
      "10.1.0.0/24 proto 77 nexthop via 172.30.0.1 dev eth0 nexthop via 172.31.0.1 dev eth1",
      "10.2.0.0/24 proto 77 nexthop via 172.30.0.1 dev eth0 nexthop via 172.31.0.1 dev eth1",
    ]);
    expect(daemon.state("10.4.0.0/24")).toEqual({
      state: "installed",
      target: [
        { gateway: ip(ROUTER), link: links().eth0, weight: 3 },
        { gateway: ip(SECOND), link: links().eth1, weight: 1 },
      ],
    });
  });

  test("of the other family carry routes, link-local ones on the link that is named", () => {
    daemon.want("10.1.0.0/24", `fe80::7%${links().eth1}`);
    daemon.want("fd01::/64", `fe80::7%${links().eth1}`);
    daemon.flush();
    expect(scene.routes()).toEqual([
      "10.1.0.0/24 proto 77 via fe80::7 dev eth1",
      "fd01::/64 proto 77 via fe80::7 dev eth1",
    ]);
    daemon.want("fd02::/64", ROUTER);
    daemon.flush();
    expect(daemon.state("fd02::/64")).toMatchObject({
      state: "failed",
      error: expect.stringContaining("IPv6 routes can not use an IPv4 nexthop"),
    });
  });

  test("that move, move all their routes with one message", () => {
    const way = (gateway: string) => ({ protocol: 4, nextHops: [{ gateway: ip(gateway) }] });
    scene.route("add", "192.0.2.0/24", way(ROUTER));
    daemon.settle();
    wantMany(50, "192.0.2.1");
    daemon.flush();
    scene.route("replace", "192.0.2.0/24", way(SECOND));
    daemon.mend();
    expect(daemon.flushAll()).toEqual(["change #0 via 172.31.0.1"]);
    expect(scene.routes().filter((text) => text.includes("via 172.31.0.1")).length).toBe(51);
  });

  test("that die leave their groups first, and take with them what leads over them alone", () => {
    const way = (gateway: string) => ({ protocol: 4, nextHops: [{ gateway: ip(gateway) }] });
    scene.route("add", "192.0.2.0/24", way(SECOND));
    daemon.settle();
    daemon.want("10.1.0.0/24", ROUTER, "192.0.2.1");
    daemon.want("10.2.0.0/24", "192.0.2.1");
    daemon.want("10.3.0.0/24", "192.0.2.1", "192.0.2.2");
    daemon.flush();
    scene.route("delete", "192.0.2.0/24", { protocol: 4 });
    daemon.mend();
    expect(daemon.flushAll()).toEqual([
      "change #3 group #0",
      "delete #4",
      "delete #1",
      "delete #2",
    ]);
    expect(scene.routes()).toEqual(["10.1.0.0/24 proto 77 via 172.30.0.1 dev eth0"]);
    expect(daemon.state("10.2.0.0/24")).toEqual({
      state: "failed",
      error: "no route to next hop 192.0.2.1",
    });
    scene.route("add", "192.0.2.0/24", way(SECOND));
    daemon.settle();
    expect(scene.routes().length).toBe(4);
  });

  test("that join or leave all routes of a group at once are one message", () => {
    wantMany(3, ROUTER, SECOND);
    daemon.flushAll();
    wantMany(3, ROUTER);
    expect(daemon.flushAll()).toEqual(["change #2 group #0", "delete #1"]);
    expect(scene.routes()).toHaveLength(3);
    expect(daemon.state("10.1.0.0/24")?.state).toBe("installed");
    wantMany(3, ROUTER, SECOND, OTHER);
    const [first, second, ...rest] = daemon.flushAll();
    expect([first, second].sort()).toEqual(["add #3 via 172.31.0.1", "add #4 via 172.30.0.12"]);
    expect(rest).toEqual(["change #2 group #0/#3/#4"]);
    for (const index of [0, 1, 2]) daemon.unwant(`10.1.${index}.0/24`);
    daemon.flushAll();
    expect(scene.objects()).toEqual([]);
  });

  test("of a group are not handed on where routes part, or others want the same", () => {
    wantMany(3, ROUTER, SECOND);
    daemon.flushAll();
    wantMany(2, ROUTER);
    daemon.unwant("10.1.2.0/24");
    daemon.flushAll();
    expect(scene.objects()).toEqual(["#0 via 172.30.0.1 dev eth0"]);
    expect(scene.routes()).toEqual([
      "10.1.0.0/24 proto 77 via 172.30.0.1 dev eth0",
      "10.1.1.0/24 proto 77 via 172.30.0.1 dev eth0",
    ]);
    daemon.want("10.1.2.0/24", ROUTER, SECOND);
    daemon.flushAll();
    daemon.want("10.1.2.0/24", ROUTER);
    daemon.flushAll();
    expect(scene.objects()).toEqual(["#0 via 172.30.0.1 dev eth0"]);
  });

  test("of a group that was handed on may die and come back", () => {
    const way = (gateway: string) => ({ protocol: 4, nextHops: [{ gateway: ip(gateway) }] });
    scene.route("add", "192.0.2.0/24", way(SECOND));
    daemon.settle();
    wantMany(2, ROUTER, "192.0.2.1");
    daemon.flushAll();
    wantMany(2, "192.0.2.1");
    daemon.flushAll();
    scene.route("delete", "192.0.2.0/24", { protocol: 4 });
    daemon.settle();
    expect(scene.routes()).toEqual([]);
    expect(scene.objects()).toEqual([]);
    scene.route("add", "192.0.2.0/24", way(SECOND));
    daemon.settle();
    expect(scene.routes().filter((text) => text.startsWith("10.1."))).toHaveLength(2);
  });

  test("while more is being decided, keep what leads over them though they are dead", () => {
    const way = (gateway: string) => ({ protocol: 4, nextHops: [{ gateway: ip(gateway) }] });
    scene.route("add", "192.0.2.0/24", way(SECOND));
    daemon.settle();
    wantMany(3, "192.0.2.1");
    daemon.flush();
    scene.route("delete", "192.0.2.0/24", { protocol: 4 });
    daemon.mend();
    daemon.fib.flush(1000, "routes");
    expect(scene.routes().length).toBe(3);
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.fib.flush(1000, "routes");
    expect(scene.routes().length).toBe(3);
    daemon.fib.flush(1000, "all");
    expect(scene.routes()).toEqual(["10.1.0.0/24 proto 77 via 172.30.0.1 dev eth0"]);
  });

  test("lose a link and come back with it, groups and all", () => {
    daemon.want("10.1.0.0/24", ROUTER, SECOND);
    daemon.want("10.2.0.0/24", SECOND);
    daemon.flush();
    scene.router.apply({ type: "set link", link: "to-eth1", up: false });
    expect(scene.routes()).toEqual(["10.1.0.0/24 proto 77 via 172.30.0.1 dev eth0"]);
    expect(daemon.settle()).toEqual([]);
    scene.router.apply({ type: "set link", link: "to-eth1", up: true });
    daemon.mend();
    expect(daemon.flushAll()).toEqual([
      "add #3 via 172.31.0.1",
      "change #2 group #0/#3",
      "add 10.2.0.0/24 via 172.31.0.1",
    ]);
  });
});

describe("objects that others touch", () => {
  beforeEach(() => {
    wantMany(3, ROUTER);
    daemon.want("10.2.0.0/24", ROUTER, SECOND);
    daemon.flush();
  });

  test("are made again when they were deleted, with their routes", () => {
    scene.kernel.apply({ type: "delete nexthop", id: FIRST_ID });
    expect(scene.routes().length).toBe(1);
    expect(daemon.hear().length).toBe(3);
    expect(scene.routes().length).toBe(4);
    expect(scene.routes().at(-1)).toContain("nexthop via 172.31.0.1 dev eth1");
  });

  test("are turned back when they were changed", () => {
    const nexthop = { id: FIRST_ID, protocol: PROTOCOL, gateway: ip(OTHER), link: "eth0" };
    scene.kernel.apply({ type: "change nexthop", nexthop });
    daemon.hear();
    expect(scene.objects()[0]).toBe("#0 via 172.30.0.1 dev eth0");
  });

  test("that are gone when they are to be changed are made anew, with their routes", () => {
    for (const id of [FIRST_ID, FIRST_ID + 1]) {
      scene.kernel.apply({ type: "delete nexthop", id });
    }
    expect(scene.routes()).toEqual([]);
    // Nobody has said so yet; the group would be handed on.
    daemon.want("10.2.0.0/24", OTHER);
    daemon.fib.flush(1000, "routes");
    daemon.settle();
    expect(scene.routes().length).toBe(4);
    expect(scene.routes().at(-1)).toContain(`10.2.0.0/24 proto 77 via ${OTHER}`);
    expect(daemon.resync()).toEqual([]);
  });

  test("of others are left alone, though they have our protocol or an id of our range", () => {
    const way = { gateway: ip(OTHER), link: "eth0" };
    const add = (id: number, protocol: number) =>
      scene.kernel.apply({ type: "add nexthop", nexthop: { id, protocol, ...way } });
    add(7, PROTOCOL);
    add(FIRST_ID + 3, 4);
    daemon.want("10.3.0.0/24", OTHER);
    daemon.flush();
    expect(daemon.state("10.3.0.0/24")).toMatchObject({ state: "installed" });
    expect(scene.objects()).toContain("#4 via 172.30.0.12 dev eth0");
    daemon.fib.clear();
    daemon.flush();
    expect(scene.objects()).toEqual([
      "7 via 172.30.0.12 dev eth0",
      "#3 via 172.30.0.12 dev eth0 proto 4",
    ]);
  });
});

describe("objects of an earlier daemon", () => {
  beforeEach(() => {
    wantMany(2, ROUTER);
    daemon.want("10.2.0.0/24", ROUTER, SECOND);
    daemon.want("10.3.0.0/24", OTHER);
    daemon.flush();
    daemon = scene.start();
  });

  test("are taken over with their routes, without a message", () => {
    daemon.want("10.2.0.0/24", SECOND, ROUTER);
    wantMany(2, ROUTER);
    expect(daemon.flushAll()).toEqual([]);
    expect(daemon.fib.counts()).toEqual({ installed: 3, stale: 1, healed: 0 });
  });

  test("go with the sweep when nobody wants them, groups before their members", () => {
    daemon.want("10.1.0.0/24", ROUTER);
    daemon.fib.sweep();
    expect(daemon.flushAll()).toEqual([
      "delete #3",
      "delete #1",
      "delete #2",
      "delete 10.1.1.0/24",
      "delete 10.2.0.0/24",
      "delete 10.3.0.0/24",
    ]);
    expect(scene.objects()).toEqual(["#0 via 172.30.0.1 dev eth0"]);
  });

  test("that carry routes of another metric are another's", () => {
    scene.route("add", "10.9.0.0/24", { metric: 7, nexthop: FIRST_ID });
    daemon = scene.start();
    daemon.fib.sweep();
    daemon.flush();
    expect(scene.objects()).toEqual(["#0 via 172.30.0.1 dev eth0"]);
    expect(scene.routes()).toEqual(["10.9.0.0/24 proto 77 metric 7 via 172.30.0.1 dev eth0"]);
  });
});

describe("whatever message a daemon dies after", () => {
  const STEPS: Record<string, () => void> = {
    "a next hop moves": () => {
      const way = { protocol: 4, nextHops: [{ gateway: ip(SECOND) }] };
      scene.route("replace", "192.0.2.0/24", way);
      daemon.mend();
    },
    "a next hop of a set dies": () => {
      scene.route("delete", "192.0.2.0/24", { protocol: 4 });
      daemon.mend();
    },
    "routes move from one to several": () => {
      for (const third of [0, 1, 2]) daemon.want(`10.1.${third}.0/24`, ROUTER, SECOND);
    },
    "routes move from several to one": () => {
      for (const second of [2, 3]) daemon.want(`10.${second}.0.0/24`, OTHER);
    },
    "a blackhole becomes a way": () => daemon.want("10.4.0.0/24", ROUTER, OTHER),
  };

  for (const [what, step] of Object.entries(STEPS)) {
    test(`no route is lost: ${what}`, () => {
      for (let lives = 0; ; lives++) {
        scene = new Scene();
        scene.route("add", "192.0.2.0/24", { protocol: 4, nextHops: [{ gateway: ip(OTHER) }] });
        daemon = scene.start();
        wantMany(3, ROUTER);
        daemon.want("10.2.0.0/24", ROUTER, "192.0.2.1");
        daemon.want("10.3.0.0/24", SECOND, "192.0.2.1");
        daemon.want("10.4.0.0/24", "blackhole");
        daemon.flush();
        step();
        daemon.lives = lives;
        let isDead = false;
        try {
          daemon.flush();
        } catch {
          isDead = true;
        }
        const there = scene.routes().filter((text) => /^(blackhole )?10\./.test(text));
        expect({ lives, there: there.length }).toEqual({ lives, there: 6 });
        // Its successor brings it to the same end.
        daemon = scene.start();
        wantMany(3, ROUTER);
        daemon.want("10.2.0.0/24", OTHER);
        daemon.want("10.3.0.0/24", SECOND, OTHER);
        daemon.fib.sweep();
        daemon.flush();
        expect(scene.routes().filter((text) => text.includes("proto 77")).length).toBe(5);
        expect(scene.objects().length).toBe(4);
        if (!isDead) break;
      }
    });
  }
});

describe("a kernel", () => {
  test("without nexthop objects is refused in words", () => {
    const nexthops = () => {
      throw new KernelError(
        "dump 106: not supported by this kernel (EOPNOTSUPP)",
        "EOPNOTSUPP",
        95,
      );
    };
    expect(faultOfKernel({ ...scene.kernel, nexthops })).toContain("Linux 5.3");
    expect(faultOfKernel(scene.kernel)).toBeUndefined();
  });
});

test("a prefix and a next hop say what they are wanted for", () => {
  daemon.want("10.1.0.0/24", ROUTER, SECOND);
  expect(daemon.fib.targetOf(net("10.1.0.0/24"))).toEqual([
    { address: ip(ROUTER), weight: 1 },
    { address: ip(SECOND), weight: 1 },
  ]);
  expect([...daemon.fib.wanted()].length).toBe(1);
});
