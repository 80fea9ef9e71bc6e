/** Containers of podman with its CNI back end. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { isReady, NODE_ADDRESS } from "./ground.ts";
import { IMAGE, PAGE } from "./image.ts";
import { ip, nodeState } from "./node-state.ts";
import { hasCniBackend, type Podman, preparePodman } from "./podman.ts";

const NETWORK = "--network=pods";

describe.skipIf(!isReady || !hasCniBackend())("podman with network_backend cni", () => {
  let podman: Podman;

  beforeAll(() => {
    podman = preparePodman();
  });
  afterAll(() => {
    podman?.remove();
  });

  test("knows the shipped configuration as a network", () => {
    expect(podman.run("network", "ls", "--format={{.Name}}").split("\n")).toContain("pods");
  });

  test("a container reaches another one and the node, and both leave nothing", () => {
    const before = nodeState();
    const id = podman.run("run", "--detach", NETWORK, IMAGE).trim();
    const address = podman
      .run("inspect", "--format={{.NetworkSettings.Networks.pods.IPAddress}}", id)
      .trim();
    expect(address).toMatch(/^10\.244\.1\.\d+$/);
    expect(ip("route", "show", address)).toMatchObject([
      { dev: expect.stringMatching(/^manx[0-9a-f]{11}$/) },
    ]);

    const client = ["run", "--rm", NETWORK, "--entrypoint=[]", IMAGE];
    expect(podman.run(...client, "wget", "-qO-", `http://${address}/`)).toBe(PAGE);
    podman.run(...client, "ping", "-c1", "-W5", NODE_ADDRESS);

    podman.run("rm", "--force", "--time=0", id);
    expect(nodeState()).toEqual(before);
  });

  test("a pod's containers share one attachment, which ends with the pod", () => {
    const before = nodeState();
    const infra = ["--share-parent=false", `--infra-image=${IMAGE}`];
    podman.run("pod", "create", "--name=pod", ...infra, NETWORK);
    const client = ["run", "--rm", "--pod=pod", "--entrypoint=[]", IMAGE];
    expect(podman.run(...client, "wget", "-qO-", "http://127.0.0.1/")).toBe(PAGE);
    podman.run("pod", "rm", "--force", "--time=0", "pod");
    expect(nodeState()).toEqual(before);
  });
});
