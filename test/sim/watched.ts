/** A node's daemon with its pages, over an in-memory kernel, beside a router's, on one virtual clock. */

import type { Queries } from "../../bgpd/api.ts";
import type { SpeakerPlan } from "../../bgpd/cluster/speaker.ts";
import { Daemon } from "../../bgpd/daemon.ts";
import { Departed } from "../../bgpd/departed.ts";
import { createQueries } from "../../bgpd/queries.ts";
import { readiness } from "../../bgpd/readiness.ts";
import { MemoryNetwork } from "../../bgpd/transport-memory.ts";
import { createWatching } from "../../bgpd/watching.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { createMemoryHost } from "../../kernel/memory.ts";
import { parseAddress } from "../../lib/address.ts";
import { VirtualClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import type { StatusAnswer } from "../../resource/answer.ts";
import { readExposition, sampleOf } from "../bgpd/metrics/text-format.ts";
import { ProcessClock, seeded } from "./world.ts";

export const NODE = "172.30.0.11";
export const ROUTER = "172.30.0.1";

export class Watched {
  readonly clock = new VirtualClock();
  readonly kernel: Kernel;
  readonly daemon: Daemon;
  readonly departed = new Departed();
  readonly queries: Queries;
  configuration: StatusAnswer["configuration"] = { source: "here", generation: 1, faults: [] };
  readonly #network: MemoryNetwork;
  readonly #random = seeded(7);
  readonly #watching: ReturnType<typeof createWatching>;

  /** The node's daemon has no plan yet; `fib` says whether it has a kernel. */
  constructor({ fib }: { readonly fib: "kernel" | "none" } = { fib: "kernel" }) {
    const { clock } = this;
    this.#network = new MemoryNetwork({ clock, latency: () => 2 + this.#random() * 3 });
    const host = createMemoryHost({ defer: (run) => void clock.after(0, run) });
    const fabric = host.createNamespace("fabric");
    this.kernel = host.kernel();
    const peer = { name: "n1", namespace: fabric };
    this.kernel.apply({ type: "create veth", end: { name: "eth0" }, peer });
    host.kernel(fabric).apply({ type: "set link", link: "n1", up: true });
    this.kernel.apply({ type: "set link", link: "eth0", up: true });
    const address = parseAddress(NODE);
    this.kernel.apply({ type: "add address", link: "eth0", address, length: 24 });
    const kernel = fib === "kernel" ? host.kernel() : undefined;
    const daemon = new Daemon({
      clock,
      kernel,
      transport: this.#network.host(address),
      log: silentLogger(),
      random: this.#random,
      onConverged: () => {},
      onRemoved: (neighbour) => this.departed.add(neighbour),
    });
    this.daemon = daemon;
    const ready = () => readiness(daemon, []);
    const configuration = () => this.configuration;
    const about = { daemon, clock, node: "n1", version: "1.2.3", configuration, ready };
    const queries = createQueries({ ...about, started: clock.now() });
    this.queries = queries;
    this.#watching = createWatching({
      ...about,
      departed: this.departed,
      peers: () => queries.peers(),
    });
  }

  /** Start another machine's daemon, which installs nothing. Call what is returned to kill it. */
  start(address: string, plan: SpeakerPlan): () => void {
    const clock = new ProcessClock(this.clock);
    const daemon = new Daemon({
      clock,
      kernel: undefined,
      transport: this.#network.host(parseAddress(address)),
      log: silentLogger(),
      random: this.#random,
      onConverged: () => {},
    });
    daemon.apply(plan);
    return () => {
      clock.stop();
      this.#network.kill(parseAddress(address));
    };
  }

  pass(seconds: number): void {
    this.clock.advance(seconds * 1000);
  }

  async page(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const response = await this.#watching.pages.answer(new Request(`http://bgpd${path}`));
    if (response === undefined) throw new Error(`no page ${path}`);
    return { status: response.status, text: await response.text() };
  }

  /** One scrape, read strictly: every family, and a way to ask for one value. */
  async scrape() {
    const families = readExposition((await this.page("/metrics")).text);
    return {
      families,
      value: (name: string, labels?: Readonly<Record<string, string>>) =>
        sampleOf(families, name, labels),
    };
  }
}
