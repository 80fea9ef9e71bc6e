/**
 * `manx ipam check` in real namespaces: each discrepancy made by hand, found, repaired by the command that is offered,
 * and gone.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { FindingKind } from "../../../ipam/finding.ts";
import { writeNodeFile } from "../../../ipam/node.ts";
import { parsePrefix } from "../../../lib/prefix.ts";
import { eventually } from "../../interop/network.ts";
import { DUAL, HOST_END, IpamHost } from "./ipam-host.ts";

const EXECUTABLE = process.env.MANX_EXECUTABLE ?? "";

let host: IpamHost;
beforeEach(() => {
  host = new IpamHost();
});
afterEach(() => host.scene.remove());

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
    harm: () => host.ip("link", "delete", HOST_END.a),
    finds: [
      ["record without host end", "10.244.1.0"],
      ["record without host end", "fd00:10::"],
    ],
    isRepaired: true,
  },
  {
    name: "a namespace that went without a DEL",
    harm: () => {
      host.ip("netns", "delete", "a");
      host.ip("netns", "add", "a");
      // The kernel takes its links away when it finds the time.
      const isThere = (): boolean =>
        host.scene.run("host", "ip", "-br", "link").includes(HOST_END.a);
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
      host.ip("route", "delete", "10.244.1.0/32");
      host.ip("-6", "route", "delete", "fd00:10::/128");
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
      host.ip("neighbour", "delete", "10.244.1.0", "dev", HOST_END.a);
      host.ip("neighbour", "change", "fd00:10::", "dev", HOST_END.a, "nud", "stale");
    },
    finds: [
      ["record without neighbour", "10.244.1.0"],
      ["record without neighbour", "fd00:10::"],
    ],
    isRepaired: true,
  },
  {
    name: "a route too many over a host end",
    harm: () => host.ip("route", "add", "10.244.1.77/32", "dev", HOST_END.a),
    finds: [["route without record", "10.244.1.77/32"]],
    isRepaired: true,
  },
  {
    name: "a route that leads to another pod",
    harm: () => host.ip("route", "replace", "10.244.1.0/32", "dev", HOST_END.b),
    finds: [["route to another host end", "10.244.1.0"]],
    isRepaired: true,
  },
  {
    name: "records that somebody removed",
    harm: () => {
      for (const name of ["address/10.244.1.0", "address/fd00:10::"]) rmSync(host.records(name));
      for (const family of [4, 6]) rmSync(host.records(`holder/a:eth0:${family}`));
    },
    finds: [["host end without record", HOST_END.a]],
    isRepaired: false,
    says: "the host's route to 10.244.1.0/32 is over it",
  },
  {
    name: "an address that the pod took off",
    harm: () =>
      void host.scene.run("a", "ip", "address", "flush", "dev", "eth0", "scope", "global"),
    finds: [
      ["record whose pod has another address", "10.244.1.0"],
      ["record whose pod has another address", "fd00:10::"],
    ],
    isRepaired: false,
  },
  {
    name: "a record that is torn, of a pod that lives",
    harm: () => writeFileSync(host.records("address/10.244.1.0"), "{"),
    finds: [["record that cannot be read", "10.244.1.0"]],
    isRepaired: false,
    says: `its host end ${HOST_END.a} is there`,
  },
  {
    name: "a record that is torn, of a pod that is gone",
    harm: () => {
      writeFileSync(host.records("address/10.244.1.0"), "");
      host.ip("link", "delete", HOST_END.a);
      host.release("fd00:10::");
    },
    finds: [["record that cannot be read", "10.244.1.0"]],
    isRepaired: true,
  },
  {
    name: "a record that was put aside, of a pod that is gone",
    harm: () => {
      host.ip("link", "delete", HOST_END.a);
      host.release("fd00:10::");
      mkdirSync(host.records("quarantine"), { recursive: true });
      renameSync(host.records("holder/a:eth0:4"), host.records("quarantine/10.244.1.0@a:eth0:4"));
    },
    finds: [["address that is nobody's", "10.244.1.0"]],
    isRepaired: true,
  },
  {
    name: "an address's file that is no holder's",
    harm: () => writeFileSync(host.records("address/10.244.1.99"), "?"),
    finds: [["record that cannot be read", "10.244.1.99"]],
    isRepaired: true,
    says: "no DEL will give it back",
  },
  {
    name: "what a killed ADD wrote and did not take",
    harm: () => writeFileSync(host.records("holder/c:eth0:4"), "{"),
    finds: [["trace of a killed call", "holder/c:eth0:4"]],
    isRepaired: true,
  },
  {
    name: "a block's past that is nonsense",
    harm: () => writeFileSync(host.records("order/10.244.1.0_24"), "nonsense"),
    finds: [["past of a block that cannot be", "order/10.244.1.0_24"]],
    isRepaired: true,
  },
  {
    name: "records of another boot",
    harm: () =>
      mkdirSync(join(host.scene.folder, "ipam/00000000-0000-4000-8000-000000000000/pods"), {
        recursive: true,
      }),
    finds: [["records of another boot", "00000000-0000-4000-8000-000000000000"]],
    isRepaired: true,
  },
  {
    name: "one interface in two networks",
    harm: () => {
      const other = join(dirname(host.records()), "others");
      for (const folder of ["holder", "address"])
        mkdirSync(join(other, folder), { recursive: true });
      const text = readFileSync(host.records("address/10.244.1.0"), "utf8").replaceAll(
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
  writeNodeFile(`${host.scene.folder}/node.json`, {
    node: "n1",
    blocks: { ipv4: [parsePrefix(ipv4)], ipv6: [parsePrefix(ipv6)] },
    mtu: 1500,
    generation: 1,
    ready: { ok: true, reason: "converged", since: "2026-01-01T00:00:00.000Z" },
  });
}

describe("manx ipam check", () => {
  test("finds nothing where nothing is, and nothing wrong with pods as ADD makes them", async () => {
    host.expectClean();
    host.attach();
    host.expectClean();
    // Those of tests before this one may live for a moment yet.
    await eventually("only our namespaces are left", () => host.check().checked.namespaces === 3);
    expect(host.check().checked).toEqual({ addresses: 4, hostEnds: 2, namespaces: 3 });
  });

  for (const { name, harm, finds, isRepaired, says } of cases) {
    test(`finds ${name}${isRepaired ? ", and what it offers puts it right" : ", and offers nothing"}`, () => {
      host.attach();
      harm();
      const { code, findings } = host.check();
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
      for (const repair of repairs) expect(host.shell(repair)).toMatchObject({ code: 0, err: "" });
      host.expectClean();
    });
  }

  for (const verb of ["ADD", "DEL"]) {
    test(`takes no fault in a record without link while its ${verb} is under way`, async () => {
      host.attach();
      host.ip("link", "delete", HOST_END.a);
      // What a call looks like between address and link; its end without having done more is a kill.
      const call = Bun.spawn(["sh", "-c", "echo ready; read -r _"], {
        stdin: "pipe",
        env: { ...process.env, CNI_COMMAND: verb, CNI_CONTAINERID: "a", CNI_IFNAME: "eth0" },
        stdout: "pipe",
      });
      await call.stdout.getReader().read();
      host.expectClean();
      expect(host.release("10.244.1.0").err).toContain(
        `${verb} is under way as process ${call.pid}`,
      );
      call.kill("SIGKILL");
      await call.exited;
      for (const { repair } of host.check().findings) expect(host.shell(repair ?? "").code).toBe(0);
      host.expectClean();
    });
  }

  test("takes no fault in calls that come and go while it looks", async () => {
    host.attach();
    let isOver = false;
    const ipam = { ...DUAL.ipam, dataDir: `${host.scene.folder}/ipam` };
    const input = Buffer.from(JSON.stringify({ ...host.scene.config, ipam }));
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
        ["nsenter", "--net=/run/netns/host", EXECUTABLE, "ipam", "check", ...host.flags.split(" ")],
        { stdout: "pipe", stderr: "inherit" },
      );
      const text = await new Response(child.stdout).text();
      expect(text).toStartWith("nothing found");
    }
    isOver = true;
    await Promise.all(churns);
    expect(calls).toBeGreaterThan(15);
    host.expectClean();
  }, 60_000);

  test("says so, and offers nothing, where a pod's namespace is not seen", async () => {
    host.attach();
    host.ip("link", "delete", HOST_END.a);
    // Nothing but an open descriptor keeps the namespace of "b".
    const keeper = Bun.spawn(
      ["sh", "-c", "exec 9< /run/netns/b; ip netns delete b; echo ready; exec sleep 60"],
      { stdout: "pipe" },
    );
    await keeper.stdout.getReader().read();
    try {
      const hidden = `the namespace of ${HOST_END.b} (pods/b/eth0) is not among those that are seen`;
      const { findings, unseen } = host.check();
      expect(unseen).toEqual([hidden]);
      expect(findings.map(({ kind, repair }) => [kind, repair])).toEqual([
        ["record without host end", null],
        ["record without host end", null],
      ]);
      expect(findings[0]?.look).toContain(hidden);
      expect(host.release("10.244.1.0").err).toContain(hidden);
      expect(existsSync(host.records("holder/a:eth0:4"))).toBe(true);
    } finally {
      keeper.kill("SIGKILL");
      await keeper.exited;
      host.ip("netns", "add", "b");
    }
  });
});
