/**
 * Word that a key has changed: its file is outside the documents, and is watched as they are.
 */

import { watchDirectory } from "./cluster/directory.ts";

export class KeyWatch {
  readonly #changed: () => void;
  readonly #watches = new Map<string, { close(): void }>();

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Watch these files, and no others. */
  follow(files: readonly string[]): void {
    for (const [file, watch] of this.#watches) {
      if (files.includes(file)) continue;
      watch.close();
      this.#watches.delete(file);
    }
    for (const file of files) {
      if (!this.#watches.has(file)) this.#watches.set(file, watchDirectory(file, this.#changed));
    }
  }
}
