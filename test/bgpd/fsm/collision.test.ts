/** RFC 4271 section 6.8: which of two connections stays, for every pair of states. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type Contender,
  type Resolution,
  resolveCollision,
  type Speaker,
} from "../../../bgpd/fsm/collision.ts";
import type { State } from "../../../bgpd/fsm/state.ts";
import { address4, parseAddress } from "../../../lib/address.ts";

const LOW: Speaker = { identifier: parseAddress("9.255.255.255"), asNumber: 64512 };
const HIGH: Speaker = { identifier: parseAddress("200.0.0.1"), asNumber: 64513 };

/** An OPEN arrived on the connection by `arrived`, the other side opened the other one. */
function resolve(
  arrived: Contender["initiator"],
  other: State,
  local: Speaker = LOW,
  remote: Speaker = HIGH,
): Resolution {
  return resolveCollision({
    arrived: { state: "OpenConfirm", initiator: arrived },
    other: { state: other, initiator: arrived === "local" ? "remote" : "local" },
    local,
    remote,
    detectEstablished: false,
  });
}

type Row = readonly [State, Resolution, Resolution, Resolution, Resolution];

/** Other's state; then the OPEN came on: remote's (we low), local's (we low), remote's (we high), local's (we high). */
const ROWS: readonly Row[] = [
  ["Idle", "keep both", "keep both", "keep both", "keep both"],
  ["Connect", "close other", "close other", "close other", "close other"],
  ["Active", "close other", "close other", "close other", "close other"],
  ["OpenSent", "close other", "close arrived", "close arrived", "close other"],
  ["OpenConfirm", "close other", "close arrived", "close arrived", "close other"],
  ["Established", "close arrived", "close arrived", "close arrived", "close arrived"],
];

describe("an OPEN meets another connection", () => {
  for (const [state, remoteLow, localLow, remoteHigh, localHigh] of ROWS) {
    test(`in ${state}`, () => {
      expect(resolve("remote", state)).toBe(remoteLow);
      expect(resolve("local", state)).toBe(localLow);
      expect(resolve("remote", state, HIGH, LOW)).toBe(remoteHigh);
      expect(resolve("local", state, HIGH, LOW)).toBe(localHigh);
    });
  }

  test("identifiers are compared as unsigned numbers, not as text", () => {
    expect(resolve("remote", "OpenConfirm", LOW, HIGH)).toBe("close other");
  });

  test("equal identifiers leave it to the larger AS number (RFC 6286)", () => {
    const twin: Speaker = { identifier: LOW.identifier, asNumber: 64513 };
    expect(resolve("remote", "OpenConfirm", LOW, twin)).toBe("close other");
    expect(resolve("remote", "OpenConfirm", twin, LOW)).toBe("close arrived");
  });

  test("CollisionDetectEstablishedState compares with an Established one as well", () => {
    const established = {
      arrived: { state: "OpenConfirm", initiator: "remote" },
      other: { state: "Established", initiator: "local" },
      local: LOW,
      remote: HIGH,
      detectEstablished: true,
    } as const;
    expect(resolveCollision(established)).toBe("close other");
  });

  test("of two by the same speaker the elder goes", () => {
    for (const initiator of ["local", "remote"] as const) {
      const contender = { state: "OpenConfirm", initiator } as const;
      const pair = { arrived: contender, other: contender, detectEstablished: false };
      expect(resolveCollision({ ...pair, local: LOW, remote: HIGH })).toBe("close other");
      expect(resolveCollision({ ...pair, local: HIGH, remote: LOW })).toBe("close other");
    }
  });

  test("both speakers keep the same connection, whichever OPEN each saw last", () => {
    const speakers = fc.record({
      identifier: fc.integer({ min: 1, max: 0xffff_ffff }).map(address4),
      asNumber: fc.integer({ min: 1, max: 0xffff_ffff }),
    });
    const sides = fc.constantFrom("local" as const, "remote" as const);
    fc.assert(
      fc.property(speakers, speakers, sides, sides, (a, b, seenByA, seenByB) => {
        fc.pre(a.identifier.w0 !== b.identifier.w0 || a.asNumber !== b.asNumber);
        const kept = (resolution: Resolution, arrived: Contender["initiator"]): string => {
          const other = arrived === "local" ? "remote" : "local";
          return resolution === "close other" ? arrived : other;
        };
        const byA = kept(resolve(seenByA, "OpenConfirm", a, b), seenByA);
        const byB = kept(resolve(seenByB, "OpenConfirm", b, a), seenByB);
        expect(byA).not.toBe(byB);
      }),
    );
  });
});
