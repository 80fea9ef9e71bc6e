/**
 * Many routers as one process: `routers.ts AS ADDRESS…`. Each waits to be called at its address, has a session without
 * timers, and prints a line for each message that it gets, such as `172.30.1.7 update`.
 */

import type { Socket } from "bun";
import { decode, encode } from "../../../bgpd/wire/codec.ts";
import { HEADER_LENGTH } from "../../../bgpd/wire/const.ts";
import { INITIAL_CONTEXT } from "../../../bgpd/wire/context.ts";
import { Framer } from "../../../bgpd/wire/framer.ts";
import type { Message } from "../../../bgpd/wire/message.ts";
import { parseAddress } from "../../../lib/address.ts";

const CONTEXT = { ...INITIAL_CONTEXT, fourOctetAs: true };
const [asNumber = "", ...addresses] = process.argv.slice(2);

function open(address: string): Message {
  const capabilities = [
    { type: "multiprotocol", afi: 1, safi: 1 },
    { type: "four-octet AS", asNumber: Number(asNumber) },
  ] as const;
  const identifier = parseAddress(address);
  return {
    type: "open",
    version: 4,
    myAs: Number(asNumber),
    holdTime: 0,
    identifier,
    capabilities,
  };
}

for (const address of addresses) {
  const framers = new WeakMap<Socket, Framer>();
  Bun.listen({
    hostname: address,
    port: 179,
    socket: {
      open(socket) {
        framers.set(socket, new Framer());
        socket.write(encode(open(address), CONTEXT));
        socket.write(encode({ type: "keepalive" }, CONTEXT));
      },
      data(socket, bytes) {
        const framer = framers.get(socket);
        framer?.push(bytes);
        for (let frame = framer?.next(); frame !== undefined; frame = framer?.next()) {
          const { buffer, start, end } = frame;
          const { type } = decode(buffer.subarray(start - HEADER_LENGTH, end), CONTEXT);
          console.log(`${address} ${type}`);
        }
      },
    },
  });
}
console.log("listening");
