/** What peers say in their sessions: it reaches the RIB, and whoever has more prefixes than he may is sent away. */

import type { Family } from "../lib/address.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { Expected } from "./deferral.ts";
import type { Delays } from "./delays.ts";
import { limitOf, type Neighbour } from "./neighbour.ts";
import type { Rib } from "./rib/route.ts";
import { CEASE, OUT_OF_RESOURCES } from "./wire/const.ts";

export type IntakeOptions = {
  readonly clock: Clock;
  readonly rib: () => Rib;
  readonly delays: Pick<Delays, "received">;
  /** The peer's tables of these families have arrived; `isWhole`: those of all that the session carries. */
  readonly onTold: (peer: Expected, isWhole: { readonly isWhole: boolean }) => void;
  /** There may be something to decide or to send. */
  readonly onWork: () => void;
  /** Call the peer, unless something else keeps it down. */
  readonly start: (neighbour: Neighbour) => void;
};

export class Intake {
  readonly #options: IntakeOptions;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** An UPDATE of an established session: its body lies in the range of the buffer. */
  receive(
    neighbour: Neighbour,
    log: Logger,
    { buffer, start, end }: { buffer: Uint8Array; start: number; end: number },
  ): void {
    if (neighbour.id === undefined) return;
    const { rib, delays, onTold, onWork } = this.#options;
    const { traffic } = neighbour;
    delays.received();
    const summary = rib().receive(neighbour.id, buffer, start, end);
    for (const family of summary.families) traffic.updates[family].received++;
    if (summary.faults.length > 0) traffic.faulty++;
    for (const fault of summary.faults) {
      log.warn({ withdrawn: summary.treatedAsWithdraw }, `UPDATE: ${fault} (RFC 7606)`);
    }
    if (summary.endOfRib !== undefined) {
      const families = neighbour.session?.wire.families ?? [];
      neighbour.ended.add(summary.endOfRib);
      neighbour.retention.told(summary.endOfRib);
      this.limit(neighbour);
      const isWhole = families.every((family) => neighbour.ended.has(family));
      onTold({ name: neighbour.plan.name, families: [summary.endOfRib] }, { isWhole });
    }
    if (summary.limit === "warning") {
      const { received } = rib().peerCounts(neighbour.id);
      const limit = neighbour.plan.policy.prefixLimit?.max;
      log.warn({ received, limit }, "the peer comes near its limit of prefixes");
    }
    if (summary.limit === "exceeded") this.limit(neighbour);
    if (summary.limit === "no room") {
      const reason = "the tables have no room for more; we sent Cease/Out of Resources";
      neighbour.peer.reset({ code: CEASE, subcode: OUT_OF_RESOURCES }, reason);
    }
    onWork();
  }

  /** The peer begins to announce its table of a family again, or has done so (RFC 7313). */
  refreshed({ id, retention }: Neighbour, family: Family | undefined, what: "begin" | "end"): void {
    if (id === undefined || family === undefined) return;
    retention.refreshed(id, family, what);
    this.#options.onWork();
  }

  /** End the session of a peer that has more prefixes than it may, but for those that it told before a restart. */
  limit(neighbour: Neighbour): void {
    const { id, plan, peer } = neighbour;
    if (id === undefined || plan.policy.prefixLimit === undefined) return;
    const { received, stale } = this.#options.rib().peerCounts(id);
    const over = limitOf(plan, received - stale);
    if (over === undefined) return;
    const { restartTime } = over;
    const resume = (): void => this.resume(neighbour);
    const isFinal = restartTime === undefined;
    const timer = isFinal ? undefined : this.#options.clock.after(restartTime * 1000, resume);
    neighbour.suspended = { timer };
    peer.suspend(over.cease, over.reason);
  }

  /** The session that had too many prefixes may begin anew. */
  resume(neighbour: Neighbour): void {
    neighbour.suspended?.timer?.cancel();
    neighbour.suspended = undefined;
    this.#options.start(neighbour);
  }

  /** Of an established session. */
  keepalive(neighbour: Neighbour): void {
    neighbour.keepalives++;
    const { session, keepalives, plan } = neighbour;
    // The first one opened the session; the next is sent when the table has been. Who knows graceful restart says so
    // with the marker, and may have restarted and wait for others before it tells anything.
    if (keepalives !== 2 || session === undefined || session.restart !== undefined) return;
    this.#options.onTold({ name: plan.name, families: session.wire.families }, { isWhole: true });
    this.#options.onWork();
  }
}
