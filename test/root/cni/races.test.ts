/** Many calls at once: no address twice, none too few, and nothing that is nobody's. */

import { afterEach, expect, test } from "bun:test";
import { accountFaults, addressOf, atOnce, type Crowd, createCrowd } from "./crowd.ts";
import type { Answer } from "./scene.ts";

const TIMEOUT = 120_000;

let crowd: Crowd | undefined;
afterEach(() => {
  crowd?.scene.remove();
  crowd = undefined;
});

function attachedOf(answers: ReadonlyMap<string, Answer>): Map<string, string> {
  const done = [...answers].filter(([, { status }]) => status === 0);
  return new Map(done.map(([pod, answer]) => [pod, addressOf(answer.json)]));
}

async function expectAllGiven(answers: Promise<Map<string, Answer>>): Promise<void> {
  for (const { status, stdout, stderr } of (await answers).values()) {
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
  }
}

test(
  "64 ADDs at once take 64 addresses, and 64 DELs at once give all of them back",
  async () => {
    crowd = createCrowd(64);
    const attached = attachedOf(await atOnce(crowd, "ADD", crowd.pods));
    expect(new Set(attached.values()).size).toBe(64);
    expect(accountFaults(crowd, attached)).toEqual([]);
    await expectAllGiven(atOnce(crowd, "DEL", crowd.pods));
    expect(accountFaults(crowd, new Map())).toEqual([]);
  },
  TIMEOUT,
);

test(
  "300 ADDs at once in a block of 256: 256 succeed, 44 are told that it is full",
  async () => {
    crowd = createCrowd(300);
    const answers = await atOnce(crowd, "ADD", crowd.pods);
    const attached = attachedOf(answers);
    expect(new Set(attached.values()).size).toBe(256);
    const refused = [...answers.values()].filter(({ status }) => status !== 0);
    expect(refused).toHaveLength(44);
    for (const { json, stderr } of refused) {
      expect({ code: json?.code, stderr }).toEqual({ code: 11, stderr: "" });
      expect(json?.msg).toStartWith(
        "no free address: block 10.244.1.0/24 has 256 of 256 addresses in use; the network is pods.",
      );
    }
    expect(accountFaults(crowd, attached)).toEqual([]);
    // Whoever was refused gets what others give back, be he ever so late.
    const [first = ""] = attached.keys();
    const late = crowd.pods.find((pod) => !attached.has(pod)) ?? "";
    await expectAllGiven(atOnce(crowd, "DEL", [first]));
    const again = attachedOf(await atOnce(crowd, "ADD", [late]));
    expect(again.get(late)).toBe(attached.get(first)!);
    await expectAllGiven(atOnce(crowd, "DEL", crowd.pods));
    expect(accountFaults(crowd, new Map())).toEqual([]);
  },
  TIMEOUT,
);
