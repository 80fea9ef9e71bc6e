/**
 * A program for output.test.ts: prints numbered lines for ever, and says on stderr why it ended.
 */

import { processOutput, ReaderGone } from "../../cli/output.ts";

const output = processOutput();
try {
  for (let line = 1; ; line++) output.out(`line ${line}, colour ${output.look.colour}\n`);
} catch (error) {
  if (!(error instanceof ReaderGone)) throw error;
  output.err("the reader is gone\n");
}
