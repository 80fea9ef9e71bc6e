/**
 * `manx ipam check` and `release` in real namespaces: each discrepancy made by hand, found, repaired by the command
 * that is offered, and gone.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { CheckAnswer } from "../../../cli/ipam-check.ts";
import type { FindingKind } from "../../../ipam/finding.ts";
import { writeNodeFile } from "../../../ipam/node.ts";
import { parsePrefix } from "../../../lib/prefix.ts";
import { createScene, PLUGINS, type Scene } from "./scene.ts";

const EXECUTABLE = process.env.MANX_EXECUTABLE ?? "";
const BOOT = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
/** Of pods "a" and "b" in network "pods". */
const HOST_END = { a: "manx0b3b1f0306f", b: "manx23bed21a109" } as const;

let scene: Scene;
beforeEach(() => {
  scene = createScene();
});
afterEach(() => scene.remove());

type Ran = { readonly code: number; readonly out: string; readonly err: string };

/** Run a command line on the host, `manx` being the executable. */
function shell(line: string): Ran {
  const { exitCode, stdout, stderr } = Bun.spawnSync({
    cmd: [
      "nsenter",
      "--net=/run/netns/host",
      "sh",
      "-c",
      `manx() { ${EXECUTABLE} "$@"; }; ${line}`,
    ],
    env: { PATH: process.env.PATH },
    stderr: "pipe",
  });
  return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
}

const flags = (): string => `--data-dir ${scene.folder}/ipam --node-file ${scene.folder}/node.json`;

function check(): CheckAnswer & { readonly code: number } {
  const { code, out, err } = shell(`manx ipam check --json ${flags()}`);
  if (out === "") throw new Error(err);
  return { code, ...JSON.parse(out) };
}

const release = (rest: string): Ran =>
  shell(`manx ipam release --data-dir ${scene.folder}/ipam ${rest}`);

function records(...path: string[]): string {
  return join(scene.folder, "ipam", BOOT, "pods", ...path);
}

function expectClean(): void {
  const { code, findings, unseen } = check();
  expect({ code, findings, unseen }).toEqual({ code: 0, findings: [], unseen: [] });
}

const DUAL = { ipam: { type: "manx-ipam", blocks: ["10.244.1.0/24", "fd00:10::/120"] } };

/** Both families for pods "a" and "b". */
function attach(): void {
  const ipam = { ...DUAL.ipam, dataDir: `${scene.folder}/ipam` };
  for (const pod of ["a", "b"]) scene.done("ADD", { pod, config: { ipam } });
}

const hostIp = (...args: string[]): void => void scene.run("host", "ip", ...args);

type Case = {
  readonly name: string;
  readonly harm: () => void;
  /** By kind and subject. */
  readonly finds: readonly (readonly [FindingKind, string])[];
  /** Whether the offered commands put it right; else none is offered. */
  readonly isRepaired: boolean;
  readonly says?: string;
};

