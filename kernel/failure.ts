/** Extended acks turned into words (linux/netlink.h, NLMSGERR_ATTR_MSG). */

import { NLM_F, NLMSG, NLMSGERR_ATTR } from "./const.ts";
import { errnoName } from "./errno.ts";
import { KernelError } from "./kernel.ts";
import { attributesOf, type Message, textOf } from "./message.ts";

export type Failure = {
  readonly errno: number;
  readonly code: string;
  /** What the kernel said beyond the number; often nothing. */
  readonly words: string;
  /** With what was asked for, as people write it: "RTM_NEWROUTE 10.244.2.0/24 via 172.30.0.12". */
  toError(what: string): KernelError;
};

const WORDS: Readonly<Record<string, string>> = {
  EEXIST: "exists already",
  ENODEV: "no such link",
  ENOENT: "no such entry",
  ESRCH: "no such entry",
  EPERM: "not permitted: needs CAP_NET_ADMIN in this network namespace",
  EBUSY: "in use",
  ENOMEM: "out of memory",
  ENOBUFS: "no room in the socket's buffers",
  ENETUNREACH: "network unreachable",
  EADDRNOTAVAIL: "no such address",
  EINVAL: "invalid argument",
  EOPNOTSUPP: "not supported by this kernel",
  EBADF: "no such descriptor",
};

export function failureOf(errno: number, said: string): Failure {
  const code = errnoName(errno);
  const words = said !== "" ? said : (WORDS[code] ?? "failed");
  return {
    errno,
    code,
    words,
    toError: (what) => new KernelError(`${what}: ${words} (${code})`, code, errno),
  };
}

/** The failure in an NLMSG_ERROR, or at the end of a dump in an NLMSG_DONE; undefined for success. */
export function errorOf(message: Message): Failure | undefined {
  const { type, flags, body } = message;
  const errno = body.byteLength < 4 ? 0 : -body.getInt32(0, true);
  if (errno <= 0) return undefined;
  let said = "";
  if ((flags & NLM_F.ACK_TLVS) !== 0) {
    const text = attributesOf(body, 4 + (type === NLMSG.DONE ? 0 : echoed(message))).get(
      NLMSGERR_ATTR.MSG,
    );
    if (text !== undefined) said = textOf(text).replace(/\.$/, "");
  }
  return failureOf(errno, said);
}

/** Octets of the request that an error repeats: CAPPED, only its header. */
function echoed({ flags, body }: Message): number {
  return (flags & NLM_F.CAPPED) !== 0 ? 16 : (body.getUint32(4, true) + 3) & ~3;
}
