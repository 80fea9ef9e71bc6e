/** Long files are read piece by piece, and with what the reading before has found: never otherwise than as a whole. */

import { describe, expect, test } from "bun:test";
import { readDocuments } from "../../resource/document.ts";
import { entriesOf, Memory } from "../../resource/entry.ts";
import { formatFault } from "../../resource/fault.ts";
import { piecesOf } from "../../resource/pieces.ts";
import { readYaml } from "../../resource/yaml.ts";
import { documentOf, nodeOf } from "./documents.ts";
import { listOf, serviceItem, sliceItem } from "./kubectl.ts";

const WEB = serviceItem({ name: "web", cluster: "10.96.0.1" });
const API = serviceItem({ name: "api", cluster: "10.96.0.2" });
const SLICE = sliceItem("web", ["n1", "n2!"]);
const INDENTED = listOf(...[WEB, API].map((item) => item.replaceAll(/^/gm, "  ")));

const FILES: readonly (readonly [name: string, text: string, pieces: number | undefined])[] = [
  ["a list", listOf(WEB, API, SLICE), 4],
  ["a list with comments and empty lines", listOf(`# all\n\n${WEB}\n`, `  # one\n${API}`), 3],
  ["a list that is indented", INDENTED, 3],
  ["a list beside our own", `${listOf(WEB)}---\n${nodeOf("n1", 11)}---\n`, 3],
  ["a list whose kind comes first", `apiVersion: v1\nkind: List\nitems:\n${WEB}\n${SLICE}`, 3],
  ["our own in a list", listOf(WEB, `- ${nodeOf("n1", 11).trimEnd().replaceAll("\n", "\n  ")}`), 3],
  ["lines that end as on other systems", listOf(WEB, API).replaceAll("\n", "\r\n"), 3],
  [
    "lines that end as on other systems, with an empty one between",
    listOf(WEB, "", API).replaceAll("\n", "\r\n"),
    3,
  ],
  ["a dash that stands alone", listOf(WEB, API.replace("- ", "-\n  "), SLICE), 2],
  [
    "documents of their own",
    [WEB, API].map((one) => one.replaceAll(/^(- | {2})/gm, "")).join("\n---\n"),
    2,
  ],
  ["directives", `%YAML 1.2\n---\n${listOf(WEB)}`, undefined],
  ["marks with something behind them", `--- # first\n${listOf(WEB)}`, undefined],
  [
    "an alias of another item",
    listOf(WEB.replace("app: web", "app: &a web"), API.replace("app: web", "app: *a")),
    3,
  ],
  ["a list of another kind", listOf(WEB, API).replace("kind: List", "kind: ServiceList"), 3],
  [
    "a list that is not YAML's block",
    `apiVersion: v1\nkind: List\nitems: [{apiVersion: v1,\n  kind: Service, metadata: {name: a}, spec: {}}]\n`,
    1,
  ],
];

/** The values, and the line of each one's name. */
function strict(text: string): unknown[] {
  return readYaml(text).documents.flatMap(({ value, lineOf }) => {
    const items = (value as { items?: unknown[] }).items;
    if (items === undefined) return [[value, lineOf(["metadata", "name"])]];
    const common = (value as { kind: string }).kind === "ServiceList" ? SERVICE : {};
    return items.map((item, index) => [
      { ...common, ...(item as object) },
      lineOf(["items", index, "metadata", "name"]),
    ]);
  });
}

const SERVICE = { apiVersion: "v1", kind: "Service" };

describe("a file", () => {
  test.each(FILES.map((row) => [...row]))("with %s", (_name, text, pieces) => {
    expect(piecesOf(text as string)?.length).toBe(pieces as number);
    const { entries, errors } = entriesOf({ file: "a", text: text as string }, new Memory());
    expect(errors).toEqual([]);
    expect(entries.map(({ value, lineOf }) => [value, lineOf(["metadata", "name"])])).toEqual(
      strict(text as string) as never,
    );
  });

  test("of JSON is read like one of YAML", () => {
    const value = Bun.YAML.parse(listOf(WEB, SLICE));
    const text = JSON.stringify(value, null, 4);
    const { entries } = entriesOf({ file: "a", text }, new Memory());
    expect(entries.map((entry) => entry.value)).toEqual((value as { items: [] }).items);
    expect(entries[1]?.lineOf(["metadata", "name"])).toBe(
      text.split("\n").findIndex((line) => line.includes('"web-ipv4"')) + 1,
    );
  });

  test("that is not YAML is told by its own line", () => {
    const text = listOf(WEB, `${API}\n   odd: {`, SLICE);
    const { faults } = readDocuments([{ file: "a.yaml", text }]);
    expect(faults.map(formatFault)).toEqual(
      readYaml(text).errors.map(({ line, message }) => `a.yaml:${line}: not YAML: ${message}`),
    );
    expect(faults.length).toBeGreaterThan(0);
  });
});

