/** Where the lock of the daemon with this API socket is: beside it. */
export function lockFileOf(api: string): string {
  return `${api.replace(/\.sock$/, "")}.lock`;
}
