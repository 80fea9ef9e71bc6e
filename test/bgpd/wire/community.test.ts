import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { aigpMetric, isAigp, raiseAigp } from "../../../bgpd/wire/aigp.ts";
import {
  formatCommunity,
  formatExtended,
  formatIpv6Extended,
  isOriginValidationState,
  isTransitive,
  linkBandwidth,
} from "../../../bgpd/wire/community.ts";
import { fromHex } from "../../../lib/hex.ts";

describe("an extended community", () => {
  test.each<[octets: string, text: string, leavesTheAs: boolean]>([
    ["0002fde800000064", "rt:65000:100", true],
    ["0003fde800000064", "ro:65000:100", true],
    ["0102c00002010007", "rt:192.0.2.1:7", true],
    ["0202fa56ea000007", "rt:4200000000:7", true],
    ["0004fde84cee6b28", "bandwidth:65000:125000000", true],
    ["4004fde84cee6b28", "bandwidth:65000:125000000", false],
    ["4300000000000002", "0x4300000000000002", false],
    ["0302000000000001", "0x0302000000000001", true],
    ["4002fde800000064", "0x4002fde800000064", false],
    ["802afde800000064", "0x802afde800000064", true],
  ])("%s is %s", (octets, text, leavesTheAs) => {
    expect(formatExtended(octets)).toBe(text);
    expect(isTransitive(octets)).toBe(leavesTheAs);
  });

  test("says the bandwidth of a link in bytes a second", () => {
    expect(linkBandwidth("4004fde84cee6b28")).toEqual({
      asNumber: 65000,
      bytesPerSecond: 125_000_000,
    });
    expect(linkBandwidth("4002fde84cee6b28")).toBeUndefined();
    expect(linkBandwidth("4304fde84cee6b28")).toBeUndefined();
  });

  test("is the origin validation state only with its own type", () => {
    expect(isOriginValidationState("4300000000000002")).toBe(true);
    expect(isOriginValidationState("4301000000000002")).toBe(false);
    expect(isOriginValidationState("0300000000000002")).toBe(false);
  });

  test("of IPv6 has brackets around its address", () => {
    const target = "000220010db80000000000000000000000010007";
    expect(formatIpv6Extended(target)).toBe("rt:[2001:db8::1]:7");
    expect(formatIpv6Extended(`40${target.slice(2)}`)).toBe(`0x40${target.slice(2)}`);
    expect(isTransitive(`40${target.slice(2)}`)).toBe(false);
  });
});

test("a community is two numbers, also above 2^31", () => {
  expect(formatCommunity(0xffff_ff01)).toBe("65535:65281");
});

describe("AIGP", () => {
  const METRIC = "01000b0000000000000064";

  test("is read from the first TLV of its type, wherever that is", () => {
    expect(aigpMetric(METRIC)).toBe(100n);
    expect(aigpMetric(`0200042a${METRIC}01000b0000000000000001`)).toBe(100n);
    expect(aigpMetric("0200042a")).toBeUndefined();
  });

  test("is raised in place: what else is there stays as it came", () => {
    const before = `0200042a${METRIC}01000b0000000000000001`;
    const after = "0200042a01000b000000000000007801000b0000000000000001";
    expect(raiseAigp(before, 20)).toBe(after);
    expect(raiseAigp(before, 0)).toBe(before);
    expect(raiseAigp("0200042a", 20)).toBe("0200042a");
  });

  test("never reaches the value that is malformed", () => {
    const raised = raiseAigp("01000bfffffffffffffff0", 1024);
    expect(aigpMetric(raised)).toBe(2n ** 64n - 2n);
  });

  test("stays well formed whatever is added", () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 64n - 2n), fc.nat(0xffff_ffff), (metric, cost) => {
        const raised = raiseAigp(`01000b${metric.toString(16).padStart(16, "0")}`, cost);
        const bytes = fromHex(raised);
        expect(isAigp({ buffer: bytes, start: 0, end: bytes.length })).toBe(true);
        const sum = metric + BigInt(cost);
        expect(aigpMetric(raised)).toBe(sum < 2n ** 64n - 1n ? sum : 2n ** 64n - 2n);
      }),
    );
  });
});
