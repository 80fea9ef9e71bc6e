/** A process that claims one block: `block-claimer.ts FOLDER NODE`. All begin at the same place. */

import { fileClaims } from "../../ipam/claim-files.ts";
import { freeBlocks } from "../../ipam/pool.ts";
import { formatPrefix, parsePrefix } from "../../lib/prefix.ts";

const [folder = "", node = ""] = process.argv.slice(2);
const store = fileClaims(folder, node);
const cut = { prefix: parsePrefix("10.244.0.0/19"), length: 24 };
for (const block of freeBlocks(cut, "the same", [])) {
  const claim = { block, pool: "pods", node, time: new Date().toISOString() };
  if (!(await store.create(claim))) continue;
  process.stdout.write(formatPrefix(block));
  break;
}
