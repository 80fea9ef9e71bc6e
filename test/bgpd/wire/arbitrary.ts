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
  Nlri,
  NotificationMessage,
  OpenMessage,
  Reach,
  RouteRefreshMessage,
  Unreach,
  UpdateMessage,
} from "../../../bgpd/wire/message.ts";
import { type Address, address4, type Family } from "../../../lib/address.ts";
import { toHex } from "../../../lib/hex.ts";
import { type Prefix, prefixOf } from "../../../lib/prefix.ts";

/**
 * The sessions that change bytes: two- and four-octet AS numbers, internal and external; the internal ones
 * with IPv6 next hops for IPv4.
 */
export const CONTEXTS: readonly WireContext[] = [false, true].flatMap((fourOctetAs) =>
  [false, true].map((external) => ({
    fourOctetAs,
    external,
    maxLength: 4096,
    families: [4, 6],
    extendedNextHop: !external,
  })),
);

/** The same with path identifiers in both directions: of IPv4, of IPv6, and of both. */
export const ADD_PATH_CONTEXTS: readonly WireContext[] = ([[4], [6], [4, 6]] as Family[][]).map(
  (identified, index) => ({
    ...(CONTEXTS[index] as WireContext),
    addPath: { receive: identified, send: identified },
  }),
);

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

/** Codes of the attributes with a meaning here, and the two of RFC 4760, which are no mere bytes. */
const TAKEN: ReadonlySet<number> = new Set([
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 15, 16, 17, 18, 25, 26, 32, 35,
]);
const KNOWN_CAPABILITIES: ReadonlySet<number> = new Set([1, 2, 5, 6, 9, 64, 65, 69, 70, 71]);

/** Known optional transitive attributes, by code. */
const PASSED_ON: Readonly<Record<string, keyof Attributes>> = {
  7: "aggregator",
  8: "communities",
  16: "extendedCommunities",
  25: "ipv6ExtendedCommunities",
  32: "largeCommunities",
  35: "onlyToCustomer",
};

/** AIGP: TLVs of unknown types around a metric. */
const aigps: fc.Arbitrary<string> = fc
  .tuple(fc.array(tlvs(), { maxLength: 2 }), fc.bigInt(0n, 2n ** 64n - 2n), fc.array(tlvs()))
  .map(([before, metric, after]) => {
    const value = metric.toString(16).padStart(16, "0");
    return [...before, `01000b${value}`, ...after].join("");
  });

function tlvs(): fc.Arbitrary<string> {
  return fc
    .tuple(fc.integer({ min: 2, max: 255 }), fc.uint8Array({ maxLength: 4 }))
    .map(([type, value]) => toHex(Uint8Array.of(type, 0, value.length + 3, ...value)));
}

/** Entries of so many octets, in hexadecimal. */
function raw(octets: number): fc.Arbitrary<string[]> {
  const entry = fc.uint8Array({ minLength: octets, maxLength: octets }).map(toHex);
  return fc.array(entry, { minLength: 1, maxLength: 4 });
}

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

/** IPv6 prefixes of every length. */
export const prefixes6: fc.Arbitrary<Prefix> = fc
  .tuple(u32, u32, u32, u32, fc.integer({ min: 0, max: 128 }))
  .map(([w0, w1, w2, w3, length]) => prefixOf({ family: 6, w0, w1, w2, w3 }, length));

/** IPv6 addresses that a next hop may be, none of them link-local. */
export const hosts6: fc.Arbitrary<Address> = fc
  .tuple(fc.integer({ min: 0x2000_0000, max: 0xfdff_ffff }), u32, u32, u32)
  .map(([w0, w1, w2, w3]) => ({ family: 6, w0, w1, w2, w3 }));

const linkLocals: fc.Arbitrary<Address> = fc
  .tuple(u32, u32)
  .map(([w2, w3]) => ({ family: 6, w0: 0xfe80_0000, w1: 0, w2, w3 }));

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
    extendedCommunities: raw(8),
    ipv6ExtendedCommunities: raw(20),
    largeCommunities: fc.uniqueArray(fc.tuple(u32, u32, u32), {
      minLength: 1,
      maxLength: 4,
      selector: String,
    }),
    onlyToCustomer: u32,
    unknown: unknown.map((list) => list.sort((a, b) => a.code - b.code)),
    ...(context.external
      ? {}
      : { localPref: u32, originatorId: u32, clusterList: words, aigp: aigps }),
  };
  const sets: fc.Arbitrary<Attributes> = fc.record(model, {
    requiredKeys: ["origin", "asPath", "nextHop"],
  });
  return fc.tuple(sets, fc.subarray(Object.keys(PASSED_ON))).map(([set, codes]) => {
    const partial = codes.filter((key) => set[PASSED_ON[key]!] !== undefined).map(Number);
    return partial.length === 0 ? set : { ...set, partial };
  });
}

