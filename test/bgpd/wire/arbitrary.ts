/**
 * fast-check arbitraries of what the wire folder encodes: addresses, prefixes, paths, attributes, messages.
 *
 * Every value is one that survives its session unchanged: nothing that an external peer must not send,
 * no confederation segment where AS4_PATH would lose it.
 */

import fc from "fast-check";
import type { AsSegment, Attributes } from "../../../bgpd/wire/attributes.ts";
import * as code from "../../../bgpd/wire/const.ts";
import type { WireContext } from "../../../bgpd/wire/context.ts";
import type {
  Capability,
  Message,
  NotificationMessage,
  OpenMessage,
  RouteRefreshMessage,
  UpdateMessage,
} from "../../../bgpd/wire/message.ts";
import { type Address, address4 } from "../../../lib/address.ts";
import { type Prefix, prefixOf } from "../../../lib/prefix.ts";

/** The sessions that change bytes: two- and four-octet AS numbers, internal and external. */
export const CONTEXTS: readonly WireContext[] = [false, true].flatMap((fourOctetAs) =>
  [false, true].map((external) => ({ fourOctetAs, external, maxLength: 4096 })),
);

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

/** Codes of the attributes with a meaning here, and the two of RFC 4760, which are no mere bytes. */
const TAKEN: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 15, 17, 18]);
const KNOWN_CAPABILITIES: ReadonlySet<number> = new Set([1, 2, 6, 65, 70]);

/** Any IPv4 address. */
export const addresses: fc.Arbitrary<Address> = u32.map(address4);

/** IPv4 addresses that a NEXT_HOP may be. */
export const hosts: fc.Arbitrary<Address> = addresses.filter(({ w0 }) => {
  const first = w0 >>> 24;
  return first !== 0 && first !== 127 && first < 224;
});

/** IPv4 prefixes of every length. */
export const prefixes: fc.Arbitrary<Prefix> = fc
  .tuple(u32, fc.integer({ min: 0, max: 32 }))
  .map(([word, length]) => prefixOf(address4(word), length));

/** AS numbers, those of two octets as often as the others; never 0 (RFC 7607). */
export const asNumbers: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 1, max: 0xffff }),
  fc.integer({ min: 1, max: 0xffff_ffff }),
);

/** Paths that a session of this kind carries without loss. */
export function asPaths({ fourOctetAs, external }: WireContext): fc.Arbitrary<AsSegment[]> {
  const list = (numbers: fc.Arbitrary<number>): fc.Arbitrary<number[]> =>
    fc.array(numbers, { minLength: 1, maxLength: 5 });
  const segments = (types: AsSegment["type"][], numbers: fc.Arbitrary<number>) =>
    fc.array(fc.record({ type: fc.constantFrom(...types), asNumbers: list(numbers) }), {
      maxLength: 4,
    });
  const told = segments(["sequence", "set"], asNumbers);
  if (external) return fourOctetAs ? told : told.map(withoutNeighbours);
  const within: AsSegment["type"][] = ["confederation sequence", "confederation set"];
  if (fourOctetAs) return segments(["sequence", "set", ...within], asNumbers);
  // AS4_PATH has none of a confederation's segments: only in front, and mappable, they are kept.
  return fc
    .tuple(segments(within, fc.integer({ min: 1, max: 0xffff })), told.map(withoutNeighbours))
    .map(([confederation, rest]) => [...confederation, ...rest]);
}

