/**
 * `manx fib check`: whether the kernel has what the daemon wants it to have.
 */

import { openKernel } from "../kernel/netlink.ts";
import { openClient } from "./client.ts";
import { compareFib, type Difference } from "./fib-check.ts";
import type { AskOptions } from "./options.ts";
import { EXIT, type ExitCode, type Output, writeJson } from "./output.ts";
import { type Look, paint, styled } from "./style.ts";
import { type Column, formatTable } from "./table.ts";
import { countOf } from "./words.ts";

/** What is only on its way is no difference: it must be there each time, this many ms apart. */
const LOOKS = 3;
const PAUSE = 150;

export type FibCheck = {
  /** Routes that the daemon wants in the kernel. */
  readonly wanted: number;
  /** Routes that it leaves to somebody else. */
  readonly left: number;
  readonly differences: readonly Difference[];
};

/** Ask the daemon and the kernel, and print. Exit code 1 when they differ. Throws `CommandError`. */
export async function checkFib(options: AskOptions, output: Output): Promise<ExitCode> {
  const client = openClient(options.api);
  const kernel = openKernel();
  let check: FibCheck = { wanted: 0, left: 0, differences: [] };
  try {
    for (let looks = 1; looks <= LOOKS; looks++) {
      const answer = await client.fib();
      const { protocol, left } = answer;
      // Of others' routes only those matter that are theirs to have.
      const which = left.length === 0 ? { protocol } : {};
      const routes = answer.mode === "none" ? [] : kernel.routes(which);
      const found = compareFib(answer, routes, kernel.links());
      const differences =
        looks === 1
          ? found
          : found.filter(({ prefix, problem }) =>
              check.differences.some((one) => one.prefix === prefix && one.problem === problem),
            );
      check = { wanted: answer.routes.length, left: left.length, differences };
      if (differences.length === 0) break;
      if (looks < LOOKS) await Bun.sleep(PAUSE);
    }
  } finally {
    kernel.close();
  }
  if (options.json) writeJson(output, check);
  else output.out(formatFibCheck(check, output.look));
  return check.differences.length === 0 ? EXIT.ok : EXIT.failed;
}

const COLUMNS: readonly Column<Difference>[] = [
  { title: "PREFIX", cell: ({ prefix }) => styled(prefix, "strong") },
  { title: "PROBLEM", cell: ({ problem }) => styled(problem, "bad") },
  { title: "WANTED", cell: ({ wanted }) => wanted, optional: true },
  { title: "KERNEL", cell: ({ found }) => found, optional: true },
  { title: "REASON", cell: ({ reason }) => reason },
];

/** A sentence, and a line for each difference. */
export function formatFibCheck({ wanted, left, differences }: FibCheck, look: Look): string {
  const others = left === 0 ? "" : `, and ${left} of somebody else's (programClusterRoutes)`;
  const routes = `${countOf(wanted, "route")}${others}`;
  if (differences.length === 0) {
    return `${paint(styled(`the kernel has what is wanted: ${routes}`, "good"), look)}\n`;
  }
  const sentence = `${countOf(differences.length, "difference")} between the kernel and the ${routes} that are wanted`;
  return `${paint(styled(sentence, "bad"), look)}\n\n${formatTable(differences, COLUMNS, look)}`;
}
