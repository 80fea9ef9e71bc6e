/**
 * Octets to and from the kernel: an AF_NETLINK socket.
 *
 * Reads and writes are plain system calls on the descriptor: the kernel has done the request when `write`
 * returns, and its answers lie in the socket's buffer.
 */

import { AF, NETLINK_OPTION, SOCK, SOL_NETLINK } from "./const.ts";
import {
  attachFilter,
  bind,
  close,
  readInto,
  SystemError,
  setSocketOption,
  socket,
  write,
} from "./libc.ts";
import { type LaterWrite, writeLater } from "./libc-aio.ts";

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
/** The kernel clamps it to rmem_max for those without privilege; ask for what it gives. */
const RECEIVE_BUFFER = 4 << 20;

/** What one failure's answer takes of the receive buffer at most (skb truesize): about 1 KiB. */
const ANSWER = 1664;
/** As many fit into the receive buffer that every socket has (net.core.rmem_default). */
const FEW_ANSWERS = 128;
const MANY_ANSWERS = 512;
/** What a request takes of the send buffer at most, which one write has to fit into (EMSGSIZE). */
const REQUEST = 128;

/** classic BPF (linux/bpf_common.h): load a word of the packet, jump if it equals, return. */
const BPF = { LOAD: 0x20, JUMP_EQUAL: 0x15, RETURN: 0x06 } as const;
/** Of nlmsg_pid in struct nlmsghdr. */
const PORT_OFFSET = 12;

export type PortOptions = {
  readonly groups?: number;
  readonly protocol?: number;
  /** What the sockets with these port ids caused is not told to the groups' listener. */
  readonly deafTo?: readonly number[];
  /** Have room for many answers at once, where that is allowed. */
  readonly isRoomy?: boolean;
};

export type Port = {
  readonly fd: number;
  /** Answers that fit into the receive buffer. */
  readonly answers: number;
  write(messages: Uint8Array): void;
  /** As `write`, while the caller goes on; the messages stay as they are meanwhile. */
  writeLater(messages: Uint8Array): LaterWrite;
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
export function openPort({
  groups = 0,
  protocol = 0,
  deafTo = [],
  isRoomy = false,
}: PortOptions = {}): Port {
  const fd = socket(AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC, protocol);
  const set = (option: number): void => setSocketOption(fd, SOL_NETLINK, option, 1);
  let answers = FEW_ANSWERS;
  try {
    set(NETLINK_OPTION.EXT_ACK);
    if (isRoomy) answers = makeRoom(fd);
    if (deafTo.length > 0) attachFilter(fd, deafFilter(deafTo));
    if (groups !== 0) join(fd, groups);
  } catch (error) {
    close(fd);
    throw error;
  }
  return {
    fd,
    answers,
    write: (messages) => void write(fd, messages),
    writeLater: (messages) => writeLater(fd, messages),
    read: (buffer) => readInto(fd, buffer),
    prepareDumps() {
      set(NETLINK_OPTION.GET_STRICT_CHK);
      set(NETLINK_OPTION.CAP_ACK);
    },
    close: () => close(fd),
  };
}

/** Instructions (struct sock_filter) that drop a datagram whose first message names one of the ports. */
function deafFilter(ports: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer((ports.length + 3) * 8));
  const instruct = (index: number, code: number, k: number, jumpTrue = 0): void => {
    view.setUint16(8 * index, code, true);
    view.setUint8(8 * index + 2, jumpTrue);
    view.setUint32(8 * index + 4, k, true);
  };
  const drop = ports.length + 2;
  instruct(0, BPF.LOAD, PORT_OFFSET);
  for (const [index, port] of ports.entries()) {
    // The filter loads in network order what netlink writes in the host's.
    const swapped = new DataView(new ArrayBuffer(4));
    swapped.setUint32(0, port);
    instruct(index + 1, BPF.JUMP_EQUAL, swapped.getUint32(0, true), drop - index - 2);
  }
  instruct(drop - 1, BPF.RETURN, 0xffff_ffff);
  instruct(drop, BPF.RETURN, 0);
  return new Uint8Array(view.buffer);
}

/** Beyond rmem_max and wmem_max, which takes CAP_NET_ADMIN of the machine; how many answers fit in. */
function makeRoom(fd: number): number {
  try {
    setSocketOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, MANY_ANSWERS * REQUEST);
    setSocketOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, MANY_ANSWERS * ANSWER);
    return MANY_ANSWERS;
  } catch (error) {
    if (!(error instanceof SystemError) || error.code !== "EPERM") throw error;
    return FEW_ANSWERS;
  }
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
