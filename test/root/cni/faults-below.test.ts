/**
 * Every system call of manx-ipam fails once while a reference plugin waits for it: the answer is a result that holds or
 * an error object, an ADD that failed has taken no address, and DEL or GC leave nothing.
 *
 * `npm test` takes the first and last of each kind and a sample, `npm run test:long` every one.
 */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { collectBelow, OUTERS, stateBelow } from "./below.ts";
import { answerFaults, failuresOf, UNKNOWN_OUTCOME } from "./failures.ts";
import { IS_LONG, sampled } from "./long.ts";
import { createScene, PLUGINS, type Scene } from "./scene.ts";
import { ONLY_B } from "./situation.ts";
import { type CallAbove, describePoint, type Failure, failBelow, trace } from "./strace.ts";
import { recordsOf } from "./survey.ts";

const TIMEOUT = IS_LONG ? 600_000 : 60_000;
/** Bun's own calls may come once more or less than in the trace; then the call is made again. */
const TRIES = 4;
const SAMPLE = 16;

let scene: Scene;
beforeEach(() => {
  scene = createScene("a", "b");
});
afterEach(() => scene.remove());

for (const [plugin, keys] of Object.entries(OUTERS)) {
  for (const verb of ["ADD", "DEL", "CHECK"] as const) {
    test.skipIf(PLUGINS === "")(
      `manx-ipam below ${plugin}, of which any system call of ${verb} fails: nothing is left that DEL does not take back`,
      () => {
        const config = { ...keys, type: plugin };
        const call = { plugin, config };
        scene.done("ADD", { ...call, pod: "b" });
        const before = { state: stateBelow(scene), records: recordsOf(scene) };
        const arrange = (): CallAbove => {
          if (verb === "ADD") return call;
          const prevResult = scene.done("ADD", call);
          return verb === "DEL" ? call : { ...call, config: { ...config, prevResult } };
        };
        const { points } = trace(scene, verb, { ...arrange(), plugin: "manx-ipam" });
        scene.done("DEL", call);
        expect(stateBelow(scene)).toEqual(before.state);

        const gc = { plugin: "manx-ipam", config: { ...config, ...ONLY_B } };
        const chosen = sampled(failuresOf(points), ({ point }) => point.name, SAMPLE);
        let count = 0;
        for (const failure of chosen) {
          const what = `${failure.error} of ${describePoint(failure.point)}`;
          for (let left = TRIES; left > 0; left--) {
            const struck = arrange();
            const isThere = strike(verb, struck, failure, before.records, what);
            if (count++ % 2 === 0) expect(collectBelow(scene, gc), what).toBeUndefined();
            scene.done("DEL", call);
            expect(stateBelow(scene), what).toEqual(before.state);
            if (isThere) break;
            expect(left, `it did not fail there: ${what}`).toBeGreaterThan(1);
          }
        }
        expect(chosen.length).toBeGreaterThan(20);
      },
      TIMEOUT,
    );
  }
}

/** Whether it failed there. */
function strike(
  verb: string,
  call: CallAbove,
  failure: Failure,
  before: readonly string[],
  what: string,
): boolean {
  const arranged = recordsOf(scene);
  const { answer, isThere } = failBelow(scene, verb, call, failure);
  expect(answerFaults(scene, verb, call, answer), what).toEqual([]);
  if (!isThere || UNKNOWN_OUTCOME.has(failure.point.name)) return isThere;
  const isDone = answer.status === 0;
  const now = recordsOf(scene);
  if (verb === "ADD" && !isDone) expect(now, what).toEqual([...before]);
  if (verb === "DEL" && isDone) expect(now, what).toEqual([...before]);
  if (verb === "CHECK") expect(now, what).toEqual(arranged);
  return isThere;
}