const cases: Case[] = [
  {
    name: "a host end that somebody deleted",
    harm: () => hostIp("link", "delete", HOST_END.a),
    finds: [
      ["record without host end", "10.244.1.0"],
      ["record without host end", "fd00:10::"],
    ],
    isRepaired: true,
  },
  {
    name: "a namespace that went without a DEL",
    harm: () => {
      hostIp("netns", "delete", "a");
      hostIp("netns", "add", "a");
      // The kernel takes its links away when it finds the time.
      const isThere = (): boolean => scene.run("host", "ip", "-br", "link").includes(HOST_END.a);
      for (const end = performance.now() + 5000; isThere() && performance.now() < end; ) {
        Bun.sleepSync(5);
      }
    },
    finds: [
      ["record without host end", "10.244.1.0"],
      ["record without host end", "fd00:10::"],
    ],
    isRepaired: true,
  },
  {
    name: "routes that somebody deleted",
    harm: () => {
      hostIp("route", "delete", "10.244.1.0/32");
      hostIp("-6", "route", "delete", "fd00:10::/128");
    },
    finds: [
      ["record without route", "10.244.1.0"],
      ["record without route", "fd00:10::"],
    ],
    isRepaired: true,
  },
  {
    name: "neighbours that somebody deleted, or let age",
    harm: () => {
      hostIp("neighbour", "delete", "10.244.1.0", "dev", HOST_END.a);
      hostIp("neighbour", "change", "fd00:10::", "dev", HOST_END.a, "nud", "stale");
    },
    finds: [
      ["record without neighbour", "10.244.1.0"],
      ["record without neighbour", "fd00:10::"],
    ],
    isRepaired: true,
  },
  {
    name: "a route too many over a host end",
    harm: () => hostIp("route", "add", "10.244.1.77/32", "dev", HOST_END.a),
    finds: [["route without record", "10.244.1.77/32"]],
    isRepaired: true,
  },
  {
    name: "a route that leads to another pod",
    harm: () => hostIp("route", "replace", "10.244.1.0/32", "dev", HOST_END.b),
    finds: [["route to another host end", "10.244.1.0"]],
    isRepaired: true,
  },
  {
    name: "records that somebody removed",
    harm: () => {
      for (const name of ["address/10.244.1.0", "address/fd00:10::"]) rmSync(records(name));
      for (const family of [4, 6]) rmSync(records(`holder/a:eth0:${family}`));
    },
    finds: [["host end without record", HOST_END.a]],
    isRepaired: false,
    says: "the host's route to 10.244.1.0/32 is over it",
  },
  {
    name: "an address that the pod took off",
    harm: () => void scene.run("a", "ip", "address", "flush", "dev", "eth0", "scope", "global"),
    finds: [
      ["record whose pod has another address", "10.244.1.0"],
      ["record whose pod has another address", "fd00:10::"],
    ],
    isRepaired: false,
  },
  {
    name: "a record that is torn, of a pod that lives",
    harm: () => writeFileSync(records("address/10.244.1.0"), "{"),
    finds: [["record that cannot be read", "10.244.1.0"]],
    isRepaired: false,
    says: `its host end ${HOST_END.a} is there`,
  },
  {
    name: "a record that is torn, of a pod that is gone",
    harm: () => {
      writeFileSync(records("address/10.244.1.0"), "");
      hostIp("link", "delete", HOST_END.a);
      release("fd00:10::");
    },
    finds: [["record that cannot be read", "10.244.1.0"]],
    isRepaired: true,
  },
  {
    name: "a record that was put aside, of a pod that is gone",
    harm: () => {
      hostIp("link", "delete", HOST_END.a);
      release("fd00:10::");
      mkdirSync(records("quarantine"), { recursive: true });
      renameSync(records("holder/a:eth0:4"), records("quarantine/10.244.1.0@a:eth0:4"));
    },
    finds: [["address that is nobody's", "10.244.1.0"]],
    isRepaired: true,
  },
  {
    name: "an address's file that is no holder's",
    harm: () => writeFileSync(records("address/10.244.1.99"), "?"),
    finds: [["record that cannot be read", "10.244.1.99"]],
    isRepaired: true,
    says: "no DEL will give it back",
  },
  {
    name: "what a killed ADD wrote and did not take",
    harm: () => writeFileSync(records("holder/c:eth0:4"), "{"),
    finds: [["trace of a killed call", "holder/c:eth0:4"]],
    isRepaired: true,
  },
  {
    name: "a block's past that is nonsense",
    harm: () => writeFileSync(records("order/10.244.1.0_24"), "nonsense"),
    finds: [["past of a block that cannot be", "order/10.244.1.0_24"]],
    isRepaired: true,
  },
  {
    name: "records of another boot",
    harm: () =>
      mkdirSync(join(scene.folder, "ipam/00000000-0000-4000-8000-000000000000/pods"), {
        recursive: true,
      }),
    finds: [["records of another boot", "00000000-0000-4000-8000-000000000000"]],
    isRepaired: true,
  },
  {
    name: "one interface in two networks",
    harm: () => {
      const other = join(dirname(records()), "others");
      for (const folder of ["holder", "address"])
        mkdirSync(join(other, folder), { recursive: true });
      const text = readFileSync(records("address/10.244.1.0"), "utf8").replaceAll(
        "10.244.1",
        "10.9.9",
      );
      writeFileSync(join(other, "holder/a:eth0:4"), text);
      linkSync(join(other, "holder/a:eth0:4"), join(other, "address/10.9.9.0"));
    },
    finds: [
      ["record without host end", "10.9.9.0"],
      ["two records of one interface", "10.9.9.0, 10.244.1.0"],
    ],
    isRepaired: true,
  },
  {
    name: "a block that is the node's no more",
    harm: () => publish("10.244.7.0/24", "fd00:10::/120"),
    finds: [
      ["record outside of the node's blocks", "10.244.1.0"],
      ["record outside of the node's blocks", "10.244.1.1"],
    ],
    isRepaired: false,
    says: "the node file has 10.244.7.0/24, fd00:10::/120",
  },
];

function publish(ipv4: string, ipv6: string): void {
  writeNodeFile(`${scene.folder}/node.json`, {
    node: "n1",
    blocks: { ipv4: [parsePrefix(ipv4)], ipv6: [parsePrefix(ipv6)] },
    mtu: 1500,
    generation: 1,
    ready: { ok: true, reason: "converged", since: "2026-01-01T00:00:00.000Z" },
  });
}

