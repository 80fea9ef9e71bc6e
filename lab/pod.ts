/**
 * Pods: network namespaces that the executable attaches through the CNI protocol, as a container
 * runtime does.
 */

import type { Address } from "../lib/address.ts";
import { parseInterfaceAddress } from "../lib/prefix.ts";
import { LabError, messageOf } from "./error.ts";
import { BIN_FOLDER, EXECUTABLE } from "./place.ts";
import { type NodeRoom, type Room, within } from "./room.ts";

export type Pod = { readonly name: string; readonly room: Room; readonly address: Address };

/** Of the conflist's plugin: without blocks, so that the node file that bgpd publishes is used. */
const CONFIGURATION = JSON.stringify({
  cniVersion: "1.0.0",
  name: "lab",
  type: "manx",
  ipam: { type: "manx-ipam" },
});

/** Time for one ADD, in ms, on a machine that is busy with many. */
const ADD_DEADLINE = 20_000;

/** Attach the pod in `room` to the node. Throws `LabError` with the plugin's words. */
export async function attachPod(node: NodeRoom, room: Room): Promise<Pod> {
  const child = within(node, () =>
    Bun.spawn([EXECUTABLE], {
      stdin: new TextEncoder().encode(CONFIGURATION),
      stdout: "pipe",
      stderr: "pipe",
      timeout: ADD_DEADLINE,
      killSignal: "SIGKILL",
      env: {
        PATH: process.env.PATH,
        CNI_COMMAND: "ADD",
        CNI_CONTAINERID: `lab-${room.name}`,
        CNI_NETNS: room.path,
        CNI_IFNAME: "eth0",
        CNI_PATH: BIN_FOLDER,
        CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=lab;K8S_POD_NAME=${room.name}`,
      },
    }),
  );
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const said = `${stdout}${stderr}`.trim() || "nothing";
  if (code !== 0) {
    throw new LabError(`attaching ${room.name}: CNI ADD ended with ${code} and said: ${said}`);
  }
  try {
    return { name: room.name, room, address: addressOf(stdout) };
  } catch (cause) {
    const fault = `attaching ${room.name}: no address in the result (${messageOf(cause)}): ${said}`;
    throw new LabError(fault, { cause });
  }
}

/** The first address of a CNI result of version 1.0.0. Throws on anything else. */
export function addressOf(result: string): Address {
  const { ips } = JSON.parse(result) as { ips: readonly { address: string }[] };
  const [first] = ips;
  if (first === undefined) throw new LabError("ips is empty");
  return parseInterfaceAddress(first.address).address;
}
