import { expect, test } from "bun:test";
import type { Share } from "../../../bgpd/rib/route.ts";
import { ShareSets } from "../../../bgpd/rib/share-sets.ts";
import { parseAddress } from "../../../lib/address.ts";

const share = (address: string, weight?: number): Share =>
  weight === undefined
    ? { address: parseAddress(address) }
    : { address: parseAddress(address), weight };
const list = (...addresses: string[]): Share[] => addresses.map((address) => share(address));

test("lists that share traffic alike are one number, others are others", () => {
  const sets = new ShareSets();
  const number = sets.hold(list("10.0.0.1", "10.0.0.2"));
  expect(sets.hold([share("10.0.0.1", 1), share("10.0.0.2")])).toBe(number);
  const others = [
    list("10.0.0.2", "10.0.0.1"),
    list("10.0.0.1"),
    [share("10.0.0.1", 2), share("10.0.0.2")],
    list("fd00::1", "fd00::2"),
    list("fd00::1", "fd00::3"),
  ];
  expect(new Set([number, ...others.map((shares) => sets.hold(shares))]).size).toBe(6);
});

test("a number is a list's as long as somebody holds it, and then another's", () => {
  const sets = new ShareSets();
  const first = list("10.0.0.1", "10.0.0.2");
  const number = sets.hold(first);
  sets.hold(first);
  sets.release(number);
  expect(sets.get(number)).toEqual(first);
  sets.release(number);
  expect(sets.get(number)).toBeUndefined();
  const second = list("10.0.0.3", "10.0.0.4");
  expect(sets.hold(second)).toBe(number);
  expect(sets.get(number)).toEqual(second);
  expect(sets.hold(first)).not.toBe(number);
});
