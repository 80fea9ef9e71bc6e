/** Containers of containerd's own client with `--cni`, which knows no pods. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { Subprocess } from "bun";
import { type Containerd, startContainerd } from "./containerd.ts";
import { isReady, NODE_ADDRESS } from "./ground.ts";
import { PAGE, SERVE } from "./image.ts";
import { nodeState } from "./node-state.ts";

describe.skipIf(!isReady)("ctr run --cni", () => {
  let containerd: Containerd;
  let server: Subprocess | undefined;

  beforeAll(async () => {
    containerd = await startContainerd();
  });
  afterAll(async () => {
    await containerd?.stop();
  });
  afterEach(async () => {
    await end();
  });

  /** End the server's container; ctr then detaches and removes it. */
  async function end() {
    if (server === undefined) return;
    containerd.ctr("tasks", "kill", "--signal=SIGKILL", "server");
    await server.exited;
    server = undefined;
  }

  test("a container reaches another one and the node, and both leave nothing", async () => {
    const before = nodeState();
    const { child, line } = await containerd.start("server", ...SERVE);
    server = child;
    expect(line).toMatch(/^10\.244\.1\.\d+$/);
    const attached = nodeState();
    expect(attached).not.toEqual(before);

    expect(containerd.run("client", "wget", "-qO-", `http://${line}/`)).toBe(PAGE);
    containerd.run("client", "ping", "-c1", "-W5", NODE_ADDRESS);
    expect(nodeState()).toEqual(attached);

    await end();
    expect(nodeState()).toEqual(before);
  });

  test("a container whose program fails leaves nothing", () => {
    const before = nodeState();
    expect(() => containerd.run("client", "sh", "-c", "exit 3")).toThrow("exit code 3");
    expect(nodeState()).toEqual(before);
  });
});
