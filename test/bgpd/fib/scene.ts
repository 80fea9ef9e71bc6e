/** A node with two uplinks in the in-memory kernel, its resolver and its FIB. */

import { createFib, type Fib, type Metrics } from "../../../bgpd/fib/fib.ts";
import { FIRST_ID } from "../../../bgpd/fib/objects.ts";
import { createResolver, type Resolver } from "../../../bgpd/fib/resolve.ts";
import type { NextHop } from "../../../bgpd/fib/target.ts";
import type {
  Kernel,
  KernelError,
  Nexthop,
  Request,
  RouteDump,
  RouteSpec,
  RoutingRequest,
  Undertaking,
} from "../../../kernel/kernel.ts";
import { createMemoryHost, type MemoryHost } from "../../../kernel/memory.ts";
import { type Address, formatAddress, parseAddress } from "../../../lib/address.ts";
import { formatPrefix, parseInterfaceAddress, parsePrefix } from "../../../lib/prefix.ts";

export const PROTOCOL = 77;
export const METRIC = 1024;

export const ip = parseAddress;
export const net = parsePrefix;

export class Scene {
  readonly host: MemoryHost;
  readonly kernel: Kernel;
  /** The namespace at the other end of the uplinks. */
  readonly router: Kernel;
  #deliveries: (() => void)[] = [];

  /** Every request is told by another thread. */
  readonly isLater: boolean;

