/**
 * What our encoder writes, read by Wireshark's decoder: no complaint, and the same values.
 *
 * The messages are those of the vectors and a sample of arbitrary UPDATEs; each is a TCP stream of its own.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { which } from "bun";
import fc from "fast-check";
import type { AsSegment, Attributes } from "../../bgpd/wire/attributes.ts";
import { encode } from "../../bgpd/wire/codec.ts";
import { AS_TRANS } from "../../bgpd/wire/const.ts";
import type { WireContext } from "../../bgpd/wire/context.ts";
import type { Capability, Message, UpdateMessage } from "../../bgpd/wire/message.ts";
import { address4, formatAddress } from "../../lib/address.ts";
import { fromHex, toHex } from "../../lib/hex.ts";
import type { Prefix } from "../../lib/prefix.ts";
import { CONTEXTS, updates } from "../bgpd/wire/arbitrary.ts";
import { captureOf } from "../bgpd/wire/pcap.ts";
import { contextOf, isTwoWay, messageOf, VECTORS } from "../bgpd/wire/vector.ts";

const tshark = which("tshark");
const isAbsent = tshark === null && process.env.CI !== "true";
const SAMPLE = { numRuns: 150, seed: 7 };
/** Warnings and errors, as tshark numbers them. */
const COMPLAINTS = "bgp && _ws.expert.severity >= 0x600000";
const SEGMENTS = ["set", "sequence", "confederation sequence", "confederation set"] as const;
const TYPES = { open: 1, update: 2, notification: 3, keepalive: 4, "route refresh": 5 } as const;

const FIELDS = {
  type: "bgp.type",
  version: "bgp.open.version",
  myAs: "bgp.open.myas",
  holdTime: "bgp.open.holdtime",
  identifier: "bgp.open.identifier",
  capabilities: "bgp.cap.type",
  fourOctetAs: "bgp.cap.4as",
  code: "bgp.notify.major_error",
  afi: "bgp.route_refresh.afi",
  subtype: "bgp.route_refresh.subtype",
  safi: "bgp.route_refresh.safi",
  withdrawn: "bgp.withdrawn_prefix",
  announced: "bgp.nlri_prefix",
  lengths: "bgp.prefix_length",
  codes: "bgp.update.path_attribute.type_code",
  origin: "bgp.update.path_attribute.origin",
  segments: "bgp.update.path_attribute.as_path_segment.type",
  counts: "bgp.update.path_attribute.as_path_segment.length",
  two: "bgp.update.path_attribute.as_path_segment.as2",
  four: "bgp.update.path_attribute.as_path_segment.as4",
  reach4: "bgp.mp_reach_nlri_ipv4_prefix",
  reach6: "bgp.mp_reach_nlri_ipv6_prefix",
  reachHop6: "bgp.update.path_attribute.mp_reach_nlri.next_hop.ipv6",
  reachHopLinkLocal: "bgp.update.path_attribute.mp_reach_nlri.next_hop.ipv6.link_local",
  unreach4: "bgp.mp_unreach_nlri_ipv4_prefix",
  unreach6: "bgp.mp_unreach_nlri_ipv6_prefix",
  nextHop: "bgp.update.path_attribute.next_hop",
  multiExitDisc: "bgp.update.path_attribute.multi_exit_disc",
  localPref: "bgp.update.path_attribute.local_pref",
  aggregators: "bgp.update.path_attribute.aggregator_as",
  aggregatedBy: "bgp.update.path_attribute.aggregator_origin",
  originatorId: "bgp.update.path_attribute.originator_id",
  clusterList: "bgp.path_attribute.cluster_id",
  largeGlobal: "bgp.large_communities.ga",
  largeLocal1: "bgp.large_communities.ldp1",
  largeLocal2: "bgp.large_communities.ldp2",
} as const;

type Row = Record<keyof typeof FIELDS, string>;
const NOTHING = Object.fromEntries(Object.keys(FIELDS).map((key) => [key, ""])) as Row;

