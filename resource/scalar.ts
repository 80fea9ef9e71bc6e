/**
 * Values that documents are made of, as schemas: each says in its own words what it expects.
 */

import * as v from "valibot";
import { type Address, AddressError, type Family, tryParseAddress } from "../lib/address.ts";
import { hostPrefix, parsePrefix } from "../lib/prefix.ts";
import { parseSelector, type Selector, SelectorError } from "./selector.ts";

/** AS_TRANS (RFC 6793) and the numbers that RFC 7300 and RFC 7607 reserve. */
const RESERVED_AS = [0, 23_456, 65_535, 0xffff_ffff];
/** fe80::/10, without what is behind it. */
const LINK_LOCAL = 0xfe80 >>> 6;
const MOST_SECONDS = 65_535;
const UNITS: readonly (readonly [letter: string, seconds: number])[] = [
  ["h", 3600],
  ["m", 60],
  ["s", 1],
];

/** A schema of text that `parse` understands; undefined from it means wrong. */
export function textOf<Value>(expected: string, parse: (text: string) => Value | undefined) {
  return v.pipe(
    v.string(expected),
    v.rawTransform<string, Value>(({ dataset, addIssue, NEVER }) => {
      const value = parse(dataset.value);
      if (value !== undefined) return value;
      addIssue({ message: expected });
      return NEVER;
    }),
  );
}

/**
 * A map with these fields and no others. Valibot leaves a missing field's words to the map: the field's own
 * schema knows them.
 */
export function mapOf<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.strictObject(entries, wordsOf(entries));
}

/** A map of which these fields mean something; any others may stand. */
export function partOf<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.object(entries, wordsOf(entries));
}

function wordsOf(entries: v.ObjectEntries) {
  const names = Object.keys(entries).join(", ");
  return ({ expected, path }: v.StrictObjectIssue | v.ObjectIssue): string => {
    const key = String(path?.[0]?.key);
    const entry = entries[key];
    if (expected === "never") return `no such field: expected one of ${names}`;
    if (path === undefined || entry === undefined) return `expected a map with ${names}`;
    return missing(entry);
  };
}

/** What is said where a value of this schema should be and is not. */
export function missing(schema: v.GenericSchema): string {
  return `missing: ${v.safeParse(schema, undefined).issues?.[0].message}`;
}

/** One step on the way to a value, as valibot names it. */
export function inMap(input: Record<string, unknown>, key: string): v.ObjectPathItem {
  return { type: "object", origin: "value", input, key, value: input[key] };
}

/** The same in a list. */
export function inList(input: unknown[], key: number): v.ArrayPathItem {
  return { type: "array", origin: "value", input, key, value: input[key] };
}

/**
 * Whether one host can have the address anywhere (RFC 6890: neither "this network" nor multicast and above;
 * of IPv6 neither unspecified, loopback, an IPv4 address in disguise, link-local nor multicast).
 */
export function isUnicast({ family, w0, w1, w2 }: Address): boolean {
  if (family === 4) return w0 >= 0x0100_0000 && w0 < 0xe000_0000;
  const isLow = w0 === 0 && w1 === 0 && (w2 === 0 || w2 === 0xffff);
  return !isLow && w0 < 0xff00_0000 && w0 >>> 22 !== LINK_LOCAL;
}

export const booleanSchema = v.boolean("expected true or false");

/** One of these words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(...words: Words) {
  const list =
    words.length === 1 ? words[0] : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
  return v.picklist(words, `expected ${list}`);
}

/** `10.244.0.0/16`. */
export const prefixSchema = textOf(
  "expected an IPv4 prefix such as 10.244.0.0/16, with no bits set behind its length",
  (text) => {
    const prefix = attempt(() => parsePrefix(text));
    return prefix?.family === 4 ? prefix : undefined;
  },
);

/** `fd00::/48`. */
export const prefix6Schema = textOf(
  "expected an IPv6 prefix such as fd00::/48, with no bits set behind its length",
  (text) => {
    const prefix = attempt(() => parsePrefix(text));
    return prefix?.family === 6 ? prefix : undefined;
  },
);

/** `10.244.0.0/16` or `fd00::/48`. */
export const eitherPrefixSchema = textOf(
  "expected a prefix such as 10.244.0.0/16 or fd00::/48, with no bits set behind its length",
  (text) => attempt(() => parsePrefix(text)),
);

/** A prefix, or one address alone, which is a prefix of all its bits. */
export const addressesSchema = textOf(
  "expected an address such as 10.244.1.7, or a prefix such as 10.244.1.0/28 with no bits set behind its length",
  (text) => {
    const address = tryParseAddress(text);
    return address === undefined ? attempt(() => parsePrefix(text)) : hostPrefix(address);
  },
);

const AS_NUMBER = "expected an AS number from 1 to 4294967294";

