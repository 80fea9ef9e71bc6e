/**
 * The lab's ground: its own /run, its namespaces, cables and files, before anything runs on them.
 */

import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Kernel } from "../kernel/kernel.ts";
import { openKernel } from "../kernel/netlink.ts";
import { clusterDocuments } from "./documents.ts";
import { LabError } from "./error.ts";
import { enableForwarding, layCables, planFabric } from "./fabric.ts";
import type { LabDirectory, Target } from "./finder.ts";
import {
  BIN_FOLDER,
  CLUSTER_FOLDER,
  EXECUTABLE,
  LAB_FILE,
  LOG_FOLDER,
  NETWORKS_FOLDER,
} from "./place.ts";
import {
  bindFile,
  createNodeRoom,
  createRoom,
  mountRun,
  type NodeRoom,
  type Room,
} from "./room.ts";
import { namespacesOf, type Topology } from "./topology.ts";

export type Ground = {
  /** Of every node and the router. Throws for other names. */
  readonly nodeRoomOf: (name: string) => NodeRoom;
  /** Of everything. */
  readonly roomOf: (name: string) => Room;
  /** Of the fabric, every node, the router and the outside host. */
  readonly kernelOf: (name: string) => Kernel;
};

/** Make all of it. Throws `LabError` or the kernel's error. */
export function prepareGround(topology: Topology): Ground {
  const { nodes, router, fabric, outside } = topology;
  prepareRun();
  const rooms = new Map(namespacesOf(topology).map((name) => [name, createRoom(name)]));
  const roomOf = (name: string): Room => get(rooms, name);
  // After all networks: a node's mounts are a copy, and it must see its pods' namespaces.
  const members = [router.name, ...nodes.map(({ name }) => name)];
  const nodeRooms = new Map(members.map((name) => [name, createNodeRoom(roomOf(name))]));
  const kernels = new Map(
    [fabric.name, outside.name, ...members].map((name) => [
      name,
      openKernel({ namespace: roomOf(name).path }),
    ]),
  );
  const kernelOf = (name: string): Kernel => get(kernels, name);
  layCables(
    planFabric(topology, (name) => roomOf(name).network),
    kernelOf,
  );
  enableForwarding(members.map(kernelOf));
  for (const name of nodes.flatMap(({ pods }) => pods)) raiseLoopback(roomOf(name));
  for (const { name, text } of clusterDocuments(topology)) {
    writeFileSync(join(CLUSTER_FOLDER, name), text);
  }
  const nodeRoomOf = (name: string): NodeRoom => get(nodeRooms, name);
  writeFileSync(LAB_FILE, JSON.stringify(directoryOf(topology, roomOf, nodeRooms)));
  return { nodeRoomOf, roomOf, kernelOf };
}

/** What a container runtime does before it calls the plugin. */
function raiseLoopback(room: Room): void {
  const kernel = openKernel({ namespace: room.path });
  kernel.apply({ type: "set link", link: "lo", up: true });
  kernel.close();
}

function prepareRun(): void {
  mountRun();
  for (const folder of [BIN_FOLDER, CLUSTER_FOLDER, LOG_FOLDER, NETWORKS_FOLDER]) {
    mkdirSync(folder, { recursive: true });
  }
  // The file may lie below /run, which is hidden now: bind it, not its name.
  writeFileSync(EXECUTABLE, "");
  bindFile("/proc/self/exe", EXECUTABLE);
  symlinkSync("manx", join(BIN_FOLDER, "manx-ipam"));
  process.env.PATH = [BIN_FOLDER, process.env.PATH ?? ""].join(delimiter);
}

function directoryOf(
  { fabric, router, outside, nodes }: Topology,
  roomOf: (name: string) => Room,
  nodeRooms: ReadonlyMap<string, NodeRoom>,
): LabDirectory {
  const target = (name: string, kind: Target["kind"], owner: string): Target => {
    const mount = nodeRooms.get(owner)?.mount;
    return {
      name,
      kind,
      network: roomOf(name).path,
      ...(mount === undefined ? {} : { mount: `/proc/1/fd/${mount}` }),
    };
  };
  return {
    path: process.env.PATH ?? "",
    targets: [
      ...nodes.flatMap(({ name, pods }) => [
        target(name, "node", name),
        ...pods.map((pod) => target(pod, "pod", name)),
      ]),
      target(router.name, "router", router.name),
      target(outside.name, "outside", outside.name),
      target(fabric.name, "fabric", fabric.name),
    ],
  };
}

function get<Value>(map: ReadonlyMap<string, Value>, name: string): Value {
  const value = map.get(name);
  if (value === undefined) throw new LabError(`${name} is not in the lab`);
  return value;
}
