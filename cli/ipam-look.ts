/**
 * Looking at address records and at the machine, in an order that an ADD or DEL under way cannot deceive.
 *
 * Records, then the machine (`kernel/survey.ts`), then the records and the host's links again: what is said of a record
 * is said of one that was there all the time, and likewise for a link.
 */

import { bootId, otherBoots, uptime } from "../ipam/boot.ts";
import { nodeFiles } from "../ipam/files-node.ts";
import { type Inspection, inspectFolder, isSameTaking } from "../ipam/inspection.ts";
import { type MachineLink, type MachineView, viewOf } from "../ipam/machine.ts";
import { listFolders } from "../ipam/scope.ts";
import { openKernel } from "../kernel/netlink.ts";
import { surveyMachine } from "../kernel/survey.ts";

export type MachineLook = {
  /** What was there all the time. */
  readonly lasting: Inspection;
  /** What was there at any time. */
  readonly ever: Inspection;
  readonly view: MachineView;
  /** Of the host, there all the time. */
  readonly links: readonly MachineLink[];
  readonly otherBoots: readonly string[];
};

/** Look at everything. Throws what the kernel or the file system refuses. */
export function lookAtMachine(dataDirectory: string): MachineLook {
  const before = inspectRecords(dataDirectory);
  const survey = surveyMachine();
  const after = inspectRecords(dataDirectory);
  const now = new Map(hostLinks().map((link) => [link.index, link.name]));
  const fresh = after.taken.filter(
    (entry) => !before.taken.some((old) => isSameTaking(old, entry)),
  );
  const paths = new Set([...after.traces, ...after.orders].map(({ path }) => path));
  return {
    lasting: {
      taken: before.taken.filter((entry) => after.taken.some((late) => isSameTaking(late, entry))),
      traces: before.traces.filter(({ path }) => paths.has(path)),
      orders: before.orders.filter(({ path }) => paths.has(path)),
      past: before.past,
    },
    ever: { ...before, taken: [...before.taken, ...fresh] },
    view: viewOf(survey),
    links: survey.host.links.filter(({ index, name }) => now.get(index) === name),
    otherBoots: otherBoots(nodeFiles, dataDirectory, bootId(nodeFiles)),
  };
}

/** All records of this boot: the node's, and those of every network that has blocks of its own. */
export function inspectRecords(dataDirectory: string): Inspection {
  const all = listFolders(dataDirectory).map((folder) =>
    inspectFolder(nodeFiles, folder, uptime(nodeFiles)),
  );
  return {
    taken: all.flatMap(({ taken }) => taken),
    traces: all.flatMap(({ traces }) => traces),
    orders: all.flatMap(({ orders }) => orders),
    past: all.flatMap(({ past }) => past),
  };
}

function hostLinks(): readonly MachineLink[] {
  const kernel = openKernel();
  try {
    return kernel.links();
  } finally {
    kernel.close();
  }
}
