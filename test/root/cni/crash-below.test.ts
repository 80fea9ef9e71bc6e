/**
 * manx-ipam killed at any of its system calls while a reference plugin waits for it: the node gets over it.
 *
 * `npm test` takes the first and last of each kind and a sample, `npm run test:long` every one.
 */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { collectBelow, OUTERS, stateBelow } from "./below.ts";
import { IS_LONG, sampled } from "./long.ts";
import { createScene, PLUGINS, type Scene } from "./scene.ts";
import { ONLY_B } from "./situation.ts";
import { describePoint, isOutward, killBelow, type Point, trace } from "./strace.ts";

const TIMEOUT = IS_LONG ? 600_000 : 60_000;
/** Bun's own calls may come once more or less than in the trace; then the call is made again. */
const TRIES = 4;
const SAMPLE = 6;

let scene: Scene;
beforeEach(() => {
  scene = createScene("a", "b");
});
afterEach(() => scene.remove());

for (const [plugin, keys] of Object.entries(OUTERS)) {
  for (const verb of ["ADD", "DEL"] as const) {
    test.skipIf(PLUGINS === "")(
      `manx-ipam below ${plugin}, killed at any system call of ${verb}: DEL and GC leave nothing, and ADD works`,
      () => {
        const config = { ...keys, type: plugin };
        const call = { plugin, config };
        const alone = { plugin: "manx-ipam", config };
        scene.done("ADD", { ...call, pod: "b" });
        const before = stateBelow(scene);
        const arrange = (): void => {
          if (verb === "DEL") scene.done("ADD", call);
        };
        arrange();
        const { points } = trace(scene, verb, alone);
        scene.done("DEL", call);
        expect(stateBelow(scene)).toEqual(before);

        const isStruck = (point: Point): boolean => {
          arrange();
          return killBelow(scene, verb, call, point).isThere;
        };
        const chosen = sampled(points, ({ name }) => name, SAMPLE);
        let count = 0;
        for (const point of chosen) {
          for (let left = TRIES; left > 0; left--) {
            const isThere = isStruck(point);
            if (count++ % 2 === 0) {
              const gc = { ...alone, config: { ...config, ...ONLY_B } };
              expect(collectBelow(scene, gc), describePoint(point)).toBeUndefined();
            }
            for (let times = 0; times < 2; times++) scene.done("DEL", call);
            expect(stateBelow(scene), describePoint(point)).toEqual(before);
            expect(scene.done("ADD", call).ips, describePoint(point)).toHaveLength(1);
            scene.done("DEL", call);
            expect(stateBelow(scene), describePoint(point)).toEqual(before);
            if (isThere) break;
            expect(left > 1 || !isOutward(point), `not killed at ${describePoint(point)}`).toBe(
              true,
            );
          }
        }
        expect(chosen.filter(isOutward).length).toBeGreaterThan(10);
      },
      TIMEOUT,
    );
  }
}
