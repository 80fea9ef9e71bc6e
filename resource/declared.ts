/**
 * Names that documents have taken: faulty or not, others may refer to them without a fault of their own.
 */

import { type Fault, placeOf } from "./fault.ts";
import type { Complain } from "./resource.ts";

const NAME = ["metadata", "name"];

export class Declared {
  readonly #names = new Map<string, Complain>();

  /** Take a name of a kind; a fault where it is taken. */
  declare(kind: string, name: string, complain: Complain): Fault[] {
    const key = `${kind} ${name}`;
    const earlier = this.#names.get(key);
    if (earlier === undefined) {
      this.#names.set(key, complain);
      return [];
    }
    const where = placeOf(earlier(NAME, ""));
    return [complain(NAME, `there is another ${kind} of this name at ${where}`)];
  }

  has(kind: string, name: string): boolean {
    return this.#names.has(`${kind} ${name}`);
  }
}
