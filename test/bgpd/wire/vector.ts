/** Vectors of `test/vectors/bgp`: messages in hex and what they mean, in words that JSON has. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AsSegment, Attributes, Origin } from "../../../bgpd/wire/attributes.ts";
import type { WireContext } from "../../../bgpd/wire/context.ts";
import type { Capability, Message } from "../../../bgpd/wire/message.ts";
import type { MultiprotocolNextHop } from "../../../bgpd/wire/multiprotocol.ts";
import { address4, type Family, formatAddress, parseAddress } from "../../../lib/address.ts";
import { fromHex, toHex } from "../../../lib/hex.ts";
import { formatNlri, parseNlri } from "./nlri-text.ts";

type PlainSegment = Partial<Record<AsSegment["type"], readonly number[]>>;

const SAME = [
  "multiExitDisc",
  "localPref",
  "atomicAggregate",
  "extendedCommunities",
  "ipv6ExtendedCommunities",
  "aigp",
  "onlyToCustomer",
  "partial",
] as const;

type PlainAttributes = Pick<Attributes, (typeof SAME)[number]> & {
  readonly origin: (typeof ORIGINS)[number];
  readonly asPath: readonly PlainSegment[];
  readonly nextHop?: string;
  readonly aggregator?: { readonly asNumber: number; readonly address: string };
  readonly communities?: readonly string[];
  readonly largeCommunities?: readonly string[];
  readonly originatorId?: string;
  readonly clusterList?: readonly string[];
  readonly unknown?: readonly {
    readonly code: number;
    readonly flags: string;
    readonly value: string;
  }[];
};

type PlainFault = {
  readonly verdict: string;
  readonly attribute: number;
  readonly subcode: number;
  readonly data: string;
};

type PlainCapability =
  | Exclude<Capability, { type: "unknown" }>
  | { readonly type: "unknown"; readonly code: number; readonly value: string };

/** A message as JSON has it. */
export type Meaning =
  | { readonly type: "keepalive" }
  | {
      readonly type: "open";
      readonly version: number;
      readonly myAs: number;
      readonly holdTime: number;
      readonly identifier: string;
      readonly capabilities: readonly PlainCapability[];
    }
  | {
      readonly type: "update";
      readonly withdrawn: readonly string[];
      readonly announced: readonly string[];
      readonly attributes?: PlainAttributes;
      readonly reach?: {
        readonly family: Family;
        readonly nextHop: string;
        readonly nextHopLinkLocal?: string;
        readonly prefixes: readonly string[];
      };
      readonly unreach?: { readonly family: Family; readonly prefixes: readonly string[] };
      readonly faults?: readonly PlainFault[];
    }
  | {
      readonly type: "notification";
      readonly code: number;
      readonly subcode: number;
      readonly data: string;
    }
  | {
      readonly type: "route refresh";
      readonly afi: number;
      readonly safi: number;
      readonly subtype: number;
    };

export type Vector = {
  readonly file: string;
  readonly name: string;
  readonly rfc: string;
  readonly hex: string;
  readonly context?: Partial<WireContext>;
  readonly local?: {
    readonly localAs: number;
    readonly remoteAs: number;
    readonly identifier: string;
    /** IPv4 alone where there are none. */
    readonly families?: readonly Family[];
  };
  readonly meaning?: Meaning;
  readonly canonical?: string;
  readonly error?: { readonly code: number; readonly subcode: number; readonly data: string };
};

const ORIGINS = ["IGP", "EGP", "INCOMPLETE"] as const;
const FOLDERS = [join(import.meta.dir, "../../vectors/bgp"), process.env.MANX_VECTORS ?? ""];

/** Every vector of every file. */
export const VECTORS: readonly Vector[] = FOLDERS.filter((folder) => folder !== "").flatMap(
  (folder) =>
    readdirSync(folder)
      .filter((file) => file.endsWith(".json"))
      .sort()
      .flatMap((file) =>
        (JSON.parse(readFileSync(join(folder, file), "utf8")) as Vector[]).map((vector) => ({
          ...vector,
          file: file.replace(".json", ""),
        })),
      ),
);

export function bytesOf({ hex }: Vector): Uint8Array {
  return fromHex(hex);
}

/** The session of a vector; external, four-octet and of both families where it says nothing else. */
export function contextOf({ context }: Vector): WireContext {
  return {
    fourOctetAs: true,
    external: true,
    maxLength: 4096,
    families: [4, 6],
    extendedNextHop: false,
    ...context,
  };
}

/** Whether both directions of the codec are to be checked. */
export function isTwoWay({ meaning }: Vector): boolean {
  return meaning !== undefined && !(meaning.type === "update" && meaning.faults !== undefined);
}

