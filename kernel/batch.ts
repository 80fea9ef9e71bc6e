/** A batch of requests that another thread tells the kernel, window by window. */

import type { Exchange, NetlinkConnection } from "./conn.ts";
import { describeRequest } from "./describe.ts";
import { KernelError, type LinkReference, type Request, type Undertaking } from "./kernel.ts";
import { writeRequest } from "./request.ts";

export class Batch implements Undertaking {
  readonly #connection: NetlinkConnection;
  readonly #requests: readonly Request[];
  readonly #indexOf: (reference: LinkReference) => number;
  readonly #outcomes: (KernelError | undefined)[];
  /** Of the next request that has not been begun. */
  #next = 0;
  /** What is being told, by its place among the requests. */
  #waiting: number[] = [];
  #exchange: Exchange | undefined;

  /** Begin. The connection is for nothing else until the outcomes are there. */
  constructor(
    connection: NetlinkConnection,
    requests: readonly Request[],
    indexOf: (reference: LinkReference) => number,
  ) {
    this.#connection = connection;
    this.#requests = requests;
    this.#indexOf = indexOf;
    this.#outcomes = new Array(requests.length).fill(undefined);
    this.#begin();
  }

  outcomes(patience: number): (KernelError | undefined)[] | undefined {
    const end = performance.now() + patience;
    while (this.#exchange !== undefined) {
      const failures = this.#exchange.outcomes(Math.max(0, end - performance.now()));
      if (failures === undefined) return undefined;
      for (const [at, index] of this.#waiting.entries()) {
        this.#outcomes[index] = failures[at]?.toError(this.#describe(index));
      }
      this.#begin();
    }
    return this.#outcomes;
  }

  /** As many as one exchange takes. */
  #begin(): void {
    this.#waiting = [];
    while (this.#next < this.#requests.length && this.#waiting.length < this.#connection.window) {
      const index = this.#next++;
      try {
        writeRequest(this.#requests[index] as Request, this.#indexOf, (type, flags) =>
          this.#connection.begin(type, flags),
        );
        this.#waiting.push(index);
      } catch (error) {
        if (!(error instanceof KernelError)) throw error;
        const { message, code, errno } = error;
        this.#outcomes[index] = new KernelError(
          `${this.#describe(index)}: ${message}`,
          code,
          errno,
        );
      }
    }
    this.#exchange = this.#waiting.length > 0 ? this.#connection.exchangeLater() : undefined;
  }

  #describe(index: number): string {
    return describeRequest(this.#requests[index] as Request);
  }
}
