/**
 * The configuration in force: documents read, planned for this node, and what is wrong with the last try.
 *
 * A reading with a fault changes nothing: the plan before it stays in force.
 */

import { type BlockPlan, planBlocks } from "../ipam/demand.ts";
import type { Address } from "../lib/address.ts";
import type { Secret } from "../lib/secret.ts";
import type { StatusAnswer } from "../resource/answer.ts";
import { readDirectory } from "../resource/directory.ts";
import { readDocuments } from "../resource/document.ts";
import { Memory } from "../resource/entry.ts";
import { type Fault, formatFault } from "../resource/fault.ts";
import type { KeyReader, Keys, LastKey } from "./cluster/context.ts";
import { planSpeaker } from "./cluster/plan.ts";
import { describeServices, type ServiceView, serviceViewOf } from "./cluster/services.ts";
import type { SpeakerPlan } from "./cluster/speaker.ts";
import { readKeyFile } from "./key.ts";

/** What the documents say that one node's daemon is to do. */
export type NodePlan = { readonly speaker: SpeakerPlan; readonly blocks: BlockPlan };

export type Configuration = {
  /** Read again. The new plan, or undefined when there are faults. */
  read(): NodePlan | undefined;
  /** What stands in the documents of the last reading and has no effect. */
  notes(): readonly string[];
  /** The files of keys that the last reading asked for, those that it could not use included. */
  keyFiles(): readonly string[];
  /** What Services have an address by the reading in force, and what becomes of it here: sentences. */
  services(address: Address): readonly string[];
  status(): StatusAnswer["configuration"];
};

/** Of the node called `node`, from the file or directory `source`. */
export function createConfiguration(source: string, node: string): Configuration {
  let generation = 0;
  let faults: readonly string[] = [];
  let notes: readonly string[] = [];
  let view: ServiceView | undefined;
  const memory = new Memory();
  const files = new Set<string>();
  /** What sessions have from Secrets, which may go and come back while they live. */
  let keys: ReadonlyMap<string, Secret> = new Map();
  const lastKey: LastKey = ({ name, key }) => keys.get(`${name} ${key}`);
  const readKey: KeyReader = (file) => {
    files.add(file);
    return readKeyFile(file);
  };
  return {
    read() {
      files.clear();
      const planned = planFrom(source, node, { readKey, lastKey }, memory);
      faults = planned.faults.map(formatFault);
      notes = planned.notes.map(formatFault);
      if (planned.plan !== undefined) {
        generation++;
        view = planned.view;
        keys = keysFromSecrets(planned.plan.speaker);
      }
      return planned.plan;
    },
    notes: () => notes,
    keyFiles: () => [...files],
    services: (address) => (view === undefined ? [] : describeServices(address, view)),
    status: () => ({ source, generation, faults }),
  };
}

function keysFromSecrets({ peers, ranges = [], unnumbered = [], workloads = [] }: SpeakerPlan) {
  const unnamed = [...ranges, ...unnumbered, ...workloads];
  const sessions = [...peers, ...unnamed.map(({ session }) => session)];
  return new Map(
    sessions.flatMap(({ secret, key }) =>
      secret === undefined || key === undefined
        ? []
        : [[`${secret.name} ${secret.key}`, key] as const],
    ),
  );
}

function planFrom(
  source: string,
  node: string,
  keys: Keys,
  memory: Memory,
): {
  readonly plan: NodePlan | undefined;
  readonly view?: ServiceView;
  readonly faults: readonly Fault[];
  readonly notes: readonly Fault[];
} {
  const { sources, faults: unreadable } = readDirectory(source);
  const { resources, faults, notes } = readDocuments(sources, memory);
  if (unreadable.length + faults.length > 0) {
    return { plan: undefined, faults: [...unreadable, ...faults], notes };
  }
  const planned = planSpeaker(resources, node, keys);
  const found = resources.nodes.find(({ resource }) => resource.name === node);
  if ("faults" in planned || found === undefined) {
    return { plan: undefined, faults: "faults" in planned ? planned.faults : [], notes };
  }
  const blocks = planBlocks(resources, found.resource);
  return {
    plan: { speaker: planned.plan, blocks },
    view: serviceViewOf(resources, found.resource),
    faults: [],
    notes: [...notes, ...planned.notes],
  };
}
