/**
 * ADD, DEL, CHECK and killed ADDs from 32 workers for a while; then everything that is there belongs to somebody.
 *
 * Each worker has pods of its own, as a runtime never makes two calls for one pod at a time. What they share is
 * the node: its records, its routes, its links.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { accountFaults, addressOf, atOnce, type Crowd, createCrowd, start } from "./crowd.ts";
import { IS_LONG, type Random, randomOf } from "./long.ts";
import type { Answer, Json } from "./scene.ts";

const WORKERS = 32;
const PODS_EACH = 4;
const DURATION = IS_LONG ? 180_000 : 15_000;

let crowd: Crowd;
beforeAll(() => {
  // Two blocks, of which the first is not enough; together they always are.
  crowd = createCrowd(WORKERS * PODS_EACH, ["10.244.1.0/26", "10.244.2.0/25"]);
}, 60_000);
afterAll(() => crowd.scene.remove());

const STEPS = [
  "ADD that was not killed",
  "ADD",
  "CHECK",
  "DEL",
  "DEL of nothing",
  "killed ADD",
  "refused ADD",
] as const;

type Step = (typeof STEPS)[number];

/** Results by pod, of those that are attached. */
type Results = Map<string, Json>;

test(
  `${DURATION / 1000} seconds of calls from ${WORKERS} workers leave nothing that is nobody's`,
  async () => {
    const results: Results = new Map();
    const counts = new Map<Step, number>();
    const end = performance.now() + DURATION;
    const workers = Array.from({ length: WORKERS }, async (_, index) => {
      const random = randomOf(index + 1);
      const pods = crowd.pods.slice(index * PODS_EACH, (index + 1) * PODS_EACH);
      while (performance.now() < end) {
        const pod = pods[random(pods.length)] ?? "";
        const what = await step(pod, random, results);
        counts.set(what, (counts.get(what) ?? 0) + 1);
      }
    });
    await Promise.all(workers);
    console.log([...counts].map(([what, count]) => `${count} times ${what}`).join(", "));

    // On a slow machine every ADD may be killed in time.
    expect([...counts.keys(), ...STEPS[0]]).toEqual(expect.arrayContaining([...STEPS]));
    const attached = new Map([...results].map(([pod, json]) => [pod, addressOf(json)]));
    expect(accountFaults(crowd, attached)).toEqual([]);
    expect(new Set(attached.values()).size).toBe(attached.size);

    const answers = await atOnce(crowd, "DEL", crowd.pods);
    expect([...answers.values()].filter(({ status }) => status !== 0)).toEqual([]);
    expect(accountFaults(crowd, new Map())).toEqual([]);
  },
  DURATION + 120_000,
);

/** One call for the pod, whose outcome follows from what there was; says what it was. */
async function step(pod: string, random: Random, results: Results): Promise<Step> {
  const result = results.get(pod);
  const dice = random(10);
  if (result === undefined) {
    if (dice === 0) {
      await done("DEL", pod);
      return "DEL of nothing";
    }
    if (dice < 3) return await killAdd(pod, random);
    results.set(pod, await done("ADD", pod));
    return "ADD";
  }
  if (dice < 4) {
    await done("CHECK", pod, { prevResult: result });
    return "CHECK";
  }
  if (dice < 5) {
    const { json, stdout } = await call("ADD", pod);
    if (json?.code !== 102) throw new Error(`second ADD of ${pod}: ${stdout}`);
    return "refused ADD";
  }
  results.delete(pod);
  await done("DEL", pod);
  return "DEL";
}

/** The moment does not matter: over many of them, every one comes up. */
async function killAdd(pod: string, random: Random): Promise<Step> {
  const started = start(crowd, "ADD", pod);
  started.go();
  await Bun.sleep(random(40));
  started.kill();
  const { status } = await started.answer;
  await done("DEL", pod);
  return status === 0 ? "ADD that was not killed" : "killed ADD";
}

function call(verb: string, pod: string, config: Json = {}): Promise<Answer> {
  const started = start(crowd, verb, pod, config);
  started.go();
  return started.answer;
}

async function done(verb: string, pod: string, config: Json = {}): Promise<Json> {
  const { status, stdout, stderr, json } = await call(verb, pod, config);
  if (status !== 0) throw new Error(`${verb} of ${pod}: ${stdout}${stderr}`);
  return json ?? {};
}
