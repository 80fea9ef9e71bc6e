/**
 * Waiting for something to become true, with a deadline, and saying what was seen when it did not.
 */

import { LabError } from "./error.ts";

export type Wait = {
  /** Of the step, for the error. */
  readonly name: string;
  /** Milliseconds. */
  readonly deadline: number;
  /** Milliseconds between two looks. */
  readonly every: number;
  /** Asked before each look; throws `LabError` when waiting makes no sense any more. */
  readonly goOn: () => void;
  /** Told what is still missing, at each look. */
  readonly watch?: (missing: string) => void;
};

/** A look at how things stand: `waiting` says what is still missing. */
export type Look = { readonly type: "done" } | { readonly type: "waiting"; readonly for: string };

export const DONE: Look = { type: "done" };

/** Look until `look` says done. Throws `LabError` with what was still missing at the deadline. */
export async function until(wait: Wait, look: () => Look | Promise<Look>): Promise<void> {
  const end = performance.now() + wait.deadline;
  for (;;) {
    wait.goOn();
    const seen = await look();
    if (seen.type === "done") return;
    if (performance.now() >= end) {
      throw new LabError(
        `${wait.name}: not done within ${wait.deadline / 1000} s: still waiting for ${seen.for}`,
      );
    }
    wait.watch?.(seen.for);
    await Bun.sleep(wait.every);
  }
}

/** Do `run` for every item, at most `limit` at a time; the results in the items' order. */
export async function mapLimited<Item, Result>(
  items: readonly Item[],
  limit: number,
  run: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await run(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}

/** The first few of many things, in words: `n1, n2 and 5 more`. */
export function some(things: readonly string[], most = 4): string {
  const more = things.length - most;
  return more > 0
    ? `${things.slice(0, most).join(", ")} and ${more} more`
    : things.join(", ") || "nothing";
}
