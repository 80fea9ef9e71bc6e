/**
 * Every system call of the plugin fails once, with what it can fail with: the answer is a result that holds or an
 * error object, and nothing is left that DEL does not take back.
 *
 * `npm test` takes the first and last of each kind and a sample, `npm run test:long` every one.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { answerFaults, failuresOf, UNKNOWN_OUTCOME } from "./failures.ts";
import { IS_LONG, sampled } from "./long.ts";
import { type Answer, PLUGINS, type Scene } from "./scene.ts";
import {
  CHECKING,
  CHECKING_DELEGATED,
  createNode,
  DELEGATED,
  SITUATIONS,
  type Situation,
} from "./situation.ts";
import { describePoint, type Failure, fail, type Point, trace } from "./strace.ts";
import { differenceOf, survey } from "./survey.ts";

const TIMEOUT = IS_LONG ? 600_000 : 60_000;
/** Bun looks at its own memory when it likes, which moves the count: then the call is made again. */
const TRIES = 4;
/** How often Bun looks whether a delegate has answered depends on how soon that does: none of them need be there again. */
const VARYING = new Set(["recvfrom"]);
/** Beyond the first and the last of each system call. */
const SAMPLE = 24;

let scene: Scene;
let before: string;
beforeAll(() => {
  scene = createNode();
  before = survey(scene);
});
afterAll(() => scene.remove());

const BELOW = [...DELEGATED, CHECKING_DELEGATED];

for (const situation of [...SITUATIONS, CHECKING, ...BELOW]) {
  const { name, verb, arrange } = situation;
  test.skipIf(BELOW.includes(situation) && PLUGINS === "")(
    `${name} in which any system call fails ends in a result that holds or an error object`,
    () => {
      const call = arrange(scene);
      const { points } = trace(scene, verb, call);
      scene.done("DEL", call);
      expect(differenceOf(before, survey(scene))).toBeUndefined();

      const cases = failuresOf(points.filter((point) => !isUntrue(situation, point)));
      const chosen = sampled(cases, ({ point }) => point.name, SAMPLE);
      const faults = chosen.flatMap((one) =>
        faultsOf(situation, one).map(
          (fault) => `${one.error} of ${describePoint(one.point)}: ${fault}`,
        ),
      );
      expect(faults).toEqual([]);
      expect(chosen.length).toBeGreaterThan(30);
      console.log(`${name}: ${chosen.length} of ${cases.length} failures`);
    },
    TIMEOUT,
  );
}

/**
 * strace leaves open what it has fail to close, which Linux never does: of a delegate's stdout that is an end which
 * never comes.
 */
function isUntrue(situation: Situation, { name }: Point): boolean {
  return BELOW.includes(situation) && name === "close";
}

/** What is wrong with the answer, with what is there after it, and after DEL. */
function faultsOf({ verb, arrange, settle }: Situation, { point, error }: Failure): string[] {
  for (let left = TRIES; left > 0; left--) {
    const call = arrange(scene);
    const arranged = survey(scene);
    const faults: string[] = [];
    let isThere = true;
    try {
      const struck = fail(scene, verb, call, { point, error });
      isThere = struck.isThere;
      settle?.();
      faults.push(...answerFaults(scene, verb, call, struck.answer));
      if (isThere && !UNKNOWN_OUTCOME.has(point.name)) {
        faults.push(...stateFaults(verb, struck.answer, arranged));
      }
    } catch (fault) {
      faults.push(String(fault));
    }
    const { status, stdout } = scene.call("DEL", call);
    if (status !== 0) faults.push(`DEL: ${stdout}`);
    const difference = differenceOf(before, survey(scene));
    if (difference !== undefined) faults.push(`after DEL: ${difference}`);
    if (isThere || faults.length > 0) return faults;
  }
  return VARYING.has(point.name) ? [] : ["it did not fail there"];
}

/** An ADD that fails has done nothing, but for what was dead; a DEL that succeeds has done everything. */
function stateFaults(verb: string, { status }: Answer, arranged: string): string[] {
  const wanted: Readonly<Record<string, readonly string[]>> = {
    ADD: status === 0 ? [] : [before, arranged],
    DEL: status === 0 ? [before] : [],
    CHECK: [arranged],
  };
  const states = wanted[verb] ?? [];
  const now = survey(scene);
  if (states.length === 0 || states.includes(now)) return [];
  return [`it left ${differenceOf(states[0] ?? "", now)}`];
}
