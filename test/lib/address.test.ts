import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import IPCIDR from "ip-cidr";
import { ip2long, long2ip } from "netmask";
import {
  type Address,
  AddressError,
  addressFromBytes,
  addressToBytes,
  addToAddress,
  compareAddress,
  equalAddress,
  formatAddress,
  isLinkLocal,
  parseAddress,
  tryParseAddress,
  withoutZone,
  withZone,
} from "../../lib/address.ts";
import { formatPrefix, hostPrefix } from "../../lib/prefix.ts";

const word = fc.nat({ max: 0xffff_ffff });
const anyAddress: fc.Arbitrary<Address> = fc.oneof(
  word.map((w0): Address => ({ family: 4, w0, w1: 0, w2: 0, w3: 0 })),
  fc
    .tuple(word, word, word, word)
    .map(([w0, w1, w2, w3]): Address => ({ family: 6, w0, w1, w2, w3 })),
);

describe("address text", () => {
  test("of IPv4 means what netmask takes it for", () => {
    fc.assert(
      fc.property(word, (w0) => {
        const text = long2ip(w0);
        expect(tryParseAddress(text)?.w0).toBe(ip2long(text));
        expect(formatAddress({ family: 4, w0, w1: 0, w2: 0, w3: 0 })).toBe(text);
      }),
    );
    const part = fc.oneof(
      fc.integer({ min: -1, max: 300 }),
      fc.constantFrom("", "01", " 1", "1e1"),
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 3, maxLength: 5 }), (parts) => {
        const text = parts.join(".");
        const isQuad =
          parts.length === 4 && parts.every((n) => typeof n === "number" && n >= 0 && n <= 255);
        expect(tryParseAddress(text)?.w0).toBe(isQuad ? ip2long(text) : undefined);
      }),
    );
  });

  test("of IPv6 means what ip-cidr takes it for", () => {
    const words = fc.tuple(word, word, word, fc.oneof(word, fc.constantFrom(0, 1)));
    fc.assert(
      fc.property(words, ([w0, w1, w2, w3]) => {
        const address: Address = { family: 6, w0, w1, w2, w3 };
        const long = IPCIDR.createAddress(formatAddress(address)) as {
          canonicalForm(): string;
          correctForm(): string;
        };
        expect(long.correctForm()).toBe(formatAddress(address));
        expect(tryParseAddress(long.canonicalForm())).toEqual(address);
      }),
    );
    const part = fc.constantFrom("", "", "0", "1", "ab", "FFFF", "0f0F", "12345", "g", "-1", " 1");
    fc.assert(
      fc.property(fc.array(part, { minLength: 2, maxLength: 10 }), (parts) => {
        const text = parts.join(":");
        expect([text, tryParseAddress(text) !== undefined]).toEqual([
          text,
          IPCIDR.isValidAddress(text),
        ]);
      }),
      { numRuns: 2000 },
    );
  });

  const same = ["0.0.0.0", "255.255.255.255", "10.0.0.1", "::", "::1", "1::", "fe80::1:0:0:1"];
  for (const text of same) {
    test(`${text} is read and written as it is`, () => {
      expect(formatAddress(parseAddress(text))).toBe(text);
    });
  }

  const canonical = [
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["::ffff:1.2.3.4", "::ffff:102:304"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
  ] as const;
  for (const [text, expected] of canonical) {
    test(`${text} is written as RFC 5952 says: ${expected}`, () => {
      expect(formatAddress(parseAddress(text))).toBe(expected);
    });
  }

  const bad = ["", "10.0.0", "10.0.0.256", "010.0.0.1", "1.2.3.4/32", "1::2::3", "fe80::1%eth0"];
  for (const text of [...bad, "12345::", "10.0.0.1 ", "0x0a.1.1.1", ":::", "g::"]) {
    test(`${JSON.stringify(text)} is refused with what was expected`, () => {
      expect(tryParseAddress(text)).toBeUndefined();
      expect(() => parseAddress(text)).toThrow(AddressError);
    });
  }

  test("text and back is the identity", () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        expect(parseAddress(formatAddress(address))).toEqual(address);
      }),
    );
  });
});

describe("address bytes and order", () => {
  test("bytes and back is the identity", () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        expect(addressFromBytes(addressToBytes(address))).toEqual(address);
      }),
    );
  });

  test("3 bytes are no address", () => {
    expect(() => addressFromBytes(new Uint8Array(3))).toThrow(AddressError);
  });

  test("adding carries across words and wraps at the end of the family", () => {
    const cases = [
      ["10.0.0.255", 1, "10.0.1.0"],
      ["255.255.255.255", 1, "0.0.0.0"],
      ["10.0.0.0", -1, "9.255.255.255"],
      ["fd00::ffff:ffff", 1, "fd00::1:0:0"],
      ["fd00::1:0:0", -1, "fd00::ffff:ffff"],
    ] as const;
    for (const [from, count, to] of cases) {
      expect(formatAddress(addToAddress(parseAddress(from), count))).toBe(to);
    }
  });

  test("the order agrees with equality and is antisymmetric", () => {
    fc.assert(
      fc.property(anyAddress, anyAddress, (a, b) => {
        expect(compareAddress(a, b) === 0).toBe(equalAddress(a, b));
        expect(Math.sign(compareAddress(a, b))).toBe(-Math.sign(compareAddress(b, a)) || 0);
      }),
    );
  });

  test("a link-local address is another on each link, and the same in octets", () => {
    const plain = parseAddress("fe80::1");
    const [two, three] = [withZone(plain, 2), withZone(plain, 3)];
    expect([plain, two, three].map(formatAddress)).toEqual(["fe80::1", "fe80::1%2", "fe80::1%3"]);
    expect(equalAddress(two, three) || equalAddress(two, plain)).toBe(false);
    expect(equalAddress(two, withZone(three, 2))).toBe(true);
    expect([three, two, plain].sort(compareAddress)).toEqual([plain, two, three]);
    expect(addressToBytes(two)).toEqual(addressToBytes(plain));
    expect(withoutZone(two)).toEqual(plain);
    expect(formatPrefix(hostPrefix(two))).toBe("fe80::1/128");
  });

  test("link-local is fe80::/10 and nothing else", () => {
    const all = ["fe80::", "febf:ffff::1", "fec0::", "fe7f::1", "169.254.0.1", "::"];
    expect(all.filter((text) => isLinkLocal(parseAddress(text)))).toEqual(all.slice(0, 2));
  });
});
