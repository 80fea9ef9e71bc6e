import { expect, test } from "bun:test";
import { type ReadyView, readiness } from "../../bgpd/readiness.ts";

type Outstanding = ReturnType<NonNullable<ReadyView["fib"]>["outstanding"]>;

function daemon(more: {
  readonly converged?: boolean;
  readonly settled?: boolean;
  readonly installed?: number;
  readonly outstanding?: Partial<Outstanding>;
}): ReadyView {
  const { converged = true, settled = true, installed = 1, outstanding = {} } = more;
  return {
    converged,
    settled,
    waitingFor: () => ["mesh n2", "tor"],
    fib: {
      counts: () => ({ installed, stale: 0, healed: 0 }),
      outstanding: () => ({ pending: 0, refused: 0, unresolved: 0, ...outstanding }),
    },
  };
}

const CASES = [
  [
    "not ready while tables are waited for",
    daemon({ converged: false, settled: false }),
    [],
    { ok: false, reason: "waiting for the tables of mesh n2, tor" },
  ],
  [
    "not ready while the first routes are on their way to the kernel",
    daemon({ settled: false }),
    [],
    { ok: false, reason: "the first routes are on their way to the kernel" },
  ],
  ["ready when both are done", daemon({}), [], { ok: true, reason: "converged" }],
  [
    "ready with routes on their way later on",
    daemon({ outstanding: { pending: 9 } }),
    [],
    { ok: true, reason: "converged" },
  ],
  [
    "ready with single routes that fail and with faults of the blocks, all of them shown",
    daemon({ outstanding: { refused: 2, unresolved: 1 } }),
    ["the claims are not read"],
    {
      ok: true,
      reason:
        "converged; routes that the kernel refuses: 2; routes to next hops that no link leads to: 1; the claims are not read",
    },
  ],
  [
    "not ready when the kernel takes none",
    daemon({ installed: 0, outstanding: { refused: 2 } }),
    [],
    { ok: false, reason: "the kernel has no route of ours and refuses 2" },
  ],
  [
    "ready when there is nothing to install",
    daemon({ installed: 0 }),
    [],
    { ok: true, reason: "converged" },
  ],
  ["ready without a FIB", { ...daemon({}), fib: undefined }, [], { ok: true, reason: "converged" }],
] as const;

for (const [what, situation, faults, expected] of CASES) {
  test(`a node is ${what}`, () => {
    expect(readiness(situation, faults)).toEqual(expected);
  });
}