  /**
   * eth0 has 172.30.0.11/24, eth1 has 172.31.0.11/24. `dumpPart`: routes of one part of a dump. With `delay` the kernel
   * takes its time for every request (`MemoryHostOptions`).
   */
  constructor(options: { readonly dumpPart?: number; readonly delay?: () => number } = {}) {
    this.isLater = options.delay !== undefined;
    this.host = createMemoryHost({ ...options, defer: (run) => this.#deliveries.push(run) });
    const namespace = this.host.createNamespace("router");
    this.kernel = this.host.kernel();
    this.router = this.host.kernel(namespace);
    for (const [name, address] of [
      ["eth0", "172.30.0.11/24"],
      ["eth1", "172.31.0.11/24"],
    ] as const) {
      const peer = { name: `to-${name}`, namespace };
      this.kernel.apply({ type: "create veth", end: { name }, peer });
      this.address(name, address);
      this.router.apply({ type: "set link", link: peer.name, up: true });
      this.set(name, "up");
    }
  }

  address(link: string, text: string): void {
    this.kernel.apply({ type: "add address", link, ...parseInterfaceAddress(text) });
  }

  set(link: string, state: "up" | "down"): void {
    this.kernel.apply({ type: "set link", link, up: state === "up" });
  }

  /** Someone else's hand on the routes; by default ours by protocol and metric. */
  route(
    type: "add" | "replace" | "delete",
    destination: string,
    spec: Partial<RouteSpec> = {},
  ): void {
    const ours = { protocol: PROTOCOL, metric: METRIC };
    this.kernel.apply({
      type: `${type} route`,
      route: { destination: net(destination), ...ours, ...spec },
    });
  }

  /** Routes that are not the kernel's own, as text. */
  routes(): string[] {
    return this.host
      .print()
      .split("\n")
      .filter((line) => line.startsWith("  route ") && !line.includes("proto 2 "))
      .map((line) =>
        line
          .slice("  route ".length)
          .replace(` metric ${METRIC}`, "")
          .replace(/ nhid \d+/, ""),
      );
  }

  /** Nexthop objects, by their numbers in our range. */
  objects(): string[] {
    return this.host
      .print()
      .split("\n")
      .filter((line) => line.startsWith("  nexthop "))
      .map((line) =>
        line
          .slice("  nexthop id ".length)
          .replace(` proto ${PROTOCOL}`, "")
          .replaceAll(/\b12918\d{5}\b/g, (id) => `#${Number(id) - FIRST_ID}`),
      );
  }

  /** Let what the kernel has to tell be told. */
  deliver(): void {
    for (const run of this.#deliveries.splice(0)) run();
  }

  /** A daemon's part of it: started over the kernel as it is, which it has read. */
  start(): Daemon {
    const daemon = this.begin();
    while (daemon.fib.isComparing) daemon.fib.flush(0);
    return daemon;
  }

  /** The same, which has the kernel yet to read. */
  begin(): Daemon {
    return new Daemon(this);
  }
}

/** What was sent: routes by where they lead, and nexthop objects. */
export type Sent = { readonly routes: string[]; readonly objects: string[] };

/** Does with the FIB what the daemon does, when it is told to. */
export class Daemon {
  readonly fib: Fib;
  readonly resolver: Resolver;
  /** Hear no more. */
  readonly stop: () => void;
  /** How often the kernel was asked to do something, be it much or little. */
  asked = 0;
  /** Parts of dumps that were read. */
  parts = 0;
  /** Dumps that are open. */
  dumps = 0;
  /** So many more dumps miss their routes and say that they may. */
  tears = 0;
  /** The requests that are still let through; the daemon dies with the next. */
  lives = Number.POSITIVE_INFINITY;
  metrics: Metrics = { 4: METRIC, 6: METRIC };
  readonly #scene: Scene;
  readonly #kernel: Kernel;
  readonly #sent: Sent = { routes: [], objects: [] };
  /** Next hops of paths that are known and not used. */
  readonly paths = new Map<string, readonly Address[]>();
  #isDisturbed = false;
  #hasMoved = false;

  constructor(scene: Scene) {
    this.#scene = scene;
    this.#kernel = scene.host.kernel();
    const kernel = this.#delegate(this.#kernel);
    this.stop = kernel.watch(
      ["link", "address", "route", "nexthop"],
      (event) => {
        if (this.fib.observe(event)) this.#isDisturbed = true;
        if (this.resolver.observe(event)) this.#hasMoved = true;
      },
      "others",
    );
    const place = { kernel, protocol: PROTOCOL };
    this.resolver = createResolver({
      ...place,
      metricOf: (family) => this.metrics[family],
      learned: {
        targetOf: (prefix) => this.fib.targetOf(prefix),
        nextHopsOf: (prefix) => this.paths.get(formatPrefix(prefix)) ?? [],
      },
    });
    this.fib = createFib({
      ...place,
      metrics: this.metrics,
      resolve: (nextHop, link) => this.resolver.resolve(nextHop, link),
      onCovering: (prefix) => {
        if (this.resolver.concerns(prefix)) this.#hasMoved = true;
      },
      now: () => 0,
      ...(scene.isLater ? { few: -1 } : {}),
      audience: {
        beginRoutes: (family) => this.resolver.beginRoutes(family),
        takeRoute: (route) => this.resolver.takeRoute(route),
        endRoutes: () => {
          if (this.resolver.endRoutes()) this.#hasMoved = true;
        },
      },
    });
    this.resolver.refresh();
    this.fib.resync();
  }

  /** Over next hops such as `172.30.0.1` or `fe80::1%3*2` (link 3, weight 2), or into a `blackhole`. */
  want(destination: string, ...via: readonly string[]): void {
    const target = via[0] === "blackhole" ? via[0] : via.map(nextHopOf);
    this.fib.want(net(destination), target);
  }

  /** From now on routes of IPv4 have this metric. */
  move(metric: number): void {
    this.metrics = { ...this.metrics, 4: metric };
    this.fib.move(this.metrics);
  }

  unwant(destination: string): void {
    this.fib.unwant(net(destination));
  }

  state(destination: string) {
    return this.fib.stateOf(net(destination));
  }

  /** Send everything; what routes were sent. */
  flush(): string[] {
    while (this.fib.flush(1000));
    this.#sent.objects.length = 0;
    return this.#sent.routes.splice(0);
  }

  /** Send everything; what objects and routes were sent, in that order. */
  flushAll(): string[] {
    while (this.fib.flush(1000));
    return [...this.#sent.objects.splice(0), ...this.#sent.routes.splice(0)];
  }

  /** Take in what the kernel tells, mend at once; what was sent for it. */
  hear(): string[] {
    this.#isDisturbed = false;
    this.#scene.deliver();
    return this.#isDisturbed ? this.flush() : [];
  }

  /** Links or others' routes changed: what is done once that has settled. */
  settle(): string[] {
    this.mend();
    return this.flush();
  }

  /** Everything is compared; what routes were sent. */
  resync(): string[] {
    this.mend();
    this.fib.resync();
    return this.flush();
  }

  /** As `settle`, but for the sending. */
  mend(): void {
    this.#scene.deliver();
    if (this.#hasMoved) {
      this.resolver.relearn();
      this.fib.retarget();
    }
    this.#hasMoved = false;
    this.fib.inspect();
  }

  #applyAll(requests: readonly Request[]): (KernelError | undefined)[] {
    this.asked++;
    const objects = new Map(this.#kernel.nexthops().map((one) => [one.id, one]));
    return requests.map((request) => {
      if (this.lives-- <= 0) throw new Error("the daemon is dead");
      this.#note(request, objects);
      return this.#kernel.applyAll([request])[0];
    });
  }

  #applyLater(requests: readonly RoutingRequest[]): Undertaking {
    this.asked++;
    const objects = new Map(this.#kernel.nexthops().map((one) => [one.id, one]));
    for (const request of requests) this.#note(request, objects);
    return this.#kernel.applyLater(requests);
  }

  #note(request: Request, objects: ReadonlyMap<number, Nexthop>): void {
    const kind = "route" in request ? "routes" : "objects";
    this.#sent[kind].push(wordOf(request, objects));
  }

  #counted(dump: RouteDump): RouteDump {
    const isTorn = this.tears > 0;
    if (isTorn) this.tears--;
    this.dumps++;
    let isOpen = true;
    const close = (): void => {
      if (isOpen) this.dumps--;
      isOpen = false;
      dump.close();
    };
    return {
      isTorn,
      next: () => {
        this.parts++;
        const part = dump.next();
        if (part === undefined) close();
        return isTorn && part !== undefined ? [] : part;
      },
      close,
    };
  }

  #delegate(kernel: Kernel): Kernel {
    return {
      links: () => kernel.links(),
      link: (reference) => kernel.link(reference),
      addresses: (family, link) => kernel.addresses(family, link),
      routes: (filter) => kernel.routes(filter),
      routesInParts: (filter) => this.#counted(kernel.routesInParts(filter)),
      routeTo: (address) => kernel.routeTo(address),
      nexthops: () => kernel.nexthops(),
      neighbours: (family) => kernel.neighbours(family),
      neighbour: (link, address) => kernel.neighbour(link, address),
      linkInFull: (reference) => kernel.linkInFull(reference),
      settleCarrier: (link) => kernel.settleCarrier(link),
      apply: (request) => kernel.apply(request),
      applyAll: (requests) => this.#applyAll(requests),
      applyLater: (requests) => this.#applyLater(requests),
      ensureSourceCheck: (check) => kernel.ensureSourceCheck(check),
      hasSourceCheck: (check) => kernel.hasSourceCheck(check),
      setMasquerade: (masquerade) => kernel.setMasquerade(masquerade),
      hasMasquerade: (masquerade) => kernel.hasMasquerade(masquerade),
      watch: (types, listener, source) => kernel.watch(types, listener, source),
      sysctl: (name) => kernel.sysctl(name),
      setSysctl: (name, value) => kernel.setSysctl(name, value),
      close: () => kernel.close(),
    };
  }
}

function nextHopOf(text: string): NextHop {
  const [way = "", weight] = text.split("*");
  const [address = "", link] = way.split("%");
  return {
    address: ip(address),
    ...(weight === undefined ? {} : { weight: Number(weight) }),
    ...(link === undefined ? {} : { link: Number(link) }),
  };
}

/** `add 10.1.0.0/24 via 172.30.0.1`, `change #2 group #0/#1,3`; objects by their number in our range. */
function wordOf(request: Request, objects: ReadonlyMap<number, Nexthop>): string {
  const verb = request.type.split(" ")[0] ?? "";
  const own = (id: number): string => `#${id - FIRST_ID}`;
  const way = (id: number): string => {
    const { gateway, members } = objects.get(id) ?? {};
    if (members !== undefined) return members.map((member) => way(member.id)).join(" ");
    return gateway === undefined ? own(id) : `via ${formatAddress(gateway)}`;
  };
  if (request.type === "delete nexthop") return `${verb} ${own(request.id)}`;
  if ("nexthop" in request) {
    const { id, gateway, members = [] } = request.nexthop;
    const shares = members.map(
      (member) => `${own(member.id)}${member.weight === 1 ? "" : `,${member.weight}`}`,
    );
    const what =
      gateway === undefined ? `group ${shares.join("/")}` : `via ${formatAddress(gateway)}`;
    return `${verb} ${own(id)} ${what}`;
  }
  if (!("route" in request)) return request.type;
  const { destination, type = "", nexthop } = request.route;
  return [verb, type, formatPrefix(destination), nexthop === undefined ? "" : way(nexthop)]
    .filter((word) => word !== "")
    .join(" ");
}
