/**
 * Messages for the members of an update group, each of them for all or for all but one: encoded once, and handed to a
 * member in as few pieces as what it must not hear leaves.
 *
 * With many members that each have routes of their own, as a reflector's clients, a piece for every message and member
 * would be members × members of them.
 */

import { Packer } from "./pack.ts";
import { NONE } from "./path-table.ts";
import type { PeerId } from "./route.ts";

/** A stretch of the buffer. */
type Gap = { readonly start: number; end: number };

export class Broadcast {
  readonly #packer: Packer;
  readonly #members: ReadonlySet<PeerId>;
  readonly #send: (peer: PeerId, bytes: Uint8Array) => void;
  /** What members must not hear of the buffer that is being filled, in order. */
  readonly #gaps = new Map<PeerId, Gap[]>();
  /** The gap that is open, and where it began. */
  #except: PeerId = NONE;
  #start = 0;

  constructor(
    maxLength: number,
    members: ReadonlySet<PeerId>,
    send: (peer: PeerId, bytes: Uint8Array) => void,
  ) {
    this.#packer = new Packer(maxLength, (bytes) => this.#emit(bytes));
    this.#members = members;
    this.#send = send;
  }

  /** What is written is for everyone but this member; NONE: for everyone. */
  write(except: PeerId, write: (packer: Packer) => void): void {
    this.#except = except;
    this.#start = this.#packer.length;
    write(this.#packer);
    this.#close(this.#packer.length);
    this.#except = NONE;
  }

  /** Hand over what is left. */
  flush(): void {
    this.#packer.flush();
  }

  #close(end: number): void {
    if (this.#except === NONE || end === this.#start) return;
    const gaps = this.#gaps.get(this.#except);
    const last = gaps?.at(-1);
    if (last?.end === this.#start) last.end = end;
    else if (gaps === undefined) this.#gaps.set(this.#except, [{ start: this.#start, end }]);
    else gaps.push({ start: this.#start, end });
  }

  /** The buffer is full, perhaps in the middle of a gap. */
  #emit(bytes: Uint8Array): void {
    this.#close(bytes.length);
    for (const member of this.#members) {
      let at = 0;
      for (const { start, end } of this.#gaps.get(member) ?? []) {
        if (start > at) this.#send(member, bytes.subarray(at, start));
        at = end;
      }
      if (at < bytes.length) this.#send(member, at === 0 ? bytes : bytes.subarray(at));
    }
    this.#gaps.clear();
    this.#start = 0;
  }
}
