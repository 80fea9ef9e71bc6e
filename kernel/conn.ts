/**
 * One netlink socket: sequence numbers, pipelined requests, dumps (netlink(7)).
 */

import { NLM_F, NLMSG, RTM } from "./const.ts";
import { errorOf, type Failure, failureOf } from "./failure.ts";
import { KernelError } from "./kernel.ts";
import { SystemError } from "./libc.ts";
import type { LaterWrite } from "./libc-aio.ts";
import { type Message, MessageWriter, messagesOf } from "./message.ts";
import type { Port } from "./port.ts";

/** Of one wait for a write that nobody has a use for any more, ms. */
const LONG = 1000;
const DUMP_TRIES = 20;
const DUMP_BUFFER = 1 << 16;

/** A piece of a dump. `interrupted`: the table changed under it, and entries may be missing or doubled. */
export type DumpPart<Item> = {
  readonly items: Item[];
  readonly interrupted: boolean;
  readonly isLast: boolean;
};

/** Requests that were sent, and may be under way. */
export type Exchange = {
  /** What `exchange` tells, waited for so many ms at most; undefined before all of it is there. */
  outcomes(patience: number): (Failure | undefined)[] | undefined;
};

export class NetlinkConnection {
  readonly #port: Port;
  readonly #writer = new MessageWriter();
  /** Acks and single links fit in; the first dump makes it larger. */
  #buffer = new Uint8Array(1 << 13);
  #sequence = 0;
  /** Requests begun and not sent. */
  #waiting = 0;
  /** What the dump that was begun last is of. */
  #dumped = 0;
  /** What `exchangeLater` has sent. */
  #later: LaterWrite | undefined;
  #isOpen = true;

  constructor(port: Port) {
    this.#port = port;
  }

  /** Requests of one `exchange` at most: if all fail, their answers fit into the receive buffer. */
  get window(): number {
    return this.#port.answers;
  }

  /** For asynchronous reading of what the groups send. */
  get fd(): number {
    return this.#port.fd;
  }

  /** Begin a request, which waits with others for `exchange`, or alone for `get`. Its body goes into the writer. */
  begin(type: number, flags: number): MessageWriter {
    this.check();
    this.#waiting++;
    return this.#writer.begin(type, NLM_F.REQUEST | flags, ++this.#sequence);
  }

  /**
   * Send what waits, at most `window`; per request undefined or why it failed. Requests are done in order and only
   * a failure is told unasked: the last one's ack ends it. Where the kernel has no room for the requests or for an
   * answer (ENOBUFS), each has failed with that: nobody knows which were done.
   */
  exchange(): (Failure | undefined)[] {
    const end = this.#waiting - 1;
    if (end < 0) return [];
    this.#writer.addFlags(NLM_F.ACK);
    const first = this.#sequence - end;
    const outcomes = new Array<Failure | undefined>(end + 1);
    try {
      this.#send();
      return this.#outcomes(outcomes, first);
    } catch (error) {
      return outcomes.fill(noRoom(error));
    }
  }

  /** As `exchange`, while the caller goes on. Nothing else may be asked of this connection before the outcomes are there. */
  exchangeLater(): Exchange {
    this.check();
    const count = this.#waiting;
    if (count === 0) return { outcomes: () => [] };
    this.#writer.addFlags(NLM_F.ACK);
    const first = this.#sequence - count + 1;
    const later = this.#port.writeLater(this.#writer.bytes);
    this.#later = later;
    const land = (patience: number): (Failure | undefined)[] | undefined => {
      const outcomes = new Array<Failure | undefined>(count);
      try {
        if (!later.isDone(patience)) return undefined;
        this.#landed();
        return this.#outcomes(outcomes, first);
      } catch (error) {
        this.#landed();
        return outcomes.fill(noRoom(error));
      }
    };
    let told: (Failure | undefined)[] | undefined;
    return {
      outcomes: (patience) => {
        told ??= land(patience);
        return told;
      },
    };
  }

