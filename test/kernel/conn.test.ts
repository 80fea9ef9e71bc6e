/** A connection against a port that answers by script. */

import { beforeEach, describe, expect, test } from "bun:test";
import { NetlinkConnection } from "../../kernel/conn.ts";
import { NLM_F, NLMSG, RTM } from "../../kernel/const.ts";
import { KernelError } from "../../kernel/kernel.ts";
import { SystemError } from "../../kernel/libc.ts";
import type { LaterWrite } from "../../kernel/libc-aio.ts";
import { type Message, MessageWriter, messagesOf } from "../../kernel/message.ts";
import type { Port } from "../../kernel/port.ts";

type Answer = { readonly type: number; readonly flags?: number; readonly value?: number };

/** Answers each request with the datagrams that `respond` gives for it. */
class ScriptedPort implements Port {
  readonly fd = -1;
  readonly answers = 128;
  readonly requests: Message[] = [];
  readonly writes: number[] = [];
  #waiting: Uint8Array[] = [];
  readonly #respond: (request: Message, index: number) => readonly (readonly Answer[])[];

  constructor(respond: (request: Message, index: number) => readonly (readonly Answer[])[]) {
    this.#respond = respond;
  }

  write(bytes: Uint8Array): void {
    const requests = [...messagesOf(bytes.slice())];
    this.writes.push(requests.length);
    for (const request of requests) {
      const datagrams = this.#respond(request, this.requests.push(request) - 1);
      for (const answers of datagrams) this.#waiting.push(datagram(request.sequence, answers));
    }
  }

  writeLater(bytes: Uint8Array): LaterWrite {
    this.write(bytes);
    return { isDone: () => true };
  }

  read(buffer: Uint8Array): number {
    const next = this.#waiting.shift();
    if (next === undefined) throw new Error("a read that would block for ever");
    buffer.set(next);
    return next.length;
  }

  prepareDumps(): void {}

  close(): void {}
}

function datagram(sequence: number, answers: readonly Answer[]): Uint8Array {
  const writer = new MessageWriter();
  for (const { type, flags = 0, value = 0 } of answers) {
    writer.begin(type, flags, sequence).u32(value).u32(16).u32(0).u32(0).u32(0);
  }
  return writer.bytes.slice();
}

const item = (value: number, flags: number = NLM_F.MULTI): Answer => ({
  type: RTM.NEWROUTE,
  flags,
  value,
});
const done: Answer = { type: NLMSG.DONE, flags: NLM_F.MULTI };
const ack: Answer = { type: NLMSG.ERROR };
const refusal = (errno: number): Answer => ({ type: NLMSG.ERROR, value: -errno >>> 0 });

const firstWord = (message: Message): number => message.body.getUint32(0, true);
const dump = (connection: NetlinkConnection): number[] =>
  connection.dump(RTM.GETROUTE, (writer) => writer.u32(0), firstWord);
const request = (connection: NetlinkConnection) => connection.begin(RTM.NEWROUTE, 0).u32(0);

describe("dumps", () => {
  test("a dump goes on over many datagrams until it is done", () => {
    const port = new ScriptedPort(() => [[item(1), item(2)], [item(3)], [done]]);
    expect(dump(new NetlinkConnection(port))).toEqual([1, 2, 3]);
    expect(port.requests[0]?.flags).toBe(NLM_F.REQUEST | NLM_F.DUMP);
  });

  test("a dump that was interrupted is asked for again, and the torn one is forgotten", () => {
    const port = new ScriptedPort((_, index) =>
      index < 2
        ? [[item(1), item(9, NLM_F.MULTI | NLM_F.DUMP_INTR)], [done]]
        : [[item(1), item(2)], [done]],
    );
    expect(dump(new NetlinkConnection(port))).toEqual([1, 2]);
    expect(port.requests.length).toBe(3);
  });

  test("the interruption may be told at the very end", () => {
    const port = new ScriptedPort((_, index) => [
      [item(1)],
      [index === 0 ? { ...done, flags: NLM_F.MULTI | NLM_F.DUMP_INTR } : done],
    ]);
    expect(dump(new NetlinkConnection(port))).toEqual([1]);
    expect(port.requests.length).toBe(2);
  });

  test("a table that never rests is given as it was read last", () => {
    const port = new ScriptedPort((_, index) => [
      [item(index, NLM_F.MULTI | NLM_F.DUMP_INTR)],
      [done],
    ]);
    expect(dump(new NetlinkConnection(port))).toEqual([19]);
    expect(port.requests.length).toBe(20);
  });

  test("what answers an earlier request is passed over", () => {
    const late = { first: true };
    const port = new ScriptedPort(() => [[item(7)], [done]]);
    const read = port.read.bind(port);
    port.read = (buffer) => {
      if (!late.first) return read(buffer);
      late.first = false;
      const stale = datagram(4711, [item(99), done]);
      buffer.set(stale);
      return stale.length;
    };
    expect(dump(new NetlinkConnection(port))).toEqual([7]);
  });

  test("a refused dump throws, be it at once or at its end", () => {
    const refused = new NetlinkConnection(new ScriptedPort(() => [[refusal(1)]]));
    expect(() => dump(refused)).toThrow("(EPERM)");
    const torn = new NetlinkConnection(
      new ScriptedPort(() => [[item(1)], [{ ...done, value: -2 >>> 0 }]]),
    );
    expect(() => dump(torn)).toThrow("(ENOENT)");
  });
});

