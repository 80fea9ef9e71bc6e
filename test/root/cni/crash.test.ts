/**
 * Killed anywhere: SIGKILL at each system call of an ADD and of a DEL, and the node gets over it.
 *
 * What the plugin leaves between two system calls is all that anybody can see of it, so these are all its
 * states. `npm test` takes the first and last of each kind and a sample, `npm run test:long` every one.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { IS_LONG, sampled } from "./long.ts";
import { PLUGINS, type Scene } from "./scene.ts";
import {
  createNode,
  DELEGATED,
  RECOVERIES,
  type Recovery,
  SITUATIONS,
  type Situation,
} from "./situation.ts";
import { describePoint, isOutward, kill, type Point, trace } from "./strace.ts";
import { differenceOf, survey } from "./survey.ts";

const TIMEOUT = IS_LONG ? 600_000 : 60_000;
/** Bun's own calls may come once more or less than in the trace; then the call is made again. */
const TRIES = 4;
/** Beyond the first and the last of each kind; they come to half of all. */
const SAMPLE = 6;

let scene: Scene;
let before: string;
beforeAll(() => {
  scene = createNode();
  before = survey(scene);
});
afterAll(() => scene.remove());

for (const situation of [...SITUATIONS, ...DELEGATED]) {
  const { name, verb, arrange, recoveries } = situation;
  test.skipIf(DELEGATED.includes(situation) && PLUGINS === "")(
    `${name} that is killed at any system call leaves nothing that DEL does not take back`,
    () => {
      const call = arrange(scene);
      const { points } = trace(scene, verb, call);
      scene.done("DEL", call);
      expect(differenceOf(before, survey(scene))).toBeUndefined();

      const chosen = sampled(points, (point) => point.name, SAMPLE);
      const faults = chosen.flatMap((point, index) =>
        recoveriesFor(index, recoveries).flatMap((recover) =>
          killAndRecover(situation, point, recover).map(
            (fault) => `killed at ${describePoint(point)}, ${recover.name}: ${fault}`,
          ),
        ),
      );
      expect(faults).toEqual([]);
      // A trace that begins too late, or a sample of nothing, would be content with anything.
      expect(chosen.filter(isOutward).length).toBeGreaterThan(15);
      console.log(`${name}: killed at ${chosen.length} of ${points.length} system calls`);
    },
    TIMEOUT,
  );
}

/** All of them, or in turns. */
function recoveriesFor(index: number, all = RECOVERIES): readonly Recovery[] {
  return IS_LONG ? all : all.filter((_, at) => at === index % all.length);
}

/** What is wrong afterwards. */
function killAndRecover(
  { verb, arrange, fault }: Situation,
  point: Point,
  recover: Recovery,
): string[] {
  for (let left = TRIES; left > 0; left--) {
    const call = arrange(scene);
    const { isThere } = kill(scene, verb, call, point);
    const faults = [
      faultOf("what it left", () => recover(scene, call)),
      faultOf("after DEL", () => compare()),
      faultOf("the next ADD", () => {
        const { ips } = scene.done("ADD", call) as { readonly ips?: readonly unknown[] };
        if (ips?.length !== 1) throw new Error("got no address");
        const wrong = fault?.(scene);
        if (wrong !== undefined) throw new Error(wrong);
      }),
      faultOf("its DEL", () => scene.done("DEL", call)),
      faultOf("in the end", () => compare()),
    ].filter((text) => text !== undefined);
    if (isThere || faults.length > 0) return faults;
  }
  return isOutward(point) ? ["it was not killed there"] : [];
}

function compare(): void {
  const difference = differenceOf(before, survey(scene));
  if (difference !== undefined) throw new Error(difference);
}

function faultOf(when: string, act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (fault) {
    return `${when}: ${fault instanceof Error ? fault.message : String(fault)}`;
  }
}
