/**
 * `bun relay.ts AS SOURCE RECEIVER`: no daemon at all, but what passes bytes on from one neighbour to another.
 *
 * What the benchmark measures with it is itself: how soon its neighbours can send, receive and judge a table.
 */

import { encodeOpen, KEEPALIVE_BYTES } from "./encode.ts";

/** OPEN and KEEPALIVE: what a neighbour says before its UPDATEs. */
const HEADER = 19;

const [asNumber = "", ...addresses] = process.argv.slice(2);

type State = {
  /** Octets of the greeting that are still to come; -1: nothing has come. */
  greeting: number;
  readonly queue: Uint8Array[];
  /** Who is told what this one says. */
  receiver: Bun.Socket<State> | undefined;
};

const connect = (hostname: string, receiver?: Bun.Socket<State>) =>
  Bun.connect<State>({
    hostname,
    port: 179,
    data: { greeting: -1, queue: [], receiver },
    socket: {
      open(socket) {
        socket.write(encodeOpen(Number(asNumber), 1));
        socket.write(KEEPALIVE_BYTES);
      },
      data({ data }, bytes) {
        // The neighbour's OPEN says how long it is; a KEEPALIVE follows. They come in one piece or in two.
        if (data.greeting < 0) {
          data.greeting = ((bytes[16] ?? 0) << 8) + (bytes[17] ?? 0) + HEADER;
        }
        const skipped = Math.min(data.greeting, bytes.length);
        data.greeting -= skipped;
        if (data.receiver === undefined || skipped === bytes.length) return;
        data.receiver.data.queue.push(bytes.slice(skipped));
        flush(data.receiver);
      },
      drain: flush,
    },
  });

const [source = "", receiver = ""] = addresses;
await connect(source, await connect(receiver));

function flush(socket: Bun.Socket<State>): void {
  const { queue } = socket.data;
  for (let [first] = queue; first !== undefined; [first] = queue) {
    const written = Math.max(0, socket.write(first));
    if (written < first.length) {
      queue[0] = first.subarray(written);
      return;
    }
    queue.shift();
  }
}
