/** RFC 8654, extended messages, by clause; vectors have the capability and a long NOTIFICATION. */

import { describe, expect, test } from "bun:test";
import { BgpError } from "../../bgpd/wire/error.ts";
import { checkHeader, writeHeader } from "../../bgpd/wire/header.ts";
import { toHex } from "../../lib/hex.ts";
import { KEEPALIVE, MARKER, notification, OPEN, type Scene, scene } from "../bgpd/peer-scene.ts";

const EXTENDED = `${MARKER}002f 01 04 fc01 005a 0a000002 12 0210 0104 0001 0001 0200 0600 4104 0000fc01`;
/** An UPDATE that withdraws one prefix again and again: so many octets of them. */
const update = (octets: number): string =>
  `${MARKER}${(23 + octets).toString(16).padStart(4, "0")}02${octets.toString(16).padStart(4, "0")}${"08".concat("0a").repeat(octets / 2)}0000`;

function updates({ calls }: Scene): number {
  return calls.filter((call) => call.startsWith("update")).length;
}

function up(open: string): Scene {
  const stage = scene();
  stage.peer.start();
  stage.pass(0.1);
  stage.say(open, KEEPALIVE);
  stage.pass(0.1);
  stage.heard.length = 0;
  stage.calls.length = 0;
  return stage;
}

describe("section 3: what may be long", () => {
  const judged = (type: number, length: number): string => {
    const bytes = new Uint8Array(length);
    writeHeader(bytes, 0, length, type);
    try {
      return String(checkHeader(bytes, 0, 65_535));
    } catch (error) {
      return error instanceof BgpError ? `${error.code}/${error.subcode}` : String(error);
    }
  };

  test("UPDATE, NOTIFICATION and ROUTE-REFRESH, but neither OPEN nor KEEPALIVE", () => {
    expect([2, 3, 5].map((type) => judged(type, 65_535))).toEqual(["65535", "65535", "65535"]);
    expect([1, 4].map((type) => judged(type, 4097))).toEqual(["1/2", "1/2"]);
    expect(judged(1, 4096)).toBe("4096");
  });
});

describe("section 4: on a session", () => {
  test("where both have said it, a message of 65,535 octets is taken, in pieces of one octet too", () => {
    const stage = up(EXTENDED);
    expect(stage.sessions[0]?.wire.maxLength).toBe(65_535);
    stage.say(update(65_512));
    stage.pass(1);
    expect(updates(stage)).toBe(1);
    for (const octet of Buffer.from(update(65_512), "hex")) stage.say(toHex(Uint8Array.of(octet)));
    stage.pass(1);
    expect(updates(stage)).toBe(2);
    expect(stage.peer.status().state).toBe("Established");
  });

  test("where the peer has not, a longer one than 4096 octets is Bad Message Length", () => {
    const stage = up(OPEN);
    stage.say(update(4074));
    stage.pass(0.1);
    expect(stage.heard).toEqual([notification(1, 2, "1001")]);
  });

  test("until the OPEN has come, nothing is long", () => {
    const stage = scene();
    stage.peer.start();
    stage.pass(0.1);
    stage.say(update(4074));
    stage.pass(0.1);
    expect(stage.heard.at(-1)).toBe(notification(1, 2, "1001"));
  });
});
