/**
 * Octets to and from the kernel: an AF_NETLINK socket.
 *
 * Reads and writes are plain system calls on the descriptor: the kernel has done the request when `write`
 * returns, and its answers lie in the socket's buffer.
 */

import { AF, NETLINK_OPTION, SOCK, SOL_NETLINK } from "./const.ts";
import { attachFilter, bind, close, readInto, setSocketOption, socket, write } from "./libc.ts";

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
/** The kernel clamps it to rmem_max for those without privilege; ask for what it gives. */
const RECEIVE_BUFFER = 4 << 20;

/** classic BPF (linux/bpf_common.h): load a word of the packet, jump if it equals, return. */
const BPF = { LOAD: 0x20, JUMP_EQUAL: 0x15, RETURN: 0x06 } as const;
/** Of nlmsg_pid in struct nlmsghdr. */
const PORT_OFFSET = 12;

export type PortOptions = {
  readonly groups?: number;
  readonly protocol?: number;
  /** What the socket with this port id caused is not told to the groups' listener; 0 for nobody. */
  readonly deafTo?: number;
};

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
export function openPort({ groups = 0, protocol = 0, deafTo = 0 }: PortOptions = {}): Port {
  const fd = socket(AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC, protocol);
  const set = (option: number): void => setSocketOption(fd, SOL_NETLINK, option, 1);
  try {
    set(NETLINK_OPTION.EXT_ACK);
    if (deafTo !== 0) attachFilter(fd, deafFilter(deafTo));
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

/** Instructions (struct sock_filter) that drop a datagram whose first message names the port. */
function deafFilter(port: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * 8));
  const instruct = (
    index: number,
    code: number,
    [jumpFalse, k]: readonly [number, number],
  ): void => {
    view.setUint16(8 * index, code, true);
    view.setUint8(8 * index + 3, jumpFalse);
    view.setUint32(8 * index + 4, k, true);
  };
  instruct(0, BPF.LOAD, [0, PORT_OFFSET]);
  // The filter loads in network order what netlink writes in the host's.
  const swapped = new DataView(new ArrayBuffer(4));
  swapped.setUint32(0, port);
  instruct(1, BPF.JUMP_EQUAL, [1, swapped.getUint32(0, true)]);
  instruct(2, BPF.RETURN, [0, 0]);
  instruct(3, BPF.RETURN, [0, 0xffff_ffff]);
  return new Uint8Array(view.buffer);
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
