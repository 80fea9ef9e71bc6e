/** What is kept by events is what a new dump would say, whatever happens. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { Surroundings } from "../../../bgpd/fib/surroundings.ts";
import type { Request } from "../../../kernel/kernel.ts";
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
    .tuple(fc.constantFrom("add nexthop", "replace nexthop"), nexthop, gateway, link)
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