/** What tshark ought to see of a message. */
function expected(message: Message, context: WireContext): Row {
  const row = { ...NOTHING, type: `${TYPES[message.type]}` };
  switch (message.type) {
    case "keepalive":
      return row;
    case "notification":
      return { ...row, code: `${message.code}` };
    case "route refresh": {
      const { afi, safi, subtype } = message;
      return { ...row, afi: `${afi}`, safi: `${safi}`, subtype: `${subtype}` };
    }
    case "open": {
      const { version, myAs, holdTime, identifier, capabilities } = message;
      return {
        ...row,
        version: `${version}`,
        myAs: `${myAs}`,
        holdTime: `${holdTime}`,
        identifier: formatAddress(identifier),
        capabilities: capabilities.map(codeOf).join(),
        fourOctetAs: capabilities.flatMap(asNumberOf).join(),
      };
    }
    case "update": {
      const { withdrawn, announced, attributes, reach, unreach } = message;
      const addresses = (prefixes: readonly Prefix[]): string => prefixes.map(formatAddress).join();
      return {
        ...row,
        withdrawn: addresses(withdrawn),
        announced: addresses(announced),
        lengths: [
          ...withdrawn,
          ...(reach?.prefixes ?? []),
          ...(unreach?.prefixes ?? []),
          ...announced,
        ]
          .map(({ length }) => length)
          .join(),
        ...(attributes === undefined ? {} : expectedAttributes(attributes, context)),
        codes: [
          ...(reach ? [14] : []),
          ...(unreach ? [15] : []),
          ...(attributes ? codesOf(attributes, context) : []),
        ].join(),
        ...(reach && {
          [`reach${reach.family}`]: addresses(reach.prefixes),
          reachHop6: reach.nextHop.family === 6 ? formatAddress(reach.nextHop) : "",
          reachHopLinkLocal: reach.nextHopLinkLocal ? formatAddress(reach.nextHopLinkLocal) : "",
        }),
        ...(unreach && { [`unreach${unreach.family}`]: addresses(unreach.prefixes) }),
      };
    }
  }
}

const CODES = {
  multiprotocol: 1,
  "route refresh": 2,
  "extended next hop": 5,
  "extended message": 6,
  role: 9,
  "graceful restart": 64,
  "four-octet AS": 65,
  "add-path": 69,
  "enhanced route refresh": 70,
  "long-lived graceful restart": 71,
} as const;

function codeOf(capability: Capability): number {
  if (capability.type === "unknown") return capability.code;
  return CODES[capability.type];
}

function asNumberOf(capability: Capability): number[] {
  return capability.type === "four-octet AS" ? [capability.asNumber] : [];
}

/** What of a set two-octet speakers carry in AS4_PATH and AS4_AGGREGATOR. */
function carriedBeside({ asPath, aggregator }: Attributes, { fourOctetAs }: WireContext) {
  const told = asPath.filter(({ type }) => type === "sequence" || type === "set");
  const path4 = !fourOctetAs && numbersOf(told).some(isWide) ? told : [];
  const aggregator4 = !fourOctetAs && aggregator !== undefined && isWide(aggregator.asNumber);
  return { path4, aggregator4 };
}

const isWide = (asNumber: number): boolean => asNumber > 0xffff;
const numbersOf = (path: readonly AsSegment[]) => path.flatMap(({ asNumbers }) => asNumbers);

function codesOf(attributes: Attributes, context: WireContext): number[] {
  const { path4, aggregator4 } = carriedBeside(attributes, context);
  return [
    1,
    2,
    ...(attributes.nextHop ? [3] : []),
    ...(attributes.multiExitDisc === undefined ? [] : [4]),
    ...(attributes.localPref === undefined ? [] : [5]),
    ...(attributes.atomicAggregate ? [6] : []),
    ...(attributes.aggregator ? [7] : []),
    ...(attributes.communities ? [8] : []),
    ...(attributes.originatorId === undefined ? [] : [9]),
    ...(attributes.clusterList ? [10] : []),
    ...(attributes.extendedCommunities ? [16] : []),
    ...(path4.length > 0 ? [17] : []),
    ...(aggregator4 ? [18] : []),
    ...(attributes.ipv6ExtendedCommunities ? [25] : []),
    ...(attributes.aigp ? [26] : []),
    ...(attributes.largeCommunities ? [32] : []),
    ...(attributes.onlyToCustomer === undefined ? [] : [35]),
    ...(attributes.unknown ?? []).map(({ code }) => code),
  ].sort((a, b) => a - b);
}

function expectedAttributes(attributes: Attributes, context: WireContext): Partial<Row> {
  const { fourOctetAs } = context;
  const { origin, asPath, nextHop, aggregator } = attributes;
  const { path4, aggregator4 } = carriedBeside(attributes, context);
  const narrow = (asNumber: number): number => (isWide(asNumber) ? AS_TRANS : asNumber);
  const paths = [...asPath, ...path4];
  const aggregators = aggregator ? [aggregator.asNumber] : [];
  return {
    origin: `${origin}`,
    segments: paths.map(({ type }) => SEGMENTS.indexOf(type) + 1).join(),
    counts: paths.map(({ asNumbers }) => asNumbers.length).join(),
    two: fourOctetAs ? "" : numbersOf(asPath).map(narrow).join(),
    four: numbersOf(fourOctetAs ? asPath : path4).join(),
    nextHop: nextHop ? formatAddress(nextHop) : "",
    multiExitDisc: `${attributes.multiExitDisc ?? ""}`,
    localPref: `${attributes.localPref ?? ""}`,
    aggregators: [...(aggregator4 ? aggregators.map(narrow) : []), ...aggregators].join(),
    aggregatedBy: [
      ...(aggregator4 && aggregator ? [aggregator] : []),
      ...(aggregator ? [aggregator] : []),
    ]
      .map(({ address }) => formatAddress(address))
      .join(),
    originatorId:
      attributes.originatorId === undefined ? "" : formatAddress(address4(attributes.originatorId)),
    clusterList: (attributes.clusterList ?? []).map((id) => formatAddress(address4(id))).join(),
    largeGlobal: (attributes.largeCommunities ?? []).map(([global]) => global).join(),
    largeLocal1: (attributes.largeCommunities ?? []).map(([, local]) => local).join(),
    largeLocal2: (attributes.largeCommunities ?? []).map(([, , local]) => local).join(),
  };
}

