/** How fast TCP gets from one room to another: so many bytes, and how long they take. */

import { type Address, formatAddress } from "../lib/address.ts";
import { messageOf } from "./error.ts";
import { type Room, within } from "./room.ts";

export type Transfer = {
  readonly from: Room;
  readonly to: { readonly room: Room; readonly address: Address };
  readonly bytes: number;
};

/** The milliseconds from connecting until all is there, or why it is not. */
export type Transferred =
  | { readonly type: "done"; readonly time: number }
  | { readonly type: "failed"; readonly reason: string };

/** Where nobody else listens. */
const PORT = 5001;
/** What is handed to the socket at once. */
const PIECE = 1 << 16;
/** Between two looks, in ms. */
const LOOK = 5;

/** Transfer. What takes longer than `patience` ms has failed; `goOn` is asked now and then, and ends it by throwing. */
export async function transfer(
  { from, to, bytes }: Transfer,
  patience: number,
  goOn: () => void,
): Promise<Transferred> {
  let missing = bytes;
  let end: number | undefined;
  let fault: string | undefined;
  const fail = (error: unknown): undefined => {
    fault = messageOf(error);
  };
  const server = within(to.room, () =>
    Bun.listen({
      hostname: "0.0.0.0",
      port: PORT,
      socket: {
        data(_, chunk) {
          missing -= chunk.length;
          if (missing <= 0) end ??= performance.now();
        },
      },
    }),
  );
  const start = performance.now();
  const connected = within(from, () =>
    Bun.connect({
      hostname: formatAddress(to.address),
      port: PORT,
      socket: { ...sender(bytes), error: (_, error) => fail(error) },
    }),
  ).catch(fail);
  try {
    while (end === undefined && fault === undefined && performance.now() - start < patience) {
      await Bun.sleep(LOOK);
      goOn();
    }
  } finally {
    server.stop(true);
  }
  const client = await connected;
  client?.terminate();
  if (end !== undefined) return { type: "done", time: end - start };
  const late = `${bytes - missing} of ${bytes} bytes within ${patience / 1000} s`;
  return { type: "failed", reason: fault ?? late };
}

/** Says so many zeros as fast as it may. */
function sender(bytes: number) {
  const piece = new Uint8Array(PIECE);
  let left = bytes;
  const say = (socket: Bun.Socket): void => {
    for (let sent = 1; left > 0 && sent > 0; left -= sent) {
      sent = Math.max(0, socket.write(piece.subarray(0, Math.min(left, PIECE))));
    }
  };
  return { open: say, drain: say, data() {} };
}
