/**
 * Whose tables a starting speaker waits for, and for how long. Pure.
 */

import type { PeerPlan, SpeakerPlan } from "./cluster/speaker.ts";
import { isDown } from "./intention.ts";

/** Whose tables count: all that may have sessions, a range standing for its neighbours; `pods` are those who are waited for. */
export function expectedOf(
  { peers, unnumbered = [], ranges = [] }: SpeakerPlan,
  pods: readonly PeerPlan[],
) {
  const all = [...peers, ...[...unnumbered, ...ranges].map(({ session }) => session), ...pods];
  return all.filter((session) => !isDown(session));
}

/** The same where nobody has looked for pods: what is planned for them. */
function possibleOf(plan: SpeakerPlan) {
  const ofPods = (plan.workloads ?? []).map(({ session }) => session);
  return [...expectedOf(plan, []), ...ofPods.filter((session) => !isDown(session))];
}

/** For how long peers are asked to keep what they were told, while nobody is here, s. */
export function keepingTime(plan: SpeakerPlan): number {
  const times = possibleOf(plan).map(({ gracefulRestart }) =>
    gracefulRestart?.mode === "full"
      ? gracefulRestart.restartTime + gracefulRestart.longLivedStaleTime
      : 0,
  );
  return Math.max(0, ...times);
}

/** Every peer gets the time to be called again and to prove silent, but 120 s at most. In ms. */
export function convergenceDeadline(plan: SpeakerPlan): number {
  const slowest = possibleOf(plan).map(
    ({ connectRetryTime, holdTime }) => 2 * connectRetryTime + holdTime,
  );
  return Math.min(120, Math.max(5, ...slowest)) * 1000;
}

/** Within which a peer that lives is reached, ms: called twice, and some time to answer. */
export function callingTime(plan: SpeakerPlan): number {
  const times = possibleOf(plan).map(({ connectRetryTime }) => 2 * connectRetryTime + 5);
  return Math.max(5, ...times) * 1000;
}
