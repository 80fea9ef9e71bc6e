/**
 * Octets to and from the kernel: an AF_NETLINK socket.
 *
 * Reads and writes are plain system calls on the descriptor: the kernel has done the request when `write`
 * returns, and its answers lie in the socket's buffer.
 */

import { AF, NETLINK_OPTION, SOCK, SOL_NETLINK } from "./const.ts";
import { bind, close, readInto, setSocketOption, socket, write } from "./libc.ts";

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
/** The kernel clamps it to rmem_max for those without privilege; ask for what it gives. */
const RECEIVE_BUFFER = 4 << 20;

export type PortOptions = { readonly groups?: number; readonly protocol?: number };

export type Port = {
  readonly fd: number;
  write(messages: Uint8Array): void;
  /** One datagram, which may hold many messages; its length. */
  read(buffer: Uint8Array): number;
  /** Once, before the first dump: filters are honoured (strict checks), acks do not repeat the request. */
  prepareDumps(): void;
  close(): void;
};

/**
 * A netlink socket in this thread's namespace, of NETLINK_ROUTE where no other protocol is named; `groups` is a mask
 * of multicast groups (nl_groups).
 */
export function openPort({ groups = 0, protocol = 0 }: PortOptions = {}): Port {
  const fd = socket(AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC, protocol);
  const set = (option: number): void => setSocketOption(fd, SOL_NETLINK, option, 1);
  try {
    set(NETLINK_OPTION.EXT_ACK);
    if (groups !== 0) join(fd, groups);
  } catch (error) {
    close(fd);
    throw error;
  }
  return {
    fd,
    write: (messages) => void write(fd, messages),
    read: (buffer) => readInto(fd, buffer),
    prepareDumps() {
      set(NETLINK_OPTION.GET_STRICT_CHK);
      set(NETLINK_OPTION.CAP_ACK);
    },
    close: () => close(fd),
  };
}

/** Who asks only needs no address: the kernel gives him one with his first message. */
function join(fd: number, groups: number): void {
  setSocketOption(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
  const address = new Uint8Array(12);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF.NETLINK, true);
  view.setUint32(8, groups, true);
  bind(fd, address);
}