describe("requests", () => {
  test("are sent in one write, and their outcomes stand in order", () => {
    const port = new ScriptedPort(({ flags }, index) => {
      if (index % 3 === 0) return [[refusal(17)]];
      return (flags & NLM_F.ACK) === 0 ? [] : [[ack]];
    });
    const connection = new NetlinkConnection(port);
    for (let count = 0; count < port.answers; count++) request(connection);
    const outcomes = connection.exchange();
    expect(port.writes).toEqual([port.answers]);
    expect(Array.from(outcomes, (failure) => failure?.code)).toEqual(
      Array.from({ length: port.answers }, (_, index) => (index % 3 === 0 ? "EEXIST" : undefined)),
    );
  });

  test("rise in number by one, and the last of a window asks for an acknowledgement", () => {
    const port = new ScriptedPort(({ flags }) => ((flags & NLM_F.ACK) === 0 ? [] : [[ack]]));
    const connection = new NetlinkConnection(port);
    request(connection);
    request(connection);
    connection.exchange();
    const [first, second] = port.requests;
    expect([first?.flags, second?.flags]).toEqual([NLM_F.REQUEST, NLM_F.REQUEST | NLM_F.ACK]);
    expect(second?.sequence).toBe(first!.sequence + 1);
  });

  test("none are no write", () => {
    const port = new ScriptedPort(() => []);
    expect(new NetlinkConnection(port).exchange()).toEqual([]);
    expect(port.writes).toEqual([]);
  });

  test("a get has one answer or a failure", () => {
    const found = new NetlinkConnection(new ScriptedPort(() => [[item(5, 0)]]));
    found.begin(RTM.GETROUTE, 0).u32(0);
    expect(found.get()).toMatchObject({ type: RTM.NEWROUTE });
    const missing = new NetlinkConnection(new ScriptedPort(() => [[refusal(19)]]));
    missing.begin(RTM.GETLINK, 0).u32(0);
    expect(missing.get()).toMatchObject({ code: "ENODEV" });
  });

  test("that could not be sent are gone, and the next goes alone", () => {
    const port = new ScriptedPort(() => [[ack]]);
    const connection = new NetlinkConnection(port);
    const { write } = port;
    port.write = () => {
      throw new Error("no buffer space");
    };
    request(connection);
    expect(() => connection.exchange()).toThrow("no buffer space");
    port.write = write.bind(port);
    request(connection);
    expect(connection.exchange()).toEqual([undefined]);
    expect(port.writes).toEqual([1]);
  });

  for (const where of ["write", "read"] as const) {
    test(`for which there is no room at the ${where} have all failed with that, and the next are heard`, () => {
      const port = new ScriptedPort(({ flags }) => ((flags & NLM_F.ACK) === 0 ? [] : [[ack]]));
      const connection = new NetlinkConnection(port);
      const method = port[where];
      port[where] = () => {
        throw new SystemError(where, 105);
      };
      request(connection);
      request(connection);
      expect(connection.exchange().map((failure) => failure?.code)).toEqual(["ENOBUFS", "ENOBUFS"]);
      Object.assign(port, { [where]: method.bind(port) });
      request(connection);
      expect(connection.exchange()).toEqual([undefined]);
    });
  }

  describe("sent by another thread", () => {
    class SlowPort extends ScriptedPort {
      /** How often who asks hears that it is not done. */
      delay = 0;
      failure: SystemError | undefined;
      /** Written, and not yet known to be done. */
      isWriting = false;

      override writeLater(bytes: Uint8Array): LaterWrite {
        this.isWriting = true;
        return {
          isDone: () => {
            if (this.delay-- > 0) return false;
            this.isWriting = false;
            if (this.failure !== undefined) throw this.failure;
            this.write(bytes);
            return true;
          },
        };
      }
    }

    let port: SlowPort;
    let connection: NetlinkConnection;
    beforeEach(() => {
      port = new SlowPort((_, index) => (index === 1 ? [[refusal(17)]] : [[ack]]));
      connection = new NetlinkConnection(port);
    });

    test("they have their outcomes when it has written, and those stay", () => {
      port.delay = 2;
      for (let count = 0; count < 3; count++) request(connection);
      const exchange = connection.exchangeLater();
      expect(exchange.outcomes(0)).toBeUndefined();
      expect(exchange.outcomes(0)).toBeUndefined();
      const codes = () => exchange.outcomes(0)?.map((failure) => failure?.code);
      expect(codes()).toEqual([undefined, "EEXIST", undefined]);
      expect(codes()).toEqual([undefined, "EEXIST", undefined]);
      request(connection);
      expect(connection.exchange()).toEqual([undefined]);
    });

    test("all have failed where there was no room, and the next are heard", () => {
      port.failure = new SystemError("write", 105);
      request(connection);
      request(connection);
      const outcomes = connection.exchangeLater().outcomes(0);
      expect(outcomes?.map((failure) => failure?.code)).toEqual(["ENOBUFS", "ENOBUFS"]);
      port.failure = undefined;
      request(connection);
      expect(connection.exchangeLater().outcomes(0)).toEqual([undefined]);
    });

    test("other failures are thrown", () => {
      port.failure = new SystemError("write", 1);
      request(connection);
      const exchange = connection.exchangeLater();
      expect(() => exchange.outcomes(0)).toThrow("EPERM");
    });

    test("of none there are none", () => {
      expect(connection.exchangeLater().outcomes(0)).toEqual([]);
      expect(port.writes).toEqual([]);
    });

    test("the port is closed when it has written", () => {
      port.delay = 3;
      request(connection);
      connection.exchangeLater();
      let wasWriting: boolean | undefined;
      port.close = () => {
        wasWriting = port.isWriting;
      };
      connection.close();
      expect(wasWriting).toBe(false);
    });
  });

  test("a closed connection refuses to send, and closing again is nothing", () => {
    const port = new ScriptedPort(() => [[ack]]);
    const connection = new NetlinkConnection(port);
    connection.close();
    connection.close();
    expect(() => request(connection)).toThrow(KernelError);
    expect(port.writes).toEqual([]);
  });
});
