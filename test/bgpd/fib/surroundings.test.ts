/** What is kept by events is what a new dump would say, whatever happens. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { Surroundings } from "../../../bgpd/fib/surroundings.ts";
import type { Kernel, Request } from "../../../kernel/kernel.ts";
import { parseInterfaceAddress } from "../../../lib/prefix.ts";
import { ip, net, PROTOCOL, Scene } from "./scene.ts";

const link = fc.constantFrom("eth0", "eth1");
const destination = fc.constantFrom("192.0.2.0/24", "192.0.0.0/16", "0.0.0.0/0").map(net);
const gateway = fc.constantFrom("172.30.0.1", "172.30.0.7", "172.31.0.1").map(ip);
const metric = fc.constantFrom(0, 20);
const protocol = fc.constantFrom(4, PROTOCOL);
const nexthop = fc.constantFrom(7, 8);

const request: fc.Arbitrary<Request> = fc.oneof(
  fc.record({ type: fc.constant("set link"), link, up: fc.boolean() }),
  fc.tuple(link, fc.boolean(), fc.boolean()).map(([name, isNew, isSecond]): Request => {
    const host = isSecond ? "12" : "11";
    const text = name === "eth0" ? `172.30.0.${host}/24` : `172.31.0.${host}/24`;
    return {
      type: isNew ? "add address" : "delete address",
      link: name,
      ...parseInterfaceAddress(text),
    };
  }),
  fc
    .tuple(
      fc.constantFrom("add route", "replace route", "delete route"),
      fc.record({ destination, metric, protocol }),
      fc.oneof(
        fc
          .array(
            gateway.map((one) => ({ gateway: one })),
            { minLength: 1, maxLength: 2 },
          )
          .map((nextHops) => ({ nextHops })),
        link.map((name) => ({ nextHops: [{ link: name }] })),
        nexthop.map((id) => ({ nexthop: id })),
        fc.constant({ type: "blackhole" as const }),
      ),
    )
    .map(
      ([type, base, way]): Request => ({
        type,
        route: type === "delete route" ? base : { ...base, ...way },
      }),
    ),
  fc
    .tuple(fc.constantFrom("add nexthop", "change nexthop"), nexthop, gateway, link)
    .map(([type, id, one, name]): Request => ({ type, nexthop: { id, gateway: one, link: name } })),
  nexthop.map((id): Request => ({ type: "delete nexthop", id })),
);

test("events keep links, addresses and others' routes as a dump would show them", () => {
  fc.assert(
    fc.property(fc.array(request, { maxLength: 30 }), fc.boolean(), (requests, isSlow) => {
      const scene = new Scene();
      const around = new Surroundings(scene.kernel, PROTOCOL);
      scene.kernel.watch(["link", "address", "route", "nexthop"], (event) => around.observe(event));
      around.refresh();
      for (const one of requests) {
        scene.kernel.applyAll([one]);
        if (isSlow) scene.deliver();
      }
      scene.deliver();
      const kept = around.print();
      around.refresh();
      expect(kept).toBe(around.print());
    }),
    { numRuns: 2000 },
  );
});

const theirs = { destination: net("192.0.2.0/24"), protocol: 4 };
const via = (...gateways: string[]) => ({
  nextHops: gateways.map((gateway) => ({ gateway: ip(gateway) })),
});

test("another's route that takes the place of another's is known without asking for all", () => {
  const scene = new Scene();
  const { around, asked } = counted(scene);
  scene.kernel.watch(["link", "address", "route", "nexthop"], (event) => around.observe(event));
  around.refresh();
  const before = asked();
  const gateway = () => around.routeTo(ip("192.0.2.1"))?.nextHops[0]?.gateway;
  for (const one of ["172.30.0.1", "172.31.0.1", "172.30.0.12", "172.31.0.1"]) {
    scene.kernel.apply({ type: "replace route", route: { ...theirs, ...via(one) } });
    scene.deliver();
    expect(gateway()).toEqual(ip(one));
  }
  // Ours comes in its place.
  const ours = { ...theirs, protocol: PROTOCOL, ...via("172.30.0.1") };
  scene.kernel.apply({ type: "replace route", route: ours });
  scene.deliver();
  expect(around.routeTo(ip("192.0.2.1"))).toBeUndefined();
  expect(asked()).toBe(before);
});

test("a route goes with the object that it was moved to, though its way is the same as before", () => {
  const scene = new Scene();
  const around = new Surroundings(scene.kernel, PROTOCOL);
  scene.kernel.watch(["link", "address", "route", "nexthop"], (event) => around.observe(event));
  around.refresh();
  const nexthop = { id: 7, gateway: ip("172.30.0.1"), link: "eth0" };
  scene.kernel.apply({ type: "add nexthop", nexthop });
  scene.kernel.apply({ type: "add route", route: { ...theirs, ...via("172.30.0.1") } });
  scene.kernel.apply({ type: "replace route", route: { ...theirs, nexthop: 7 } });
  scene.deliver();
  scene.kernel.apply({ type: "delete nexthop", id: 7 });
  scene.deliver();
  expect(around.routeTo(ip("192.0.2.1"))).toBeUndefined();
});

test.each([0, 1000])(
  "of an object that goes with its link's carrier the route goes too, with %d in one turn",
  (few) => {
    const scene = new Scene({ dumpPart: 1 });
    const around = new Surroundings(scene.kernel, PROTOCOL, few);
    scene.kernel.watch(["link", "address", "route", "nexthop"], (event) => around.observe(event));
    around.refresh();
    const nexthop = { id: 7, gateway: ip("172.30.0.1"), link: "eth0" };
    scene.kernel.apply({ type: "add nexthop", nexthop });
    scene.kernel.apply({ type: "add route", route: { ...theirs, nexthop: 7 } });
    scene.deliver();
    scene.router.apply({ type: "set link", link: "to-eth0", up: false });
    scene.router.apply({ type: "set link", link: "to-eth0", up: true });
    scene.deliver();
    expect(around.isOutdated).toBe(few === 0);
    if (around.isOutdated) for (const _ of reading(scene.kernel, around));
    expect(around.routeTo(ip("192.0.2.1"))).toBeUndefined();
    expect(around.routeTo(ip("172.30.0.1"))).toBeDefined();
  },
);

/** How often all routes were asked for. */
function counted(scene: Scene) {
  let asked = 0;
  const kernel: Kernel = new Proxy(scene.kernel, {
    get(target, key) {
      if (key === "routes") asked++;
      const value = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { around: new Surroundings(kernel, PROTOCOL), asked: () => asked };
}

/** Others' routes read a part at a time. */
function* reading(kernel: Kernel, around: Surroundings): Generator<void, void> {
  for (const family of [4, 6] as const) {
    around.beginRoutes(family);
    const dump = kernel.routesInParts({ family, table: 254 });
    for (let part = dump.next(); part !== undefined; part = dump.next()) {
      for (const route of part) around.takeRoute(route);
      yield;
    }
  }
  around.endRoutes();
}

test("after an overrun routes are read in parts, and right whatever is told between them", () => {
  const deed = fc.oneof(
    { weight: 4, arbitrary: request },
    { weight: 3, arbitrary: fc.constant("read" as const) },
    { weight: 2, arbitrary: fc.constant("deliver" as const) },
    { weight: 1, arbitrary: fc.constant("lose" as const) },
  );
  const deeds = fc.array(deed, { minLength: 10, maxLength: 60, size: "max" });
  fc.assert(
    fc.property(deeds, fc.constantFrom(0, 1, 1000), (all, few) => {
      const scene = new Scene({ dumpPart: 1 });
      const around = new Surroundings(scene.kernel, PROTOCOL, few);
      let isOutdated = false;
      scene.kernel.watch(["link", "address", "route", "nexthop"], (event) => {
        if (event.type === "overrun") isOutdated = true;
        around.observe(event);
      });
      around.refresh();
      let steps: Generator<void, void> | undefined;
      const step = (): void => {
        if (steps === undefined && (isOutdated || around.isOutdated)) {
          isOutdated = false;
          steps = reading(scene.kernel, around);
        }
        if (steps?.next().done === true) steps = undefined;
      };
      for (const one of all) {
        if (one === "read") step();
        else if (one === "deliver") scene.deliver();
        else if (one === "lose") scene.host.overrun();
        else scene.kernel.applyAll([one]);
      }
      do {
        scene.deliver();
        step();
      } while (steps !== undefined || isOutdated || around.isOutdated);
      const kept = around.print();
      around.refresh();
      expect(kept).toBe(around.print());
    }),
    { numRuns: 1500 },
  );
});

test("an overrun alone asks for no route, and has links and addresses right at once", () => {
  const scene = new Scene();
  const { around, asked } = counted(scene);
  around.refresh();
  const before = asked();
  scene.set("eth1", "down");
  scene.address("eth0", "172.30.0.12/24");
  scene.kernel.apply({
    type: "delete address",
    link: "eth1",
    ...parseInterfaceAddress("172.31.0.11/24"),
  });
  expect(around.observe({ type: "overrun" })).toBe(true);
  expect(around.isOwn(ip("172.30.0.12"))).toBe(true);
  expect(around.isOwn(ip("172.31.0.11"))).toBe(false);
  expect(around.routeTo(ip("172.31.0.1"))).toBeUndefined();
  expect(around.observe({ type: "overrun" })).toBe(false);
  const index = scene.kernel.link("eth0")?.index ?? 0;
  scene.kernel.apply({ type: "delete link", link: "eth0" });
  expect(around.observe({ type: "overrun" })).toBe(true);
  expect(around.link(index)).toBeUndefined();
  expect(around.routeTo(ip("172.30.0.1"))).toBeUndefined();
  expect(asked()).toBe(before);
});

test("of too many events while routes are read, all is asked for anew", () => {
  const scene = new Scene({ dumpPart: 1 });
  const around = new Surroundings(scene.kernel, PROTOCOL);
  scene.kernel.watch(["route"], (event) => around.observe(event));
  around.refresh();
  const steps = reading(scene.kernel, around);
  steps.next();
  const theirs = { destination: net("192.0.2.0/24"), protocol: 4, type: "blackhole" as const };
  for (let count = 0; count < 5001; count++) {
    for (const type of ["add route", "delete route"] as const) {
      scene.kernel.apply({ type, route: theirs });
    }
    scene.deliver();
  }
  while (steps.next().done !== true);
  expect(around.routeTo(ip("192.0.2.1"))).toBeUndefined();
});

test("what was read when an overrun comes is not believed", () => {
  const scene = new Scene({ dumpPart: 1 });
  const around = new Surroundings(scene.kernel, PROTOCOL);
  around.refresh();
  const steps = reading(scene.kernel, around);
  for (let count = 0; count < 2; count++) steps.next();
  // Its routes go without a word, and the word of the link itself is lost.
  scene.set("eth1", "down");
  around.observe({ type: "overrun" });
  while (steps.next().done !== true);
  expect(around.routeTo(ip("172.31.0.1"))).toBeUndefined();
  expect(around.routeTo(ip("172.30.0.1"))).toBeDefined();
});

test("a route over two links whose second goes before the first is back is not kept", () => {
  const scene = new Scene({ dumpPart: 1 });
  const around = new Surroundings(scene.kernel, PROTOCOL);
  scene.kernel.watch(["link", "route"], (event) => around.observe(event));
  around.refresh();
  const nextHops = ["172.30.0.1", "172.31.0.1"].map((gateway) => ({ gateway: ip(gateway) }));
  const theirs = { destination: net("192.0.2.0/24"), protocol: 4, nextHops };
  scene.kernel.apply({ type: "add route", route: theirs });
  scene.set("eth1", "down");
  scene.deliver();
  const steps = reading(scene.kernel, around);
  for (const _ of scene.kernel.routes({ family: 4, table: 254 })) steps.next();
  // It goes with the link without a word, after it was read.
  scene.set("eth0", "down");
  scene.set("eth1", "up");
  scene.deliver();
  while (steps.next().done !== true);
  expect(around.routeTo(ip("192.0.2.1"))).toBeUndefined();
});

test("IPv6 routes that are read once more count as they are read then", () => {
  const scene = new Scene();
  const around = new Surroundings(scene.kernel, PROTOCOL);
  around.refresh();
  const [four, six] = ([4, 6] as const).map((family) =>
    scene.kernel.routes({ family, table: 254 }),
  );
  const theirs = { destination: net("2001:db8::/32"), protocol: 4, type: "blackhole" } as const;
  scene.kernel.apply({ type: "add route", route: theirs });
  around.beginRoutes(4);
  for (const route of four ?? []) around.takeRoute(route);
  around.beginRoutes(6);
  for (const route of scene.kernel.routes({ family: 6, table: 254 })) around.takeRoute(route);
  around.beginRoutes(6);
  for (const route of six ?? []) around.takeRoute(route);
  // Nothing differs from before.
  expect(around.endRoutes()).toBe(false);
  expect(around.routeTo(ip("2001:db8::1"))).toBeUndefined();
});

test("a dump that has overtaken the events leaves no route that they still tell of", () => {
  const scene = new Scene();
  const around = new Surroundings(scene.kernel, PROTOCOL);
  scene.kernel.watch(["link", "address", "route", "nexthop"], (event) => around.observe(event));
  around.refresh();
  const theirs = { destination: net("192.0.2.0/24"), protocol: 4 };
  const way = { gateway: ip("172.30.0.1"), link: "eth0" };
  scene.kernel.apply({ type: "add nexthop", nexthop: { id: 8, ...way } });
  scene.kernel.apply({ type: "add route", route: { ...theirs, nexthop: 8 } });
  scene.set("eth0", "down");
  const nextHops = [{ gateway: ip("172.31.0.1") }];
  scene.kernel.apply({ type: "add route", route: { ...theirs, nextHops } });
  scene.set("eth1", "down");
  scene.deliver();
  expect(around.routeTo(ip("192.0.2.1"))).toBeUndefined();
});
