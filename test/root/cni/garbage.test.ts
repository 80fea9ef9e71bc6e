/**
 * Nonsense for the executable itself: octets, descriptors and files that the property tests cannot hand over.
 *
 * Each of these ends in one error object, within a deadline, and changes nothing.
 */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { isVersion } from "../../../ipam/protocol/version.ts";
import type { Json, Scene } from "./scene.ts";
import { createNode } from "./situation.ts";
import { differenceOf, survey } from "./survey.ts";

const EXECUTABLE = process.env.MANX_EXECUTABLE ?? "";
/** Longest string that execve(2) takes is 128 KiB. */
const LONG = 100_000;

let scene: Scene;
let before: string;
beforeAll(() => {
  scene = createNode();
  before = survey(scene);
});
afterAll(() => scene.remove());
afterEach(() => expect(differenceOf(before, survey(scene))).toBeUndefined());

type Garbage = {
  readonly name: string;
  /** Stdin; default: the configuration. */
  readonly input?: string | Uint8Array;
  /** Over the configuration. */
  readonly config?: Json;
  readonly environment?: Readonly<Record<string, string>>;
  /** A shell's redirections, such as `<&-`. */
  readonly redirections?: string;
  readonly codes: readonly number[];
};

function run(verb: string, { input, config, environment, redirections = "" }: Garbage) {
  return Bun.spawnSync({
    cmd: ["nsenter", "--net=/run/netns/host", "sh", "-c", `exec "$0" ${redirections}`, EXECUTABLE],
    env: {
      PATH: process.env.PATH,
      CNI_COMMAND: verb,
      CNI_CONTAINERID: "a",
      CNI_NETNS: "/run/netns/a",
      CNI_IFNAME: "eth0",
      CNI_PATH: dirname(EXECUTABLE),
      ...environment,
    },
    stdin: Buffer.from(input ?? JSON.stringify({ ...scene.config, ...config })),
    stdout: "pipe",
    stderr: "pipe",
    timeout: 10_000,
  });
}

const inputs: Garbage[] = [
  { name: "nothing", input: "", codes: [6] },
  { name: "white space", input: " \n\t ", codes: [6] },
  { name: "null", input: "null", codes: [6] },
  { name: "a text", input: '"x"', codes: [6] },
  { name: "an empty object", input: "{}", codes: [1] },
  { name: "zeros", input: "\0".repeat(1000), codes: [6] },
  { name: "octets that are no UTF-8", input: Uint8Array.of(0xff, 0xfe, 0xc0, 0x80), codes: [6] },
  { name: "UTF-16", input: Buffer.from('{"cniVersion":"1.0.0"}', "utf16le"), codes: [6] },
  { name: "all octets", input: Uint8Array.from({ length: 256 }, (_, octet) => octet), codes: [6] },
  { name: "two documents", input: "{}{}", codes: [6] },
  { name: "half a character", input: Uint8Array.of(0x22, 0xe2, 0x82), codes: [6] },
  { name: "nesting without end", input: "[".repeat(5_000_000), codes: [6] },
  { name: "20 MB of a text", input: `"${"x".repeat(20_000_000)}`, codes: [6] },
  { name: "a closed stdin, which Bun takes for an empty one", redirections: "<&-", codes: [6] },
  { name: "a folder for stdin", redirections: "< /", codes: [5] },
];

