/**
 * `npm run bench -- fib`: routes through the FIB into the kernel, in namespaces of its own.
 *
 * What is measured is this process: wanting every prefix, encoding, the kernel's part of each write, and listening to
 * others' changes meanwhile. A batch over one nexthop object, sent with nothing around it, is the floor beside it.
 */

import { parseArgs } from "node:util";
import { createFib } from "../../bgpd/fib/fib.ts";
import { createResolver } from "../../bgpd/fib/resolve.ts";
import type { Kernel, KernelEvent, Request } from "../../kernel/kernel.ts";
import { openKernel } from "../../kernel/netlink.ts";
import { address4, parseAddress } from "../../lib/address.ts";
import { type Prefix, parseInterfaceAddress, prefixOf } from "../../lib/prefix.ts";
import { workloadOf } from "./bgp/scene.ts";
import { enter, isInside } from "./contender.ts";

const PROTOCOL = 77;
const METRIC = 1024;
const GATEWAYS = ["172.30.0.1", "172.30.0.2"].map(parseAddress);
/** As the daemon's. */
const SLICE = 5;
/** Requests of one call at the floor: `Kernel.applyAll` cuts them into writes. */
const BATCH = 512;

type Figure = {
  readonly what: string;
  readonly cpu: number;
  readonly wall: number;
  /** The longest turn that the daemon's other work would have waited for, ms. */
  readonly turn?: number;
};

/** Run it; the exit code. */
export async function runFibBench(args: string[]): Promise<number> {
  if (!isInside()) return enter("fib", args);
  // As the daemon does.
  Bun.unsafe.setJITPolicy(1);
  const { values } = parseArgs({
    args,
    options: {
      routes: { type: "string", default: "500000" },
      runs: { type: "string", default: "3" },
      // /24s in a row, or prefixes like the Internet's.
      like: { type: "string", default: "row" },
    },
  });
  const count = Number(values.routes);
  const prefixAt = values.like === "internet" ? internetPrefixes(count) : prefixInRow;
  const kernel = openKernel();
  connect(kernel);
  for (let run = 1; run <= Number(values.runs); run++) {
    for (const { what, cpu, wall, turn } of [
      floor(kernel, count, prefixAt),
      ...(await throughFib(kernel, count, prefixAt)),
    ]) {
      const longest = turn === undefined ? "" : `  longest turn ${turn.toFixed(0)} ms`;
      const took = `${cpu.toFixed(2)} CPU s  ${wall.toFixed(2)} s`;
      console.log(`run ${run}  ${what.padEnd(28)} ${took}${longest}`);
    }
  }
  kernel.close();
  return 0;
}

function connect(kernel: Kernel): void {
  kernel.apply({ type: "create veth", end: { name: "v0" }, peer: { name: "v1" } });
  kernel.apply({ type: "add address", link: "v0", ...parseInterfaceAddress("172.30.0.11/24") });
  for (const link of ["v1", "v0"]) kernel.apply({ type: "set link", link, up: true });
  const end = performance.now() + 5000;
  while (kernel.link("v0")?.carrier !== true) {
    if (performance.now() > end) throw new Error("v0 got no carrier within 5 s");
    Bun.sleepSync(5);
  }
}

type PrefixAt = (index: number) => Prefix;

const prefixInRow: PrefixAt = (index) => prefixOf(address4(0x0b00_0000 + index * 256), 24);

function internetPrefixes(count: number): PrefixAt {
  const { network, length } = workloadOf(count);
  return (index) => prefixOf(address4(network[index] ?? 0), length[index] ?? 0);
}

/** Add and delete by the kernel's interface alone, over one nexthop object. */
function floor(kernel: Kernel, count: number, prefixAt: PrefixAt): Figure {
  const [gateway = address4(0)] = GATEWAYS;
  const nexthop = { id: 1, protocol: PROTOCOL, gateway, link: "v0" };
  kernel.apply({ type: "add nexthop", nexthop });
  const figure = measured("batches with nothing around", () => {
    for (let first = 0; first < count; first += BATCH) {
      const requests = Array.from({ length: Math.min(BATCH, count - first) }, (_, at): Request => {
        const route = { destination: prefixAt(first + at), protocol: PROTOCOL, metric: METRIC };
        return { type: "add route", route: { ...route, nexthop: 1 } };
      });
      const error = kernel.applyAll(requests).find((one) => one !== undefined);
      if (error !== undefined) throw error;
    }
  });
  kernel.apply({ type: "delete nexthop", id: 1 });
  return figure;
}

async function throughFib(kernel: Kernel, count: number, prefixAt: PrefixAt): Promise<Figure[]> {
  const learned = { targetOf: () => undefined, nextHopsOf: () => [] };
  const ours = { kernel, protocol: PROTOCOL };
  const resolver = createResolver({ ...ours, metricOf: () => METRIC, learned });
  const fib = createFib({
    ...ours,
    metrics: { 4: METRIC, 6: METRIC },
    resolve: (nextHop) => resolver.resolve(nextHop),
    onCovering: (prefix) => void resolver.concerns(prefix),
    now: () => performance.now(),
  });
  let events = 0;
  const hear = (event: KernelEvent): void => {
    // IPv6 does things of its own accord.
    if (event.type !== "route" || event.route.protocol === PROTOCOL) events++;
  };
  const stop = kernel.watch(["route", "nexthop"], hear, "others");
  resolver.refresh();
  fib.resync();
  /** Until all is done; the longest turn, ms. */
  const flush = async (): Promise<number> => {
    for (let longest = 0; ; ) {
      const begin = performance.now();
      const isMore = fib.flush(SLICE);
      longest = Math.max(longest, performance.now() - begin);
      if (!isMore) return longest;
      // The listener and others get their turns, as in the daemon.
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const wantAll = (by: number): void => {
    const address = GATEWAYS[by] ?? address4(0);
    for (let index = 0; index < count; index++) fib.want(prefixAt(index), [{ address }]);
  };
  const figures = [
    await measuredLater("installed", async () => {
      wantAll(0);
      return await flush();
    }),
    await measuredLater("moved to another next hop", async () => {
      wantAll(1);
      return await flush();
    }),
    await measuredLater("compared (resync)", async () => {
      fib.resync();
      return await flush();
    }),
    await measuredLater("removed", async () => {
      for (let index = 0; index < count; index++) fib.unwant(prefixAt(index));
      return await flush();
    }),
  ];
  const left = kernel.routes({ protocol: PROTOCOL }).length;
  if (left > 0 || events > 0)
    throw new Error(`${left} routes are left, ${events} events were heard`);
  stop();
  return figures;
}

function measured(what: string, run: () => void): Figure {
  const [cpu, wall] = [process.cpuUsage(), performance.now()];
  run();
  return figureSince(what, cpu, wall);
}

async function measuredLater(what: string, run: () => Promise<number>): Promise<Figure> {
  const [cpu, wall] = [process.cpuUsage(), performance.now()];
  const turn = await run();
  return { ...figureSince(what, cpu, wall), turn };
}

function figureSince(what: string, before: NodeJS.CpuUsage, began: number): Figure {
  const { user, system } = process.cpuUsage(before);
  return { what, cpu: (user + system) / 1e6, wall: (performance.now() - began) / 1000 };
}
