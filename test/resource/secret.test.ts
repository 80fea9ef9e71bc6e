/** Secrets among the documents, and what is shown of them: nothing. */

import { describe, expect, test } from "bun:test";
import { inspect } from "node:util";
import { readDocuments } from "../../resource/document.ts";
import { formatFault } from "../../resource/fault.ts";
import { findKey } from "../../resource/secret.ts";

function read(text: string) {
  const { resources, faults, notes } = readDocuments([{ file: "c.yaml", text }]);
  return { secrets: resources.secrets, faults: [...faults, ...notes].map(formatFault) };
}

/** The key `k` of the Secret `keys`, or why there is none. */
function keyIn(spec: string): string {
  const { secrets, faults } = read(
    `apiVersion: v1\nkind: Secret\nmetadata: {name: keys, namespace: bgp, uid: 1}\n${spec}\ntype: Opaque`,
  );
  expect(faults).toEqual([]);
  const found = findKey(secrets, { name: "keys", key: "k" });
  if ("key" in found) return new TextDecoder().decode(found.key.reveal());
  if ("missing" in found) return found.missing;
  return formatFault(found.fault(() => ({ ...NOWHERE, message: "of the reference" })));
}

const NOWHERE = { file: "", line: 0, subject: "", field: "", value: undefined };

describe("a key", () => {
  test.each([
    ["of base64", "data: {k: aHVzaA==}", "hush"],
    ["of base64 on several lines", 'data: {k: "aHVz\\naA=="}', "hush"],
    ["as it is", "stringData: {k: hush}", "hush"],
    ["as it is, before base64", "data: {k: b2xk}\nstringData: {k: hush}", "hush"],
    ["without the newline at its end", 'stringData: {k: "hush\\n"}', "hush"],
    ["that is not there", "data: {other: aHVzaA==}", "Secret keys has no key k"],
    ["of a Secret without any", "data: null", "Secret keys has no key k"],
  ])("%s", (_name, spec, key) => {
    expect(keyIn(spec)).toBe(key);
  });

  test.each([
    [
      "that is no base64",
      "data: {k: hush!}",
      "data.k: expected base64; a text as it is goes into stringData",
    ],
    [
      "that is a number",
      "stringData: {k: 1234}",
      'stringData.k: expected text: put it in quotes, such as "1234"',
    ],
    ["that is empty", 'stringData: {k: ""}', "stringData.k: it is empty: expected a key"],
    [
      "that is too long",
      `stringData: {k: ${"h".repeat(81)}}`,
      "stringData.k: it has 81 octets: expected a key of 80 at most",
    ],
  ])("%s", (_name, spec, fault) => {
    expect(keyIn(spec)).toBe(`c.yaml:4: Secret bgp/keys: ${fault}`);
  });
});

describe("faults", () => {
  test("of two Secrets of one name", () => {
    const secret =
      "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\ndata: {k: aHVzaA==}\n";
    expect(read(`${secret}---\n${secret}`).faults).toEqual([
      "c.yaml:8: Secret b/a: metadata.name: there is another Secret of this name at c.yaml:3",
    ]);
  });

  test("of a Secret without a name, and with something else for data, which is not shown", () => {
    expect(read("apiVersion: v1\nkind: Secret\ndata: hush").faults).toEqual([
      "c.yaml:1: Secret: metadata: missing: expected a map with name, namespace",
      "c.yaml:3: Secret: data: expected a map of keys",
    ]);
  });

  test("of YAML that is none quote nothing where a Secret is", () => {
    const text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {k: *hush}\n";
    expect(read(text).faults).toEqual([
      "c.yaml:1: not YAML: what is wrong is not shown, for a Secret is in it",
    ]);
    const json = '{"apiVersion": "v1", "kind": "Secret", "stringData": {"k": *hush}}';
    expect(read(json).faults.join()).not.toContain("hush");
  });
});

test("nothing that prints a Secret shows what it holds", () => {
  const { secrets } = read(
    "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {k: hush}\ndata: {l: aHVzaA==}",
  );
  const shown = [JSON.stringify(secrets), inspect(secrets, { depth: 9 })];
  for (const text of shown) {
    expect(text).not.toContain("hush");
    expect(text).not.toContain("aHVzaA");
  }
});

test("lists hold Secrets like documents do, whether their items say so or the list", () => {
  const list = (kind: string, head: string): string =>
    `apiVersion: v1\nkind: ${kind}\nitems:\n- ${head}metadata: {name: a}\n  stringData: {k: hush}\n`;
  for (const text of [list("List", "apiVersion: v1\n  kind: Secret\n  "), list("SecretList", "")]) {
    expect(read(text).secrets.map(({ resource }) => resource.name)).toEqual(["a"]);
    expect(read(text).faults).toEqual([]);
  }
});
