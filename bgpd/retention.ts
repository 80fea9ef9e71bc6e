/**
 * Routes that may be gone soon, and for how long they stay: those of a peer that restarts (RFC 4724 section 4.2), that
 * is away for long (RFC 9494 section 4.2), or that tells its table anew (RFC 7313 section 4).
 *
 * Which routes these are, the RIB knows; here is when they go. Each family has a time of its own.
 */

import type { Family } from "../lib/address.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { GracefulRestartPlan } from "./cluster/speaker.ts";
import type { KeptFamily, PeerRestart } from "./fsm/state.ts";
import type { PeerId, Rib } from "./rib/route.ts";

/** Seconds that a peer which is there has to tell its table, at most; as long as others give by default. */
const TELLING_TIME = 360;

/** What a family of a peer waits for. */
export type Stage = "refresh" | "restart" | "long-lived";

/** A family with stale routes, for people. */
export type Retained = {
  readonly family: Family;
  readonly stage: Stage;
  /** Milliseconds until the routes go, or become long-lived stale. */
  readonly left: number;
};

/** When something ends. */
type Limit = { readonly timer: Timer; readonly at: number };

type Entry = {
  readonly cause: "refresh" | "restart";
  /** Seconds that the routes may be long-lived stale; 0 once that has been used up, or where it is not agreed. */
  longLivedTime: number;
  /** Of the restart time while the peer is away, then of telling its table. */
  limit: Limit | undefined;
  /** Of the Long-Lived Stale Time, which goes on whatever the session does. */
  longLived: Limit | undefined;
};

export type RetentionOptions = {
  readonly clock: Clock;
  readonly rib: () => Rib;
  /** Routes in use are about to go. */
  readonly onRemoval: () => void;
  /** Nothing is left of a peer that is away. */
  readonly onEmpty: () => void;
  /** Routes have gone, or count for less. */
  readonly onWork: () => void;
};