/** A message in the words of a vector. */
export function meaningOf(message: Message): Meaning {
  switch (message.type) {
    case "keepalive":
    case "route refresh":
      return message;
    case "notification":
      return { ...message, data: toHex(message.data) };
    case "open":
      return {
        ...message,
        identifier: formatAddress(message.identifier),
        capabilities: message.capabilities.map((capability) =>
          capability.type === "unknown"
            ? { ...capability, value: toHex(capability.value) }
            : capability,
        ),
      };
    case "update": {
      const { type, withdrawn, announced, attributes, reach, unreach, faults } = message;
      return {
        type,
        withdrawn: withdrawn.map(formatNlri),
        announced: announced.map(formatNlri),
        ...(attributes === undefined ? {} : { attributes: plainAttributes(attributes) }),
        ...(reach && {
          reach: {
            ...plainNextHop(reach),
            family: reach.family,
            prefixes: reach.prefixes.map(formatNlri),
          },
        }),
        ...(unreach && {
          unreach: { family: unreach.family, prefixes: unreach.prefixes.map(formatNlri) },
        }),
        ...(faults.length === 0
          ? {}
          : {
              faults: faults.map(({ verdict, attribute, subcode, data }) => ({
                verdict,
                attribute,
                subcode,
                data: toHex(data),
              })),
            }),
      };
    }
  }
}

/** The message that a vector's meaning describes; faults aside. */
export function messageOf(meaning: Meaning): Message {
  switch (meaning.type) {
    case "keepalive":
    case "route refresh":
      return meaning;
    case "notification":
      return { ...meaning, data: fromHex(meaning.data) };
    case "open":
      return {
        ...meaning,
        identifier: parseAddress(meaning.identifier),
        capabilities: meaning.capabilities.map((capability) =>
          capability.type === "unknown"
            ? { ...capability, value: fromHex(capability.value) }
            : capability,
        ),
      };
    case "update": {
      const { type, withdrawn, announced, attributes, reach, unreach } = meaning;
      return {
        type,
        withdrawn: withdrawn.map(parseNlri),
        announced: announced.map(parseNlri),
        attributes: attributes === undefined ? undefined : attributesOf(attributes),
        ...(reach && {
          reach: {
            family: reach.family,
            nextHop: parseAddress(reach.nextHop),
            ...(reach.nextHopLinkLocal && {
              nextHopLinkLocal: parseAddress(reach.nextHopLinkLocal),
            }),
            prefixes: reach.prefixes.map(parseNlri),
          },
        }),
        ...(unreach && {
          unreach: { family: unreach.family, prefixes: unreach.prefixes.map(parseNlri) },
        }),
        faults: [],
      };
    }
  }
}

function plainNextHop({ nextHop, nextHopLinkLocal }: MultiprotocolNextHop) {
  return {
    nextHop: formatAddress(nextHop),
    ...(nextHopLinkLocal && { nextHopLinkLocal: formatAddress(nextHopLinkLocal) }),
  };
}

function plainAttributes(attributes: Attributes): PlainAttributes {
  const { origin, asPath, nextHop, aggregator, communities, originatorId, clusterList, unknown } =
    attributes;
  const { largeCommunities } = attributes;
  const dotted = (word: number): string => formatAddress(address4(word));
  return {
    ...same(attributes),
    origin: ORIGINS[origin],
    asPath: asPath.map(({ type, asNumbers }) => ({ [type]: asNumbers })),
    ...(nextHop && { nextHop: formatAddress(nextHop) }),
    ...(aggregator && {
      aggregator: { ...aggregator, address: formatAddress(aggregator.address) },
    }),
    ...(communities && {
      communities: communities.map((word) => `${word >>> 16}:${word & 0xffff}`),
    }),
    ...(largeCommunities && {
      largeCommunities: largeCommunities.map((words) => words.join(":")),
    }),
    ...(originatorId !== undefined && { originatorId: dotted(originatorId) }),
    ...(clusterList && { clusterList: clusterList.map(dotted) }),
    ...(unknown && {
      unknown: unknown.map(({ code, flags, value }) => ({
        code,
        flags: flags.toString(16),
        value: toHex(value),
      })),
    }),
  };
}

function attributesOf(plain: PlainAttributes): Attributes {
  const { origin, asPath, nextHop, aggregator, communities, originatorId, clusterList, unknown } =
    plain;
  const { largeCommunities } = plain;
  const word = (dotted: string): number => parseAddress(dotted).w0;
  return {
    ...same(plain),
    origin: ORIGINS.indexOf(origin) as Origin,
    asPath: asPath.map((segment) => {
      const [[type, asNumbers]] = Object.entries(segment) as [[AsSegment["type"], number[]]];
      return { type, asNumbers };
    }),
    ...(nextHop && { nextHop: parseAddress(nextHop) }),
    ...(aggregator && { aggregator: { ...aggregator, address: parseAddress(aggregator.address) } }),
    ...(communities && {
      communities: communities.map((text) => {
        const [high = 0, low = 0] = text.split(":").map(Number);
        return high * 0x1_0000 + low;
      }),
    }),
    ...(largeCommunities && {
      largeCommunities: largeCommunities.map((text) => {
        const [global = 0, local1 = 0, local2 = 0] = text.split(":").map(Number);
        return [global, local1, local2] as const;
      }),
    }),
    ...(originatorId && { originatorId: word(originatorId) }),
    ...(clusterList && { clusterList: clusterList.map(word) }),
    ...(unknown && {
      unknown: unknown.map(({ code, flags, value }) => ({
        code,
        flags: Number.parseInt(flags, 16),
        value: fromHex(value),
      })),
    }),
  };
}

/** The attributes that are the same in both forms. */
function same(attributes: Attributes | PlainAttributes): Pick<Attributes, (typeof SAME)[number]> {
  return Object.fromEntries(
    SAME.flatMap((key) => (key in attributes ? [[key, attributes[key]]] : [])),
  );
}
