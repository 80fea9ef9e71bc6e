/** Slow peers, and tables on request, as seen from between the RIB's turns. */

import { describe, expect, test } from "bun:test";
import { Outflow } from "../../bgpd/outflow.ts";
import { decode } from "../../bgpd/wire/codec.ts";
import { INITIAL_CONTEXT } from "../../bgpd/wire/context.ts";
import type { Family } from "../../lib/address.ts";

const ID = 7;
const MEGABYTE = 1 << 20;
/** Octets of a ROUTE-REFRESH; what the test lets the RIB say is longer. */
const REFRESH_LENGTH = 23;

/** One peer whose TCP takes what the test wants it to (at once where it is eager), and a RIB that writes down what it is asked. */
function stage({ isEnhanced = true, isEager = false } = {}) {
  const calls: string[] = [];
  const ends: (() => void)[] = [];
  let backlog = 0;
  const wantsRefresh = new Set<Family>();
  const send = (bytes: Uint8Array): number => {
    if (!isEager) backlog += bytes.length;
    if (bytes.length > REFRESH_LENGTH) return 1;
    const message = decode(bytes, INITIAL_CONTEXT);
    if (message.type === "route refresh")
      calls.push(`subtype ${message.subtype} of ${message.afi}`);
    return 0;
  };
  const peer = { send, backlog: () => backlog };
  const rib = {
    refresh: (_: number, family: Family, onEnd = () => {}) => {
      calls.push(`table of IPv${family}`);
      ends.push(onEnd);
    },
    lag: () => calls.push("lag"),
    catchUp: () => calls.push("catch up"),
  };
  const session = { enhancedRefresh: isEnhanced };
  const peers = new Map([[ID, { peer, session, wantsRefresh }]]);
  const outflow = new Outflow(() => rib, peers);
  /** The peer's TCP takes all that waits, sooner than anybody hears of it. */
  const drain = (): void => {
    backlog = 0;
  };
  return {
    outflow,
    calls,
    /** Called when a table has been told. */
    ends,
    drain,
    tell: (size: number) => outflow.send(ID, new Uint8Array(size)),
  };
}

describe("a peer with too much to send", () => {
  test("lags from the RIB's next turn on, and catches up when all has left", () => {
    const { outflow, calls, drain, tell } = stage();
    for (let count = 0; count < 3; count++) tell(MEGABYTE / 2);
    expect(calls).toEqual([]);
    outflow.attend();
    outflow.attend();
    expect(calls.splice(0)).toEqual(["lag"]);
    drain();
    outflow.drained(ID);
    outflow.drained(ID);
    expect(calls).toEqual(["catch up"]);
  });

  test("does not when all has left before that turn: nobody would say so again", () => {
    const { outflow, calls, drain, tell } = stage();
    tell(MEGABYTE + 1);
    drain();
    outflow.drained(ID);
    outflow.attend();
    expect(calls).toEqual([]);
  });

  test("is forgotten with its session", () => {
    const { outflow, calls, drain, tell } = stage();
    tell(MEGABYTE + 1);
    outflow.forget(ID);
    outflow.attend();
    drain();
    outflow.drained(ID);
    expect(calls).toEqual([]);
  });
});

describe("a table on request", () => {
  test("comes between its begin and end, for each family that was asked for", () => {
    const { outflow, calls, ends } = stage({ isEager: true });
    outflow.ask(ID, 6);
    outflow.ask(ID, 4);
    outflow.attend();
    expect(calls.splice(0)).toEqual([
      "subtype 1 of 2",
      "table of IPv6",
      "subtype 1 of 1",
      "table of IPv4",
    ]);
    for (const end of ends) end();
    expect(calls).toEqual(["subtype 2 of 2", "subtype 2 of 1"]);
  });

  test("comes once more to who asks again before its end", () => {
    const { outflow, calls, ends } = stage({ isEager: true });
    for (let count = 0; count < 3; count++) {
      outflow.ask(ID, 4);
      outflow.attend();
    }
    expect(calls.splice(0)).toEqual(["subtype 1 of 1", "table of IPv4"]);
    ends.pop()?.();
    outflow.attend();
    expect(calls).toEqual(["subtype 2 of 1", "subtype 1 of 1", "table of IPv4"]);
  });

  test("comes bare to who knows neither (RFC 2918)", () => {
    const { outflow, calls } = stage({ isEnhanced: false });
    outflow.ask(ID, 4);
    outflow.attend();
    expect(calls).toEqual(["table of IPv4"]);
  });

  test("waits until all that went before has left, and what was missed is told", () => {
    const { outflow, calls, drain, tell } = stage({ isEnhanced: false });
    tell(MEGABYTE + 1);
    outflow.ask(ID, 4);
    outflow.attend();
    // Its end would make the peer drop what it is not told while it lags.
    drain();
    outflow.attend();
    expect(calls.splice(0)).toEqual(["lag"]);
    expect(outflow.drained(ID)).toBe(true);
    outflow.attend();
    expect(calls).toEqual(["catch up", "table of IPv4"]);
    expect(outflow.drained(ID)).toBe(false);
  });
});
