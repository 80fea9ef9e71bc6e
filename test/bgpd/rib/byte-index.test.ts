import { expect, test } from "bun:test";
import fc from "fast-check";
import { ByteIndex } from "../../../bgpd/rib/byte-index.ts";

/** The words that begin with these octets, and go on with what belongs to nobody. */
function wordsOf(bytes: Uint8Array): Int32Array {
  const room = new Uint8Array(4 * Math.ceil(bytes.length / 4) + 4).fill(Math.random() * 256);
  room.set(bytes);
  return new Int32Array(room.buffer);
}

type Entry = { readonly id: number; readonly bytes: Uint8Array; readonly hash: number };

test("entries are found by their octets, and by no others, as in a Map", () => {
  const octets = fc.uint8Array({ maxLength: 9 });
  const steps = fc.array(fc.tuple(fc.boolean(), octets), { maxLength: 300 });
  fc.assert(
    fc.property(steps, (list) => {
      const byId: (Entry | undefined)[] = [];
      const index = new ByteIndex<Entry>(byId);
      const model = new Map<string, Entry>();
      for (const [isAdded, bytes] of list) {
        const hash = index.hash(wordsOf(bytes), bytes.length);
        const key = bytes.toHex();
        const known = index.find(bytes, bytes.length, hash);
        expect(known).toBe(model.get(key) as Entry);
        if (isAdded && known === undefined) {
          const entry = { id: byId.length, bytes, hash };
          byId.push(entry);
          index.add(entry);
          model.set(key, entry);
        } else if (!isAdded && known !== undefined) {
          index.remove(known);
          byId[known.id] = undefined;
          model.delete(key);
        }
      }
      expect(index.size).toBe(model.size);
      expect([...index.entries()]).toEqual([...model.values()]);
    }),
  );
});

test("many entries stay to be found while the table grows and shrinks", () => {
  const byId: (Entry | undefined)[] = [];
  const index = new ByteIndex<Entry>(byId);
  const bytesOf = (n: number): Uint8Array => Uint8Array.of(n, n >>> 8, 1, 2, n % 7);
  const find = (n: number): Entry | undefined => {
    const bytes = bytesOf(n);
    return index.find(bytes, bytes.length, index.hash(wordsOf(bytes), bytes.length));
  };
  for (let id = 0; id < 5000; id++) {
    const bytes = bytesOf(id);
    const entry = { id, bytes, hash: index.hash(wordsOf(bytes), bytes.length) };
    byId[id] = entry;
    index.add(entry);
  }
  for (let id = 0; id < 5000; id += 2) {
    const entry = find(id);
    if (entry !== undefined) index.remove(entry);
    byId[id] = undefined;
  }
  for (let id = 0; id < 5000; id++)
    expect(find(id)?.id).toBe(id % 2 === 0 ? (undefined as never) : id);
});

test("words that differ where a multiplication changes nothing else have hashes of their own", () => {
  const index = new ByteIndex<Entry>([]);
  // The top bit of a word is the top bit of its product with any odd number, and bit 15 after the shift.
  const PAIRS = 8;
  const hashes = new Set<number>();
  for (let choice = 0; choice < 1 << PAIRS; choice++) {
    const words = Int32Array.from({ length: 2 * PAIRS }, (_, at) => {
      const isTaken = ((choice >> (at >> 1)) & 1) === 1;
      return 0x1234_5678 ^ (isTaken ? (at % 2 === 0 ? 1 << 31 : 0x8001_0000) : 0);
    });
    hashes.add(index.hash(words, 4 * words.length));
  }
  expect(hashes.size).toBeGreaterThan((1 << PAIRS) - 3);
});
