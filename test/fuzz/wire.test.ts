/**
 * Broken messages: whatever a vector turns into, `decode` returns or throws `BgpError`, and so does the framer.
 *
 * Mutations follow from a seed (MANX_SEED), so that a failure can be had again.
 */

import { describe, expect, test } from "bun:test";
import { decodeAttributes, encodeAttributes } from "../../bgpd/wire/attribute.ts";
import { decode, encode } from "../../bgpd/wire/codec.ts";
import { HEADER_LENGTH } from "../../bgpd/wire/const.ts";
import type { WireContext } from "../../bgpd/wire/context.ts";
import { BgpError } from "../../bgpd/wire/error.ts";
import { Framer } from "../../bgpd/wire/framer.ts";
import { writeHeader } from "../../bgpd/wire/header.ts";
import { describeNotification } from "../../bgpd/wire/notification.ts";
import { toHex } from "../../lib/hex.ts";
import { ADD_PATH_CONTEXTS, CONTEXTS as PLAIN_CONTEXTS } from "../bgpd/wire/arbitrary.ts";
import { bytesOf, VECTORS } from "../bgpd/wire/vector.ts";

const CONTEXTS = [...PLAIN_CONTEXTS, ...ADD_PATH_CONTEXTS];
const ROUNDS = 200_000;
const SEED = Number(process.env.MANX_SEED ?? 20_260_801);
const ORIGINALS = VECTORS.map(bytesOf);
/** Octets that mean something in many places. */
const TELLING = [
  0, 1, 2, 3, 4, 5, 6, 14, 15, 16, 17, 18, 32, 33, 0x40, 0x80, 0xc0, 0xe0, 0xfe, 0xff,
];

type Random = (below: number) => number;

/** A xorshift generator: numbers below a bound. */
function generator(seed: number): Random {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

type Mutation = (bytes: Uint8Array, random: Random) => Uint8Array;

const MUTATIONS: readonly Mutation[] = [
  function flip(bytes, random) {
    return bytes.with(random(bytes.length), random(256));
  },
  function tell(bytes, random) {
    return bytes.with(random(bytes.length), TELLING[random(TELLING.length)]!);
  },
  function bit(bytes, random) {
    const at = random(bytes.length);
    return bytes.with(at, bytes[at]! ^ (1 << random(8)));
  },
  function cut(bytes, random) {
    return bytes.slice(0, random(bytes.length) + 1);
  },
  function remove(bytes, random) {
    const at = random(bytes.length);
    return join(bytes.subarray(0, at), bytes.subarray(at + 1 + random(4)));
  },
  function insert(bytes, random) {
    const at = random(bytes.length);
    return join(bytes.subarray(0, at), Uint8Array.of(random(256)), bytes.subarray(at));
  },
  function repeat(bytes, random) {
    const from = random(bytes.length);
    const piece = bytes.subarray(from, from + 1 + random(24));
    return join(bytes.subarray(0, from), piece, bytes.subarray(from));
  },
  function splice(bytes, random) {
    const other = ORIGINALS[random(ORIGINALS.length)]!;
    const at = Math.min(bytes.length, HEADER_LENGTH + random(40));
    return join(bytes.subarray(0, at), other.subarray(Math.min(other.length, at)));
  },
];

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function mutate(random: Random): Uint8Array {
  let bytes = ORIGINALS[random(ORIGINALS.length)]!;
  for (let count = 1 + random(4); count > 0 && bytes.length > 0; count--) {
    bytes = MUTATIONS[random(MUTATIONS.length)]!(bytes, random);
  }
  // A header that is right lets the body through: most of the time it is.
  if (bytes.length >= HEADER_LENGTH && random(8) > 0) {
    bytes = bytes.slice();
    writeHeader(bytes, 0, bytes.length, random(4) > 0 ? 2 : (bytes[18] ?? 0));
  }
  return bytes;
}

/** The result; undefined for a `BgpError`, which must be fit for a NOTIFICATION. */
function attempt<Result>(run: () => Result): Result | undefined {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof BgpError)) throw error;
    expect(describeNotification(error.code, error.subcode)).not.toMatch(/\d/);
    const { code, subcode, data } = error;
    encode({ type: "notification", code, subcode, data }, LONGEST);
    return undefined;
  }
}

const LONGEST: WireContext = { ...CONTEXTS[0]!, maxLength: 65_535 };

describe(`broken messages (seed ${SEED})`, () => {
  test("are decoded or refused, and what is decoded can be encoded", () => {
    const random = generator(SEED);
    let decoded = 0;
    let refused = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = mutate(random);
      const context = { ...CONTEXTS[round % CONTEXTS.length]!, maxLength: 65_535 };
      const before = toHex(bytes);
      try {
        const message = attempt(() => decode(bytes, context));
        if (message === undefined) refused++;
        else {
          decoded++;
          encode(message, context);
        }
      } catch (error) {
        throw new Error(`round ${round}: ${before}`, { cause: error });
      }
      if (round % 64 === 0) expect(toHex(bytes)).toBe(before);
    }
    // Both ways must have been gone often, or the mutations are of no use.
    expect(decoded).toBeGreaterThan(ROUNDS / 20);
    expect(refused).toBeGreaterThan(ROUNDS / 20);
  });

  test("leave attributes that are judged without throwing, wherever they lie in the buffer", () => {
    const random = generator(SEED + 1);
    for (let round = 0; round < ROUNDS / 4; round++) {
      const bytes = mutate(random);
      const start = random(bytes.length);
      const end = start + random(bytes.length - start + 1);
      const context = CONTEXTS[round % CONTEXTS.length]!;
      const here = decodeAttributes(bytes, start, end, context);
      const alone = decodeAttributes(bytes.slice(start, end), 0, end - start, context);
      expect(here).toEqual(alone);
      if (here.attributes !== undefined) encodeAttributes(here.attributes, context);
    }
  });

  test("in a stream cut anywhere give frames or one BgpError, the same for every cut", () => {
    const random = generator(SEED + 2);
    for (let round = 0; round < ROUNDS / 10; round++) {
      const stream = join(...Array.from({ length: 1 + random(3) }, () => mutate(random)));
      const whole = read([stream]);
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < stream.length; ) {
        const size = 1 + random(60);
        chunks.push(stream.subarray(at, at + size));
        at += size;
      }
      expect(read(chunks)).toEqual(whole);
    }
  });
});

/** Frames of a stream in short, and how it ended. */
function read(chunks: readonly Uint8Array[]): string[] {
  const framer = new Framer();
  const seen: string[] = [];
  for (const chunk of chunks) {
    framer.push(chunk);
    const next = () => {
      const frame = framer.next();
      if (frame === undefined) return false;
      const { type, buffer, start, end } = frame;
      expect(end).toBeLessThanOrEqual(buffer.length);
      seen.push(`${type} ${Bun.hash(buffer.subarray(start, end))}`);
      return true;
    };
    let more = attempt(next);
    while (more === true) more = attempt(next);
    if (more === undefined) return [...seen, "error"];
  }
  return seen;
}
