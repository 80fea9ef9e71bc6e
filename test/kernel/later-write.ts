/** A process that writes "told" to a file, and may have no more threads than it has. For `libc-aio.test.ts`. */

import { openSync } from "node:fs";
import { nativeFfi } from "../../kernel/libc.ts";
import { writeLater } from "../../kernel/libc-aio.ts";

const { dlopen, ptr } = nativeFfi();
const { setrlimit } = dlopen("libc.so.6", {
  setrlimit: { args: ["i32", "ptr"], returns: "i32" },
}).symbols;

/** sys/resource.h: without more address space a thread has no stack. */
const RLIMIT_AS = 9;
const INFINITE = 0xffff_ffff_ffff_ffffn;
const NONE = new BigUint64Array([1n, INFINITE]);
const ALL = new BigUint64Array([INFINITE, INFINITE]);

const [path = "", threads = ""] = process.argv.slice(2);
const fd = openSync(path, "w");
const bytes = new TextEncoder().encode("told");
if (threads === "no threads") setrlimit(RLIMIT_AS, ptr(NONE));
const writing = writeLater(fd, bytes);
setrlimit(RLIMIT_AS, ptr(ALL));
try {
  while (!writing.isDone(1000));
  process.stdout.write("done");
} catch (error) {
  process.stdout.write((error as Error).message);
}