/** UPDATEs without a fault. */
export function updates(context: WireContext): fc.Arbitrary<UpdateMessage> {
  const list = fc.array(nlri(prefixes, 4, context), { maxLength: 20 });
  const withdrawing = fc.record({ withdrawn: list, attributes: fc.constant(undefined) });
  const announcing = fc.record({
    withdrawn: list,
    attributes: attributeSets(context),
    announced: list,
  });
  const withReach = fc
    .tuple(announcing, reaches(context))
    .map(([update, reach]) => ({ ...update, reach }));
  const one = fc.oneof(
    withdrawing.map((update) => ({ ...update, announced: [] })),
    announcing,
    withReach,
  );
  return fc
    .tuple(one, fc.option(unreaches(context), { nil: undefined }))
    .map(([update, unreach]) => ({
      type: "update",
      ...update,
      ...(unreach === undefined ? {} : { unreach }),
      faults: [],
    }));
}

/** Prefixes of a family as the session has them: with identifiers, where it has those. */
function nlri(
  bare: fc.Arbitrary<Prefix>,
  family: Family,
  { addPath }: WireContext,
): fc.Arbitrary<Nlri> {
  if (addPath?.send.includes(family) !== true) return bare;
  return fc.tuple(bare, u32).map(([prefix, pathId]) => ({ ...prefix, pathId }));
}

function unreaches(context: WireContext): fc.Arbitrary<Unreach> {
  const list4 = fc.array(nlri(prefixes, 4, context), { maxLength: 12 });
  const list6 = fc.array(nlri(prefixes6, 6, context), { maxLength: 12 });
  return fc.oneof(
    fc.record({ family: fc.constant(6 as const), prefixes: list6 }),
    fc.record({ family: fc.constant(4 as const), prefixes: list4 }),
  );
}

/** IPv6 prefixes, and IPv4 prefixes with next hops of the families that the session allows. */
function reaches(context: WireContext): fc.Arbitrary<Reach> {
  const hop6 = fc.oneof(
    fc.record({ nextHop: hosts6 }),
    fc.record({ nextHop: hosts6, nextHopLinkLocal: linkLocals }),
    fc.record({ nextHop: linkLocals }),
  );
  const hop4 = fc.record({ nextHop: hosts });
  const list4 = fc.array(nlri(prefixes, 4, context), { maxLength: 12 });
  const list6 = fc.array(nlri(prefixes6, 6, context), { maxLength: 12 });
  return fc.oneof(
    fc.tuple(hop6, list6).map(([hop, all]): Reach => ({ family: 6, ...hop, prefixes: all })),
    fc
      .tuple(context.extendedNextHop ? fc.oneof(hop4, hop6) : hop4, list4)
      .map(([hop, all]): Reach => ({ family: 4, ...hop, prefixes: all })),
  );
}

/** Capabilities, known and unknown. */
const restartFamily = { afi: u16, safi: u8, forwarding: fc.boolean() };

export const capabilities: fc.Arbitrary<Capability> = fc.oneof(
  fc.record({ type: fc.constant("multiprotocol" as const), afi: u16, safi: u8 }),
  fc.constant({ type: "route refresh" as const }),
  fc.record({
    type: fc.constant("extended next hop" as const),
    encodings: fc.array(fc.record({ afi: u16, safi: u16, nextHopAfi: u16 }), {
      minLength: 1,
      maxLength: 3,
    }),
  }),
  fc.constant({ type: "extended message" as const }),
  fc.constant({ type: "enhanced route refresh" as const }),
  fc.record({ type: fc.constant("four-octet AS" as const), asNumber: u32 }),
  fc.record({ type: fc.constant("role" as const), role: u8 }),
  fc.record({
    type: fc.constant("graceful restart" as const),
    restarted: fc.boolean(),
    notifications: fc.boolean(),
    time: fc.nat(0xfff),
    families: fc.array(fc.record(restartFamily), { maxLength: 3 }),
  }),
  fc.record({
    type: fc.constant("long-lived graceful restart" as const),
    families: fc.array(fc.record({ ...restartFamily, time: fc.nat(0xff_ffff) }), { maxLength: 3 }),
  }),
  fc.record({
    type: fc.constant("add-path" as const),
    families: fc.array(
      fc.record({ afi: u16, safi: u8, sendReceive: fc.integer({ min: 1, max: 3 }) }),
      { minLength: 1, maxLength: 3 },
    ),
  }),
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
