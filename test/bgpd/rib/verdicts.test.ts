import { expect, test } from "bun:test";
import fc from "fast-check";
import { Verdicts } from "../../../bgpd/rib/verdicts.ts";

test("a verdict has a number for as long as somebody holds it", () => {
  const verdicts = Array.from({ length: 5 }, (_, n) => ({ accept: true, reason: `${n}` }));
  const step = fc.tuple(fc.nat(4), fc.boolean());
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const table = new Verdicts();
      const held: number[][] = verdicts.map(() => []);
      for (const [which, isHeld] of steps) {
        const verdict = verdicts[which];
        const numbers = held[which] ?? [];
        if (isHeld && verdict !== undefined) numbers.push(table.hold(verdict));
        else {
          const number = numbers.pop();
          if (number !== undefined) table.release(number);
        }
        for (const [index, own] of held.entries()) {
          expect(new Set(own).size).toBeLessThan(2);
          for (const number of own) expect(table.get(number)).toBe(verdicts[index]);
        }
      }
      for (const numbers of held) for (const number of numbers) table.release(number);
      const largest = Math.max(0, ...held.flat());
      for (let number = 0; number <= largest; number++) {
        expect(table.get(number)).toBeUndefined();
      }
    }),
  );
  expect(new Verdicts().get(-1)).toBeUndefined();
});
