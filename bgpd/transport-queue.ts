/**
 * What a connection has still to send: shared buffers in order, taken out in large pieces.
 *
 * A queued buffer is never copied or changed here, because other connections send it too. Only small
 * ones that lie next to each other are gathered, so that they leave with one system call.
 */

export class SendQueue {
  #chunks: Uint8Array[] = [];
  /** Index of the first chunk not yet sent; those before it are cleared now and then. */
  #head = 0;
  /** Bytes of it that have been sent. */
  #sent = 0;
  #length = 0;

  /** Bytes queued. */
  get length(): number {
    return this.#length;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#length += bytes.length;
  }

  /**
   * The next bytes to send, up to the length of `scratch`: a part of one large buffer, or several
   * small ones gathered in `scratch`. Valid until the next call. Nothing is removed.
   */
  peek(scratch: Uint8Array): Uint8Array {
    const first = this.#chunks[this.#head]?.subarray(this.#sent) ?? scratch.subarray(0, 0);
    const only = this.#head + 1 === this.#chunks.length;
    if (only || first.length >= scratch.length) return first.subarray(0, scratch.length);
    scratch.set(first);
    let filled = first.length;
    for (let index = this.#head + 1; index < this.#chunks.length; index++) {
      const chunk = this.#chunks[index];
      if (chunk === undefined || filled === scratch.length) break;
      const part = chunk.subarray(0, scratch.length - filled);
      scratch.set(part, filled);
      filled += part.length;
    }
    return scratch.subarray(0, filled);
  }

  /** Remove the first `count` bytes. */
  drop(count: number): void {
    this.#length -= count;
    let left = count + this.#sent;
    for (;;) {
      const chunk = this.#chunks[this.#head];
      if (chunk === undefined || left < chunk.length) break;
      left -= chunk.length;
      this.#head++;
    }
    this.#sent = left;
    if (this.#head === this.#chunks.length || this.#head > 1024) {
      this.#chunks = this.#chunks.slice(this.#head);
      this.#head = 0;
    }
  }

  clear(): void {
    this.#chunks = [];
    this.#head = 0;
    this.#sent = 0;
    this.#length = 0;
  }
}
