/**
 * Traffic over real links: a machine beyond the node, and TCP from one namespace to another.
 *
 * A socket stays in the namespace in which it was made, so both ends are made there and used from here.
 */

import type { Socket } from "bun";
import { insideNamespace } from "../../../kernel/netns.ts";
import type { Scene } from "./scene.ts";

/** Of the node and of the machine beyond it, on the cable between them. */
export const NODE = "192.0.2.1";
export const CLIENT = "192.0.2.10";

/** Time for whatever a test waits for, in ms. */
const PATIENCE = 10_000;

/** Cable the scene's pod "client", which is no pod, to the host, which forwards. */
export function cableClient(scene: Scene): void {
  scene.run(
    "host",
    "sh",
    "-e",
    "-c",
    `sysctl -qw net.ipv4.ip_forward=1
    ip link add uplink type veth peer name eth0 netns client
    ip address add ${NODE}/24 dev uplink
    ip link set uplink up
    ip -n client address add ${CLIENT}/24 dev eth0
    ip -n client link set eth0 up
    ip -n client route add default via ${NODE}`,
  );
}

export type Target = { readonly address: string; readonly port: number };

/** Whom a listener on `port` of `place` sees when `from` connects to `target`. Throws when nobody comes. */
export async function seenBy(
  place: string,
  port: number,
  { from, target }: { from: string; target: Target },
): Promise<string> {
  const seen = Promise.withResolvers<string>();
  const server = listen(place, port, {
    open: ({ remoteAddress }) => seen.resolve(remoteAddress),
    data() {},
  });
  try {
    const client = await connect(from, target);
    const address = await within(`${from} reaches ${place}`, seen.promise);
    client.terminate();
    return address;
  } finally {
    server.stop(true);
  }
}

/** Time in ms from `from`'s connecting until a listener on `port` of `place` has all bytes. */
export async function transfer(
  bytes: number,
  place: string,
  { from, target }: { from: string; target: Target },
): Promise<number> {
  const all = Promise.withResolvers<number>();
  let missing = bytes;
  const server = listen(place, target.port, {
    data(_, chunk) {
      missing -= chunk.length;
      if (missing <= 0) all.resolve(performance.now());
    },
  });
  try {
    const start = performance.now();
    const client = await connect(from, target, new Uint8Array(bytes));
    const end = await within(`${bytes} bytes from ${from} to ${place}`, all.promise);
    client.terminate();
    return end - start;
  } finally {
    server.stop(true);
  }
}

type Handlers = {
  readonly open?: (socket: Socket) => void;
  readonly data: (socket: Socket, chunk: Uint8Array) => void;
};

function listen(place: string, port: number, socket: Handlers) {
  return insideNamespace(`/run/netns/${place}`, () =>
    Bun.listen({ hostname: "0.0.0.0", port, socket }),
  );
}

/** A connection that says `words` as fast as it may. */
async function connect(
  from: string,
  { address, port }: Target,
  words: Uint8Array = new Uint8Array(),
): Promise<Socket> {
  let left = words;
  const say = (socket: Socket): void => {
    left = left.subarray(socket.write(left));
  };
  const connected = insideNamespace(`/run/netns/${from}`, () =>
    Bun.connect({ hostname: address, port, socket: { open: say, drain: say, data() {} } }),
  );
  return await within(`${from} connects to ${address}:${port}`, connected);
}

async function within<Value>(what: string, wanted: Promise<Value>): Promise<Value> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`not within ${PATIENCE} ms: ${what}`)), PATIENCE);
  try {
    return await Promise.race([wanted, promise]);
  } finally {
    clearTimeout(timer);
  }
}
