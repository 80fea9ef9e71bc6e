/**
 * Sources of pods' packets: a pod speaks from its own addresses alone, unless its configuration says otherwise.
 *
 * What arrives is read from the counters of the kernel that it arrives in, the rule by Debian's `nft`.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mendingCommand, SOURCE_CHECK } from "../../../cni/source-check.ts";
import { createScene, type Json, type Scene } from "./scene.ts";
import { fail, isOutward, trace } from "./strace.ts";

const HOST_END = "manx0b3b1f0306f";
const GATEWAY = "fe80::ecee:eeff:feee:eeee";
const OWN = "fd00:10:244:1::";
/** Of pod "b". */
const OTHERS = "fd00:10:244:1::1";
const NODE = "fd00:77::1";
const NODE4 = "10.0.0.1";
const RULE = [
  'iifname "manx*" iifgroup != 1835101817 ip6 saddr != fe80::/10 ip6 saddr != ::',
  "fib saddr . iif oif missing counter packets N bytes N drop",
].join(" ");
const PATIENCE = 10_000;

let scene: Scene;
beforeEach(() => {
  scene = createScene();
  scene.run("host", "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
  scene.run("host", "ip", "address", "add", `${NODE}/128`, "dev", "lo");
});
afterEach(() => scene.remove());

const dual = (more: Json = {}): Json => ({
  ipam: { ...(scene.config.ipam as Json), blocks: ["10.244.1.0/24", "fd00:10:244:1::/120"] },
  ...more,
});
const nft = (...words: string[]): string => scene.run("host", "nft", ...words);
/** Without what counters have counted. */
const ruleset = (host: Scene = scene): string =>
  host.run("host", "nft", "list", "ruleset").replace(/packets \d+ bytes \d+/, "packets N bytes N");
const dropped = (): number => Number(/packets (\d+)/.exec(nft("list", "ruleset"))?.[1]);

/** Echo requests that a namespace has got. */
function echoes(place: string): number {
  const text = scene.run(place, "cat", "/proc/net/snmp6", "/proc/net/snmp");
  const six = Number(/Icmp6InEchos\s+(\d+)/.exec(text)?.[1]);
  const [names = "", values = ""] = text.split("\n").filter((line) => line.startsWith("Icmp: "));
  return six + Number(values.split(" ")[names.split(" ").indexOf("InEchos")]);
}

/** Whether an echo request to `to` arrives in the host; an answer is not waited for longer than it may take. */
function arrives(from: string, source: string, to = NODE): boolean {
  const before = echoes("host");
  const script = `ping -c 1 -W 1 -n -I ${source} ${to} || true`;
  scene.run(from, "sh", "-c", script);
  return echoes("host") > before;
}

/** Give the pod an address that it does not own, on its loopback. */
function pretend(pod: string, address: string): string {
  const words = address.includes(":") ? [`${address}/128`, "nodad"] : [`${address}/32`];
  scene.run(pod, "ip", "address", "add", ...words, "dev", "lo");
  return address;
}

describe("a pod's packets", () => {
  beforeEach(() => {
    scene.done("ADD", { config: dual() });
  });

  test("from its own address come in", () => {
    expect(arrives("a", OWN)).toBe(true);
    scene.done("ADD", { pod: "b", config: dual() });
    scene.run("a", "ping", "-c", "1", "-W", "2", "-n", OTHERS);
    expect(dropped()).toBe(0);
  });

  for (const [name, address] of [
    ["of another pod", OTHERS],
    ["of the node", NODE],
    ["of nobody", "2001:db8::1"],
  ] as const) {
    test(`from an address ${name} are dropped, and counted`, () => {
      scene.done("ADD", { pod: "b", config: dual() });
      // The node is reached by an address that the pod does not claim.
      scene.run("host", "ip", "address", "add", "fd00:77::2/128", "dev", "lo");
      expect(arrives("a", pretend("a", address), "fd00:77::2")).toBe(false);
      expect(dropped()).toBe(1);
    });
  }

  test("from another IPv4 address are dropped", () => {
    expect(arrives("a", "10.244.1.0", NODE4)).toBe(true);
    expect(arrives("a", pretend("a", "10.244.1.9"), NODE4)).toBe(false);
  });

  test("from a link-local address come in", () => {
    scene.run("a", "sh", "-c", "ip address add fe80::77/64 dev eth0 nodad");
    expect(arrives("a", "fe80::77%eth0", `${GATEWAY}%eth0`)).toBe(true);
    expect(dropped()).toBe(0);
  });

  test("that look for neighbours come in, from its address and from none", async () => {
    scene.run("a", "ip", "neigh", "delete", GATEWAY, "dev", "eth0");
    const deadline = performance.now() + PATIENCE;
    while (!arrives("a", OWN)) expect(performance.now()).toBeLessThan(deadline);
    // Duplicate address detection asks from the unspecified address; that it fails shows that the host was asked.
    scene.run("a", "ip", "address", "add", `${GATEWAY}/64`, "dev", "eth0");
    const flags = () => JSON.stringify(scene.ip("a", "-6", "address", "show", "dev", "eth0"));
    while (!flags().includes("dadfailed") && performance.now() < deadline) await Bun.sleep(20);
    expect(flags()).toContain("dadfailed");
    expect(dropped()).toBe(0);
  });
});

describe('"sourceCheck": false', () => {
  test("lets in what comes from any address, of both families", () => {
    scene.done("ADD", { config: dual({ sourceCheck: false }) });
    expect(arrives("a", pretend("a", "2001:db8::1"))).toBe(true);
    expect(arrives("a", pretend("a", "10.244.1.9"), NODE4)).toBe(true);
  });

  test("is for one network; pods of others are checked, whoever came first", () => {
    const blocks = ["10.244.2.0/24", "fd00:10:244:2::/120"];
    const ipam = { ...(scene.config.ipam as Json), blocks };
    scene.done("ADD", { config: { ipam, sourceCheck: false, name: "open" } });
    scene.done("ADD", { pod: "b", config: dual() });
    expect(arrives("a", pretend("a", "2001:db8::1"))).toBe(true);
    expect(arrives("b", pretend("b", "2001:db8::2"))).toBe(false);
    expect(arrives("b", OWN)).toBe(true);
    expect(dropped()).toBe(1);
  });

  test("is what CHECK expects, and misses where it is not so", () => {
    const config = dual({ sourceCheck: false });
    const prevResult = scene.done("ADD", { config });
    expect(scene.call("CHECK", { config: { ...config, prevResult } }).status).toBe(0);
    scene.run("host", "ip", "link", "set", HOST_END, "group", "0");
    expect(scene.call("CHECK", { config: { ...config, prevResult } }).json).toMatchObject({
      code: 101,
      msg: `${HOST_END} is in group 0 on the host, expected 1835101817`,
    });
  });
});

describe("the rule", () => {
  test("is one for the node, as nft reads it, however many pods there are; DEL and GC leave it", () => {
    const expected = `table ip6 manx {
	chain sources {
		type filter hook prerouting priority raw; policy accept;
		${RULE}
	}
}
`;
    for (const pod of ["a", "b"]) scene.done("ADD", { pod, config: dual() });
    expect(ruleset()).toBe(expected);
    scene.done("DEL", { config: dual() });
    const valid = { cniVersion: "1.1.0", "cni.dev/valid-attachments": [] };
    scene.done("GC", { config: dual(valid) });
    expect(ruleset()).toBe(expected);
  });

  test("is not made for pods of IPv4 alone, nor for those that are not checked", () => {
    scene.done("ADD");
    scene.done("ADD", { pod: "b", config: dual({ sourceCheck: false }) });
    expect(ruleset()).toBe("");
  });

  test("costs an ADD one question where it is there, and one of IPv4 alone nothing", () => {
    const counted = (config: Json): Map<string, number> => {
      const counts = new Map<string, number>();
      for (const point of trace(scene, "ADD", { config }).points) {
        if (isOutward(point)) counts.set(point.name, (counts.get(point.name) ?? 0) + 1);
      }
      scene.done("DEL", { config });
      return counts;
    };
    // Bun wakes threads of its own when it likes: the least of three is what the ADD does.
    const calls = (config: Json): Map<string, number> => {
      const tries = [counted(config), counted(config), counted(config)];
      const names = new Set(tries.flatMap((counts) => [...counts.keys()]));
      const least = (name: string) => Math.min(...tries.map((counts) => counts.get(name) ?? 0));
      return new Map([...names].map((name) => [name, least(name)]));
    };
    const more = (config: Json): Json => {
      const without = calls({ ...config, sourceCheck: false });
      const entries = [...calls(config)].map(([name, count]): [string, number] => [
        name,
        count - (without.get(name) ?? 0),
      ]);
      return Object.fromEntries(entries.filter(([, count]) => count !== 0));
    };
    scene.done("ADD", { pod: "b", config: dual() });
    expect(more(dual())).toEqual({ close: 1, read: 1, setsockopt: 1, socket: 1, write: 1 });
    expect(more({})).toEqual({});
  });

  const damages: Readonly<Record<string, readonly string[]>> = {
    "its table is gone": ["delete table ip6 manx"],
    "its chain is empty": ["flush chain ip6 manx sources"],
    "something goes before it": ["insert rule ip6 manx sources accept"],
    "it is another one": [
      "flush chain ip6 manx sources",
      'add rule ip6 manx sources iifname "manx*" fib saddr . iif oif missing counter',
    ],
  };
  for (const [name, commands] of Object.entries(damages)) {
    test(`is missed by CHECK when ${name}, with the command that mends it`, () => {
      const prevResult = scene.done("ADD", { config: dual() });
      const check = () => scene.call("CHECK", { config: dual({ prevResult }) });
      expect(check().status).toBe(0);
      for (const command of commands) nft(command);
      const command = mendingCommand(SOURCE_CHECK);
      expect(check().json).toMatchObject({
        code: 101,
        msg: `the check of IPv6 sources is missing on the host, or another one: ${command}`,
      });
      scene.run("host", "sh", "-c", command);
      expect(check()).toMatchObject({ status: 0, stdout: "" });
    });
  }

  test("is made anew by the next ADD where its table is gone or its chain is empty", () => {
    scene.done("ADD", { config: dual() });
    const expected = ruleset();
    for (const command of ["delete table ip6 manx", "flush chain ip6 manx sources"]) {
      nft(command);
      scene.done("ADD", { pod: "b", config: dual() });
      expect(ruleset()).toBe(expected);
      scene.done("DEL", { pod: "b", config: dual() });
    }
  });

  test("stands beside other people's tables", () => {
    nft("add table ip6 mine; add chain ip6 mine c; add rule ip6 mine c accept");
    scene.done("ADD", { config: dual() });
    expect(ruleset()).toStartWith("table ip6 mine {\n\tchain c {\n\t\taccept\n\t}\n}\n");
    expect(ruleset()).toContain(RULE);
  });

  test("where the kernel has no nfnetlink the ADD fails, says what to do, and leaves nothing", () => {
    scene.done("ADD", { pod: "b", config: dual() });
    const { points } = trace(scene, "ADD", { config: dual() });
    scene.done("DEL", { config: dual() });
    const before = scene.state();
    const point = points.findLast(({ name }) => name === "socket");
    if (point === undefined) throw new Error("no socket was made");
    const { answer } = fail(scene, "ADD", { config: dual() }, { point, error: "EPROTONOSUPPORT" });
    expect(answer.json).toMatchObject({
      code: 100,
      msg: "socket NETLINK_NETFILTER: the kernel has no nfnetlink: load it (EPROTONOSUPPORT)",
      details: `IPv6 sources cannot be checked; "sourceCheck": false attaches pods all the same`,
    });
    expect(scene.state()).toEqual(before);
  });
});