/** 64512, "64512", or "1.10" (RFC 5396 asdot). */
export const asNumberSchema = v.pipe(
  v.union([v.number(), v.string()], AS_NUMBER),
  v.rawTransform<number | string, number>(({ dataset, addIssue, NEVER }) => {
    const number = asNumberOf(dataset.value);
    const fault = asNumberFault(number, AS_NUMBER);
    if (number !== undefined && fault === undefined) return number;
    addIssue({ message: fault ?? AS_NUMBER });
    return NEVER;
  }),
);

/** The AS of whoever is found: one by number, any but ours, or ours. */
export type PeerAs = number | "external" | "internal";

const PEER_AS = `${AS_NUMBER}, or, with an interface alone, external or internal`;

/** An AS number or one of the two words. */
export const peerAsSchema = v.pipe(
  v.union([v.number(), v.string()], PEER_AS),
  v.rawTransform<number | string, PeerAs>(({ dataset: { value }, addIssue, NEVER }) => {
    if (value === "external" || value === "internal") return value;
    const number = asNumberOf(value);
    const fault = asNumberFault(number, PEER_AS);
    if (number !== undefined && fault === undefined) return number;
    addIssue({ message: fault ?? PEER_AS });
    return NEVER;
  }),
);

function asNumberFault(number: number | undefined, expected: string): string | undefined {
  if (number === undefined) return expected;
  return RESERVED_AS.includes(number)
    ? `AS ${number} is reserved: expected another AS number`
    : undefined;
}

/** AS numbers from one to another, both included. */
export type AsRange = { readonly first: number; readonly last: number };

/** One AS number, or a range such as "64512-64600". */
export const asRangeSchema = v.pipe(
  v.union([v.number(), v.string()], 'expected an AS number or a range such as "64512-64600"'),
  v.rawTransform<number | string, AsRange>(({ dataset, addIssue, NEVER }) => {
    const ends = typeof dataset.value === "number" ? [dataset.value] : dataset.value.split("-");
    const [first, last = first] = ends.map(asNumberOf);
    const isRange = ends.length <= 2 && first !== undefined && last !== undefined && first <= last;
    if (isRange && first > 0 && last < 0xffff_ffff) return { first, last };
    addIssue({ message: 'expected an AS number or a range such as "64512-64600"' });
    return NEVER;
  }),
);

/** Seconds: a number, or a duration of whole seconds such as "90s" or "1m30s". */
export function secondsSchema(least: number, note = "", most = MOST_SECONDS) {
  const expected = `expected whole seconds from ${least} to ${most}, as a number or as "90s"${note}`;
  return v.pipe(
    v.union([v.number(), v.string()], expected),
    v.rawTransform<number | string, number>(({ dataset, addIssue, NEVER }) => {
      const { value } = dataset;
      const seconds = typeof value === "number" ? value : secondsOf(value);
      const isRight =
        seconds !== undefined && Number.isInteger(seconds) && seconds >= least && seconds <= most;
      if (isRight) return seconds;
      addIssue({ message: expected });
      return NEVER;
    }),
  );
}

/** Milliseconds: a number, or a duration such as "300ms" or "1s". */
export function millisecondsSchema(least: number, most: number) {
  const expected = `expected milliseconds from ${least} to ${most}, as a number or as "300ms" or "1s"`;
  return v.pipe(
    v.union([v.number(), v.string()], expected),
    v.rawTransform<number | string, number>(({ dataset, addIssue, NEVER }) => {
      const { value } = dataset;
      const duration = typeof value === "number" ? value : millisecondsOf(value);
      const isRight =
        duration !== undefined &&
        Number.isInteger(duration) &&
        duration >= least &&
        duration <= most;
      if (isRight) return duration;
      addIssue({ message: expected });
      return NEVER;
    }),
  );
}

/** RFC 4271 section 4.2: zero, or at least three seconds. */
export const holdTimeSchema = v.pipe(
  secondsSchema(0, "; 0 switches the timer off"),
  v.check(
    (seconds) => seconds === 0 || seconds >= 3,
    "expected 0 or at least 3 seconds (RFC 4271 section 4.2)",
  ),
);

export const portSchema = wholeNumber(1, 65_535, "a TCP port");

/** Calico's priority of a route: as a metric, the smaller the better. */
export const prioritySchema = wholeNumber(1, 2_147_483_646, "a priority");

/** A whole number within bounds; `what` names it. */
export function wholeNumber(least: number, most: number, what: string) {
  const expected = `expected ${what} from ${least} to ${most}`;
  return v.pipe(
    v.number(expected),
    v.integer(expected),
    v.minValue(least, expected),
    v.maxValue(most, expected),
  );
}

/** Text for people at the other end of a session: RFC 9003 section 2 has room for 255 octets of it. */
export const communicationSchema = v.pipe(
  v.string("expected a text"),
  v.check(
    (text) => new TextEncoder().encode(text).length <= 255,
    "expected at most 255 octets of UTF-8 (RFC 9003)",
  ),
);