const calls: Garbage[] = [
  { name: "a network's name of 100 kB", config: { name: "x".repeat(LONG) }, codes: [5] },
  {
    name: "a container's id of 100 kB and no namespace",
    environment: { CNI_CONTAINERID: "x".repeat(LONG), CNI_NETNS: "/none" },
    codes: [8],
  },
  {
    name: "pairs of 100 kB that are none",
    environment: { CNI_ARGS: "x".repeat(LONG) },
    codes: [4],
  },
  {
    name: "a zero in dataDir",
    config: { ipam: { type: "manx-ipam", blocks: ["10.244.1.0/24"], dataDir: "/run\0/x" } },
    codes: [5],
  },
  {
    name: "a device for dataDir",
    config: { ipam: { type: "manx-ipam", blocks: ["10.244.1.0/24"], dataDir: "/dev/null" } },
    codes: [5],
  },
  {
    name: "a file of the kernel for dataDir",
    config: { ipam: { type: "manx-ipam", blocks: ["10.244.1.0/24"], dataDir: "/proc/none" } },
    codes: [5],
  },
  {
    name: "a path of 100 kB for dataDir",
    config: {
      ipam: { type: "manx-ipam", blocks: ["10.244.1.0/24"], dataDir: `/${"x/".repeat(LONG / 2)}` },
    },
    codes: [5],
  },
  {
    name: "a folder for nodeFile",
    config: { ipam: { type: "manx-ipam", nodeFile: "/run" } },
    codes: [11],
  },
  {
    name: "an executable for nodeFile",
    config: { ipam: { type: "manx-ipam", nodeFile: EXECUTABLE } },
    codes: [11],
  },
  {
    name: "10000 blocks, each too large",
    config: {
      ipam: { type: "manx-ipam", blocks: Array.from({ length: 10_000 }, () => "10.0.0.0/8") },
    },
    codes: [7],
  },
  { name: "a plugin for IPAM that is a path", config: { ipam: { type: "../manx" } }, codes: [7] },
  { name: "a plugin for IPAM that is not there", config: { ipam: { type: "none" } }, codes: [103] },
  { name: "a folder for the namespace", environment: { CNI_NETNS: "/run" }, codes: [8] },
  { name: "a device for the namespace", environment: { CNI_NETNS: "/dev/null" }, codes: [8] },
  {
    name: "a namespace of another kind",
    environment: { CNI_NETNS: "/proc/self/ns/mnt" },
    codes: [8],
  },
  {
    name: "the plugin's own namespace",
    environment: { CNI_NETNS: "/proc/self/ns/net" },
    codes: [8],
  },
  {
    name: "a namespace's path of 100 kB",
    environment: { CNI_NETNS: `/${"x/".repeat(LONG / 2)}` },
    codes: [8],
  },
  { name: "an interface that is there", environment: { CNI_IFNAME: "lo" }, codes: [102] },
  { name: "a pattern for the interface", environment: { CNI_IFNAME: "eth%d" }, codes: [4, 100] },
  {
    name: "another pattern for the interface",
    environment: { CNI_IFNAME: "%s%n" },
    codes: [4, 100],
  },
  { name: "a prevResult that is a list", config: { prevResult: [] }, codes: [6] },
  {
    name: "a prevResult of nonsense",
    config: { prevResult: { ips: [{ address: 1 }], routes: 5, interfaces: [null] } },
    codes: [6],
  },
];

for (const [what, verb, table] of [
  ["stdin", "ADD", inputs],
  ["stdin", "DEL", inputs],
  ["call", "ADD", calls],
] as const) {
  describe(`${verb} whose ${what} is`, () => {
    for (const garbage of table) {
      test(`${garbage.name} ends in an error object`, () => {
        const { exitCode, stdout, stderr } = run(verb, garbage);
        const { cniVersion, code, msg } = JSON.parse(stdout.toString());
        expect({ exitCode, stderr: stderr.toString() }).toEqual({ exitCode: 1, stderr: "" });
        expect(garbage.codes).toContain(code);
        expect(isVersion(cniVersion)).toBe(true);
        expect(msg).toBeString();
        expect(msg).not.toBe("");
      });
    }
  });
}

test("DEL leaves the file alone whose name is dataDir up to a zero", () => {
  const file = scene.file("other", "precious");
  const ipam = { ...(scene.config.ipam as Json), dataDir: `${file}\0` };
  const { exitCode, stdout } = run("DEL", { name: "", config: { ipam }, codes: [] });
  expect(existsSync(file)).toBe(true);
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout.toString()).code).toBe(5);
});

test("ADD that cannot tell its result fails, and DEL takes back what it made", () => {
  const { exitCode } = run("ADD", { name: "", redirections: "> /dev/full", codes: [] });
  expect(exitCode).not.toBe(0);
  expect(differenceOf(before, survey(scene))).toContain("manx0b3b1f0306f");
  scene.done("DEL");
});
