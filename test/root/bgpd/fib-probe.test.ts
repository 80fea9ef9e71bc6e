/** The FIB on Linux itself: after every single message a packet to each prefix has a way. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createFib, type Fib } from "../../../bgpd/fib/fib.ts";
import { createResolver, type Resolver } from "../../../bgpd/fib/resolve.ts";
import type { Kernel, Request } from "../../../kernel/kernel.ts";
import { openKernel } from "../../../kernel/netlink.ts";
import { createNamespace, removeNamespace } from "../../../kernel/netns.ts";
import { parseAddress } from "../../../lib/address.ts";
import { parseInterfaceAddress, parsePrefix } from "../../../lib/prefix.ts";
import { isInside } from "../../interop/network.ts";

const PATH = "/run/fib-probe";
const PREFIXES = Array.from({ length: 20 }, (_, index) => `10.1.${index}`);

let kernel: Kernel;
let fib: Fib;
let resolver: Resolver;
/** Messages after which some prefix had no way. */
let gaps: string[];
let isProbing = false;

const via = (...addresses: string[]) =>
  addresses.map((address) => ({ address: parseAddress(address) }));

const wantAll = (...addresses: string[]): void => {
  for (const prefix of PREFIXES) fib.want(parsePrefix(`${prefix}.0/24`), via(...addresses));
};

function flush(): void {
  while (fib.flush(1000));
}

/** Others' route to the next hops 192.0.2.x. */
const route = (type: "replace" | "delete", gateway: string): Request => ({
  type: `${type} route`,
  route: {
    destination: parsePrefix("192.0.2.0/24"),
    protocol: 4,
    ...(type === "delete" ? {} : { nextHops: [{ gateway: parseAddress(gateway) }] }),
  },
});

function others(...request: Request[]): void {
  for (const one of request) kernel.apply(one);
  if (resolver.refresh()) fib.retarget();
}

describe.skipIf(!isInside)("after every message each prefix has a way", () => {
  beforeEach(async () => {
    createNamespace(PATH);
    kernel = openKernel({ namespace: PATH });
    for (const [name, address] of [
      ["v0", "172.30.0.11/24"],
      ["w0", "172.31.0.11/24"],
    ] as const) {
      const peer = { name: `${name}-peer` };
      kernel.apply({ type: "create veth", end: { name }, peer });
      kernel.apply({ type: "add address", link: name, ...parseInterfaceAddress(address) });
      for (const link of [peer.name, name]) kernel.apply({ type: "set link", link, up: true });
    }
    const end = performance.now() + 5000;
    while (!kernel.links().every(({ name, carrier }) => name === "lo" || carrier)) {
      if (performance.now() > end) throw new Error("no carrier");
      await Bun.sleep(2);
    }
    gaps = [];
    isProbing = false;
    const probed: Kernel = Object.create(kernel, {
      applyAll: {
        value: (requests: readonly Request[]) =>
          requests.map((request) => {
            const [error] = kernel.applyAll([request]);
            for (const prefix of isProbing ? PREFIXES : []) {
              if (kernel.routeTo(parseAddress(`${prefix}.7`)) === undefined) {
                gaps.push(`${prefix} after ${JSON.stringify(request)}`);
              }
            }
            return error;
          }),
      },
      routes: { value: (filter?: Parameters<Kernel["routes"]>[0]) => kernel.routes(filter) },
      routesInParts: {
        value: (filter: Parameters<Kernel["routesInParts"]>[0]) => kernel.routesInParts(filter),
      },
      nexthops: { value: () => kernel.nexthops() },
    });
    const metrics = { 4: 1024, 6: 1024 };
    const ours = { kernel: probed, protocol: 77, metrics };
    const learned = { targetOf: () => undefined, nextHopsOf: () => [] };
    resolver = createResolver({ kernel, protocol: 77, metricOf: () => 1024, learned });
    fib = createFib({ ...ours, resolve: (nextHop) => resolver.resolve(nextHop), now: () => 0 });
    others(route("replace", "172.30.0.1"));
    fib.resync();
    wantAll("192.0.2.1", "172.31.0.1");
    flush();
    isProbing = true;
  });

  afterEach(() => {
    kernel.close();
    removeNamespace(PATH);
  });

  const steps: Record<string, () => void> = {
    "a next hop of the set moves": () => others(route("replace", "172.31.0.9")),
    "a next hop of the set dies and comes back": () => {
      others(route("delete", ""));
      flush();
      others(route("replace", "172.30.0.1"));
    },
    "sets shrink and grow": () => {
      wantAll("172.31.0.1");
      flush();
      wantAll("172.31.0.1", "172.30.0.7", "192.0.2.1");
      flush();
      wantAll("192.0.2.1");
    },
    "weights change": () => {
      for (const prefix of PREFIXES) {
        const [first, second] = via("192.0.2.1", "172.31.0.1");
        if (first === undefined || second === undefined) continue;
        fib.want(parsePrefix(`${prefix}.0/24`), [{ ...first, weight: 3 }, second]);
      }
    },
    "a daemon takes over from another": () => {
      const before = kernel.nexthops().length;
      fib = createFib({
        kernel,
        protocol: 77,
        metrics: { 4: 1024, 6: 1024 },
        resolve: (nextHop) => resolver.resolve(nextHop),
        now: () => 0,
      });
      fib.resync();
      wantAll("192.0.2.1", "172.31.0.1");
      fib.sweep();
      flush();
      expect(kernel.nexthops().length).toBe(before);
    },
  };
  for (const [what, step] of Object.entries(steps)) {
    test(`while ${what}`, () => {
      step();
      flush();
      expect(gaps).toEqual([]);
      expect(fib.failures()).toEqual([]);
      expect(fib.counts().installed).toBe(PREFIXES.length);
      fib.clear();
      isProbing = false;
      flush();
      expect(kernel.nexthops()).toEqual([]);
      expect(kernel.routes({ protocol: 77 })).toEqual([]);
    });
  }
});