/** Name of a network interface (linux/if.h: IFNAMSIZ). */
export const linkSchema = v.pipe(
  v.string("expected the name of a network interface, such as eth0"),
  v.regex(/^(?!\.{1,2}$)[^\s/:]{1,15}$/, "expected the name of a network interface, such as eth0"),
);

/** A selector over labels; compiled. */
export const selectorSchema = v.pipe(
  v.string("expected a selector such as rack == 'a'"),
  v.rawTransform<string, ReturnType<typeof parseSelector>>(({ dataset, addIssue, NEVER }) => {
    try {
      return parseSelector(dataset.value);
    } catch (error) {
      if (!(error instanceof SelectorError)) throw error;
      addIssue({ message: error.message });
      return NEVER;
    }
  }),
);

/** A selector that is shown as well: what it selects, and how it is written. */
export type WordedSelector = { readonly text: string; readonly selects: Selector };

const WORDED = "expected a selector such as role == 'router', or all() for every pod";

/** The empty one, which Calico takes for none, is refused. */
export const wordedSelectorSchema = v.pipe(
  v.string(WORDED),
  v.rawTransform<string, WordedSelector>(({ dataset, addIssue, NEVER }) => {
    const text = dataset.value.trim();
    const { success, output, issues } = v.safeParse(selectorSchema, dataset.value);
    if (success && text !== "") return { text, selects: output };
    addIssue({ message: issues?.[0].message ?? WORDED });
    return NEVER;
  }),
);

/** Names of resources (RFC 1123 subdomains). */
export const nameSchema = v.pipe(
  v.string("expected a name"),
  v.regex(
    /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    "expected a name of lower-case letters, digits, - and ., beginning and ending with a letter or digit",
  ),
);

/** `A.B.C.D`, `A.B.C.D:PORT`, an IPv6 address or `[IPV6]:PORT`. */
export const peerAddressSchema = textOf(
  "expected a host's address, optionally with :PORT, such as 172.30.0.1, 172.30.0.1:1179, fd00::1 or [fd00::1]:1179; a link-local one is found by an interface alone",
  (text) => {
    const bare = tryParseAddress(text);
    const parts = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
    const address = bare ?? tryParseAddress(parts?.[1] ?? parts?.[2] ?? "");
    const port = bare === undefined ? Number(parts?.[3]) : undefined;
    const isPort = port === undefined || (port > 0 && port < 65_536);
    // Brackets are IPv6's.
    const isBracketed =
      bare !== undefined || (address?.family === 6) === (parts?.[1] !== undefined);
    if (address === undefined || !isUnicast(address) || !isPort || !isBracketed) return undefined;
    return { address, port };
  },
);

/** Where pods reach their own node: the same address on every node. */
export const peeringAddressSchemas = {
  4: textOf("expected an IPv4 address such as 169.254.0.179, of no loopback", (text) =>
    peeringAddressOf(text, 4),
  ),
  6: textOf(
    "expected an IPv6 address such as fd00::179; a link-local one would be another on each pod's link",
    (text) => peeringAddressOf(text, 6),
  ),
} as const;

/** `172.30.0.1` or `fd00::1`: an address that one host can have. */
export const hostAddressSchema = textOf(
  "expected a host's address such as 172.30.0.1 or fd00::1; link-local ones are not supported",
  (text) => {
    const address = tryParseAddress(text);
    return address !== undefined && isUnicast(address) ? address : undefined;
  },
);

function peeringAddressOf(text: string, family: Family): Address | undefined {
  const address = tryParseAddress(text);
  const isLoopback = address?.family === 4 && address.w0 >>> 24 === 127;
  if (address?.family !== family || isLoopback || !isUnicast(address)) return undefined;
  return address;
}

function asNumberOf(value: number | string): number | undefined {
  if (typeof value === "string") {
    const asdot = /^(\d{1,5})\.(\d{1,5})$/.exec(value);
    if (asdot !== null) {
      const [high, low] = [Number(asdot[1]), Number(asdot[2])];
      return high <= 0xffff && low <= 0xffff ? high * 0x1_0000 + low : undefined;
    }
    return /^\d{1,10}$/.test(value) ? asNumberOf(Number(value)) : undefined;
  }
  return Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff ? value : undefined;
}

function secondsOf(text: string): number | undefined {
  const parts = /^(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,5})s)?$/.exec(text);
  if (parts === null || text === "") return undefined;
  return UNITS.reduce((sum, [, seconds], i) => sum + Number(parts[i + 1] ?? 0) * seconds, 0);
}

function millisecondsOf(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,5})(ms|s)$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * (unit === "s" ? 1000 : 1);
}

function attempt<Value>(parse: () => Value): Value | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof AddressError) return undefined;
    throw error;
  }
}
