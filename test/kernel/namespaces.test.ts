/** Which network namespaces live: mounts as the kernel lists them, and this machine's own. */

import { describe, expect, test } from "bun:test";
import { liveNamespaces, mountsOf, ownNamespace, processesWith } from "../../kernel/namespaces.ts";

describe("namespaces in a mountinfo", () => {
  const cases: [string, string, { root: string; path: string }[]][] = [
    ["none", "22 1 0:20 / /run rw - tmpfs tmpfs rw\n", []],
    [
      "one",
      "91 22 0:4 net:[4026532291] /run/netns/a rw shared:12 - nsfs nsfs rw\n",
      [{ root: "net:[4026532291]", path: "/run/netns/a" }],
    ],
    ["another kind's", "91 22 0:4 mnt:[4026532291] /run/mnt rw - nsfs nsfs rw\n", []],
    [
      "one with a blank and a backslash in its path",
      "91 22 0:4 net:[7] /run/a\\040b\\134c rw - nsfs nsfs rw\n",
      [{ root: "net:[7]", path: "/run/a b\\c" }],
    ],
    ["a folder that is called like one", "91 22 0:4 /net:[7] /x rw - nsfs nsfs rw\n", []],
  ];
  for (const [name, text, mounts] of cases) {
    test(name, () => expect(mountsOf(text)).toEqual(mounts));
  }
});

describe("of this machine", () => {
  test("our own namespace is among those that live", () => {
    expect(liveNamespaces().found.map(({ name }) => name)).toContain(ownNamespace());
  });

  test("a process is found by a variable of its environment, with all of it", async () => {
    const child = Bun.spawn(["sh", "-c", "echo ready; read -r _"], {
      // Nobody ends it. While a process executes another program it has no environment.
      stdin: "pipe",
      env: { PATH: process.env.PATH, MANX_TEST_MARK: "a=b" },
      stdout: "pipe",
    });
    await child.stdout.getReader().read();
    const found = processesWith("MANX_TEST_MARK").found.filter(({ pid }) => pid === child.pid);
    expect(found.map(({ environment }) => environment.get("MANX_TEST_MARK"))).toEqual(["a=b"]);
    child.kill("SIGKILL");
    await child.exited;
    expect(processesWith("MANX_TEST_MARK").found).toEqual([]);
  });
});
