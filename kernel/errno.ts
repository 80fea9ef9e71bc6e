/**
 * errno numbers by name (include/uapi/asm-generic/errno-base.h and errno.h), those that Manx can meet.
 *
 * A table of our own: `node:os` has one too, and loading that costs the plugin a tenth of an ADD.
 */

function readNames(): ReadonlyMap<number, string> {
  return new Map([
    [1, "EPERM"],
    [2, "ENOENT"],
    [3, "ESRCH"],
    [4, "EINTR"],
    [5, "EIO"],
    [6, "ENXIO"],
    [7, "E2BIG"],
    [9, "EBADF"],
    [11, "EAGAIN"],
    [12, "ENOMEM"],
    [13, "EACCES"],
    [14, "EFAULT"],
    [16, "EBUSY"],
    [17, "EEXIST"],
    [18, "EXDEV"],
    [19, "ENODEV"],
    [20, "ENOTDIR"],
    [21, "EISDIR"],
    [22, "EINVAL"],
    [23, "ENFILE"],
    [24, "EMFILE"],
    [25, "ENOTTY"],
    [26, "ETXTBSY"],
    [27, "EFBIG"],
    [28, "ENOSPC"],
    [29, "ESPIPE"],
    [30, "EROFS"],
    [32, "EPIPE"],
    [33, "EDOM"],
    [34, "ERANGE"],
    [36, "ENAMETOOLONG"],
    [38, "ENOSYS"],
    [39, "ENOTEMPTY"],
    [40, "ELOOP"],
    [61, "ENODATA"],
    [62, "ETIME"],
    [71, "EPROTO"],
    [75, "EOVERFLOW"],
    [88, "ENOTSOCK"],
    [89, "EDESTADDRREQ"],
    [90, "EMSGSIZE"],
    [91, "EPROTOTYPE"],
    [92, "ENOPROTOOPT"],
    [93, "EPROTONOSUPPORT"],
    [94, "ESOCKTNOSUPPORT"],
    [95, "EOPNOTSUPP"],
    [96, "EPFNOSUPPORT"],
    [97, "EAFNOSUPPORT"],
    [98, "EADDRINUSE"],
    [99, "EADDRNOTAVAIL"],
    [100, "ENETDOWN"],
    [101, "ENETUNREACH"],
    [102, "ENETRESET"],
    [103, "ECONNABORTED"],
    [104, "ECONNRESET"],
    [105, "ENOBUFS"],
    [106, "EISCONN"],
    [107, "ENOTCONN"],
    [108, "ESHUTDOWN"],
    [110, "ETIMEDOUT"],
    [111, "ECONNREFUSED"],
    [112, "EHOSTDOWN"],
    [113, "EHOSTUNREACH"],
    [114, "EALREADY"],
    [115, "EINPROGRESS"],
    [116, "ESTALE"],
  ]);
}

let names: ReadonlyMap<number, string> | undefined;

/** `EEXIST` for 17; `errno 999` for one without a name. */
export function errnoName(errno: number): string {
  // Made when the first call fails: most processes of the plugin see none.
  names ??= readNames();
  return names.get(errno) ?? `errno ${errno}`;
}
