/** A node with two uplinks in the in-memory kernel, its resolver and its FIB. */

import { createFib, type Fib } from "../../../bgpd/fib/fib.ts";
import { createResolver } from "../../../bgpd/fib/resolve.ts";
import type { Kernel, Request, RouteSpec } from "../../../kernel/kernel.ts";
import { createMemoryHost, type MemoryHost } from "../../../kernel/memory.ts";
import { formatAddress, parseAddress } from "../../../lib/address.ts";
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

  /** eth0 has 172.30.0.11/24, eth1 has 172.31.0.11/24. */
  constructor() {
    this.host = createMemoryHost({ defer: (run) => this.#deliveries.push(run) });
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
      .map((line) => line.slice("  route ".length).replace(` metric ${METRIC}`, ""));
  }

  /** Let what the kernel has to tell be told. */
  deliver(): void {
    for (const run of this.#deliveries.splice(0)) run();
  }

  /** A daemon's part of it: started over the kernel as it is. */
  start(): Daemon {
    return new Daemon(this);
  }
}

/** Does with the FIB what the daemon does, when it is told to. */
export class Daemon {
  readonly fib: Fib;
  readonly resolver: ReturnType<typeof createResolver>;
  readonly #scene: Scene;
  readonly #sent: string[] = [];
  #isDisturbed = false;

  constructor(scene: Scene) {
    this.#scene = scene;
    const { kernel } = scene;
    kernel.watch(["route"], (event) => {
      if (this.fib.observe(event)) this.#isDisturbed = true;
    });
    this.resolver = createResolver(kernel, PROTOCOL);
    this.fib = createFib({
      kernel: {
        ...this.#delegate(kernel),
        applyAll: (requests) => {
          this.#sent.push(...requests.map(wordOf));
          return kernel.applyAll(requests);
        },
      },
      protocol: PROTOCOL,
      metric: METRIC,
      resolve: (nextHop) => this.resolver.resolve(nextHop),
      now: () => 0,
    });
    this.resolver.refresh();
    this.fib.resync();
  }

  want(destination: string, via: string): void {
    this.fib.want(net(destination), via === "blackhole" ? via : ip(via));
  }

  unwant(destination: string): void {
    this.fib.unwant(net(destination));
  }

  state(destination: string) {
    return this.fib.stateOf(net(destination));
  }

  /** Send everything; what was sent. */
  flush(): string[] {
    while (this.fib.flush(1000));
    return this.#sent.splice(0);
  }

  /** Take in what the kernel tells, mend at once; what was sent for it. */
  hear(): string[] {
    this.#isDisturbed = false;
    this.#scene.deliver();
    return this.#isDisturbed ? this.flush() : [];
  }

  /** Links or others' routes changed: what is done once that has settled. */
  settle(): string[] {
    this.#scene.deliver();
    if (this.resolver.refresh()) this.fib.retarget();
    this.fib.resync();
    return this.flush();
  }

  #delegate(kernel: Kernel): Kernel {
    return {
      links: () => kernel.links(),
      link: (reference) => kernel.link(reference),
      addresses: (family) => kernel.addresses(family),
      routes: (filter) => kernel.routes(filter),
      routeTo: (address) => kernel.routeTo(address),
      neighbours: (family) => kernel.neighbours(family),
      neighbour: (link, address) => kernel.neighbour(link, address),
      ipv4Settings: (link) => kernel.ipv4Settings(link),
      apply: (request) => kernel.apply(request),
      applyAll: (requests) => kernel.applyAll(requests),
      watch: (types, listener) => kernel.watch(types, listener),
      sysctl: (name) => kernel.sysctl(name),
      setSysctl: (name, value) => kernel.setSysctl(name, value),
      close: () => kernel.close(),
    };
  }
}

/** `add 10.1.0.0/24 via 172.30.0.1` */
function wordOf(request: Request): string {
  if (!("route" in request)) return request.type;
  const { destination, type = "", nextHops = [] } = request.route;
  const ways = nextHops.map(({ gateway }) =>
    gateway === undefined ? "" : `via ${formatAddress(gateway)}`,
  );
  return [request.type.split(" ")[0], type, formatPrefix(destination), ...ways]
    .filter((word) => word !== "")
    .join(" ");
}
