/**
 * A key or password in memory: whatever prints, logs or serializes it shows that there is one, and no more. What makes
 * a key, and who may use the file that it is in.
 */

/** Octets of a TCP-MD5 key (linux/tcp.h: TCP_MD5SIG_MAXKEYLEN). */
export const LONGEST_KEY = 80;
/** Whoever but the owner may read or write the file. */
const OTHERS = 0o077;
const NEWLINE = 0x0a;

/** What is wrong with the permissions of a file with keys, and what to do; undefined where its owner alone may use it. */
export function exposure(mode: number): string | undefined {
  if ((mode & OTHERS) === 0) return undefined;
  return `others can use it (mode ${(mode & 0o777).toString(8)}): chmod 600`;
}

/** The key that somebody has written, without the newline at its end; or what is wrong with it. */
export function keyFrom(bytes: Uint8Array): Secret | string {
  const key = bytes.at(-1) === NEWLINE ? bytes.subarray(0, -1) : bytes;
  if (key.length === 0) return "it is empty: expected a key";
  if (key.length > LONGEST_KEY) {
    return `it has ${key.length} octets: expected a key of ${LONGEST_KEY} at most`;
  }
  return new Secret(key);
}

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
