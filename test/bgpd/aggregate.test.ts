import { describe, expect, test } from "bun:test";
import { aggregateAttributes } from "../../bgpd/aggregate.ts";
import type { Attributes } from "../../bgpd/wire/attributes.ts";
import { GRACEFUL_SHUTDOWN } from "../../bgpd/wire/const.ts";
import { parseAddress } from "../../lib/address.ts";

const aggregator = { asNumber: 64512, address: parseAddress("172.30.0.11") };
const path = (...asNumbers: number[]): Attributes["asPath"] =>
  asNumbers.length === 0 ? [] : [{ type: "sequence", asNumbers }];
const part = (change: Partial<Attributes> = {}): Attributes => ({
  origin: 0,
  asPath: [],
  ...change,
});

describe("attributes of an aggregate (RFC 4271 section 9.2.2.2)", () => {
  test.each<[name: string, parts: Attributes[], expected: Partial<Attributes>]>([
    ["of our own blocks alone: an empty path, nothing left out", [part(), part()], {}],
    ["ORIGIN is the worst", [part(), part({ origin: 2 }), part({ origin: 1 })], { origin: 2 }],
    [
      "one path of all stays",
      [part({ asPath: path(65001) }), part({ asPath: path(65001) })],
      { asPath: path(65001) },
    ],
    [
      "what not all begin with is left out, and ATOMIC_AGGREGATE says so",
      [part({ asPath: path(65001, 65002) }), part({ asPath: path(65001, 65003) })],
      { asPath: path(65001), atomicAggregate: true },
    ],
    [
      "also beside a block of our own",
      [part(), part({ asPath: path(65001) })],
      { atomicAggregate: true },
    ],
    [
      "no AS_SET is passed on (RFC 9774)",
      [part({ asPath: [...path(65001), { type: "set", asNumbers: [1, 2] }] })],
      { asPath: path(65001), atomicAggregate: true },
    ],
    [
      "communities of all parts, each once (RFC 1997), but the one of a part that goes away (RFC 8326)",
      [
        part({ communities: [2, GRACEFUL_SHUTDOWN], largeCommunities: [[1, 2, 3]] }),
        part({
          communities: [1, 2],
          largeCommunities: [[1, 2, 3]],
          extendedCommunities: ["0002fde800000064"],
        }),
      ],
      {
        communities: [1, 2],
        largeCommunities: [[1, 2, 3]],
        extendedCommunities: ["0002fde800000064"],
      },
    ],
    [
      "no communities where ASes are left out",
      [part({ communities: [1] }), part({ asPath: path(65001) })],
      { atomicAggregate: true },
    ],
    [
      "neither MULTI_EXIT_DISC, LOCAL_PREF nor NEXT_HOP of a part",
      [part({ multiExitDisc: 1, localPref: 200, nextHop: parseAddress("172.30.0.12") })],
      {},
    ],
  ])("%s", (_name, parts, expected) => {
    const attributes = { origin: 0, asPath: [], aggregator, ...expected } as const;
    expect(aggregateAttributes(parts, aggregator)).toEqual(attributes);
    expect(aggregateAttributes(parts.toReversed(), aggregator)).toEqual(attributes);
  });
});
