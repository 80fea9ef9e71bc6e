import { expect, test } from "bun:test";
import { DEFAULT_POLICY, type PeerPlan } from "../../bgpd/cluster/speaker.ts";
import { limitOf } from "../../bgpd/neighbour.ts";
import { toHex } from "../../lib/hex.ts";

/** As much of a plan as a limit asks for. */
function planWith(
  prefixLimit: PeerPlan["policy"]["prefixLimit"],
  families: PeerPlan["families"] = [4],
): PeerPlan {
  return { families, policy: { ...DEFAULT_POLICY, prefixLimit } } as PeerPlan;
}

test("a limit is exceeded by one prefix more, and the Cease has family and upper bound (RFC 4486 section 4)", () => {
  const plan = planWith({ max: 70_000, warningThreshold: 75, restartTime: 300 });
  expect(limitOf(plan, 70_000)).toBeUndefined();
  const over = limitOf(plan, 70_001);
  expect([over?.cease.code, over?.cease.subcode, over?.restartTime]).toEqual([6, 1, 300]);
  expect(toHex(over?.cease.data ?? new Uint8Array())).toBe("00010100011170");
});

test("without a limit nothing is too much", () => {
  expect(limitOf(planWith(undefined), 0xffff_ffff)).toBeUndefined();
});

test("a limit over several families is of none of them", () => {
  const limit = { max: 1, warningThreshold: 75, restartTime: undefined };
  expect(limitOf(planWith(limit, [6]), 2)?.cease.data).toEqual(Uint8Array.of(0, 2, 1, 0, 0, 0, 1));
  expect(limitOf(planWith(limit, [4, 6]), 2)?.cease.data).toEqual(new Uint8Array());
});
