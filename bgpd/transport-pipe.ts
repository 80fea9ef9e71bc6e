/**
 * One connection of the in-memory transport: two ends, and between them two pipes with latency.
 *
 * A pipe carries segments in order, as TCP does; while the hosts are cut off from each other, their keys
 * or hops do not fit, or the receiver has paused, segments wait in it. It takes no more than its window before some are received.
 */

import type { Address } from "../lib/address.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Secret } from "../lib/secret.ts";
import {
  type Connection,
  type ConnectionHandlers,
  LINGER,
  type Restrictions,
} from "./transport.ts";
import { SendQueue } from "./transport-queue.ts";

/** What the network does to segments. */
export type Link = {
  readonly clock: Clock;
  /** Bytes under way in one direction at most. */
  readonly window: number;
  /** Milliseconds for the next segment. */
  latency(): number;
  /** Bytes in the next segment at most. */
  segment(): number;
  /** Whether the two hosts are cut off from each other. */
  isCut(a: Address, b: Address): boolean;
};

/** Linux' default TTL, and that of a listener's answer. */
export const USUAL_HOPS = 64;

/** Whether both sign alike: neither, or both with one key. */
export function isSameKey(a: Secret | undefined, b: Secret | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b);
}

type Segment =
  | { readonly type: "accept"; readonly at: number; readonly run: () => void }
  | { readonly type: "data"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly type: "end"; readonly at: number; readonly reason: string };

/** One end. */
export class MemoryConnection implements Connection {
  readonly local: Address;
  readonly localPort: number;
  readonly remote: Address;
  readonly remotePort: number;
  readonly #link: Link;
  readonly #queue = new SendQueue();
  #other: MemoryConnection | undefined;
  #handlers: ConnectionHandlers | undefined;
  #state: "open" | "closing" | "over" = "open";
  #paused = false;
  /** What is on its way to this end. */
  #arriving: Segment[] = [];
  #underWay = 0;
  #sentAt: number;
  #key: Secret | undefined;
  #hops = USUAL_HOPS;
  #leastHops = 0;
  #delivery: Timer | undefined;
  #flush: Timer | undefined;
  #linger: Timer | undefined;
  #done: (() => void) | undefined;

  constructor(link: Link, local: readonly [Address, number], remote: readonly [Address, number]) {
    this.#link = link;
    this.#sentAt = link.clock.now();
    [this.local, this.localPort] = local;
    [this.remote, this.remotePort] = remote;
  }

  /** Join two ends; `onAccept` runs when the second one's host learns of the connection. */
  static join(first: MemoryConnection, second: MemoryConnection, onAccept: () => void): void {
    first.#other = second;
    second.#other = first;
    first.#carry({ type: "accept", at: first.#arrival(second), run: onAccept });
  }

  get backlog(): number {
    return this.#queue.length;
  }

  get sentAt(): number {
    return this.#sentAt;
  }

  receive(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
    this.deliver();
  }

