/**
 * BFD in a thread of its own: however long the daemon thinks about a table, packets leave and are heard in time.
 *
 * The thread blocks in the kernel and has no event loop, so commands are left at a port and an eventfd wakes it.
 * It starts with the first session.
 */

import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { close, write } from "../../kernel/libc.ts";
import { eventfd } from "../../kernel/libc-datagram.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/log.ts";
import type { Bfd, BfdFactory, SessionChange, SessionPlan, SessionStatus } from "./bfd.ts";
import type { Command, Report } from "./loop.ts";

/** The thread's beginning. */
export type ThreadStart = { readonly wake: number; readonly port: MessagePort };

export type ThreadOptions = { readonly clock: Clock; readonly log: Logger };

/** An entry point of the executable; from sources, relative to the checkout, where they are run. */
const ENTRY = "./bgpd/bfd/worker.ts";
/** Until a thread that has failed is replaced, ms. */
const RESTART = 1000;
/** What an eventfd wants to be written. */
const ONE = new Uint8Array(BigUint64Array.of(1n).buffer);

/** For `DaemonOptions`: sessions on this machine's network. */
export function bfdThread({ clock, log }: ThreadOptions): BfdFactory {
  return (onChange) => new Thread(clock, log, onChange);
}

type Running = {
  readonly wake: number;
  readonly port: MessagePort;
  readonly ended: Promise<void>;
};

class Thread implements Bfd {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #onChange: (change: SessionChange) => void;
  readonly #plans = new Map<string, SessionPlan>();
  #statuses = new Map<string, SessionStatus>();
  /** When `#statuses` came. */
  #reported = 0;
  #running: Running | undefined;
  #isStopping = false;

  constructor(clock: Clock, log: Logger, onChange: (change: SessionChange) => void) {
    this.#clock = clock;
    this.#log = log;
    this.#onChange = onChange;
  }

  set(name: string, plan: SessionPlan): void {
    this.#plans.set(name, plan);
    this.#running ??= this.#start();
    this.#say({ type: "set", name, plan });
  }

  remove(name: string): void {
    this.#plans.delete(name);
    this.#statuses.delete(name);
    this.#say({ type: "remove", name });
  }

  status(name: string): SessionStatus | undefined {
    const status = this.#statuses.get(name);
    if (status === undefined || !this.#plans.has(name)) return undefined;
    return { ...status, since: status.since + this.#clock.now() - this.#reported };
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#say({ type: "stop" });
    await this.#running?.ended;
  }

  #say(command: Command): void {
    if (this.#running === undefined) return;
    this.#running.port.postMessage(command);
    write(this.#running.wake, ONE);
  }

  #start(): Running {
    const wake = eventfd();
    const { port1: port, port2: theirs } = new MessageChannel();
    const start: ThreadStart = { wake, port: theirs };
    const worker = new Worker(ENTRY, { workerData: start, transferList: [theirs] });
    port.on("message", (report: Report) => this.#hear(report));
    worker.on("error", (error) => this.#log.error({ err: error }, "bfd: the thread has failed"));
    const ended = new Promise<void>((resolve) => {
      worker.on("exit", () => {
        port.close();
        close(wake);
        this.#running = undefined;
        if (!this.#isStopping) this.#clock.after(RESTART, () => this.#restart());
        resolve();
      });
    });
    return { wake, port, ended };
  }

  #restart(): void {
    if (this.#isStopping) return;
    for (const [name, plan] of this.#plans) this.set(name, plan);
  }

  #hear(report: Report): void {
    if (report.type === "started") {
      this.#log.info({ scheduling: report.urgency }, "bfd: the thread runs");
      return;
    }
    if (report.type === "change") {
      const { name, from, to, cause } = report.change;
      this.#log.info({ peer: name, from, to }, `bfd: ${to}: ${cause}`);
      // A session that was removed meanwhile concerns nobody.
      if (this.#plans.has(name)) this.#onChange(report.change);
      return;
    }
    this.#reported = this.#clock.now();
    this.#statuses = new Map(report.statuses);
  }
}
