/**
 * Pods: network namespaces that the executable attaches through the CNI protocol, as a container
 * runtime does.
 */

import { basename } from "node:path";
import type { Address } from "../lib/address.ts";
import { parseInterfaceAddress } from "../lib/prefix.ts";
import { LabError, messageOf } from "./error.ts";
import { BIN_FOLDER, EXECUTABLE } from "./place.ts";
import { type Chained, pathWithSystem } from "./plugin.ts";
import { type NodeRoom, type Room, within } from "./room.ts";

export type Pod = { readonly name: string; readonly room: Room; readonly address: Address };

/** Of every plugin of the chain. */
const NETWORK = { cniVersion: "1.0.0", name: "lab" };
/** Without blocks, so that the node file that bgpd publishes is used. */
const MANX = { ...NETWORK, type: "manx", ipam: { type: "manx-ipam" } };

/** Time for one ADD, in ms, on a machine that is busy with many. */
const ADD_DEADLINE = 20_000;

/** Attach the pod in `room` to the node, by `manx` and these behind it. Throws `LabError` with the plugin's words. */
export async function attachPod(
  node: NodeRoom,
  room: Room,
  chained: readonly Chained[],
): Promise<Pod> {
  const own = await callPlugin(node, room, { path: EXECUTABLE, configuration: MANX });
  const pod = { name: room.name, room, address: readAddress(room, own) };
  let result = own;
  for (const { path, type, runtimeConfig } of chained) {
    const prevResult = JSON.parse(result);
    const configuration = { ...NETWORK, type, runtimeConfig, prevResult };
    result = await callPlugin(node, room, { path, configuration });
  }
  return pod;
}

type Plugin = { readonly path: string; readonly configuration: object };

/** One ADD; what it printed. */
async function callPlugin(node: NodeRoom, room: Room, plugin: Plugin): Promise<string> {
  const child = within(node, () =>
    Bun.spawn([plugin.path], {
      stdin: new TextEncoder().encode(JSON.stringify(plugin.configuration)),
      stdout: "pipe",
      stderr: "pipe",
      timeout: ADD_DEADLINE,
      killSignal: "SIGKILL",
      env: {
        PATH: pathWithSystem(process.env.PATH ?? ""),
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
  if (code === 0) return stdout;
  const said = `${stdout}${stderr}`.trim() || "nothing";
  const name = basename(plugin.path);
  throw new LabError(`attaching ${room.name}: ${name} ADD ended with ${code} and said: ${said}`);
}

function readAddress(room: Room, result: string): Address {
  try {
    return addressOf(result);
  } catch (cause) {
    const fault = `attaching ${room.name}: no address in the result (${messageOf(cause)}): ${result}`;
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