describe("manx ipam check", () => {
  test("finds nothing where nothing is, and nothing wrong with pods as ADD makes them", () => {
    expectClean();
    attach();
    expectClean();
    expect(check().checked).toEqual({ addresses: 4, hostEnds: 2, namespaces: 3 });
  });

  for (const { name, harm, finds, isRepaired, says } of cases) {
    test(`finds ${name}${isRepaired ? ", and what it offers puts it right" : ", and offers nothing"}`, () => {
      attach();
      harm();
      const { code, findings } = check();
      expect(code).toBe(1);
      const found = findings.map(
        ({ kind, subject }) =>
          [kind, subject.replace(/^.*\/(?=(holder|order)\/|0{8})/, "")] as const,
      );
      expect(found).toEqual(finds as never);
      expect(JSON.stringify(findings)).toContain(says ?? "");
      const repairs = findings.flatMap(({ repair }) => repair ?? []);
      if (!isRepaired) {
        expect(repairs).toEqual([]);
        return;
      }
      for (const repair of repairs) expect(shell(repair)).toMatchObject({ code: 0, err: "" });
      expectClean();
    });
  }

  for (const verb of ["ADD", "DEL"]) {
    test(`takes no fault in a record without link while its ${verb} is under way`, async () => {
      attach();
      hostIp("link", "delete", HOST_END.a);
      // What a call looks like between address and link; its end without having done more is a kill.
      const call = Bun.spawn(["sh", "-c", "echo ready; exec sleep 60"], {
        env: { ...process.env, CNI_COMMAND: verb, CNI_CONTAINERID: "a", CNI_IFNAME: "eth0" },
        stdout: "pipe",
      });
      await call.stdout.getReader().read();
      expectClean();
      expect(release("10.244.1.0").err).toContain(`${verb} is under way as process ${call.pid}`);
      call.kill("SIGKILL");
      await call.exited;
      for (const { repair } of check().findings) expect(shell(repair ?? "").code).toBe(0);
      expectClean();
    });
  }

  test("takes no fault in calls that come and go while it looks", async () => {
    attach();
    let isOver = false;
    const ipam = { ...DUAL.ipam, dataDir: `${scene.folder}/ipam` };
    const input = Buffer.from(JSON.stringify({ ...scene.config, ipam }));
    let calls = 0;
    const churn = async (pod: string, name: string): Promise<void> => {
      for (; !isOver; calls++) {
        const child = Bun.spawn(["nsenter", "--net=/run/netns/host", EXECUTABLE], {
          env: {
            CNI_COMMAND: calls % 3 === 0 ? "DEL" : "ADD",
            CNI_CONTAINERID: pod,
            CNI_NETNS: `/run/netns/${pod}`,
            CNI_IFNAME: name,
            CNI_PATH: dirname(EXECUTABLE),
          },
          stdin: input,
          stdout: "ignore",
        });
        await child.exited;
      }
    };
    const churns = ["net1", "net2"].flatMap((name) => [churn("a", name), churn("b", name)]);
    for (let look = 0; look < 15; look++) {
      const child = Bun.spawn(
        ["nsenter", "--net=/run/netns/host", EXECUTABLE, "ipam", "check", ...flags().split(" ")],
        { stdout: "pipe", stderr: "inherit" },
      );
      const text = await new Response(child.stdout).text();
      expect(text).toStartWith("nothing found");
    }
    isOver = true;
    await Promise.all(churns);
    expect(calls).toBeGreaterThan(15);
    expectClean();
  }, 60_000);

  test("says so, and offers nothing, where a pod's namespace is not seen", async () => {
    attach();
    hostIp("link", "delete", HOST_END.a);
    // Nothing but an open descriptor keeps the namespace of "b".
    const keeper = Bun.spawn(
      ["sh", "-c", "exec 9< /run/netns/b; ip netns delete b; echo ready; exec sleep 60"],
      { stdout: "pipe" },
    );
    await keeper.stdout.getReader().read();
    try {
      const hidden = `the namespace of ${HOST_END.b} (pods/b/eth0) is not among those that are seen`;
      const { findings, unseen } = check();
      expect(unseen).toEqual([hidden]);
      expect(findings.map(({ kind, repair }) => [kind, repair])).toEqual([
        ["record without host end", null],
        ["record without host end", null],
      ]);
      expect(findings[0]?.look).toContain(hidden);
      expect(release("10.244.1.0").err).toContain(hidden);
      expect(existsSync(records("holder/a:eth0:4"))).toBe(true);
    } finally {
      keeper.kill("SIGKILL");
      await keeper.exited;
      hostIp("netns", "add", "b");
    }
  });
});