  write(bytes: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#queue.push(bytes);
    this.#flush ??= this.#link.clock.after(0, () => {
      this.#flush = undefined;
      this.#send();
    });
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.deliver();
  }

  /** Every host here is one hop away, over one link. */
  restrict({ hops = this.#hops, leastHops = this.#leastHops }: Restrictions): void {
    this.#hops = hops;
    this.#leastHops = leastHops;
    this.#tryAgain();
  }

  setKey(key: Secret | undefined): void {
    this.#key = key;
    this.#tryAgain();
  }

  close(done?: () => void): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#done = done;
    this.#linger = this.#link.clock.after(LINGER, () => this.#finish("connection reset by peer"));
    this.#flush ??= this.#link.clock.after(0, () => {
      this.#flush = undefined;
      this.#send();
    });
  }

  reset(): void {
    if (this.#state !== "over") this.#finish("connection reset by peer");
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Whether nothing will happen to this end any more. */
  get isGone(): boolean {
    return this.#state === "over" && this.#arriving.length === 0;
  }

  /** Hand over what has arrived by now; called again when a cut has been mended. */
  deliver(): void {
    this.#delivery?.cancel();
    const { clock } = this.#link;
    const first = this.#arriving[0];
    if (first === undefined) return;
    // In a timer, so that no handler runs inside a call of its owner.
    this.#delivery = clock.after(Math.max(0, first.at - clock.now()), () => this.#deliverDue());
  }

  /** What could not pass may do so now. */
  #tryAgain(): void {
    this.deliver();
    this.#other?.deliver();
  }

  /** Whether the kernel drops what the other end sends: it is signed otherwise, or comes from too far. */
  get #isRefusing(): boolean {
    const other = this.#other;
    if (other === undefined) return false;
    return !isSameKey(this.#key, other.#key) || other.#hops < this.#leastHops;
  }

  #cease(): void {
    this.#state = "over";
    this.#queue.clear();
    for (const timer of [this.#flush, this.#linger, this.#delivery]) timer?.cancel();
  }

  #deliverDue(): void {
    const { clock } = this.#link;
    for (;;) {
      const segment = this.#arriving[0];
      if (segment === undefined || segment.at > clock.now() || this.#isBlocked(segment)) break;
      this.#arriving.shift();
      this.#take(segment);
    }
    const next = this.#arriving[0];
    if (next !== undefined && next.at > clock.now()) this.deliver();
  }

  /** A segment waits for the network, for `receive`, and, if it is not an end, for `resume`. */
  #isBlocked(segment: Segment): boolean {
    if (this.#link.isCut(this.local, this.remote) || this.#isRefusing) return true;
    if (segment.type === "accept" || this.#state !== "open") return false;
    return this.#paused || this.#handlers === undefined;
  }

  #take(segment: Segment): void {
    const other = this.#other;
    switch (segment.type) {
      case "accept":
        segment.run();
        return;
      case "data":
        if (other !== undefined) other.#acknowledged(segment.bytes.length);
        if (this.#state === "open") this.#handlers?.onData(segment.bytes);
        else if (this.#state === "over") this.#answerReset();
        return;
      case "end":
        if (this.#state === "open") {
          this.#cease();
          this.#handlers?.onEnd(segment.reason);
        } else if (this.#state === "closing") {
          this.#cease();
          this.#done?.();
        }
    }
  }

  /** Data for a connection that is no more. */
  #answerReset(): void {
    const other = this.#other;
    if (other === undefined || other.#state === "over") return;
    const at = this.#arrival(other);
    this.#carry({ type: "end", at, reason: "connection reset by peer" });
  }

  #acknowledged(bytes: number): void {
    this.#underWay -= bytes;
    this.#send();
  }

  #send(): void {
    const other = this.#other;
    if (this.#state === "over" || other === undefined) return;
    const before = this.#queue.length;
    while (this.#queue.length > 0 && this.#underWay < this.#link.window) {
      const room = this.#link.window - this.#underWay;
      const bytes = this.#queue.peek(new Uint8Array(Math.min(room, this.#link.segment()))).slice();
      this.#queue.drop(bytes.length);
      this.#sentAt = this.#link.clock.now();
      this.#underWay += bytes.length;
      this.#carry({ type: "data", at: this.#arrival(other), bytes });
    }
    if (this.#queue.length > 0) return;
    if (this.#state === "closing") this.#finish("closed by the peer");
    else if (before > 0) {
      this.#link.clock.after(0, () => {
        if (this.#state === "open" && this.#queue.length === 0) this.#handlers?.onDrain();
      });
    }
  }

  #finish(reason: string): void {
    const other = this.#other;
    const done = this.#done;
    this.#cease();
    if (other !== undefined) {
      this.#carry({ type: "end", at: this.#arrival(other), reason });
    }
    // An end that is over still takes part in the network: it answers late data with a reset.
    this.deliver();
    done?.();
  }

  /** When a segment sent now arrives: never before the one sent before it. */
  #arrival(other: MemoryConnection): number {
    const last = other.#arriving.at(-1)?.at ?? 0;
    return Math.max(last, this.#link.clock.now() + this.#link.latency());
  }

  #carry(segment: Segment): void {
    const other = this.#other;
    if (other === undefined) return;
    other.#arriving.push(segment);
    if (other.#arriving.length === 1) other.deliver();
  }
}