  #outcomes(outcomes: (Failure | undefined)[], first: number): (Failure | undefined)[] {
    const end = outcomes.length - 1;
    for (;;) {
      for (const message of this.#receive()) {
        const index = message.sequence - first;
        if (message.type !== NLMSG.ERROR || index < 0 || index > end) continue;
        outcomes[index] = errorOf(message);
        if (index === end) return outcomes;
      }
    }
  }

  /**
   * Send what waits: a transaction of nfnetlink, which is done whole or not at all. One of its requests asks for an ack;
   * a failure of any is told before that. Undefined, or why nothing was done.
   */
  transact(): Failure | undefined {
    const first = this.#sequence - this.#waiting + 1;
    this.#send();
    for (;;) {
      for (const message of this.#receive()) {
        if (message.type === NLMSG.ERROR && message.sequence >= first) return errorOf(message);
      }
    }
  }

  /** Send the one that waits, whose answer is one message (a GET by key): that, or the failure. */
  get(): Message | Failure {
    this.#send();
    for (;;) {
      for (const message of this.#receive()) {
        if (message.sequence !== this.#sequence) continue;
        if (message.type !== NLMSG.ERROR) return message;
        const failure = errorOf(message);
        if (failure !== undefined) return failure;
      }
    }
  }

  /** Everything of a kind. `take` may be called for a try that is then repeated. */
  dump<Item>(
    type: number,
    body: (writer: MessageWriter) => void,
    take: (message: Message) => Item | undefined,
  ): Item[] {
    for (let tries = 1; ; tries++) {
      const { items, interrupted } = this.#dumpOnce(type, body, take);
      // NLM_F_DUMP_INTR: the table changed under the dump, which may have missed or doubled entries.
      if (!interrupted || tries === DUMP_TRIES) return items;
    }
  }

  /** Begin a dump that `readPart` reads. Nothing else may be asked of this connection before its last part. */
  beginDump(type: number, body: (writer: MessageWriter) => void): void {
    this.check();
    if (this.#buffer.length < DUMP_BUFFER) {
      this.#buffer = new Uint8Array(DUMP_BUFFER);
      this.#port.prepareDumps();
    }
    this.#dumped = type;
    body(this.begin(type, NLM_F.DUMP));
    this.#send();
  }

  /** What one read of the dump gives. The kernel goes on from there when it is read again, in tables that may have changed. */
  readPart<Item>(take: (message: Message) => Item | undefined): DumpPart<Item> {
    this.check();
    const items: Item[] = [];
    let interrupted = false;
    for (const message of this.#receive()) {
      if (message.sequence !== this.#sequence) continue;
      if ((message.flags & NLM_F.DUMP_INTR) !== 0) interrupted = true;
      if (message.type === NLMSG.DONE || message.type === NLMSG.ERROR) {
        const failure = errorOf(message);
        if (failure !== undefined) throw failure.toError(`dump ${this.#dumped}`);
        if (message.type === NLMSG.DONE) return { items, interrupted, isLast: true };
        continue;
      }
      const item = take(message);
      if (item !== undefined) items.push(item);
    }
    return { items, interrupted, isLast: false };
  }

  /** Ask for something that needs no reading here: a reader blocked on the descriptor wakes up. */
  poke(): void {
    this.begin(RTM.GETLINK, 0).u32(0).u32(1).u32(0).u32(0);
    this.#send();
  }

  /** How the kernel addresses this socket: nlmsg_pid of its answers, and of what it tells others of our requests. */
  portId(): number {
    // The loopback has index 1 in every namespace.
    this.begin(RTM.GETLINK, 0).u32(0).u32(1).u32(0).u32(0);
    const answer = this.get();
    if ("body" in answer) return answer.port;
    throw answer.toError("RTM_GETLINK 1");
  }

  /** Throw once it is closed: the descriptor may be another's by then. */
  check(): void {
    if (!this.#isOpen) throw new KernelError("the kernel is closed (EBADF)", "EBADF", 9);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    // Another file may have the descriptor's number from here on.
    this.#finish();
    this.#port.close();
  }

  #dumpOnce<Item>(
    type: number,
    body: (writer: MessageWriter) => void,
    take: (message: Message) => Item | undefined,
  ) {
    this.beginDump(type, body);
    const items: Item[] = [];
    let interrupted = false;
    for (;;) {
      const part = this.readPart(take);
      for (const item of part.items) items.push(item);
      if (part.interrupted) interrupted = true;
      if (part.isLast) return { items, interrupted };
    }
  }

  /** All that waits in one go. Whatever becomes of it, nothing waits afterwards. */
  #send(): void {
    this.check();
    try {
      this.#port.write(this.#writer.bytes);
    } finally {
      this.#landed();
    }
  }

  /** Nothing waits, and the writer may be used again. */
  #landed(): void {
    this.#later = undefined;
    this.#waiting = 0;
    this.#writer.reset();
  }

  /** Wait until nothing is being written, whatever becomes of it. */
  #finish(): void {
    try {
      while (this.#later?.isDone(LONG) === false);
    } catch {
      // Nobody asks any more.
    }
  }

  #receive(): Message[] {
    return messagesOf(this.#buffer.subarray(0, this.#port.read(this.#buffer)));
  }
}

/** What every request has failed with where the kernel had no room; what else was thrown is thrown. */
function noRoom(error: unknown): Failure {
  if (error instanceof SystemError && error.code === "ENOBUFS") return failureOf(error.errno, "");
  throw error;
}
