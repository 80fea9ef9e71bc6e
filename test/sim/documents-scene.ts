/**
 * Daemons of several nodes, each with the plan that the same documents give it, on one virtual clock.
 */

import { planSpeaker } from "../../bgpd/cluster/plan.ts";
import type { SpeakerPlan } from "../../bgpd/cluster/speaker.ts";
import { Daemon } from "../../bgpd/daemon.ts";
import { ROUTE_PROTOCOL } from "../../bgpd/forwarding.ts";
import { MemoryNetwork } from "../../bgpd/transport-memory.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { createMemoryHost } from "../../kernel/memory.ts";
import { formatAddress } from "../../lib/address.ts";
import { VirtualClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { formatPrefix, parsePrefix } from "../../lib/prefix.ts";
import { formatFault } from "../../resource/fault.ts";
import { resourcesOf } from "../resource/documents.ts";
import { seeded } from "./world.ts";

/** The plan of a node; throws what is wrong with the documents. */
export function planFor(node: string, documents: readonly string[]): SpeakerPlan {
  const planned = planSpeaker(resourcesOf(...documents), node);
  if ("faults" in planned) throw new Error(planned.faults.map(formatFault).join("\n"));
  return planned.plan;
}

/** Several speakers; `pass` lets seconds go by. */
export class DocumentsScene {
  readonly #clock = new VirtualClock();
  readonly #random = seeded(7);
  readonly #network = new MemoryNetwork({
    clock: this.#clock,
    latency: () => this.#random() * 20,
    segment: () => 1400,
  });
  readonly #daemons = new Map<string, Daemon>();
  readonly #kernels = new Map<string, Kernel>();

  /** Start a node, or give it another plan; it installs routes where `kernel` is told. */
  apply(plan: SpeakerPlan, kernel: "kernel" | "no kernel" = "no kernel"): Daemon {
    const running = this.#daemons.get(plan.node);
    const daemon = running ?? this.#create(plan, kernel);
    this.#daemons.set(plan.node, daemon);
    daemon.apply(plan);
    return daemon;
  }

  /** End a node's daemon so that another comes after it, over the same kernel where it has one. */
  async restart(plan: SpeakerPlan): Promise<void> {
    const { node } = plan;
    const stopped = this.daemon(node).stop({ withdraw: false });
    this.#daemons.delete(node);
    this.pass(1);
    await stopped;
    const kernel = this.#kernels.has(node) ? "kernel" : "no kernel";
    const daemon = this.#create(plan, kernel, { isSuccessor: kernel === "no kernel" });
    this.#daemons.set(node, daemon);
    daemon.apply(plan);
  }

  /** End a node's daemon for good; its sessions are closed as time passes. */
  stop(node: string): void {
    void this.#daemons.get(node)?.stop({ withdraw: true });
    this.#daemons.delete(node);
  }

  pass(seconds: number): void {
    this.#clock.advance(seconds * 1000);
  }

  daemon(node: string): Daemon {
    const daemon = this.#daemons.get(node);
    if (daemon === undefined) throw new Error(`${node} does not run`);
    return daemon;
  }

  kernel(node: string): Kernel {
    const kernel = this.#kernels.get(node);
    if (kernel === undefined) throw new Error(`${node} has no kernel`);
    return kernel;
  }

  /** What a node uses, as text. */
  routes(node: string): string[] {
    const views = this.daemon(node).rib?.routes() ?? [];
    return views
      .filter(({ paths }) => paths[0]?.state === "best")
      .map(({ prefix }) => formatPrefix(prefix));
  }

  best(node: string, prefix: string) {
    return this.daemon(node).rib?.lookup(parsePrefix(prefix))?.paths[0];
  }

  /** Our routes in a node's kernel. */
  installed(node: string): string[] {
    return this.kernel(node)
      .routes({ family: 4, protocol: ROUTE_PROTOCOL })
      .map(({ destination, type, nextHops }) => {
        const gateway = nextHops[0]?.gateway;
        const way = gateway === undefined ? type : `via ${formatAddress(gateway)}`;
        return `${formatPrefix(destination)} ${way}`;
      })
      .sort();
  }

  #create(
    { node, routerId, normalPriority }: SpeakerPlan,
    wanted: "kernel" | "no kernel",
    { isSuccessor } = { isSuccessor: false },
  ): Daemon {
    const clock = this.#clock;
    if (wanted === "kernel" && !this.#kernels.has(node)) {
      const host = createMemoryHost({ defer: (run) => void clock.after(0, run) });
      const fabric = host.createNamespace("fabric");
      const kernel = host.kernel();
      const peer = { name: "fabric0", namespace: fabric };
      kernel.apply({ type: "create veth", end: { name: "eth0" }, peer });
      host.kernel(fabric).apply({ type: "set link", link: "fabric0", up: true });
      kernel.apply({ type: "set link", link: "eth0", up: true });
      kernel.apply({ type: "add address", link: "eth0", address: routerId, length: 24 });
      this.#kernels.set(node, kernel);
    }
    return new Daemon({
      clock,
      transport: this.#network.host(routerId),
      kernel: this.#kernels.get(node),
      isSuccessor,
      normalPriority,
      log: silentLogger(),
      random: this.#random,
      onConverged: () => {},
    });
  }
}
