import { describe, expect, test } from "bun:test";
import { parseAddress } from "../../lib/address.ts";
import { Reader, Truncated, Writer } from "../../lib/bytes.ts";
import { fromHex, toHex } from "../../lib/hex.ts";

describe("bytes", () => {
  test("everything written in network order is read back", () => {
    const bytes = new Writer()
      .u8(1)
      .u16(0x0203)
      .u32(0x8405_0607)
      .address(parseAddress("10.0.0.1"))
      .bytes(fromHex("ff00"))
      .toBytes();
    expect(toHex(bytes)).toBe("01020384050607" + "0a000001" + "ff00");
    const reader = new Reader(bytes);
    expect([reader.u8(), reader.u16(), reader.u32()]).toEqual([1, 0x0203, 0x8405_0607]);
    expect(reader.address(4)).toEqual(parseAddress("10.0.0.1"));
    expect([toHex(reader.bytes(2)), reader.left]).toEqual(["ff00", 0]);
  });

  test("a length is filled in afterwards without moving the end", () => {
    const writer = new Writer().u16(0).u8(7);
    writer.u16At(0, writer.length).u8(8);
    expect(toHex(writer.toBytes())).toBe("00030708");
  });

  test("an overrun throws Truncated and reads nothing", () => {
    const reader = new Reader(fromHex("0102"));
    expect(() => reader.u32()).toThrow(Truncated);
    expect(reader.u16()).toBe(0x0102);
  });

  test("a reader looks at its own part of a larger buffer", () => {
    expect(new Reader(fromHex("aabbcc").subarray(1, 2)).u8()).toBe(0xbb);
  });
});
