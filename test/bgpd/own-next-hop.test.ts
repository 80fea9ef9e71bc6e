import { describe, expect, test } from "bun:test";
import { ownNextHops } from "../../bgpd/own-next-hop.ts";
import type { OwnNextHop } from "../../bgpd/rib/route.ts";
import type { InterfaceAddress } from "../../kernel/kernel.ts";
import { type Address, formatAddress, parseAddress, withZone } from "../../lib/address.ts";
import { parseInterfaceAddress } from "../../lib/prefix.ts";

/** `LINK ADDRESS/LENGTH`. */
function kernel(...texts: string[]): InterfaceAddress[] {
  return texts.map((text) => {
    const [link = "", address = ""] = text.split(" ");
    const scope = address.startsWith("fe80") ? "link" : "global";
    return { link: Number(link), scope, ...parseInterfaceAddress(address) };
  });
}

const NODE = ["172.30.0.11", "fd00:30::11"].map(parseAddress);
const ETH0 = ["1 172.30.0.11/24", "1 fd00:30::11/64", "1 fe80::11/64"];

/** `ADDRESS%LINK`. */
function zoned(text: string): Address {
  const [address = "", link] = text.split("%");
  return link === undefined ? parseAddress(address) : withZone(parseAddress(address), Number(link));
}

function print(own: OwnNextHop): string {
  if (own.nextHop === undefined) return own.reason;
  const { nextHop, nextHopLinkLocal } = own;
  return [nextHop, ...(nextHopLinkLocal ? [nextHopLinkLocal] : [])].map(formatAddress).join(" ");
}

/** Next hops of a session between two addresses, as text. */
function hops(
  [local, remote]: readonly [string, string],
  addresses: readonly string[] | undefined,
  { extended = false, node = NODE } = {},
): string[] {
  const session = {
    localAddress: zoned(local),
    remoteAddress: zoned(remote),
    wire: {
      fourOctetAs: true,
      external: true,
      maxLength: 4096,
      families: [4, 6] as const,
      extendedNextHop: extended,
    },
  };
  const own = ownNextHops(session, {
    node,
    kernel: addresses === undefined ? undefined : kernel(...addresses),
  });
  return [print(own[4]), print(own[6])];
}

const NEAR = ["172.30.0.11", "172.30.0.1"] as const;
const NEAR6 = ["fd00:30::11", "fd00:30::1"] as const;
const NONE = "no link of this node has an IPv6 address that could be the next hop";

describe("the next hops of an IPv4 session", () => {
  test("are its own address and the node's IPv6 address on its link, with the link-local one", () => {
    expect(hops(NEAR, ETH0)).toEqual(["172.30.0.11", "fd00:30::11 fe80::11"]);
  });

  test("are without the link-local address where the peer is behind a router", () => {
    expect(hops(["172.30.0.11", "10.9.9.9"], ETH0)).toEqual(["172.30.0.11", "fd00:30::11"]);
  });

  test("are of the session's link before the node's own on another", () => {
    const addresses = [
      "1 fd00:30::11/64",
      "2 172.31.0.11/24",
      "2 fd00:31::12/64",
      "2 fd00:31::11/64",
    ];
    expect(hops(["172.31.0.11", "172.31.0.1"], addresses)).toEqual(["172.31.0.11", "fd00:31::11"]);
  });

  test("are the node's on another link where the session's has none", () => {
    const addresses = ["1 fd00:30::11/128", "2 172.31.0.11/24", "2 fe80::2/64"];
    expect(hops(["172.31.0.11", "172.31.0.1"], addresses)).toEqual(["172.31.0.11", "fd00:30::11"]);
  });

  test("lack IPv6 while no link has such an address, whatever the node's document says", () => {
    expect(hops(NEAR, ["1 172.30.0.11/24", "1 fe80::11/64"])).toEqual(["172.30.0.11", NONE]);
    expect(hops(NEAR, ["1 172.30.0.11/24", "2 fd00:99::1/64"])).toEqual(["172.30.0.11", NONE]);
  });
});

describe("the next hops of an IPv6 session", () => {
  test("are the node's IPv4 address on its link, and its own address", () => {
    expect(hops(NEAR6, ETH0)).toEqual(["172.30.0.11", "fd00:30::11 fe80::11"]);
  });

  test("are its own address for both with RFC 8950", () => {
    const own = "fd00:30::11 fe80::11";
    expect(hops(NEAR6, ETH0, { extended: true })).toEqual([own, own]);
  });
});

describe("the next hops of a session between link-local addresses", () => {
  const NEARBY = ["fe80::12%2", "fe80::1%2"] as const;
  const TWO = [...ETH0, "2 fe80::12/64", "2 fe80::99/64"];

  test("are its own address alone, without the link, though the link may have a global one", () => {
    expect(hops(NEARBY, TWO, { extended: true })).toEqual(["fe80::12", "fe80::12"]);
    const more = [...TWO, "2 fd00:99::12/64"];
    expect(hops(NEARBY, more, { extended: true })).toEqual(["fe80::12", "fe80::12"]);
    expect(hops(NEARBY, undefined, { extended: true })).toEqual(["fe80::12", "fe80::12"]);
  });

  test("are for IPv4 an address of that link, else the node's, without RFC 8950", () => {
    expect(hops(NEARBY, TWO)).toEqual(["172.30.0.11", "fe80::12"]);
    expect(hops(NEARBY, [...TWO, "2 10.9.9.1/31"])).toEqual(["10.9.9.1", "fe80::12"]);
  });
});

test("without a kernel the node's document decides", () => {
  expect(hops(NEAR, undefined)).toEqual(["172.30.0.11", "fd00:30::11"]);
  expect(hops(NEAR, undefined, { node: NODE.slice(0, 1) })).toEqual([
    "172.30.0.11",
    "this node has no IPv6 address",
  ]);
});
