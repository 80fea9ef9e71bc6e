/**
 * Every system call of the plugin fails once, with what it can fail with: the answer is a result that holds or an
 * error object, and nothing is left that DEL does not take back.
 *
 * `npm test` takes the first and last of each kind and a sample, `npm run test:long` every one.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { isVersion } from "../../../ipam/protocol/version.ts";
import { IS_LONG, sampled } from "./long.ts";
import type { Answer, Call, Scene } from "./scene.ts";
import { CHECKING, createNode, SITUATIONS, type Situation } from "./situation.ts";
import { describePoint, fail, type Point, trace } from "./strace.ts";
import { differenceOf, survey } from "./survey.ts";

const TIMEOUT = IS_LONG ? 600_000 : 60_000;
/** Bun looks at its own memory when it likes, which moves the count: then the call is made again. */
const TRIES = 4;
/** Beyond the first and the last of each system call. */
const SAMPLE = 24;

/** What the system calls that reach out of the process can fail with. */
const ERRORS: Readonly<Record<string, readonly string[]>> = {
  close: ["EIO", "EINTR"],
  linkat: ["EEXIST", "ENOSPC", "EMLINK", "EROFS", "EPERM"],
  mkdir: ["ENOSPC", "EACCES", "EROFS"],
  mkdirat: ["ENOSPC", "EACCES", "EROFS"],
  openat: ["EACCES", "EMFILE", "ENFILE", "ENOMEM", "ENOSPC", "EROFS", "EINTR", "ENODEV"],
  pwrite64: ["ENOSPC", "EIO", "EINTR", "EDQUOT"],
  read: ["EINTR", "EIO", "EAGAIN", "ENOMEM", "ENOBUFS"],
  rmdir: ["EACCES", "ENOTEMPTY"],
  setns: ["EPERM", "ENOMEM", "EINVAL"],
  setsockopt: ["ENOMEM", "ENOPROTOOPT"],
  socket: ["EMFILE", "ENOMEM", "EACCES"],
  statx: ["EACCES", "ENOMEM"],
  unlink: ["EACCES", "EROFS"],
  unlinkat: ["EACCES", "EROFS", "EIO"],
  write: ["EINTR", "ENOSPC", "EIO", "EAGAIN", "ENOMEM", "ENOBUFS", "EPERM"],
};

/**
 * When these fail it is not known what has happened, or all has happened: the request was sent and its
 * acknowledgement is lost, the result cannot be told. What is there may then stay until DEL, because a repeated
 * ADD's failure must not take apart what the first one made.
 */
const UNKNOWN_OUTCOME = new Set(["read", "write", "close"]);

type Case = { readonly point: Point; readonly error: string };

let scene: Scene;
let before: string;
beforeAll(() => {
  scene = createNode();
  before = survey(scene);
});
afterAll(() => scene.remove());

for (const situation of [...SITUATIONS, CHECKING]) {
  const { name, verb, arrange } = situation;
  test(
    `${name} in which any system call fails ends in a result that holds or an error object`,
    () => {
      const call = arrange(scene);
      const { points } = trace(scene, verb, call);
      scene.done("DEL", call);
      expect(differenceOf(before, survey(scene))).toBeUndefined();

      const cases = points.flatMap((point) =>
        (ERRORS[point.name] ?? []).map((error): Case => ({ point, error })),
      );
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

/** What is wrong with the answer, with what is there after it, and after DEL. */
function faultsOf({ verb, arrange }: Situation, { point, error }: Case): string[] {
  for (let left = TRIES; left > 0; left--) {
    const call = arrange(scene);
    const arranged = survey(scene);
    const faults: string[] = [];
    let isThere = true;
    try {
      const struck = fail(scene, verb, call, { point, error });
      isThere = struck.isThere;
      faults.push(...answerFaults(verb, call, struck.answer));
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
  return ["it did not fail there"];
}

function answerFaults(verb: string, call: Call, { status, stdout, json }: Answer): string[] {
  if (status === 0) {
    if (verb !== "ADD") return stdout === "" ? [] : [`printed ${stdout}`];
    // A result is a promise.
    const config = { ...call.config, prevResult: json };
    const check = scene.call("CHECK", { ...call, config });
    return check.status === 0 ? [] : [`it succeeded, but CHECK says ${check.stdout}`];
  }
  const { cniVersion, code, msg } = json ?? {};
  const isObject = isVersion(cniVersion) && typeof code === "number" && typeof msg === "string";
  if (status !== 1 || !isObject || msg === "") return [`status ${status}, ${stdout}`];
  // 999 is a fault of ours; that the system refuses is none.
  if (code === 999 || /\n +at /.test(stdout)) return [stdout];
  return [];
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
