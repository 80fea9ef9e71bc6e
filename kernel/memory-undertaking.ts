/** An undertaking of the in-memory kernel: a part of it is done each time that somebody asks, the first at once. */

import type { KernelError, RoutingRequest, Undertaking } from "./kernel.ts";

type Apply = (requests: readonly RoutingRequest[]) => (KernelError | undefined)[];

/** Whoever asks has the outcomes after he has asked `delay` times in vain. */
export function undertake(
  requests: readonly RoutingRequest[],
  delay: number,
  apply: Apply,
): Undertaking {
  const outcomes: (KernelError | undefined)[] = [];
  const share = Math.ceil(requests.length / (delay + 1));
  const go = (): void => {
    outcomes.push(...apply(requests.slice(outcomes.length, outcomes.length + share)));
  };
  go();
  let left = delay;
  return {
    outcomes: () => {
      if (left === 0) return outcomes;
      left--;
      go();
      return undefined;
    },
  };
}
