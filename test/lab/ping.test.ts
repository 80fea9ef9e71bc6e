/** ICMP echo messages (RFC 792, RFC 1071), without a socket. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { checksum, decodeReply, encodeEcho } from "../../lab/ping.ts";
import { fromHex, toHex } from "../../lib/hex.ts";

describe("echo", () => {
  test("a request has its checksum, identifier and sequence in network order", () => {
    expect(toHex(encodeEcho(0x1234, 1))).toBe("0800e5ca12340001");
  });

  test("every request sums to zero with its checksum, as a receiver checks it", () => {
    fc.assert(
      fc.property(fc.nat(0xffff), fc.nat(0xffff), (identifier, sequence) => {
        expect(checksum(encodeEcho(identifier, sequence))).toBe(0);
      }),
    );
  });

  const header = "4500001c00004000400126af0af401020af40101";
  const cases = [
    {
      name: "a reply behind a header of 20 bytes",
      packet: `${header} 0000edca12340001`,
      is: { identifier: 0x1234, sequence: 1 },
    },
    {
      name: "a reply behind a header with options",
      packet: `46${header.slice(2)} 01010100 0000edca12340002`,
      is: { identifier: 0x1234, sequence: 2 },
    },
    { name: "a request", packet: `${header} 0800e5ca12340001`, is: undefined },
    { name: "a message that ends in its header", packet: `${header} 0000edca1234`, is: undefined },
    { name: "nothing", packet: "", is: undefined },
  ];
  for (const { name, packet, is } of cases) {
    test(`${name} is ${is === undefined ? "no reply" : "decoded"}`, () => {
      expect(decodeReply(fromHex(packet))).toEqual(is);
    });
  }

  test("whatever comes in is decoded or passed over", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(() => decodeReply(bytes)).not.toThrow();
      }),
    );
  });
});
