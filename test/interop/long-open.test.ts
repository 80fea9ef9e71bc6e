/**
 * An OPEN of ours with more parameters than the usual form has room for (RFC 9072), which no session of ours has yet:
 * the codec's octets are said to others, who take them or not, and what they answer is read.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { decode, encode } from "../../bgpd/wire/codec.ts";
import { HEADER_LENGTH } from "../../bgpd/wire/const.ts";
import { INITIAL_CONTEXT } from "../../bgpd/wire/context.ts";
import type { Message, OpenMessage } from "../../bgpd/wire/message.ts";
import { parseAddress } from "../../lib/address.ts";
import { birdOn, birdSession, birdText, hasBird } from "./bird.ts";
import { frrOn, frrText, hasFrr } from "./frr.ts";
import { createNetwork, eventually, isInside, type Network } from "./network.ts";

/** Where the length of the parameters is, and what stands there in their extended form. */
const PARAMETERS = 28;
const EXTENDED = 255;

/** Two capabilities that nobody knows, of 200 and 100 octets. */
const PADDING = [200, 100].map((length, index) => ({
  type: "unknown" as const,
  code: 200 + index,
  value: new Uint8Array(length),
}));

const OPEN: OpenMessage = {
  type: "open",
  version: 4,
  myAs: 64_512,
  holdTime: 90,
  identifier: parseAddress("172.30.0.11"),
  capabilities: [
    { type: "multiprotocol", afi: 1, safi: 1 },
    { type: "route refresh" },
    { type: "four-octet AS", asNumber: 64_512 },
    ...PADDING,
  ],
};

let network: Network;

beforeEach(() => {
  network = createNetwork({ n1: "172.30.0.11/24", tor: "172.30.0.1/24" });
});

afterEach(async () => {
  await network.remove();
});

type Answer = { readonly octets: Uint8Array; readonly message: Message };

/** What is answered to the OPEN. */
async function answers(): Promise<readonly Answer[]> {
  const hex = Buffer.from(encode(OPEN, INITIAL_CONTEXT)).toString("hex");
  const program = [process.execPath, `${import.meta.dir}/say.ts`, "172.30.0.1", hex];
  const heard = await eventually("it answers", () => {
    const octets = Buffer.from(network.run("n1", ...program).trim(), "hex");
    return octets.length > 0 && octets;
  });
  const all: Answer[] = [];
  for (let at = 0; at + HEADER_LENGTH <= heard.length; ) {
    const octets = heard.subarray(at, at + heard.readUInt16BE(at + HEADER_LENGTH - 3));
    all.push({ octets, message: decode(octets, INITIAL_CONTEXT) });
    at += octets.length;
  }
  return all;
}

const kinds = (all: readonly Answer[]): string[] => all.map(({ message: { type } }) => type);

describe.skipIf(!isInside)("an OPEN with 300 octets of parameters", () => {
  test.skipIf(!hasBird)("is taken by BIRD", async () => {
    birdOn(network, "tor").start(birdText("172.30.0.1", birdSession({ options: "passive on;" })));
    expect(kinds(await answers())).toEqual(["open", "keepalive"]);
  });

  test.skipIf(!hasFrr).each([
    ["in the usual form", [], false],
    ["in the extended form", ["neighbor 172.30.0.11 extended-optional-parameters"], true],
  ] as const)("is taken by FRR, whose own %s is read", async (_, more, isExtended) => {
    const router = ["neighbor 172.30.0.11 passive", ...more];
    await frrOn(network, "tor").start({ configuration: frrText({ router }) });
    const all = await answers();
    expect(kinds(all)).toEqual(["open", "keepalive"]);
    const [open] = all;
    expect(open?.octets.at(PARAMETERS) === EXTENDED).toBe(isExtended);
    expect(open?.message).toMatchObject({
      myAs: 65_000,
      capabilities: expect.arrayContaining([{ type: "four-octet AS", asNumber: 65_000 }]),
    });
  });
});
