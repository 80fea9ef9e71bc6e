/**
 * What this daemon publishes for the plugin on its node: the node file, written when it says something new.
 */

import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { type NodeFile, NodeFileError, readNodeFile, writeNodeFile } from "../ipam/node.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { equalAddress } from "../lib/address.ts";
import type { StatusAnswer } from "../resource/answer.ts";
import type { Blocks } from "./blocks.ts";
import type { SpeakerPlan } from "./cluster/speaker.ts";

/** Where the uplink cannot be found: Ethernet's. */
const DEFAULT_MTU = 1500;

export type Publication = {
  /** Write the file unless it says the same already. */
  publish(plan: SpeakerPlan, supply: Supply, ready: StatusAnswer["ready"]): void;
};

/** What the plugin has to give. */
type Supply = Pick<Blocks, "blocks" | "growth">;

/** Publish at `path`, with how to tell whether this daemon lives; the folder is made. The generation goes on from the file that is there. */
export function createPublication(
  path: string,
  kernel: Kernel,
  daemon: NonNullable<NodeFile["daemon"]>,
): Publication {
  mkdirSync(dirname(path), { recursive: true });
  let generation = generationAt(path);
  let written: NodeFile | undefined;
  return {
    publish(plan, { blocks, growth }, { ok, reason }) {
      const since = written?.ready.ok === ok ? written.ready.since : new Date().toISOString();
      const next: NodeFile = {
        node: plan.node,
        blocks: {
          ipv4: blocks.filter(({ family }) => family === 4),
          ipv6: blocks.filter(({ family }) => family === 6),
        },
        growth,
        mtu: mtuOf(plan, kernel),
        generation,
        ready: { ok, reason, since },
        daemon,
      };
      if (JSON.stringify(next) === JSON.stringify(written)) return;
      written = { ...next, generation: ++generation };
      writeNodeFile(path, written);
    },
  };
}

/** MTU of the link that has the node's address: what a pod sends must fit there. */
function mtuOf({ routerId }: SpeakerPlan, kernel: Kernel): number {
  const uplink = kernel.addresses(4).find(({ address }) => equalAddress(address, routerId));
  return (uplink === undefined ? undefined : kernel.link(uplink.link)?.mtu) ?? DEFAULT_MTU;
}

function generationAt(path: string): number {
  try {
    return readNodeFile(path).generation;
  } catch (error) {
    // None yet, or one that nobody can read: the first of a new series.
    if (error instanceof NodeFileError) return 0;
    throw error;
  }
}
