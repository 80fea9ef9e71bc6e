/**
 * A strict reader of Prometheus text (format 0.0.4), which refuses what promtool's check and lint refuse.
 */

export type Series = { readonly labels: Readonly<Record<string, string>>; readonly value: number };

export type FamilyOfSeries = {
  readonly type: string;
  readonly help: string;
  /** By the sample's whole name: a histogram has three. */
  readonly samples: ReadonlyMap<string, readonly Series[]>;
};

type Reading = { type: string; help: string; samples: Map<string, Series[]> };

const NAME = /^[a-z][a-z0-9_]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/;
const NUMBER = /^(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]Inf|NaN)$/;
const SUFFIXES = ["_bucket", "_sum", "_count"];

/** Every family by name. Throws with the line that is wrong. */
export function readExposition(text: string): Map<string, FamilyOfSeries> {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const families = new Map<string, Reading>();
  let current: Reading | undefined;
  let name = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const fail = (why: string): never => {
      throw new Error(`${JSON.stringify(line)}: ${why}`);
    };
    if (line === "") continue;
    const [, word, subject = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (word === "HELP") {
      if (families.has(subject)) fail("a family twice, or in pieces");
      if (!NAME.test(subject)) fail("not a good name");
      if (rest.trim() === "") fail("no help");
      name = subject;
      current = { type: "", help: rest, samples: new Map() };
      families.set(subject, current);
    } else if (word === "TYPE") {
      if (subject !== name || current === undefined || current.type !== "") fail("out of place");
      else current.type = rest;
      if (!["counter", "gauge", "histogram"].includes(rest)) fail("not a type that we use");
      if ((rest === "counter") !== subject.endsWith("_total")) fail("_total is for counters");
      if (SUFFIXES.some((suffix) => subject.endsWith(suffix))) fail("a reserved ending");
    } else if (line.startsWith("#")) fail("a comment");
    else {
      const [, sample = "", labels = "", value = ""] = SAMPLE.exec(line) ?? fail("no sample");
      if (current === undefined || current.type === "") throw new Error(`${line}: before its TYPE`);
      const allowed = current.type === "histogram" ? SUFFIXES.map((end) => name + end) : [name];
      if (!allowed.includes(sample)) fail(`not of ${name}`);
      if (!NUMBER.test(value)) fail("not a number");
      const number = value.endsWith("Inf") ? Number(`${value}inity`) : Number(value);
      if (current.type !== "gauge" && !(number >= 0)) fail("a count below 0");
      const series = { labels: readLabels(labels, fail), value: number };
      const known = current.samples.get(sample) ?? [];
      const key = keyOf(series);
      if (known.some((other) => keyOf(other) === key)) fail("a series twice");
      current.samples.set(sample, [...known, series]);
    }
  }
  for (const [family, reading] of families) checkFamily(family, reading);
  return families;
}

function readLabels(text: string, fail: (why: string) => never): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let rest = text; rest !== ""; ) {
    const [all, name = "", value = "", end] = LABEL.exec(rest) ?? fail("labels");
    if (name in labels || name.startsWith("__")) fail(`label ${name}`);
    labels[name] = value.replaceAll(/\\(["\\n])/g, (_, c) => (c === "n" ? "\n" : c));
    rest = rest.slice(all.length);
    if (end === "," && rest === "") fail("a comma too many");
  }
  return labels;
}

function checkFamily(name: string, { type, samples }: Reading): void {
  if (type === "") throw new Error(`${name} has no TYPE`);
  const sets = [...samples.values()].flat().map(({ labels }) => {
    const names = Object.keys(labels).filter((label) => label !== "le");
    return names.sort().join();
  });
  if (new Set(sets).size > 1) throw new Error(`${name}: series with different label names`);
  if (type !== "histogram") return;
  const buckets = samples.get(`${name}_bucket`) ?? [];
  const bounds = buckets.map(({ labels }) => (labels.le === "+Inf" ? Infinity : Number(labels.le)));
  const counts = buckets.map(({ value }) => value);
  const isAscending = (numbers: readonly number[]): boolean =>
    numbers.every((number, index) => index === 0 || number >= (numbers[index - 1] ?? 0));
  if (new Set(bounds).size !== bounds.length || !isAscending(bounds)) {
    throw new Error(`${name}: bounds do not ascend`);
  }
  if (bounds.at(-1) !== Infinity) throw new Error(`${name}: no bucket +Inf`);
  if (!isAscending(counts)) throw new Error(`${name}: buckets do not accumulate`);
  const [count] = samples.get(`${name}_count`) ?? [];
  if (count?.value !== counts.at(-1)) throw new Error(`${name}: _count is not the last bucket`);
  if (samples.get(`${name}_sum`)?.length !== 1) throw new Error(`${name}: no _sum`);
}

function keyOf({ labels }: Series): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The value of the series with exactly these labels; undefined when there is none. */
export function sampleOf(
  families: ReadonlyMap<string, FamilyOfSeries>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const wanted = keyOf({ labels, value: 0 });
  for (const { samples } of families.values()) {
    const found = samples.get(name)?.find((series) => keyOf(series) === wanted);
    if (found !== undefined) return found.value;
  }
  return undefined;
}
