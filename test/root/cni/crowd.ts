/**
 * Many pods of one host, whose calls run at the same time; and who has what afterwards, down to the last route.
 *
 * The account is drawn up with iproute2 from what `docs/cni.md` promises, so that nothing of ours checks itself.
 */

import { dirname } from "node:path";
import { type Answer, createScene, type Json, type Scene } from "./scene.ts";
import { recordsOf } from "./survey.ts";

const EXECUTABLE = process.env.MANX_EXECUTABLE ?? "";

export type Crowd = {
  readonly scene: Scene;
  readonly pods: readonly string[];
  readonly config: Json;
};

/** A call that has been started and waits for its configuration. */
export type Started = {
  readonly pod: string;
  /** Hand over the configuration, which is when the plugin begins. */
  go(): void;
  /** SIGKILL; the process may have ended by then. */
  kill(): void;
  readonly answer: Promise<Answer>;
};

/** Addresses by pod. */
export type Attached = ReadonlyMap<string, string>;

/** A host and pods called "p0", "p1" ...; their network has these blocks. */
export function createCrowd(count: number, blocks: readonly string[] = ["10.244.1.0/24"]): Crowd {
  const pods = Array.from({ length: count }, (_, index) => `p${index}`);
  const scene = createScene(...pods);
  const ipam = { ...(scene.config.ipam as Json), blocks };
  return { scene, pods, config: { ...scene.config, ipam } };
}

/** Start a call: the process is there, and reads its stdin. */
export function start(crowd: Crowd, verb: string, pod: string, config: Json = {}): Started {
  const child = Bun.spawn({
    cmd: ["nsenter", "--net=/run/netns/host", EXECUTABLE],
    env: {
      PATH: process.env.PATH,
      CNI_COMMAND: verb,
      CNI_CONTAINERID: pod,
      CNI_NETNS: `/run/netns/${pod}`,
      CNI_IFNAME: "eth0",
      CNI_PATH: dirname(EXECUTABLE),
    },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  const texts = Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return {
    pod,
    go() {
      child.stdin.write(JSON.stringify({ ...crowd.config, ...config }));
      void child.stdin.end();
    },
    kill: () => child.kill("SIGKILL"),
    answer: texts.then(([stdout, stderr, status]) => ({
      status,
      stdout,
      stderr,
      json: stdout === "" ? undefined : JSON.parse(stdout),
    })),
  };
}

/** The same call for all of them: every process is there before the first begins. */
export async function atOnce(
  crowd: Crowd,
  verb: string,
  pods: readonly string[],
): Promise<Map<string, Answer>> {
  const started = pods.map((pod) => start(crowd, verb, pod));
  for (const { go } of started) go();
  const answers = new Map<string, Answer>();
  for (const { pod, answer } of started) answers.set(pod, await answer);
  return answers;
}

/** The address in the result of an ADD, without its length. */
export function addressOf(result: Json | undefined): string {
  const [ip] = (result?.ips ?? []) as readonly { readonly address?: string }[];
  if (ip?.address === undefined) throw new Error(`no address: ${JSON.stringify(result)}`);
  return ip.address.replace(/\/32$/, "");
}

/** Every link, route, neighbour, address and record that is missing or too many; none when all is as it should be. */
export function accountFaults({ scene, pods }: Crowd, attached: Attached): string[] {
  const wanted = [...attached].map(([pod, address]) => ({ pod, address, hostEnd: hostEndOf(pod) }));
  const listed = (where: string, args: string[], line: (entry: Json) => string): string[] =>
    scene.ip(where, ...args).map(line);
  const faults = [
    ...compare(
      "links of the host",
      listed("host", ["link"], ({ ifname }) => String(ifname)),
      ["lo", ...wanted.map(({ hostEnd }) => hostEnd)],
    ),
    ...compare(
      "routes of the host",
      listed("host", ["-4", "route"], ({ dst, dev }) => `${dst} over ${dev}`),
      wanted.map(({ address, hostEnd }) => `${address} over ${hostEnd}`),
    ),
    ...compare(
      "neighbours of the host",
      listed("host", ["neigh", "show", "nud", "permanent"], ({ dst, dev }) => `${dst} of ${dev}`),
      wanted.map(({ address, hostEnd }) => `${address} of ${hostEnd}`),
    ),
    ...compare(
      "records",
      recordsOf(scene).map((path) => path.split("/").slice(-2).join("/")),
      wanted.flatMap(({ pod, address }) => [`address/${address}`, `holder/${pod}:eth0:4`]),
    ),
  ];
  for (const pod of pods) {
    const has = scene
      .ip(pod, "-4", "address")
      .flatMap((entry) => entry.addr_info as readonly Json[])
      .map(({ local, prefixlen, label }) => `${local}/${prefixlen} on ${label}`);
    const address = attached.get(pod);
    const should = address === undefined ? [] : [`${address}/32 on eth0`];
    faults.push(...compare(`addresses of ${pod}`, has, ["127.0.0.1/8 on lo", ...should]));
  }
  return faults;
}

/** `printf %s pods/POD/eth0 | sha1sum | cut -c1-11` */
function hostEndOf(pod: string): string {
  const digits = new Bun.CryptoHasher("sha1").update(`pods/${pod}/eth0`).digest("hex");
  return `manx${digits.slice(0, 11)}`;
}

function compare(what: string, has: readonly string[], wanted: readonly string[]): string[] {
  const [here, there] = [new Set(has), new Set(wanted)];
  const missing = [...there].filter((one) => !here.has(one));
  const extra = [...here].filter((one) => !there.has(one));
  const twice = has.length === here.size ? [] : ["something twice"];
  return [
    ...missing.map((one) => `${what}: ${one} is missing`),
    ...extra.map((one) => `${what}: ${one} is nobody's`),
    ...twice.map((one) => `${what}: ${one}`),
  ];
}