/** Attribute sets of a route. */
export function attributeSets(context: WireContext): fc.Arbitrary<Attributes> {
  const words = fc.array(u32, { minLength: 1, maxLength: 8 });
  const unknown = fc.uniqueArray(
    fc.record({
      code: u8.filter((number) => !TAKEN.has(number)),
      flags: fc.constant(code.FLAG_OPTIONAL | code.FLAG_TRANSITIVE | code.FLAG_PARTIAL),
      value: fc.oneof(fc.uint8Array({ maxLength: 8 }), longBytes()),
    }),
    { minLength: 1, maxLength: 3, selector: (attribute) => attribute.code },
  );
  const model = {
    origin: fc.constantFrom(0 as const, 1 as const, 2 as const),
    asPath: asPaths(context),
    nextHop: hosts,
    multiExitDisc: u32,
    atomicAggregate: fc.constant(true as const),
    aggregator: fc.record({ asNumber: asNumbers, address: addresses }),
    communities: words,
    unknown: unknown.map((list) => list.sort((a, b) => a.code - b.code)),
    ...(context.external ? {} : { localPref: u32, originatorId: u32, clusterList: words }),
  };
  const sets: fc.Arbitrary<Attributes> = fc.record(model, {
    requiredKeys: ["origin", "asPath", "nextHop"],
  });
  return fc.tuple(sets, fc.subarray([7, 8])).map(([set, codes]) => {
    const partial = codes.filter((number) => (number === 7 ? set.aggregator : set.communities));
    return partial.length === 0 ? set : { ...set, partial };
  });
}

/** UPDATEs without a fault. */
export function updates(context: WireContext): fc.Arbitrary<UpdateMessage> {
  const list = fc.array(prefixes, { maxLength: 20 });
  const withdrawing = fc.record({ withdrawn: list, attributes: fc.constant(undefined) });
  const announcing = fc.record({
    withdrawn: list,
    attributes: attributeSets(context),
    announced: list,
  });
  return fc
    .oneof(
      withdrawing.map((update) => ({ ...update, announced: [] })),
      announcing,
    )
    .map((update) => ({ type: "update", ...update, faults: [] }));
}

/** Capabilities, known and unknown. */
export const capabilities: fc.Arbitrary<Capability> = fc.oneof(
  fc.record({ type: fc.constant("multiprotocol" as const), afi: u16, safi: u8 }),
  fc.constant({ type: "route refresh" as const }),
  fc.constant({ type: "extended message" as const }),
  fc.constant({ type: "enhanced route refresh" as const }),
  fc.record({ type: fc.constant("four-octet AS" as const), asNumber: u32 }),
  fc.record({
    type: fc.constant("unknown" as const),
    code: u8.filter((number) => !KNOWN_CAPABILITIES.has(number)),
    value: fc.uint8Array({ maxLength: 12 }),
  }),
);

/** OPENs, acceptable or not to a session. */
export const opens: fc.Arbitrary<OpenMessage> = fc.record({
  type: fc.constant("open" as const),
  version: fc.constant(4),
  myAs: u16,
  holdTime: u16,
  identifier: addresses,
  capabilities: fc.array(capabilities, { maxLength: 60 }),
});

export const notifications: fc.Arbitrary<NotificationMessage> = fc.record({
  type: fc.constant("notification" as const),
  code: u8,
  subcode: u8,
  data: fc.oneof(fc.uint8Array({ maxLength: 20 }), longBytes()),
});

export const routeRefreshes: fc.Arbitrary<RouteRefreshMessage> = fc.record({
  type: fc.constant("route refresh" as const),
  afi: u16,
  safi: u8,
  subtype: u8,
});

/** Messages of every type. */
export function messages(context: WireContext): fc.Arbitrary<Message> {
  return fc.oneof(
    { weight: 4, arbitrary: updates(context) },
    { weight: 2, arbitrary: opens },
    { weight: 1, arbitrary: notifications },
    { weight: 1, arbitrary: routeRefreshes },
    { weight: 1, arbitrary: fc.constant({ type: "keepalive" as const }) },
  );
}

/** More octets than one length octet can say. */
function longBytes(): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: 256, maxLength: 300 });
}

/** Two sequences side by side are one path: merging AS4_PATH writes them as one. */
function withoutNeighbours(path: readonly AsSegment[]): AsSegment[] {
  return path.filter(({ type }, at) => type !== "sequence" || path[at - 1]?.type !== "sequence");
}
