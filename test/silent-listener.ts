/** A TCP port that never answers: a listening socket with a full backlog, which drops every SYN. */

import { dlopen, ptr } from "bun:ffi";
import type { Family } from "../lib/address.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
/** struct sockaddr_in of 127.0.0.1 and sockaddr_in6 of ::1, any port. */
const LOOPBACK = {
  4: Uint8Array.of(AF_INET, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
  6: Uint8Array.of(AF_INET6, ...Array(22).fill(0), 1, 0, 0, 0, 0),
};

const { symbols: libc } = dlopen("libc.so.6", {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
});

/** The port on 127.0.0.1 or ::1, and what ends it. */
export function silentListener(family: Family = 4): { readonly port: number; close(): void } {
  const domain = family === 4 ? AF_INET : AF_INET6;
  const loopback = LOOPBACK[family];
  const open = (): number => libc.socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const listener = open();
  libc.bind(listener, ptr(loopback), loopback.length);
  libc.listen(listener, 0);
  const name = new Uint8Array(loopback.length);
  libc.getsockname(listener, ptr(name), ptr(Uint32Array.of(name.length)));
  // A backlog of 0 holds one connection; the next one is a spare, should it hold two.
  const fillers = [open(), open()];
  for (const filler of fillers) libc.connect(filler, ptr(name), name.length);
  return {
    port: new DataView(name.buffer).getUint16(2),
    close: () => {
      for (const fd of [...fillers, listener]) libc.close(fd);
    },
  };
}
