/** What is remembered of links behind which next hops are. */

import { expect, test } from "bun:test";
import { Locations } from "../../../bgpd/policy/locations.ts";
import { formatAddress, parseAddress } from "../../../lib/address.ts";

const [ONE, TWO] = ["172.30.0.1", "172.30.0.2"].map(parseAddress) as [
  ReturnType<typeof parseAddress>,
  ReturnType<typeof parseAddress>,
];

function located(most?: number) {
  const links = new Map([
    ["172.30.0.1", "eth0"],
    ["172.30.0.2", "eth0"],
  ]);
  const asked: string[] = [];
  const locations = new Locations({
    interfaceOf: (nextHop) => {
      asked.push(formatAddress(nextHop));
      return links.get(formatAddress(nextHop));
    },
    ...(most === undefined ? {} : { most }),
  });
  return { links, asked, locations };
}

test("a next hop is looked for once, however many routes have it", () => {
  const { asked, locations } = located();
  expect([ONE, ONE, TWO, ONE].map((nextHop) => locations.of(nextHop))).toEqual(
    Array(4).fill("eth0"),
  );
  expect(asked).toEqual(["172.30.0.1", "172.30.0.2"]);
});

test("an answer holds until somebody asks whether it has moved, for all of them", () => {
  const { links, locations } = located();
  locations.of(ONE);
  locations.of(TWO);
  expect(locations.haveMoved()).toBe(false);
  links.set("172.30.0.2", "eth1");
  expect(locations.of(TWO)).toBe("eth0");
  expect(locations.haveMoved()).toBe(true);
  expect(locations.of(TWO)).toBe("eth1");
  expect(locations.haveMoved()).toBe(false);
  links.delete("172.30.0.2");
  expect(locations.haveMoved()).toBe(true);
  expect(locations.of(TWO)).toBeUndefined();
});

test("one that nobody has asked for since is no reason", () => {
  const { links, locations } = located();
  locations.of(TWO);
  links.set("172.30.0.2", "eth1");
  expect(locations.haveMoved()).toBe(true);
  links.set("172.30.0.2", "eth0");
  expect(locations.haveMoved()).toBe(false);
});

test("where there are more than are remembered, one of them may have moved each time", () => {
  const { links, locations } = located(1);
  locations.of(ONE);
  expect(locations.haveMoved()).toBe(false);
  locations.of(TWO);
  links.set("172.30.0.2", "eth1");
  expect(locations.of(TWO)).toBe("eth1");
  expect(locations.haveMoved()).toBe(true);
  // Those that were asked for since are known again.
  locations.of(ONE);
  expect(locations.haveMoved()).toBe(false);
});
