/** BIRD 2: its configuration, and one that runs in a namespace of a network. */

import { type Subprocess, which } from "bun";
import { eventually, type Network } from "./network.ts";

const program = which("bird") ?? "";
const client = which("birdc") ?? "";

/** Whether it is there. */
export const hasBird = program !== "" && client !== "";

export const IPV4 = "ipv4 { import all; export all; };";
export const IPV6 = "ipv6 { import all; export all; };";

export type BirdSession = {
  /** Of the protocol; `n1` unless said otherwise. */
  readonly name?: string;
  /** Address and AS number, such as `172.30.0.1 as 65000`, which is the default. */
  readonly local?: string;
  /** `172.30.0.11 as 64512` unless said otherwise. */
  readonly neighbour?: string;
  /** More of the session. */
  readonly options?: string;
  /** Its families; IPv4 unless said otherwise. */
  readonly channels?: string;
};

/** A session that is tried again within seconds. */
export function birdSession(session: BirdSession = {}): string {
  const { name = "n1", local = "172.30.0.1 as 65000" } = session;
  const { neighbour = "172.30.0.11 as 64512", options = "", channels = IPV4 } = session;
  return `
protocol bgp ${name} {
  local ${local};
  neighbor ${neighbour};
  hold time 3; keepalive time 1; connect retry time 1; connect delay time 1; error wait time 1, 2;
  ${options}
  ${channels}
}
`;
}

/** A static protocol called `outside`, with routes such as `192.0.2.0/24 blackhole`. */
export function birdRoutes(...routes: readonly string[]): string {
  const lines = routes.map((route) => `  route ${route};\n`);
  return `
protocol static outside {
  ipv4;
${lines.join("")}}
`;
}

/** A static protocol called `many`, with so many prefixes: 20.0.0.0/24, 20.0.1.0/24 and on, to 2^20 at most. */
export function birdTable(size: number): string {
  const routes = Array.from({ length: size }, (_, index) => {
    const [high, low] = [(index >>> 16) & 0xff, (index >>> 8) & 0xff];
    return `  route ${20 + high}.${low}.${index & 0xff}.0/24 blackhole;\n`;
  });
  return `
protocol static many {
  ipv4;
${routes.join("")}}
`;
}

/** A configuration of these protocols. */
export function birdText(id: string, ...protocols: readonly string[]): string {
  return `
router id ${id};
log stderr all;
protocol device { scan time 1; }
${protocols.join("")}`;
}

/** What runs it in the foreground. */
export function birdCommand(file: string, control: string): readonly string[] {
  return [program, "-f", "-c", file, "-s", control];
}

export type Bird = {
  /** Write its configuration, which `birdc configure` reads again. */
  configure(text: string): void;
  /** Write its configuration and start it. */
  start(text: string): Subprocess;
  log(): string;
  /** What `birdc` prints. Throws where it fails. */
  ask(...words: string[]): string;
  /** What it says of a prefix, once it has it by BGP. */
  told(prefix: string): Promise<string>;
};

/** The BIRD in the namespace of this name. */
export function birdOn(network: Network, name: string): Bird {
  const file = `${name}.conf`;
  const control = `${network.folder}/${name}.ctl`;
  const bird: Bird = {
    configure(text) {
      network.file(file, text);
    },
    start(text) {
      const path = network.file(file, text);
      return network.start(name, `bird-${name}`, birdCommand(path, control));
    },
    log: () => network.log(`bird-${name}`),
    ask: (...words) => network.run(name, client, "-s", control, ...words),
    told: (prefix) =>
      eventually(`BIRD ${name} has ${prefix}`, () => {
        const text = bird.ask("show", "route", prefix, "all");
        return text.includes("BGP.origin") && text;
      }),
  };
  return bird;
}