/**
 * What tshark guesses about is left out: attributes that it may know and we do not, prefixes that might
 * be path identifiers of RFC 7911.
 */
function unambiguous(update: UpdateMessage): UpdateMessage {
  const { withdrawn, attributes, announced, reach, unreach } = update;
  const plain = (prefixes: readonly Prefix[]): Prefix[] =>
    prefixes.filter(({ w0, length }) => length > 7 && w0 >>> 24 > 0);
  const multiprotocol = {
    ...(reach && { reach: { ...reach, prefixes: plain(reach.prefixes) } }),
    ...(unreach && { unreach: { ...unreach, prefixes: plain(unreach.prefixes) } }),
  };
  if (attributes === undefined) {
    return { ...update, ...multiprotocol, withdrawn: plain(withdrawn) };
  }
  const { unknown: _, ...known } = attributes;
  return {
    ...update,
    ...multiprotocol,
    withdrawn: plain(withdrawn),
    attributes: known,
    announced: plain(announced),
  };
}

let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "manx-tshark-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Lines that tshark prints of a capture of these payloads. */
function read(payloads: readonly Uint8Array[], fourOctetAs: boolean, ...args: string[]): string[] {
  const file = join(folder, "messages.pcap");
  writeFileSync(file, captureOf(payloads));
  const preferences = [
    "tcp.check_checksum:TRUE",
    "ip.check_checksum:TRUE",
    `bgp.asn_len:${fourOctetAs ? 4 : 2} octet`,
  ].flatMap((preference) => ["-o", preference]);
  const { exitCode, stdout, stderr } = Bun.spawnSync(
    [tshark ?? "tshark", "-n", "-r", file, ...preferences, ...args],
    { env: { ...process.env, HOME: folder } },
  );
  if (exitCode !== 0) throw new Error(`tshark: ${stderr}`);
  const lines = stdout.toString().split("\n");
  return lines.slice(0, -1);
}

for (const fourOctetAs of [true, false]) {
  const context = CONTEXTS.find((one) => one.fourOctetAs === fourOctetAs && !one.external)!;
  const messages = [
    ...VECTORS.filter(
      (vector) =>
        isTwoWay(vector) &&
        // Of a capability of a wrong length tshark complains rightly.
        vector.rfc !== "5492 5" &&
        // tshark 4.0 does not know extended parameters; the others of that RFC are written in the usual form.
        !(vector.rfc === "9072 2" && vector.canonical === undefined) &&
        contextOf(vector).fourOctetAs === fourOctetAs &&
        contextOf(vector).maxLength === context.maxLength,
    ).map(({ meaning }) => messageOf(meaning!)),
    ...fc.sample(updates(context).map(unambiguous), SAMPLE),
  ];
  const payloads = messages.map((message) => encode(message, context));

  describe(`tshark reads our messages with ${fourOctetAs ? "four" : "two"}-octet AS numbers`, () => {
    test.skipIf(isAbsent)("without a complaint", () => {
      expect(read(payloads, fourOctetAs, "-Y", COMPLAINTS)).toEqual([]);
      expect(read(payloads, fourOctetAs, "-Y", "_ws.expert.severity >= 0x600000")).toEqual([]);
    });

    test.skipIf(isAbsent)("and sees what we meant", () => {
      const names = Object.keys(FIELDS) as (keyof Row)[];
      const columns = names.flatMap((name) => ["-e", FIELDS[name]]);
      const options = ["-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", ...columns];
      const lines = read(payloads, fourOctetAs, ...options);
      const rows = lines.map((line) => {
        const values = line.split("\t");
        return Object.fromEntries(names.map((name, index) => [name, values[index]]));
      });
      expect(rows).toHaveLength(messages.length);
      for (const [index, message] of messages.entries()) {
        const wanted = { ...expected(message, context), hex: toHex(payloads[index]!) };
        expect({ ...rows[index], hex: wanted.hex }).toEqual(wanted);
      }
    });
  });
}

test.skipIf(isAbsent)("tshark does complain of a message that is malformed", () => {
  const body = "0000 0011 400101 00 400206 0203 0000fc01 400304 0a00";
  const malformed = fromHex(`${"ff".repeat(16)} 0028 02 ${body}`);
  expect(read([malformed], true, "-Y", COMPLAINTS)).toHaveLength(1);
});
