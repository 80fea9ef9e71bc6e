/** Masquerading on the twin kernel: when it is looked for, and what is said of it. */

import { beforeEach, describe, expect, test } from "bun:test";
import { pino } from "pino";
import { Masquerading, removeMasquerades } from "../../bgpd/masquerade.ts";
import { type Kernel, KernelError, type Masquerade } from "../../kernel/kernel.ts";
import { createMemoryHost, type MemoryHost } from "../../kernel/memory.ts";
import { VirtualClock } from "../../lib/clock.ts";
import { parsePrefix } from "../../lib/prefix.ts";

const FOUR = parsePrefix("10.244.0.0/16");
const SIX = parsePrefix("fd00:10:244::/48");
const OTHER = parsePrefix("10.250.0.0/20");
const WANTED = { sources: [FOUR, SIX], exempt: [FOUR, OTHER, SIX] };
const BOTH = [
  "masquerade ip manx-outgoing of 10.244.0.0/16 but to 10.244.0.0/16 10.250.0.0/20",
  "masquerade ip6 manx-outgoing of fd00:10:244::/48 but to fd00:10:244::/48",
];

let clock: VirtualClock;
let host: MemoryHost;
let kernel: Kernel;
let masquerading: Masquerading;
/** How often the kernel was asked, and what it was told. */
let asked: number;
let told: Masquerade[];
/** What it has against being told, and against being asked. */
let refusal: KernelError | undefined;
let deafness: KernelError | undefined;
let lines: string[];

beforeEach(() => {
  clock = new VirtualClock();
  host = createMemoryHost();
  asked = 0;
  told = [];
  refusal = undefined;
  deafness = undefined;
  lines = [];
  const twin = host.kernel();
  kernel = new Proxy(twin, {
    get(target, key) {
      if (key === "hasMasquerade") return has;
      if (key === "setMasquerade") return set;
      return Reflect.get(target, key);
    },
  });
  const has = (masquerade: Masquerade): boolean => {
    asked++;
    if (deafness !== undefined) throw deafness;
    return twin.hasMasquerade(masquerade);
  };
  const set = (masquerade: Masquerade): void => {
    if (refusal !== undefined) throw refusal;
    told.push(masquerade);
    twin.setMasquerade(masquerade);
  };
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line).msg) });
  masquerading = new Masquerading({ kernel, clock, log });
});

const there = (): string[] =>
  host
    .print()
    .split("\n")
    .flatMap((line) => (line.includes("masquerade ") ? [line.trim()] : []));

describe("masquerading", () => {
  test("is made once for each family, and looked after", () => {
    masquerading.have(WANTED);
    expect(there()).toEqual(BOTH);
    expect(told.length).toBe(2);
    clock.advance(5000);
    expect([asked, told.length]).toEqual([4, 2]);
    host.kernel().setMasquerade({ family: 4, table: "manx-outgoing", sources: [], exempt: [] });
    clock.advance(5000);
    expect(there().toSorted()).toEqual(BOTH);
  });

  test("goes where nobody wants it, also what an earlier daemon has left, and nobody looks after nothing", () => {
    host.kernel().setMasquerade({ family: 4, table: "manx-outgoing", sources: [FOUR], exempt: [] });
    masquerading.have();
    expect(there()).toEqual([]);
    masquerading.have(WANTED);
    masquerading.have();
    expect(there()).toEqual([]);
    const before = asked;
    clock.advance(60_000);
    expect(asked).toBe(before);
  });

  test("that the kernel refuses is said once, tried again, and over when it is there", () => {
    refusal = new KernelError("NFT_MSG_NEWRULE: no nft_masq (ENOENT)", "ENOENT", 2);
    masquerading.have(WANTED);
    expect(masquerading.fault).toBe(`${refusal.message}; ${refusal.message}`);
    clock.advance(30_000);
    expect(lines.filter((line) => line.startsWith("pods' connections keep")).length).toBe(1);
    refusal = undefined;
    clock.advance(5000);
    expect(masquerading.fault).toBeUndefined();
    expect(there()).toEqual(BOTH);
  });

  test("is missed on a kernel without nf_tables by who wants it alone", () => {
    deafness = new KernelError("socket NETLINK_NETFILTER (EPROTONOSUPPORT)", "EPROTONOSUPPORT", 93);
    refusal = deafness;
    masquerading.have();
    expect(masquerading.fault).toBeUndefined();
    expect(removeMasquerades(kernel)).toEqual([]);
    masquerading.have({ sources: [FOUR], exempt: [FOUR] });
    expect(masquerading.fault).toBe(deafness.message);
  });

  test("is not looked after any more once it has stopped", () => {
    masquerading.have(WANTED);
    masquerading.stop();
    const before = asked;
    clock.advance(60_000);
    expect(asked).toBe(before);
    expect(there()).toEqual(BOTH);
  });

  test("is taken away by a cleanup, which tells what it could not", () => {
    masquerading.have(WANTED);
    refusal = new KernelError("not permitted (EPERM)", "EPERM", 1);
    expect(removeMasquerades(kernel).map(({ code }) => code)).toEqual(["EPERM", "EPERM"]);
    refusal = undefined;
    expect(removeMasquerades(kernel)).toEqual([]);
    expect(there()).toEqual([]);
  });
});
