/** However TCP cuts the stream, the same messages come out of it. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encode } from "../../../bgpd/wire/codec.ts";
import { HEADER_LENGTH } from "../../../bgpd/wire/const.ts";
import { BgpError } from "../../../bgpd/wire/error.ts";
import { type Frame, Framer } from "../../../bgpd/wire/framer.ts";
import { writeHeader } from "../../../bgpd/wire/header.ts";
import { CONTEXTS, messages } from "./arbitrary.ts";

const CONTEXT = CONTEXTS[3]!;
const streams = fc
  .array(messages(CONTEXT), { minLength: 1, maxLength: 5 })
  .map((list) => list.map((message) => encode(message, CONTEXT)));

/** The messages, header included, that pushing these chunks gives. */
function frames(chunks: readonly Uint8Array[], maxLength = 4096): Uint8Array[] {
  const framer = new Framer(maxLength);
  const seen: Uint8Array[] = [];
  for (const chunk of chunks) {
    framer.push(chunk);
    for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
      seen.push(whole(frame));
    }
  }
  return seen;
}

function whole({ buffer, start, end, type }: Frame): Uint8Array {
  expect(buffer[start - 1]).toBe(type);
  return buffer.slice(start - HEADER_LENGTH, end);
}

describe("Framer", () => {
  test("hands out the same messages when the stream is cut in two at any byte", () => {
    fc.assert(
      fc.property(streams, (list) => {
        const stream = new Uint8Array(Buffer.concat(list));
        for (let at = 0; at <= stream.length; at++) {
          expect(frames([stream.subarray(0, at), stream.subarray(at)])).toEqual(list);
        }
      }),
      { numRuns: 20 },
    );
  });

  test("hands out the same messages when the bytes come one at a time", () => {
    fc.assert(
      fc.property(streams, (list) => {
        const stream = new Uint8Array(Buffer.concat(list));
        expect(frames(Array.from(stream, (octet) => Uint8Array.of(octet)))).toEqual(list);
      }),
      { numRuns: 20 },
    );
  });

  test("hands out the same messages when the chunks are read only at the end", () => {
    fc.assert(
      fc.property(streams, fc.array(fc.nat(40), { maxLength: 20 }), (list, sizes) => {
        const stream = new Uint8Array(Buffer.concat(list));
        const framer = new Framer();
        let at = 0;
        for (const size of sizes) {
          framer.push(stream.subarray(at, at + size));
          at = Math.min(stream.length, at + size);
        }
        framer.push(stream.subarray(at));
        for (const message of list) expect(whole(framer.next()!)).toEqual(message);
        expect(framer.next()).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });

  test("does not copy messages that lie whole in what was pushed", () => {
    const stream = new Uint8Array(
      Buffer.concat(Array<Uint8Array>(3).fill(encode({ type: "keepalive" }, CONTEXT))),
    );
    const framer = new Framer();
    framer.push(stream);
    for (let i = 0; i < 3; i++) expect(framer.next()?.buffer).toBe(stream);
  });

  test("complains about a header as soon as it is there, and after the good messages before it", () => {
    const good = encode({ type: "keepalive" }, CONTEXT);
    const bad = new Uint8Array(HEADER_LENGTH);
    writeHeader(bad, 0, 4096, 4);
    const framer = new Framer();
    framer.push(good);
    framer.push(bad.subarray(0, HEADER_LENGTH - 1));
    expect(framer.next()).toBeDefined();
    expect(framer.next()).toBeUndefined();
    framer.push(bad.subarray(HEADER_LENGTH - 1));
    expect(() => framer.next()).toThrow(BgpError);
    expect(() => framer.next()).toThrow(BgpError);
  });

  test("takes the long messages of RFC 8654 when they were agreed upon, but no long OPEN", () => {
    const update = new Uint8Array(65_535);
    writeHeader(update, 0, update.length, 2);
    expect(frames([update.subarray(0, 50_000), update.subarray(50_000)], 65_535)).toEqual([update]);
    expect(() => frames([update])).toThrow(BgpError);
    const open = new Uint8Array(4097);
    writeHeader(open, 0, open.length, 1);
    expect(() => frames([open], 65_535)).toThrow(BgpError);
  });
});
