/**
 * One NETLINK_ROUTE socket: sequence numbers, pipelined requests, dumps (netlink(7)).
 */

import { NLM_F, NLMSG, RTM } from "./const.ts";
import { errorOf, type Failure } from "./failure.ts";
import { KernelError } from "./kernel.ts";
import { type Message, MessageWriter, messagesOf } from "./message.ts";
import type { Port } from "./port.ts";

/** Requests in flight: if all fail, their answers of about 1 KiB each (skb truesize) fit the receive buffer. */
const WINDOW = 128;
const DUMP_TRIES = 20;
const DUMP_BUFFER = 1 << 16;

/** Body of a request, written between header and end. */
export type Body = (writer: MessageWriter) => void;

export type Outgoing = { readonly type: number; readonly flags: number; readonly body: Body };

export class NetlinkConnection {
  readonly #port: Port;
  readonly #writer = new MessageWriter();
  /** Acks and single links fit in; the first dump makes it larger. */
  #buffer = new Uint8Array(1 << 13);
  #sequence = 0;
  #isOpen = true;

  constructor(port: Port) {
    this.#port = port;
  }

  /** For asynchronous reading of what the groups send. */
  get fd(): number {
    return this.#port.fd;
  }

  /** Send the requests, a window at a time; per request undefined or why it failed. */
  requestAll(requests: readonly Outgoing[]): (Failure | undefined)[] {
    const outcomes: (Failure | undefined)[] = [];
    for (let from = 0; from < requests.length; from += WINDOW) {
      this.#window(requests.slice(from, from + WINDOW), outcomes);
    }
    return outcomes;
  }

  /** One request whose answer is one message (a GET by key); undefined or the failure as well. */
  get(type: number, body: Body): Message | Failure {
    const sequence = this.#send([{ type, flags: NLM_F.REQUEST, body }]);
    for (;;) {
      for (const message of this.#receive()) {
        if (message.sequence !== sequence) continue;
        if (message.type !== NLMSG.ERROR) return message;
        const failure = errorOf(message);
        if (failure !== undefined) return failure;
      }
    }
  }

  /** Everything of a kind. `take` may be called for a try that is then repeated: `restart` says so. */
  dump<Item>(type: number, body: Body, take: (message: Message) => Item | undefined): Item[] {
    for (let tries = 1; ; tries++) {
      const { items, interrupted } = this.#dumpOnce(type, body, take);
      // NLM_F_DUMP_INTR: the table changed under the dump, which may have missed or doubled entries.
      if (!interrupted || tries === DUMP_TRIES) return items;
    }
  }

  /** Ask for something that needs no reading here: a reader blocked on the descriptor wakes up. */
  poke(): void {
    this.#send([
      {
        type: RTM.GETLINK,
        flags: NLM_F.REQUEST,
        body: (writer) => writer.u32(0).u32(1).u32(0).u32(0),
      },
    ]);
  }

  /** Throw once it is closed: the descriptor may be another's by then. */
  check(): void {
    if (!this.#isOpen) throw new KernelError("the kernel is closed (EBADF)", "EBADF", 9);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#port.close();
  }

  #dumpOnce<Item>(type: number, body: Body, take: (message: Message) => Item | undefined) {
    this.check();
    if (this.#buffer.length < DUMP_BUFFER) {
      this.#buffer = new Uint8Array(DUMP_BUFFER);
      this.#port.prepareDumps();
    }
    const items: Item[] = [];
    let interrupted = false;
    const sequence = this.#send([{ type, flags: NLM_F.REQUEST | NLM_F.DUMP, body }]);
    for (;;) {
      for (const message of this.#receive()) {
        if (message.sequence !== sequence) continue;
        if ((message.flags & NLM_F.DUMP_INTR) !== 0) interrupted = true;
        if (message.type === NLMSG.DONE) {
          const failure = errorOf(message);
          if (failure !== undefined) throw failure.toError(`dump ${type}`);
          return { items, interrupted };
        }
        if (message.type === NLMSG.ERROR) {
          const failure = errorOf(message);
          if (failure !== undefined) throw failure.toError(`dump ${type}`);
          continue;
        }
        const item = take(message);
        if (item !== undefined) items.push(item);
      }
    }
  }

  /** Requests are done in order and only a failure is told unasked: the last one's ack ends the window. */
  #window(requests: readonly Outgoing[], outcomes: (Failure | undefined)[]): void {
    const end = requests.length - 1;
    const first = this.#send(requests, NLM_F.REQUEST, NLM_F.ACK) - end;
    const base = outcomes.length;
    outcomes.length = base + requests.length;
    for (let isOver = false; !isOver; ) {
      for (const message of this.#receive()) {
        const index = message.sequence - first;
        if (message.type !== NLMSG.ERROR || index < 0 || index > end) continue;
        outcomes[base + index] = errorOf(message);
        isOver = index === end;
      }
    }
  }

  /** Write all in one go, with flags for each and for the last; the sequence number of that one. */
  #send(requests: readonly Outgoing[], each = 0, atEnd = 0): number {
    this.check();
    this.#writer.reset();
    let left = requests.length;
    for (const { type, flags, body } of requests) {
      const also = --left === 0 ? each | atEnd : each;
      this.#writer.begin(type, flags | also, ++this.#sequence);
      body(this.#writer);
      this.#writer.end();
    }
    this.#port.write(this.#writer.bytes);
    return this.#sequence;
  }

  #receive(): Message[] {
    return messagesOf(this.#buffer.subarray(0, this.#port.read(this.#buffer)));
  }
}
