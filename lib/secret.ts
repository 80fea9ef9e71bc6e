/**
 * A key or password in memory: whatever prints, logs or serializes it shows that there is one, and no more.
 */

export class Secret {
  readonly #bytes: Uint8Array;

  /** Keeps the bytes; nobody may change them any more. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The bytes themselves, for the kernel alone. */
  reveal(): Uint8Array {
    return this.#bytes;
  }

  equals(other: Secret): boolean {
    const [ours, theirs] = [this.#bytes, other.#bytes];
    return ours.length === theirs.length && ours.every((octet, at) => octet === theirs[at]);
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }
}
