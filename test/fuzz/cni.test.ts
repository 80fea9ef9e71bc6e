/**
 * Nonsense for the plugin, over the in-memory twin: whatever comes in, out come a result or an error object of the
 * specification, nothing else, and no fault of ours (code 999); and DEL takes back whatever ADD made of it.
 *
 * Everything follows from a seed (MANX_SEED), so that a failure can be had again.
 */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { add } from "../../cni/add.ts";
import { check } from "../../cni/check.ts";
import { type CollectingGround, collect } from "../../cni/collect.ts";
import { remove } from "../../cni/delete.ts";
import { status } from "../../cni/status.ts";
import { CniError, CODE } from "../../ipam/protocol/error.ts";
import { runPlugin } from "../../ipam/protocol/plugin.ts";
import type { Environment } from "../../ipam/protocol/request.ts";
import { CONFIG, createTwin } from "../cni/twin.ts";
import { anyConfig, anyEnvironment, ENVIRONMENT, mutatedText } from "./cni-arbitrary.ts";

const SETTINGS = { seed: Number(process.env.MANX_SEED ?? 20_260_801), numRuns: 3000 };

type Twin = ReturnType<typeof createTwin>;

function createNode() {
  const twin = createTwin();
  twin.pod("a");
  const ground: CollectingGround = {
    ...twin.ground,
    pod(request) {
      // The twin would make what it does not have.
      if (request.namespacePath === ENVIRONMENT.CNI_NETNS) return twin.ground.pod(request);
      throw new CniError(CODE.invalidNamespace, "no such namespace");
    },
  };
  return { ...twin, ground };
}

async function call({ ground }: Twin, environment: Environment, input: string) {
  const printed: string[] = [];
  const said: string[] = [];
  const code = await runPlugin(
    {
      about: "a plugin",
      handlers: {
        ADD: async () => (request) => add(request, ground),
        DEL: async () => (request) => remove(request, ground),
        CHECK: async () => (request) => check(request, ground),
        GC: async () => (request) => collect(request, ground),
        STATUS: async () => (request) => status(request, ground),
      },
    },
    {
      environment,
      read: () => input,
      print: (text) => void printed.push(text),
      say: (text) => void said.push(text),
    },
  );
  return { status: code, printed, said: said.join("") };
}

/** One call, and a DEL of the same, if need be with a configuration that is right but for where things are. */
async function expectSense(environment: Environment, input: string): Promise<void> {
  const node = createNode();
  const before = node.state();
  const { status, printed, said } = await call(node, environment, input);
  const [text] = printed;
  if (status === 0) {
    const isTold = ["ADD", "VERSION"].includes(environment.CNI_COMMAND ?? "");
    expect(printed).toHaveLength(isTold ? 1 : 0);
    expect(JSON.parse(text ?? "{}")).toBeObject();
    if (environment.CNI_COMMAND === "ADD") expect(node.state()).not.toBe(before);
    const undone = await call(node, { ...environment, CNI_COMMAND: "DEL" }, input);
    if (environment.CNI_COMMAND === "ADD") expect(undone.status).toBe(0);
  } else {
    expect({ status, said, documents: printed.length }).toEqual({
      status: 1,
      said: "",
      documents: 1,
    });
    const { cniVersion, code, msg } = JSON.parse(text ?? "");
    expect(cniVersion).toMatch(/^\d+\.\d+\.\d+$/);
    expect(msg).toBeString();
    expect(msg).not.toBe("");
    expect(code).toBeInteger();
    expect(code).not.toBe(CODE.internal);
  }
  expect(node.state()).toBe(before);
}

describe("any answer to", () => {
  test("a call that is right is what it should be", async () => {
    // The others could be content with errors alone.
    const node = createNode();
    const { status, printed } = await call(node, ENVIRONMENT, JSON.stringify(CONFIG));
    expect(status).toBe(0);
    expect(JSON.parse(printed.join("")).ips).toHaveLength(1);
    await expectSense(ENVIRONMENT, JSON.stringify(CONFIG));
  });

  test("any text on stdin", async () => {
    const texts = fc.oneof(fc.string({ unit: "binary" }), fc.json(), mutatedText);
    const verbs = fc.constantFrom("ADD", "DEL", "CHECK");
    await fc.assert(
      fc.asyncProperty(verbs, texts, (verb, text) =>
        expectSense({ ...ENVIRONMENT, CNI_COMMAND: verb }, text),
      ),
      SETTINGS,
    );
  });

  test("a configuration with any keys and values", async () => {
    const verbs = fc.constantFrom("ADD", "ADD", "ADD", "DEL", "CHECK");
    await fc.assert(
      fc.asyncProperty(verbs, anyConfig, (verb, config) =>
        expectSense({ ...ENVIRONMENT, CNI_COMMAND: verb }, JSON.stringify(config)),
      ),
      SETTINGS,
    );
  });

  test("any environment", async () => {
    await fc.assert(
      fc.asyncProperty(anyEnvironment, (environment) =>
        expectSense(environment, JSON.stringify(CONFIG)),
      ),
      SETTINGS,
    );
  });

  test("nesting without end", async () => {
    for (const text of ["[".repeat(1_000_000), `{"a":`.repeat(200_000), "{".repeat(1_000_000)]) {
      await expectSense(ENVIRONMENT, text);
    }
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    await expectSense(ENVIRONMENT, `{"cniVersion":"1.0.0","name":"n","ipam":${deep}}`);
  });
});
