/** RFC 9003, Shutdown Communication (which replaces RFC 8203), and RFC 8538 section 3.1, by clause. */

import { describe, expect, test } from "bun:test";
import {
  administrativeShutdown,
  decodeCommunication,
  describeCease,
  encodeCommunication,
} from "../../bgpd/wire/shutdown.ts";
import { fromHex, toHex } from "../../lib/hex.ts";
import { established, notification } from "../bgpd/peer-scene.ts";

const utf8 = (text: string): string => toHex(new TextEncoder().encode(text));
const cease = (subcode: number, data: string) => ({ code: 6, subcode, data: fromHex(data) });

describe("section 2: length and text", () => {
  test("a text is its length and UTF-8", () => {
    expect(toHex(encodeCommunication("bald zurück"))).toBe(`0c${utf8("bald zurück")}`);
    expect(decodeCommunication(fromHex(`0c${utf8("bald zurück")}`))).toBe("bald zurück");
  });

  test("no text is no data, and a length of zero no text", () => {
    expect(encodeCommunication("").length).toBe(0);
    expect(decodeCommunication(new Uint8Array())).toBe("");
    expect(decodeCommunication(fromHex("00"))).toBe("");
  });

  test("255 octets are the most: RFC 8203 had 128", () => {
    const longest = "x".repeat(255);
    expect(decodeCommunication(encodeCommunication(longest))).toBe(longest);
    expect(() => encodeCommunication("ä".repeat(128))).toThrow(RangeError);
  });

  test("the subcodes are Administrative Shutdown and Administrative Reset, and no others", () => {
    const data = `02${utf8("hi")}`;
    expect(describeCease(cease(2, data))).toBe('Cease/Administrative Shutdown: "hi"');
    expect(describeCease(cease(4, data))).toBe('Cease/Administrative Reset: "hi"');
    expect(describeCease(cease(3, data))).toBe("Cease/Peer De-configured");
  });
});

describe("section 3: what people see", () => {
  test("what could steer a terminal, or turn what is written, is shown as its number", () => {
    const text = "a\u001b[2Jb\u0007\n\u202ec\u2028";
    expect(decodeCommunication(encodeCommunication(text))).toBe(
      "a<U+001B>[2Jb<U+0007><U+000A><U+202E>c<U+2028>",
    );
  });

  test("a session that a peer ends so says why", () => {
    const stage = established();
    stage.say(notification(6, 2, `07${utf8("reboot!")}`));
    stage.pass(0.1);
    expect(stage.peer.status().lastError).toBe(
      'the peer sent Cease/Administrative Shutdown: "reboot!"',
    );
  });

  test("we end one with our text", async () => {
    const stage = established();
    const ended = stage.peer.stop(administrativeShutdown("reboot!"));
    stage.pass(0.1);
    await ended;
    expect(stage.heard).toEqual([notification(6, 2, `07${utf8("reboot!")}`)]);
  });
});

describe("section 4: errors", () => {
  const BROKEN: readonly (readonly [string, string])[] = [
    ["a length beyond the data", "05414243"],
    ["an octet that no UTF-8 has", "01ff"],
    ["half a character", "01c3"],
  ];
  for (const [name, data] of BROKEN) {
    test(`${name} ends the session like any Cease, and is said`, () => {
      const stage = established();
      stage.say(notification(6, 2, data));
      stage.pass(0.1);
      expect(stage.heard).toEqual([]);
      expect(stage.peer.status().lastError).toBe(
        "the peer sent Cease/Administrative Shutdown (with a text that is no UTF-8 of its length)",
      );
    });
  }

  test("octets behind the text are nothing to us", () => {
    expect(decodeCommunication(fromHex(`02${utf8("hi")}ffff`))).toBe("hi");
  });
});

describe("RFC 8538 section 3.1: a Hard Reset holds another NOTIFICATION", () => {
  test("which is what people want to know", () => {
    expect(describeCease(cease(9, "0400"))).toBe("Cease/Hard Reset (Hold Timer Expired)");
    expect(describeCease(cease(9, `060203${utf8("bye")}`))).toBe(
      'Cease/Hard Reset (Cease/Administrative Shutdown: "bye")',
    );
  });

  test("one without, or with itself, is a Hard Reset", () => {
    for (const data of ["", "0609", `0609${"0609".repeat(100)}`]) {
      expect(describeCease(cease(9, data))).toBe("Cease/Hard Reset");
    }
  });
});