/** Of one peer. */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #entries = new Map<Family, Entry>();
  /** The peer's number in the RIB while something of it is kept. */
  #id: PeerId | undefined;
  #isAway = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /** The number under which the routes of a peer that is away are kept; undefined where none are. */
  get id(): PeerId | undefined {
    return this.#isAway ? this.#id : undefined;
  }

  /** What is kept now. */
  get families(): readonly Retained[] {
    return [...this.#entries].map(([family, { cause, limit, longLived }]) => {
      const isLongLived = longLived !== undefined && (this.#isAway ? limit === undefined : true);
      const ends = [limit, longLived].flatMap((one) => (one === undefined ? [] : [one.at]));
      const left = Math.max(0, Math.min(...ends) - this.#options.clock.now());
      return { family, stage: isLongLived ? "long-lived" : cause, left };
    });
  }

  /**
   * The session has ended and the peer is expected back: keep what was agreed, for as long as the plan grants. False
   * when that is nothing; then the RIB still has all of it.
   */
  lost(id: PeerId, restart: PeerRestart, granted: GracefulRestartPlan): boolean {
    const kept = restart.families.map((one) => grant(one, restart, granted)).filter(isKept);
    for (const [family, { cause }] of [...this.#entries]) {
      const isEnded = cause === "refresh" || !kept.some((one) => one.family === family);
      if (isEnded) this.#forget(family);
    }
    if (kept.length === 0) return false;
    this.#id = id;
    this.#isAway = true;
    for (const { family } of kept) {
      const entry = this.#entries.get(family);
      // RFC 9494 section 4.2: what a restart before this one has left is not deleted, as RFC 4724 would have it.
      if (entry !== undefined && entry.longLivedTime > 0) this.#beginLongLived(id, family, entry);
    }
    this.#options.rib().retain(
      id,
      kept.map(({ family }) => family),
    );
    for (const { family, restartTime, longLivedStaleTime } of kept) {
      const before = this.#entries.get(family);
      before?.limit?.timer.cancel();
      // RFC 9494 section 4.2: a Long-Lived Stale Time that runs, or has run out, is not begun anew before the
      // peer's table was told whole.
      const entry = before ?? {
        cause: "restart",
        longLivedTime: longLivedStaleTime,
        limit: undefined,
        longLived: undefined,
      };
      this.#entries.set(family, entry);
      if (restartTime === 0) this.#restartTimeOver(family, entry);
      else {
        const over = (): void => this.#restartTimeOver(family, entry);
        entry.limit = this.#limit(restartTime, over);
      }
    }
    return true;
  }

  /**
   * The peer is back: what it does not say it has preserved goes, and the rest has a time to be told again. After the
   * RIB has resumed it.
   */
  resumed(carried: readonly Family[], restart: PeerRestart | undefined): void {
    this.#isAway = false;
    for (const [family, entry] of [...this.#entries]) {
      const said = restart?.families.find((one) => one.family === family);
      if (!carried.includes(family)) this.#forget(family);
      else if (said?.forwarding !== true) this.#sweep(family);
      else {
        entry.limit?.timer.cancel();
        entry.limit = this.#limit(TELLING_TIME, () => this.#sweep(family));
      }
    }
  }

  /** The peer has told its table of a family (End-of-RIB). */
  told(family: Family): void {
    if (this.#entries.get(family)?.cause === "restart") this.#sweep(family);
  }

  /** The peer begins to tell it anew, or has done so (RFC 7313). After a restart its first table is that anyway. */
  refreshed(id: PeerId, family: Family, what: "begin" | "end"): void {
    const entry = this.#entries.get(family);
    if (entry?.cause === "restart") return;
    entry?.limit?.timer.cancel();
    if (what === "end") {
      this.#entries.delete(family);
      this.#options.rib().endRefresh(id, family);
      return;
    }
    this.#id = id;
    this.#options.rib().beginRefresh(id, family);
    const limit = this.#limit(TELLING_TIME, () => this.refreshed(id, family, "end"));
    this.#entries.set(family, { cause: "refresh", longLivedTime: 0, limit, longLived: undefined });
  }

  /** Nothing is kept any longer; what the RIB has of the peer is the caller's to remove. */
  end(): void {
    for (const family of [...this.#entries.keys()]) this.#forget(family);
    this.#id = undefined;
    this.#isAway = false;
  }

  /** Stale routes become long-lived stale, where that is agreed and was not so before. */
  #restartTimeOver(family: Family, entry: Entry): void {
    entry.limit = undefined;
    if (this.#id === undefined) return;
    if (entry.longLived === undefined && entry.longLivedTime === 0) this.#sweep(family);
    else this.#beginLongLived(this.#id, family, entry);
  }

  /** What is stale now joins what was long-lived stale before, whose time goes on. */
  #beginLongLived(id: PeerId, family: Family, entry: Entry): void {
    const seconds = entry.longLivedTime;
    this.#options.rib().age(id, family);
    entry.longLivedTime = 0;
    entry.longLived ??= this.#limit(seconds, () => this.#longLivedTimeOver(family, entry));
    this.#options.onWork();
  }

  /** What became stale by another loss since then has the rest of its restart time. */
  #longLivedTimeOver(family: Family, entry: Entry): void {
    entry.longLived = undefined;
    if (entry.limit === undefined) this.#sweep(family);
    else if (this.#id !== undefined) {
      this.#options.rib().sweep(this.#id, family, "long-lived");
      this.#options.onWork();
    }
  }

  #sweep(family: Family): void {
    const id = this.#id;
    this.#forget(family);
    if (id === undefined) return;
    const rib = this.#options.rib();
    if (this.#isAway && rib.peerCounts(id, family).best > 0) this.#options.onRemoval();
    rib.sweep(id, family, "all");
    if (this.#isAway && this.#entries.size === 0) {
      this.#isAway = false;
      this.#id = undefined;
      rib.removePeer(id);
      this.#options.onEmpty();
    }
    this.#options.onWork();
  }

  #forget(family: Family): void {
    const entry = this.#entries.get(family);
    entry?.limit?.timer.cancel();
    entry?.longLived?.timer.cancel();
    this.#entries.delete(family);
  }

  #limit(seconds: number, run: () => void): Limit {
    const { clock } = this.#options;
    return { timer: clock.after(seconds * 1000, run), at: clock.now() + seconds * 1000 };
  }
}

/** What the peer asks for, no more than the plan grants. */
function grant(
  { family, restartTime, longLivedStaleTime }: KeptFamily,
  { longLived }: PeerRestart,
  granted: GracefulRestartPlan,
) {
  return {
    family,
    restartTime: Math.min(restartTime, granted.peerRestartTime),
    longLivedStaleTime: longLived
      ? Math.min(longLivedStaleTime, granted.peerLongLivedStaleTime)
      : 0,
  };
}

function isKept({ restartTime, longLivedStaleTime }: ReturnType<typeof grant>): boolean {
  return restartTime > 0 || longLivedStaleTime > 0;
}
