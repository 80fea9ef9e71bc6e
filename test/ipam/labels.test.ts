/** Labels that a call brings (`args.cni.labels`). */

import { describe, expect, test } from "bun:test";
import { requestedLabels } from "../../ipam/labels.ts";
import { CniError } from "../../ipam/protocol/error.ts";

const labelsOf = (labels: unknown) => requestedLabels({ config: { args: { cni: { labels } } } });

describe("labels of a call", () => {
  test.each([
    [
      "a list",
      [
        { key: "role", value: "router" },
        { key: "empty", value: "" },
      ],
    ],
    ["an object", { role: "router", empty: "" }],
  ])("are %s", (_what, said) => {
    expect(labelsOf(said)).toEqual({ role: "router", empty: "" });
  });

  test.each([
    ["nothing at all", {}],
    ["other arguments", { args: { cni: { ips: ["10.0.0.1"] } } }],
    ["null", { args: { cni: { labels: null } } }],
    ["arguments of others", { args: "text" }],
  ])("are absent with %s", (_what, config) => {
    expect(requestedLabels({ config })).toBeUndefined();
  });

  test.each([
    ["text", "role=router", 'args.cni.labels is "role=router": expected a list'],
    [
      "a list of text",
      ["a"],
      'args.cni.labels has "a": undefined: expected text for key and value',
    ],
    [
      "values that are no text, all of them told",
      { a: 1, b: "x", c: null },
      'args.cni.labels has "a": 1, "c": null: expected text for key and value',
    ],
    ["a key that is empty", [{ key: "", value: "x" }], 'args.cni.labels has "": "x": expected'],
  ])("are refused as %s", (_what, said, words) => {
    expect(() => labelsOf(said)).toThrow(words);
    expect(() => labelsOf(said)).toThrow(CniError);
  });
});
