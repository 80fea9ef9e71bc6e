/** Numbers of the kernel's headers, named as there without their prefixes. */

/** linux/socket.h, sys/socket.h */
export const AF = { INET: 2, INET6: 10, NETLINK: 16, BRIDGE: 7, UNSPEC: 0 } as const;
export const SOCK = { STREAM: 1, DGRAM: 2, RAW: 3, CLOEXEC: 0x80000, NONBLOCK: 0x800 } as const;

/** linux/netlink.h */
export const NLM_F = {
  REQUEST: 0x1,
  MULTI: 0x2,
  ACK: 0x4,
  DUMP_INTR: 0x10,
  DUMP: 0x300,
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
  CAPPED: 0x100,
  ACK_TLVS: 0x200,
} as const;
export const NLMSG = { ERROR: 2, DONE: 3, OVERRUN: 4 } as const;
export const SOL_NETLINK = 270;
export const NETLINK_OPTION = {
  ADD_MEMBERSHIP: 1,
  EXT_ACK: 11,
  GET_STRICT_CHK: 12,
  CAP_ACK: 10,
} as const;
/** Of an attribute's type: it has others in it. */
export const NLA_F_NESTED = 0x8000;
/** A protocol of AF_NETLINK. */
export const NETLINK_NETFILTER = 12;
export const NLMSGERR_ATTR = { MSG: 1, OFFS: 2 } as const;

/** linux/rtnetlink.h */
export const RTM = {
  NEWLINK: 16,
  DELLINK: 17,
  GETLINK: 18,
  NEWADDR: 20,
  DELADDR: 21,
  GETADDR: 22,
  NEWROUTE: 24,
  DELROUTE: 25,
  GETROUTE: 26,
  NEWNEIGH: 28,
  DELNEIGH: 29,
  GETNEIGH: 30,
  NEWNEXTHOP: 104,
  DELNEXTHOP: 105,
  GETNEXTHOP: 106,
} as const;

/** netinet/in.h */
export const IPPROTO = { IP: 0, ICMP: 1, TCP: 6, UDP: 17, IPV6: 41, ICMPV6: 58 } as const;