/** Too many to be read twice by the parser that knows lines. */
const MANY = Array.from({ length: 1300 }, (_, index) =>
  serviceItem({ name: `s${index}`, cluster: `10.96.${index >> 8}.${index & 255}` }),
);

describe("of a large file", () => {
  test("one object that is not YAML is told by its own line, and costs no other", () => {
    const text = listOf(...MANY.slice(0, 500), `${API}\n   odd: {`, ...MANY.slice(500));
    expect(text.length).toBeGreaterThan(1 << 19);
    const { entries, errors } = entriesOf({ file: "a", text }, new Memory());
    expect(entries.length).toBe(MANY.length);
    const odd = text.split("\n").indexOf("   odd: {") + 1;
    for (const { line } of errors) expect(Math.abs(line - odd)).toBeLessThan(3);
    expect(errors.length).toBeGreaterThan(0);
  });

  test("in JSON all twins are told, each by its line", () => {
    const value = Bun.YAML.parse(listOf(...MANY, ...MANY));
    const text = JSON.stringify(value, null, 1);
    const { faults } = readDocuments([{ file: "a.json", text }]);
    expect(faults.length).toBe(MANY.length);
  });
});

describe("what was read before", () => {
  const read = (memory: Memory, ...items: string[]) => {
    const { resources, faults } = readDocuments(
      [{ file: "a.yaml", text: listOf(...items) }],
      memory,
    );
    return {
      names: resources.services.map(({ resource }) => resource),
      faults: faults.map(formatFault),
    };
  };

  test("is taken again where its text is the same, and not where it is another", () => {
    const memory = new Memory();
    const before = read(memory, WEB, API).names;
    const after = read(memory, API, WEB.replaceAll("10.96.0.1", "10.96.0.9")).names;
    expect(after[0]).toBe(before[1] as never);
    expect(after[1]).not.toEqual(before[0] as never);
    // Without a reading that has it, it is forgotten.
    read(memory, API);
    expect(read(memory, WEB).names[0]).not.toBe(before[0] as never);
    expect(read(memory, WEB).names[0]).toEqual(before[0] as never);
  });

  test("has the faults that it would have anew", () => {
    const memory = new Memory();
    read(memory, WEB);
    expect(read(memory, WEB, WEB).faults).toEqual([
      "a.yaml:33: Service shop/web: metadata.name: there is another Service of this name at a.yaml:11",
    ]);
  });
});

test("fields that mean nothing to us stand in silence in objects of Kubernetes, and nowhere else", () => {
  const odd = serviceItem({ name: "web", cluster: "None", more: ["unheard: {of: [1]}"] });
  const text = `${listOf(odd)}---\n${documentOf("IPPool", "p", "cidr: 10.0.0.0/16\nunheard: 1")}`;
  const { faults } = readDocuments([{ file: "a.yaml", text }]);
  expect(faults.map(({ subject, field }) => `${subject} ${field}`)).toEqual([
    "IPPool p spec.unheard",
  ]);
});

test("words that every object of JavaScript knows are nothing special", () => {
  const words = ["constructor", "toString", "__proto__"];
  const slices = words.map((word) =>
    SLICE.replace("addressType: IPv4", `addressType: ${word}`).replace("web-ipv4", word),
  );
  const annotated = nodeOf("n1", 11).replace("name: n1", "name: n1, annotations: {toString: a}");
  const text = `${listOf(WEB, ...slices)}---\n${annotated}`;
  const { faults, notes, resources } = readDocuments([{ file: "a.yaml", text }]);
  expect([faults, notes].map((list) => list.map(formatFault))).toEqual([[], []]);
  expect(resources.services.length).toBe(1);
});

test("an object that cannot be one is a fault, by line and field", () => {
  const slice = SLICE.replace("ready: true", "ready: maybe").replace("addressType: IPv4", "x: 1");
  const { faults } = readDocuments([{ file: "a.yaml", text: listOf(WEB, slice) }]);
  expect(faults.map(formatFault)).toEqual([
    "a.yaml:25: EndpointSlice shop/web-ipv4: addressType: missing: expected IPv4, IPv6 or FQDN",
    'a.yaml:31: EndpointSlice shop/web-ipv4: endpoints[0].conditions.ready: "maybe": expected true or false',
  ]);
});
