import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Labels, parseSelector, SelectorError } from "../../resource/selector.ts";

const labels: Labels = { rack: "a", "kubernetes.io/os": "linux", role: "edge-1", empty: "" };

describe("a selector", () => {
  test.each<[text: string, selects: boolean]>([
    ["", true],
    ["all()", true],
    ["global()", true],
    ["all( )", true],
    ["has(rack)", true],
    ["has(zone)", false],
    ["has(constructor)", false],
    ["rack == 'a'", true],
    ['rack == "a"', true],
    ["rack=='b'", false],
    ["zone == 'a'", false],
    ["zone == ''", false],
    ["empty == ''", true],
    ["rack != 'a'", false],
    ["rack != 'b'", true],
    ["zone != 'a'", true],
    ["rack in {'a', 'b'}", true],
    ["rack in {'b'}", false],
    ["rack in {}", false],
    ["zone in {''}", false],
    ["rack not in {'a'}", false],
    ["rack not in {'b', 'c'}", true],
    ["zone not in {'a'}", true],
    ["role starts with 'edge'", true],
    ["role starts with 'core'", false],
    ["zone starts with ''", false],
    ["role ends with '-1'", true],
    ["role contains 'ge-'", true],
    ["zone contains ''", false],
    ["kubernetes.io/os == 'linux'", true],
    ["!has(zone)", true],
    ["!!has(zone)", false],
    ["! rack == 'a'", false],
    ["has(rack) && has(role)", true],
    ["has(rack) && has(zone)", false],
    ["has(zone) || has(role)", true],
    ["has(rack) || has(zone) && has(zone)", true],
    ["(has(rack) || has(zone)) && has(zone)", false],
    ["!(has(zone) || has(rack))", false],
    ["has == 'x' || in in {'y'} || all != 'z'", true],
    ["rack == 'all()'", false],
  ])("%s", (text, selects) => {
    expect(parseSelector(text)(labels)).toBe(selects);
  });

  test.each<[text: string, message: string]>([
    [
      "rack",
      "at character 5: found the end, expected ==, !=, in, not in, contains, starts with or ends with",
    ],
    ["rack = 'a'", "at character 6: found =, expected a label, text in quotes or an operator"],
    ["rack == a", "at character 9: found a, expected text in quotes"],
    ["rack == 'a", "at character 9: found ', expected a label, text in quotes or an operator"],
    ["rack in 'a'", "at character 9: found 'a', expected {"],
    ["rack in {'a'", "at character 13: found the end, expected }"],
    ["rack not 'a'", "at character 10: found 'a', expected in"],
    ["role starts 'a'", "at character 13: found 'a', expected with"],
    ["has(rack", "at character 9: found the end, expected )"],
    ["has('rack')", "at character 5: found 'rack', expected a label"],
    ["any()", "at character 1: found any, expected all() or has(LABEL)"],
    ["(has(a)", "at character 8: found the end, expected )"],
    ["has(a) has(b)", "at character 8: found has, expected &&, || or the end"],
    ["has(a) &&", "at character 10: found the end, expected a label, has(LABEL), all(), ! or ("],
    ["has(a) & has(b)", "at character 8: found &, expected a label, text in quotes or an operator"],
  ])("%s is refused with the place", (text, message) => {
    expect(() => parseSelector(text)).toThrow(new SelectorError(message));
  });

  test("parentheses beyond reason are refused and do not exhaust the stack", () => {
    expect(() => parseSelector("(".repeat(100_000))).toThrow(SelectorError);
    expect(() => parseSelector(`${"!".repeat(100_000)}all()`)).toThrow(SelectorError);
    expect(parseSelector(`${"(".repeat(50)}all()${")".repeat(50)}`)({})).toBe(true);
  });
});

const label = fc.constantFrom("a", "b.c/d", "e_f");
const value = fc.constantFrom("", "x", "y-1");
const someLabels = fc.dictionary(label, value);

/** A selector as text beside what it means. */
const { selector } = fc.letrec<{ selector: readonly [string, (labels: Labels) => boolean] }>(
  (tie) => ({
    selector: fc.oneof(
      { maxDepth: 4 },
      label.map((key) => [`has(${key})`, (given: Labels) => key in given] as const),
      fc
        .tuple(label, value)
        .map(
          ([key, text]) => [`${key} == '${text}'`, (given: Labels) => given[key] === text] as const,
        ),
      fc
        .tuple(label, value)
        .map(
          ([key, text]) => [`${key} != "${text}"`, (given: Labels) => given[key] !== text] as const,
        ),
      tie("selector").map(([text, of]) => [`!(${text})`, (given: Labels) => !of(given)] as const),
      fc
        .tuple(tie("selector"), tie("selector"))
        .map(
          ([a, b]) =>
            [`(${a[0]}) && (${b[0]})`, (given: Labels) => a[1](given) && b[1](given)] as const,
        ),
      fc
        .tuple(tie("selector"), tie("selector"))
        .map(
          ([a, b]) =>
            [`(${a[0]} || ${b[0]})`, (given: Labels) => a[1](given) || b[1](given)] as const,
        ),
    ),
  }),
);

describe("selector properties", () => {
  test("a selector means what its parts mean", () => {
    fc.assert(
      fc.property(
        selector,
        someLabels,
        ([text, of], given) => parseSelector(text)(given) === of(given),
      ),
    );
  });

  test("any text is a selector or a SelectorError", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(..."ab '\"=!&|(){},in".split("")) }),
        (text) => {
          try {
            return typeof parseSelector(text)({}) === "boolean";
          } catch (error) {
            return error instanceof SelectorError;
          }
        },
      ),
    );
  });
});
