/** The send queue against a string of bytes. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { SendQueue } from "../../bgpd/transport-queue.ts";

test("a queue gives back what was put in, whatever is taken when, and never changes it", () => {
  const operations = fc.array(
    fc.oneof(
      fc.record({ push: fc.uint8Array({ maxLength: 40 }) }),
      fc.record({
        room: fc.integer({ min: 1, max: 50 }),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    ),
    { maxLength: 80 },
  );
  fc.assert(
    fc.property(operations, (list) => {
      const queue = new SendQueue();
      let model: number[] = [];
      const originals: { readonly bytes: Uint8Array; readonly copy: readonly number[] }[] = [];
      for (const operation of list) {
        if ("push" in operation) {
          queue.push(operation.push);
          model.push(...operation.push);
          originals.push({ bytes: operation.push, copy: [...operation.push] });
        } else {
          const next = queue.peek(new Uint8Array(operation.room));
          expect([...next]).toEqual(model.slice(0, next.length));
          expect(next.length).toBeLessThanOrEqual(operation.room);
          expect(next.length > 0).toBe(model.length > 0);
          const taken = Math.floor(next.length * operation.share);
          queue.drop(taken);
          model = model.slice(taken);
        }
        expect(queue.length).toBe(model.length);
      }
      for (const { bytes, copy } of originals) expect([...bytes]).toEqual([...copy]);
    }),
  );
});

test("small buffers are gathered and a large one is passed on as it is", () => {
  const queue = new SendQueue();
  const scratch = new Uint8Array(8);
  const large = new Uint8Array(20).fill(9);
  queue.push(Uint8Array.of(1, 2));
  queue.push(Uint8Array.of(3));
  queue.push(large);
  expect([...queue.peek(scratch)]).toEqual([1, 2, 3, 9, 9, 9, 9, 9]);
  queue.drop(3);
  expect(queue.peek(scratch).buffer).toBe(large.buffer);
});

test("thousands of buffers are sent without the queue growing behind", () => {
  const queue = new SendQueue();
  for (let index = 0; index < 5000; index++) queue.push(Uint8Array.of(index & 0xff));
  for (let index = 0; index < 5000; index++) {
    expect(queue.peek(new Uint8Array(1))[0]).toBe(index & 0xff);
    queue.drop(1);
  }
  expect(queue.length).toBe(0);
  queue.clear();
});
