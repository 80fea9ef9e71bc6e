/** Every vector, in both directions and through the framer cut at every byte. */

import { describe, expect, test } from "bun:test";
import { negotiate } from "../../../bgpd/fsm/negotiate.ts";
import type { SessionConfig } from "../../../bgpd/fsm/state.ts";
import { worst } from "../../../bgpd/wire/attribute.ts";
import { decode, encode } from "../../../bgpd/wire/codec.ts";
import { HEADER_LENGTH, UPDATE_MESSAGE_ERROR } from "../../../bgpd/wire/const.ts";
import type { WireContext } from "../../../bgpd/wire/context.ts";
import { BgpError } from "../../../bgpd/wire/error.ts";
import { Framer } from "../../../bgpd/wire/framer.ts";
import type { Message } from "../../../bgpd/wire/message.ts";
import { parseAddress } from "../../../lib/address.ts";
import { fromHex, toHex } from "../../../lib/hex.ts";
import {
  bytesOf,
  contextOf,
  isTwoWay,
  type Meaning,
  meaningOf,
  messageOf,
  VECTORS,
  type Vector,
} from "./vector.ts";

const KEEPALIVE = fromHex(`${"ff".repeat(16)} 0013 04`);

type Answer = Vector["error"];

/** The meaning of bytes, or the NOTIFICATION that answers them. */
function read(
  bytes: Uint8Array,
  context: WireContext,
  local: Vector["local"],
): { readonly meaning?: Meaning; readonly error?: Answer } {
  try {
    const message = decode(bytes, context);
    const error = answerTo(message, local);
    return error === undefined ? { meaning: meaningOf(message) } : { error };
  } catch (error) {
    return { error: answerOf(error) };
  }
}

/** What a decoded message is still answered with. */
function answerTo(message: Message, local: Vector["local"]): Answer {
  if (message.type === "update" && worst(message.faults) === "session reset") {
    const fault = message.faults.find(({ verdict }) => verdict === "session reset")!;
    return { code: UPDATE_MESSAGE_ERROR, subcode: fault.subcode, data: toHex(fault.data) };
  }
  if (message.type === "open" && local !== undefined) {
    const { localAs, remoteAs, families = [4] } = local;
    const identifier = parseAddress(local.identifier);
    const config = { localAs, remoteAs, identifier, holdTime: 90, keepaliveTime: 30, families };
    const judgement = negotiate(config as SessionConfig, message);
    return judgement.negotiated === undefined ? answerOf(judgement.fault) : undefined;
  }
  return undefined;
}

function answerOf(error: unknown): Answer {
  const { code, subcode, data } = error as BgpError;
  if (data === undefined) throw error;
  return { code, subcode, data: toHex(data) };
}

/** Without the attributes of an UPDATE that no route can be made of: then they mean nothing. */
function expected(meaning: Meaning, wanted: Meaning | undefined): Meaning {
  if (meaning.type !== "update" || wanted?.type !== "update") return meaning;
  const { attributes, ...rest } = meaning;
  return wanted.attributes === undefined && attributes !== undefined ? rest : meaning;
}

/** Bodies with their types from a stream in these chunks, and the error at its end. */
function frames(chunks: readonly Uint8Array[], maxLength: number): string[] {
  const framer = new Framer(maxLength);
  const seen: string[] = [];
  try {
    for (const chunk of chunks) {
      framer.push(chunk);
      for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
        const { type, buffer, start, end } = frame;
        seen.push(`${type}: ${toHex(buffer.subarray(start, end))}`);
      }
    }
  } catch (error) {
    if (!(error instanceof BgpError)) throw error;
    seen.push(`${error.code}/${error.subcode} ${toHex(error.data)}`);
  }
  return seen;
}

for (const file of new Set(VECTORS.map((vector) => vector.file))) {
  describe(`vectors of ${file}`, () => {
    for (const vector of VECTORS.filter((one) => one.file === file)) {
      const { name, rfc, meaning, error, canonical, local } = vector;
      const bytes = bytesOf(vector);
      const context = contextOf(vector);

      test(`${name} (RFC ${rfc})`, () => {
        const result = read(bytes, context, local);
        if (error !== undefined) expect(result).toEqual({ error });
        else if (result.meaning === undefined) expect(result).toEqual({ meaning: meaning! });
        else expect(expected(result.meaning, meaning)).toEqual(meaning!);
        if (!isTwoWay(vector)) return;
        if (meaning?.type === "update" && meaning.announced.length > 0) {
          expect(meaning.attributes).toBeDefined();
        }
        const encoded = toHex(encode(messageOf(meaning!), context));
        expect(encoded).toBe(toHex(fromHex(canonical ?? vector.hex)));
      });

      test(`${name}: cut at every byte`, () => {
        // A ROUTE-REFRESH is judged by its decoder, for its subtype decides about the answer.
        const ofHeader = error?.code === 1 && file !== "route-refresh";
        const body = `${bytes[18]}: ${toHex(bytes.subarray(HEADER_LENGTH))}`;
        const wanted = ofHeader
          ? ["4: ", `1/${error.subcode} ${error.data}`]
          : ["4: ", body, "4: "];
        const stream = new Uint8Array(Buffer.concat([KEEPALIVE, bytes, KEEPALIVE]));
        for (let at = 0; at <= stream.length; at++) {
          const chunks = [stream.subarray(0, at), stream.subarray(at)];
          expect(frames(chunks, context.maxLength)).toEqual(wanted);
        }
        const single = Array.from(stream, (octet) => Uint8Array.of(octet));
        expect(frames(single, context.maxLength)).toEqual(wanted);
      });
    }
  });
}

test("there is a vector for every message type and every subcode that RFC 4271 section 6 sends", () => {
  const answered = VECTORS.flatMap(({ error }) =>
    error ? [`${error.code}/${error.subcode}`] : [],
  );
  const faults = VECTORS.flatMap(({ meaning }) =>
    meaning?.type === "update" ? (meaning.faults ?? []).map(({ subcode }) => `3/${subcode}`) : [],
  );
  const all = new Set([...answered, ...faults]);
  for (const code of ["1/1", "1/2", "1/3", "2/0", "2/1", "2/2", "2/3", "2/4", "2/6", "2/7"]) {
    expect(all).toContain(code);
  }
  for (const subcode of [1, 2, 3, 4, 5, 6, 8, 9, 10, 11]) expect(all).toContain(`3/${subcode}`);
});
