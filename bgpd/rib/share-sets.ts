/**
 * Lists of shares, interned: one number for all prefixes whose traffic is shared alike, so that a change of
 * the list is seen by comparing two numbers.
 */

import type { Share } from "./route.ts";

type Entry = { readonly key: string; readonly shares: readonly Share[]; holders: number };

export class ShareSets {
  readonly #byKey = new Map<string, number>();
  readonly #byNumber: (Entry | undefined)[] = [];
  readonly #free: number[] = [];

  /** The number of a list, held. */
  hold(shares: readonly Share[]): number {
    const key = keyOf(shares);
    const number = this.#byKey.get(key) ?? this.#add({ key, shares, holders: 0 });
    const entry = this.#byNumber[number];
    if (entry !== undefined) entry.holders++;
    return number;
  }

  /** Let go of one hold; the last one frees the number. */
  release(number: number): void {
    const entry = this.#byNumber[number];
    if (entry === undefined || --entry.holders > 0) return;
    this.#byKey.delete(entry.key);
    this.#byNumber[number] = undefined;
    this.#free.push(number);
  }

  /** The list of a number that is held. */
  get(number: number): readonly Share[] | undefined {
    return this.#byNumber[number]?.shares;
  }

  #add(entry: Entry): number {
    const number = this.#free.pop() ?? this.#byNumber.length;
    this.#byNumber[number] = entry;
    this.#byKey.set(entry.key, number);
    return number;
  }
}

function keyOf(shares: readonly Share[]): string {
  let key = "";
  for (const { address, weight = 1 } of shares) {
    const { family, w0, w1, w2, w3 } = address;
    key += family === 4 ? `${w0}*${weight} ` : `${w0}:${w1}:${w2}:${w3}*${weight} `;
  }
  return key;
}
