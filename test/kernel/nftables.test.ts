/**
 * The source check as octets: what Debian's `nft` 1.0.6 sent on Linux 6.18 for the same rule, and what it was told.
 *
 * `nftables.json` is a recording: the command, the messages that did it, the answer.
 */

import { describe, expect, test } from "bun:test";
import { mendingCommand, SOURCE_CHECK } from "../../cni/source-check.ts";
import { NLM_F } from "../../kernel/const.ts";
import {
  attributesOf,
  bytesOf,
  type Message,
  MessageWriter,
  messagesOf,
} from "../../kernel/message.ts";
import {
  isHooked,
  isRule,
  NFT_MSG,
  rulesIn,
  writeChainQuestion,
  writeRulesQuestion,
} from "../../kernel/nftables.ts";
import { chainOfCheck, ruleOf, writeCheck } from "../../kernel/source-check.ts";
import recordings from "../vectors/netlink/nftables.json";

const [made, chain, rules] = recordings;
const RULE = ruleOf(SOURCE_CHECK);
const WHERE = chainOfCheck(SOURCE_CHECK);
const RAW = { type: "filter", number: 0, priority: -300 } as const;

function messages(hex: string): Message[] {
  return messagesOf(Uint8Array.fromHex(hex));
}

/** One message of a recording. */
function only(hex = ""): Message {
  const [message, ...more] = messages(hex);
  if (message === undefined || more.length > 0) throw new Error("not one message");
  return message;
}

/** Type, flags and body; an ack is our wish, not part of what is asked for. */
function meaning({ type, flags, body }: Message) {
  return { type, flags: flags & ~NLM_F.ACK, body: bytesOf(body).toHex() };
}

/** The same, by attributes: `nft` leaves in the padding what was there before. */
function question(message: Message) {
  const { type, flags } = meaning(message);
  const attributes = [...attributesOf(message.body, 4)].map(([key, value]) => [
    key,
    bytesOf(value).toHex(),
  ]);
  return { type, flags, subject: bytesOf(message.body).slice(0, 4).toHex(), attributes };
}

function written(write: (writer: MessageWriter) => void, type: number, flags = 0): Message {
  const writer = new MessageWriter();
  write(writer.begin(type, NLM_F.REQUEST | flags, 1));
  return only(writer.bytes.toHex());
}

describe("the source check says what nft says", () => {
  test("the recorded command is the one that CHECK tells", () => {
    expect(made?.command).toBe(mendingCommand(SOURCE_CHECK));
  });

  test("to make it", () => {
    const writer = new MessageWriter();
    let sequence = 0;
    writeCheck(
      (type, flags) => writer.begin(type, NLM_F.REQUEST | flags, ++sequence),
      SOURCE_CHECK,
    );
    const ours = messages(writer.bytes.toHex());
    expect(ours.map(meaning)).toEqual(messages(made?.request ?? "").map(meaning));
    // The last one that is not the end of the batch, which old kernels do not acknowledge.
    expect(ours.map(({ flags }) => (flags & NLM_F.ACK) !== 0)).toEqual([
      ...Array<boolean>(4).fill(false),
      true,
      false,
    ]);
  });

  test("to ask for the chain and for its rules", () => {
    expect(
      question(written((writer) => writeChainQuestion(writer, WHERE), NFT_MSG.GETCHAIN)),
    ).toEqual(question(only(chain?.request)));
    const dump = (writer: MessageWriter) => writeRulesQuestion(writer, WHERE);
    expect(question(written(dump, NFT_MSG.GETRULE, NLM_F.DUMP))).toEqual(
      question(only(rules?.request)),
    );
  });
});

describe("answers are read", () => {
  test("a chain has a hook and so many rules", () => {
    expect(isHooked(only(chain?.answer), RAW)).toBe(true);
    expect(rulesIn(only(chain?.answer))).toBe(1);
  });

  test("the rule is recognized, whatever it has counted", () => {
    const answer = rules?.answer ?? "";
    expect(isRule(only(answer), RULE)).toBe(true);
    const counter = Buffer.from("counter\0").toString("hex");
    const at = answer.indexOf(counter) + counter.length;
    // NFTA_COUNTER_BYTES, 64 bits of it, at the end of the second octet after both headers.
    const counted = `${answer.slice(0, at + 30)}2a${answer.slice(at + 32)}`;
    expect(counted).not.toBe(answer);
    expect(isRule(only(counted), RULE)).toBe(true);
  });

  for (const [name, rule] of [
    ["of other links", ruleOf({ ...SOURCE_CHECK, links: "cali" })],
    ["that exempts another group", ruleOf({ ...SOURCE_CHECK, exempt: 7 })],
    ["that only counts", RULE.slice(0, -1)],
    ["without a step", RULE.toSpliced(4, 3)],
    ["in another order", RULE.toReversed()],
  ] as const) {
    test(`a rule ${name} is another one`, () => {
      expect(isRule(only(rules?.answer), rule)).toBe(false);
    });
  }

  test("an answer cut anywhere is read without a throw, and is not the rule", () => {
    for (const hex of [chain?.answer ?? "", rules?.answer ?? ""]) {
      const bytes = Uint8Array.fromHex(hex);
      for (let length = 16 + 4; length < bytes.length; length++) {
        const cut = bytes.slice(0, length);
        new DataView(cut.buffer).setUint32(0, length, true);
        const message = only(cut.toHex());
        expect(isRule(message, RULE)).toBe(false);
        rulesIn(message);
        isHooked(message, RAW);
      }
    }
  });
});