describe("manx ipam release", () => {
  test("refuses an address that a pod has, with all that has it; --force gives it back all the same", () => {
    attach();
    const refused = release("10.244.1.0");
    expect(refused.code).toBe(1);
    for (const evidence of [
      `its host end ${HOST_END.a} is there`,
      `the host has a route to it over ${HOST_END.a}`,
      "eth0 in /run/netns/a has it",
    ]) {
      expect(refused.err).toContain(evidence);
    }
    expect(existsSync(records("holder/a:eth0:4"))).toBe(true);
    expect(existsSync(records("quarantine"))).toBe(false);
    const forced = release("10.244.1.0 --force");
    expect(forced.code).toBe(0);
    expect(forced.err).toContain(`not proved to be free: its host end ${HOST_END.a} is there`);
    expect(existsSync(records("address/10.244.1.0"))).toBe(false);
    expect(check().findings.map(({ kind }) => kind)).toEqual(["route without record"]);
  });

  test("lets the address cool, and forgets its connections", () => {
    attach();
    hostIp("link", "delete", HOST_END.a);
    expect(release("10.244.1.0").out).toStartWith("10.244.1.0 of network pods is given back");
    const { out } = shell(`manx ipam show 10.244.1.0 --json ${flags()}`);
    expect(JSON.parse(out)).toMatchObject({ state: "cooling", holders: [] });
    expect(JSON.parse(out).coolsFor).toBeGreaterThan(0);
  });

  test("of an address that several networks have asks which", () => {
    attach();
    hostIp("link", "delete", HOST_END.a);
    const other = join(dirname(records()), "twin");
    for (const folder of ["holder", "address"]) mkdirSync(join(other, folder), { recursive: true });
    writeFileSync(
      join(other, "holder/a:net1:4"),
      readFileSync(records("address/10.244.1.0"), "utf8").replace("eth0", "net1"),
    );
    linkSync(join(other, "holder/a:net1:4"), join(other, "address/10.244.1.0"));
    expect(release("10.244.1.0")).toMatchObject({
      code: 2,
      err: "manx: 10.244.1.0 is taken in networks pods, twin: say which with --network\n",
    });
    expect(release("10.244.1.0 --network pods").code).toBe(0);
    expect(existsSync(join(other, "address/10.244.1.0"))).toBe(true);
  });

  test("of an address that nobody has says so", () => {
    expect(release("10.244.1.0")).toMatchObject({ code: 1 });
    expect(release("10.244.1.0").err).toContain("nobody has 10.244.1.0");
  });
});

describe("GC", () => {
  test("gives back addresses that nobody is known to have, but for those that a pod has", () => {
    attach();
    // Some tool replaced the file of a living pod's address; the other one is nobody's at all.
    const text = readFileSync(records("address/10.244.1.0"), "utf8");
    rmSync(records("address/10.244.1.0"));
    writeFileSync(records("address/10.244.1.0"), text);
    writeFileSync(records("address/10.244.1.99"), "?");
    const valid = ["a", "b"].map((containerID) => ({ containerID, ifname: "eth0" }));
    const gc = (attachments: unknown): void =>
      void scene.done("GC", {
        config: { cniVersion: "1.1.0", "cni.dev/valid-attachments": attachments },
      });
    gc(valid);
    expect(existsSync(records("address/10.244.1.99"))).toBe(false);
    expect(existsSync(records("address/10.244.1.0"))).toBe(true);
    gc([]);
    expect(readdirSync(records("address"))).toEqual([]);
    expectClean();
  });
});

describe("manx ipam show of an address", () => {
  test("says who has it, since when, by which host end, and where its namespace is", () => {
    attach();
    const { out } = shell(`manx ipam show 10.244.1.1 --json ${flags()}`);
    expect(JSON.parse(out)).toMatchObject({
      state: "used",
      block: "10.244.1.0/24",
      holders: [
        {
          network: "pods",
          container: "b",
          interface: "eth0",
          hostEnd: HOST_END.b,
          namespace: "/run/netns/b",
        },
      ],
    });
  });

  test.skipIf(PLUGINS === "")(
    "of another plugin's pod tells its namespace, and check is content",
    () => {
      const config = {
        cniVersion: "1.0.0",
        name: "bridged",
        type: "bridge",
        bridge: "br0",
        isGateway: true,
        ipam: { type: "manx-ipam", blocks: ["10.244.3.0/28"], dataDir: `${scene.folder}/ipam` },
      };
      scene.done("ADD", { plugin: "bridge", config });
      expectClean();
      const { out } = shell(`manx ipam show 10.244.3.2 --json ${flags()}`);
      expect(JSON.parse(out).holders).toMatchObject([
        { container: "a", hostEnd: null, namespace: "eth0 in /run/netns/a has it" },
      ]);
      expect(shell(`manx ipam show 10.244.3.0/28 ${flags()}`).out).toContain("- left out: 3");
      expect(release("10.244.3.2").err).toContain("eth0 in /run/netns/a has it");
    },
  );
});
