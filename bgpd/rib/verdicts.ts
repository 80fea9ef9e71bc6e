/**
 * Policies' verdicts as numbers: a million paths have a handful of them.
 *
 * A verdict lives as long as a path has it: policies are compiled anew, and each refusal of a set is a record of its
 * own.
 */

import type { PolicyVerdict } from "./route.ts";

const NONE = -1;

export class Verdicts {
  readonly #byNumber: (PolicyVerdict | undefined)[] = [];
  readonly #holders: number[] = [];
  readonly #numbers = new Map<PolicyVerdict, number>();
  readonly #free: number[] = [];
  /** What was held last: the next one mostly is the same. */
  #last: PolicyVerdict | undefined;
  #lastNumber = NONE;

  /** The number of a verdict, held once more. */
  hold(verdict: PolicyVerdict): number {
    if (verdict !== this.#last) {
      this.#lastNumber = this.#numbers.get(verdict) ?? this.#add(verdict);
      this.#last = verdict;
    }
    const number = this.#lastNumber;
    this.#holders[number] = (this.#holders[number] ?? 0) + 1;
    return number;
  }

  /** Let go of one hold; the last one frees the number. */
  release(number: number): void {
    const left = (this.#holders[number] ?? 0) - 1;
    this.#holders[number] = left;
    const verdict = this.#byNumber[number];
    if (left > 0 || verdict === undefined) return;
    this.#numbers.delete(verdict);
    this.#byNumber[number] = undefined;
    this.#free.push(number);
    if (verdict === this.#last) this.#last = undefined;
  }

  /** The verdict of a number that is held; undefined for -1. */
  get(number: number): PolicyVerdict | undefined {
    return number === NONE ? undefined : this.#byNumber[number];
  }

  #add(verdict: PolicyVerdict): number {
    const number = this.#free.pop() ?? this.#byNumber.length;
    this.#byNumber[number] = verdict;
    this.#numbers.set(verdict, number);
    return number;
  }
}
