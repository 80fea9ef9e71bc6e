/** A process that takes one address: `claimer.ts DIRECTORY CONTAINER`. */

import { allocate } from "../../ipam/allocate.ts";
import { openRecords } from "../../ipam/records-files.ts";
import { formatAddress } from "../../lib/address.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import { BOOT } from "./memory-files.ts";

const [directory = "", container = ""] = process.argv.slice(2);
const { record } = allocate(openRecords({ directory, network: "n", boot: BOOT }), {
  holder: { container, interfaceName: "eth0" },
  blocks: [parsePrefix("10.244.1.0/26")],
  reserved: () => [],
  time: new Date().toISOString(),
});
process.stdout.write(formatAddress(record.address));
